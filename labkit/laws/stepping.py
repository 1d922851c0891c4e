"""One damped Gauss-Newton step after another inside a box, for all fits of a batch that still go on."""

from __future__ import annotations

import numpy as np

from labkit.laws.form import Form
from labkit.laws.misfit import Data, target
from labkit.laws.objectives import Objective

TINY = 1e-300
LONGEST = 0.5  # a step of what bends the curve: an exponent that leaps while its amplitude is small never returns
EXACT = 1e-26  # mean squared residual, in scaled units, below which only rounding is left
CREEP = 1e-6  # relative gain over a while below which a fit is left
CALM = 1e-2  # damping of a first step,
LEAST, MOST = 1e-12, 1e10  # and of any
SQUARES = Objective("log_squared")
HOPELESS = 1e8  # damping from which on a step that fails is the last
GRADES = np.array([0.0, 0.25, 0.75])  # of a step, by the decrease over the promise: failed, poor, fair, good
DAMPEN = np.array([5.0, 2.0, 0.6, 0.2])  # factors on the damping after such a step,
BOLDLY = np.array([5.0, 2.0, 0.6, 0.1])  # and where its length was searched for
KEPT = 0.5  # share of its promise that a step must keep where residuals change linearly; else less of it is taken:
REACHES = 2.0 ** -np.arange(8.0)  # shares that are tried,
SHORTER = REACHES**-0.75  # and factors on the damping of the next one
REACHED, STALLED, EXHAUSTED, IMPOSSIBLE, CREEPING = 0, 1, 2, 3, 4


class Rows:
    """The fits of a batch that still go on, each with its place ``index`` in the batch.

    Gradient and curvatures are those by the parameters, by the logarithm of those that are stepped in it. ``size`` (B,
    p) is the diagonal of the upper curvature: damping counts in its units.
    """

    def __init__(
        self, form: Form, objective: Objective, data: Data, theta, which, low, high, prior, ridges, damping
    ) -> None:
        self.law, self.all = form.law, data
        self.logs = np.array([parameter.log for parameter in form.parameters])
        self.any_log = bool(self.logs.any())
        self.bends = np.array([not parameter.linear for parameter in form.parameters])
        self.plain = (self.bends & ~self.logs).astype(float)
        self.any_plain = bool(self.plain.any())
        self.logged = np.flatnonzero(self.logs)
        self.longest = np.where(self.bends, LONGEST, np.inf)
        self.index = np.arange(len(theta))
        self.theta, self.which, self.low, self.high = theta, which, low, high
        self.prior = (None, None) if prior is None else prior
        self.damping = np.full(len(theta), damping)
        self.factored = np.ones(len(theta), bool)
        self.gradient = self.curvature = self.size = None
        self.objective = objective
        self._data()
        self._aim(objective)
        self.value[~np.isfinite(self.value)] = np.inf
        self.factors = self._factors() if ridges else None

    def _factors(self) -> np.ndarray:
        """Which parameters (p,) are stepped by factors: amplitudes, linear and not below zero, but no floors."""
        amplitude = ~self.bends & (self.low >= 0).all(0)
        for i in np.flatnonzero(amplitude):
            partial = self.state[2][i]
            amplitude[i] = np.maximum.reduce(partial, None) > np.minimum.reduce(partial, None)
        return amplitude

    def _data(self) -> None:
        self.data = self.all.rows(self.which)
        self.target = target(self.objective, self.data)
        weights = self.data.weights
        counts = weights > 0
        self.counts = None if counts.all() else counts
        self.weights = None if (weights == 1).all() else weights
        self.exact = EXACT * weights.sum(1)

    def _aim(self, objective: Objective) -> None:
        """Go for an objective from where the fits are."""
        self.objective, self.searches = objective, objective.robust and self.prior[0] is None
        self.state = self._residuals(self.theta)
        self.value = self.mark = self._cost(self.state[0], self.theta)

    def approach(self, steps: int) -> None:
        """Move by a few steps of least squares on logarithms, where the objective gains by that.

        From near the least-squares fit a robust objective needs a third of the steps that it needs from afar.
        """
        objective, damping, start, before = self.objective, self.damping, self.theta, self.value
        self._aim(SQUARES)
        self.damping = np.full(len(start), CALM)
        self.linearise()
        for _ in range(steps):
            self.advance(0.0, False)
        self._aim(objective)
        gains = self.value < before
        if not gains.all():
            self.theta = np.where(gains[:, None], self.theta, start)
            self._aim(objective)
        self.damping = damping

    def keep(self, chosen: np.ndarray) -> None:
        """Go on with the chosen rows only."""
        if chosen.all():
            return
        names = ["index", "theta", "which", "low", "high", "damping", "factored", "value", "mark"]
        if self.gradient is None:
            residual, factor, partials = self.state
            shape = residual.shape
            self.state = (
                residual[chosen],
                None if factor is None else factor[chosen],
                tuple(np.broadcast_to(partial, shape)[chosen] for partial in partials),
            )
        else:
            names += ["gradient", "curvature", "size", *(["line"] if self.searches else [])]
        for name in names:
            setattr(self, name, getattr(self, name)[chosen])
        self.prior = tuple(None if part is None else part[chosen] for part in self.prior)
        if not self.all.shared:
            self._data()

    def _residuals(self, theta):
        value, partials = self.law(*self.data.columns, *theta.T[:, :, None])
        if not self.objective.logarithmic:
            return value - self.target, None, partials
        return np.log(value) - self.target, 1.0 / value, partials

    def _weighted(self, part: np.ndarray) -> np.ndarray:
        part = part if self.weights is None else self.weights * part
        return part if self.counts is None else np.where(self.counts, part, 0.0)

    def _cost(self, residual, theta) -> np.ndarray:
        value = np.add.reduce(self._weighted(self.objective.value(residual)), 1)
        return value if self.prior[0] is None else value + _penalty(self.prior, theta, self.logs)

    def linearise(self) -> None:
        """Gradient and curvatures at ``theta`` from the residuals there."""
        self.gradient, self.curvature, self.size, self.line = self._normal(self.theta)

    def _normal(self, theta):
        """Gradient (B, p), curvatures (B, k, p, p), of Gauss-Newton and of a parabola from above, and its diagonal.

        The two are one (k = 1) for sums of squares. The last is what the residuals change by, and they themselves
        (B, p + 1, n).
        """
        residual, factor, partials = self.state
        bends = self.objective.bends(residual)
        batch, points = residual.shape
        count = len(partials)
        lines = np.empty((count + 1, batch, points))  # the partials and, last, the residual
        for line, partial in zip(lines, partials, strict=False):
            if factor is None:
                line[...] = partial
            else:
                np.multiply(partial, factor, out=line)
        for i in self.logged:
            lines[i] *= theta[:, i, None]
        lines[count] = residual
        if self.counts is not None:
            lines = np.where(self.counts, lines, 0.0)
        products, transposed = np.empty((batch, len(bends), count + 1, count + 1)), lines.transpose(1, 2, 0)
        weighted = np.empty_like(lines)  # one array for both: two at once leave the cache
        for i, bend in enumerate(bends):
            np.multiply(lines, self._weighted(bend), out=weighted)
            np.matmul(weighted.transpose(1, 0, 2), transposed, out=products[:, i])
        # the parabola from above touches the cost, so its slope is the gradient
        gradient, curvature = products[:, -1, :count, count], products[:, :, :count, :count]
        diagonal = _diagonal(products)[:, :, :count]
        centre, precision = self.prior
        if precision is not None:
            gradient += 2 * precision * (_coordinates(theta, self.logs) - centre)
            diagonal += 2 * precision[:, None]
        size = diagonal[:, -1]
        least = 1e-12 * np.maximum.reduce(size, 1, keepdims=True) + TINY
        return gradient, curvature, np.maximum(size, least), lines.transpose(1, 0, 2)

    def advance(self, tolerance: float, check: bool) -> np.ndarray | None:
        """One step of every row; the status (B,) of those that end with it, EXHAUSTED for those that go on.

        None where all go on. With ``check`` those that gained next to nothing since the last check are left.
        """
        at, old = self.theta, self.value
        step, promised = self._step()
        likely, factors = promised, DAMPEN
        if self.searches:
            reach, likely = self._reach(step, promised)
            step = step * REACHES[reach][:, None]
            factors = BOLDLY
        trial = self._moved(at, -step)
        self.state = self._residuals(trial)
        new = self._cost(self.state[0], trial)
        better = new <= old
        gain = np.where(better, old - new, -1.0)
        damping = self.damping
        self.damping = factors[GRADES.searchsorted(gain / np.fmax(likely, TINY), side="right")] * damping
        if self.searches:
            self.damping *= SHORTER[reach]
        self.damping = np.minimum(np.maximum(self.damping, LEAST), MOST)
        if self.factors is not None:
            # amplitude and exponent trade along ridges straight in the logarithm, amplitude and floor along others: a
            # step that fails is tried the other way
            self.factored = self.factored == better
        if np.count_nonzero(better) == len(better):
            self.theta, self.value = trial, new
            self.linearise()
        elif np.count_nonzero(better):
            self.theta, self.value = np.where(better[:, None], trial, at), np.where(better, new, old)
            fresh = self._normal(trial)
            self.gradient = np.where(better[:, None], fresh[0], self.gradient)
            self.curvature = np.where(better[:, None, None, None], fresh[1], self.curvature)
            self.size = np.where(better[:, None], fresh[2], self.size)
            if self.searches:
                self.line = np.where(better[:, None, None], fresh[3], self.line)
        return self._ended(old, better, promised, damping, tolerance, check)

    def _ended(self, old, better, promised, damping, tolerance, check) -> np.ndarray | None:
        small = (promised <= tolerance * old + TINY) | (self.value <= self.exact)
        if not check and not np.count_nonzero(small) and np.maximum.reduce(damping) <= HOPELESS:
            return None
        sure = better | (promised <= 1e-3 * tolerance * old + TINY) | (old <= self.exact)
        stuck = ~better & (damping > HOPELESS)
        ended = np.where(small & sure, REACHED, np.where(stuck, np.where(small, REACHED, STALLED), EXHAUSTED))
        if check:
            creeping = (ended == EXHAUSTED) & (self.mark - self.value <= CREEP * self.value)
            ended[creeping] = CREEPING
            self.mark = self.value
        return ended

    def _step(self) -> tuple[np.ndarray, np.ndarray]:
        """A damped step, backwards, and the decrease it promises.

        Parameters held at a bound do not move.
        """
        gradient, curvature, damping = self.gradient, self.curvature, self.damping
        damped = damping[:, None, None] * curvature[:, -1]
        damped += curvature[:, 0]
        diagonal = _diagonal(damped)
        diagonal += damping[:, None] * self.size
        below, above = self.theta <= self.low, self.theta >= self.high
        if np.count_nonzero(below | above):
            held = (below & (gradient > 0)) | (above & (gradient < 0))
            free = ~held
            damped = np.where(free[:, :, None] & free[:, None, :], damped, 0.0)
            diagonal = _diagonal(damped)
            diagonal += held
            gradient = np.where(free, gradient, 0.0)
        step = _solve_small(damped, gradient)
        if np.count_nonzero(np.isfinite(step)) < step.size:
            damped[~np.isfinite(damped)] = 0.0
            diagonal[diagonal == 0] = 1.0
            step = _solve_small(damped, np.where(np.isfinite(gradient), gradient, 0.0))
        bent = np.einsum("bkij,bi,bj->bk", curvature, step, step)
        promised = np.add.reduce(gradient * step, 1)
        flat = bent[:, 0]
        if bent.shape[1] > 1:
            # towards full damping the promise is that of the parabola from above, which a robust objective keeps
            flat = flat + np.minimum(damping, 1.0) * (bent[:, 1] - flat)
        return step, np.maximum(promised - 0.5 * flat, 0.0)

    def _reach(self, step: np.ndarray, promised: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which share (B,) of a step decreases the objective most where residuals change linearly, and by how much.

        A robust objective has kinks, which no parabola knows of: beyond the first few a long step may only climb; so
        may one that ends at a bound. All of a step that keeps most of its promise is taken.
        """
        below, above = self._room()
        line, residual = self.line[:, :-1], self.line[:, -1:]
        likely = self.value - self._sums(residual - np.minimum(np.maximum(step, above), below)[:, None] @ line)[:, 0]
        reach = np.zeros(len(step), int)
        short = np.flatnonzero(~(likely >= KEPT * promised))
        if len(short):
            less = REACHES[1:, None] * step[short, None]
            less = np.minimum(np.maximum(less, above[short, None]), below[short, None])
            costs = self._sums(residual[short] - less @ line[short], short)
            reach[short] = 1 + costs.argmin(1)
            likely[short] = self.value[short] - np.minimum.reduce(costs, 1)
        return reach, likely

    def _room(self) -> tuple[np.ndarray, np.ndarray]:
        """The farthest backward steps (B, p) to the lower and to the upper bounds."""
        below, above = self.theta - self.low, self.theta - self.high
        for i in self.logged:
            below[:, i] = np.log(self.theta[:, i] / self.low[:, i])
            above[:, i] = np.log(self.theta[:, i] / self.high[:, i])
        return below, above

    def _sums(self, residual: np.ndarray, rows=slice(None)) -> np.ndarray:
        """The objective (B, k) for residuals (B, k, n) of some rows."""
        value = self.objective.value(residual)
        if self.weights is not None:
            value *= self.weights[:, None] if len(self.weights) == 1 else self.weights[rows, None]
        return np.add.reduce(value, 2)

    def _moved(self, at: np.ndarray, step: np.ndarray) -> np.ndarray:
        longest = self.longest * (1 + np.abs(at) * self.plain) if self.any_plain else self.longest
        step = np.minimum(np.maximum(step, -longest), longest)
        moved = at + step
        if self.any_log:
            moved = np.where(self.logs, at * np.exp(step * self.logs), moved)
        if self.factors is not None:
            share = step / at
            # an amplitude that is to lose more than half of itself may be on its way to zero, which no factor reaches
            factored = self.factors & self.factored[:, None] & (share > -0.5) & (share < 1)
            moved = np.where(factored, at * np.exp(share), moved)
        return np.minimum(np.maximum(moved, self.low), self.high)


def _coordinates(theta: np.ndarray, logs: np.ndarray) -> np.ndarray:
    return np.where(logs, np.log(np.maximum(theta, TINY)), theta)


def _penalty(prior, theta, logs) -> np.ndarray:
    return (prior[1] * (_coordinates(theta, logs) - prior[0]) ** 2).sum(1)


def _diagonal(matrices: np.ndarray) -> np.ndarray:
    """A view of the diagonals (..., p) of matrices (..., p, p)."""
    size = matrices.shape[-1]
    return matrices.reshape(*matrices.shape[:-2], size * size)[..., :: size + 1]


def _solve_small(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve many small positive systems; one that is singular is nudged, alone."""
    try:
        return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        nudged = matrix + 1e-10 * np.eye(matrix.shape[1])
        return np.stack([np.linalg.lstsq(m, r, rcond=None)[0] for m, r in zip(nudged, right, strict=True)])
