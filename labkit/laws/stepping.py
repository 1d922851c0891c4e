"""One damped Gauss-Newton step after another inside a box, for all fits of a batch that still go on.

Most batches are a few rows of a few points, whose time is that of calling numpy and not of its arithmetic: what a step
does not need is not worked out, and constants are arrays, since a Python number is made into one in every call.
"""

from __future__ import annotations

import numpy as np

from labkit.laws import stacks
from labkit.laws.form import Form
from labkit.laws.misfit import Data, target
from labkit.laws.objectives import Objective

TINY = np.array(1e-300)
LONGEST = 0.5  # a step of what bends the curve: an exponent that leaps while its amplitude is small never returns
EXACT = 1e-26  # mean squared residual, in scaled units, below which only rounding is left
CREEP = 1e-6  # relative gain over a while below which a fit is left
CALM = 1e-2  # damping of a first step,
LEAST, MOST = np.array(1e-12), np.array(1e10)  # and of any
SQUARES = Objective("log_squared")
HOPELESS = 1e8  # damping from which on a step that fails is the last
GRADES = np.array([0.0, 0.25, 0.75])  # of a step, by the decrease over the promise: failed, poor, fair, good
DAMPEN = np.array([5.0, 2.0, 0.6, 0.2])  # factors on the damping after such a step,
BOLDLY = np.array([5.0, 2.0, 0.6, 0.1])  # and where its length was searched for
LATE = 8  # steps after which those of a robust objective that fail are corrected: what is left by then lies in a valley
WORTH = np.array(1e-8)  # relative decrease that must be promised for that
KEPT = np.array(0.5)  # share of its promise a step must keep where residuals change linearly; else less of it is taken:
REACHES = 2.0 ** -np.arange(8.0)  # shares that are tried,
SHORTER = REACHES**-0.75  # and factors on the damping of the next one
ZERO, HALF, ONE = np.array(0.0), np.array(0.5), np.array(1.0)
NEGLIGIBLE = np.array(1e-12)  # curvature over the largest one, below which damping takes it for that
REACHED, STALLED, EXHAUSTED, IMPOSSIBLE, CREEPING = 0, 1, 2, 3, 4


class Rows:
    """The fits of a batch that still go on, each with its place ``index`` in the batch.

    Steps are taken in the coordinates ``at`` (B, p): the parameters ``theta``, or the logarithms of those that are
    stepped in it. Bounds, gradient and curvatures are by the coordinates. ``size`` (B, p) is the diagonal of the upper
    curvature: damping counts in its units.
    """

    def __init__(
        self, form: Form, objective: Objective, data: Data, theta, which, low, high, prior, ridges, damping
    ) -> None:
        self.law, self.all = form.law, data
        self.logged = [i for i, parameter in enumerate(form.parameters) if parameter.log]
        bends = np.array([not parameter.linear for parameter in form.parameters])
        self.longest = np.where(bends, LONGEST, np.inf)
        self.plain = bends.astype(float)
        self.plain[self.logged] = 0.0
        self.index = np.arange(len(theta))
        self.at, self.low, self.high = (self._coordinates(values) for values in (theta, low, high))
        self.theta, self.which = theta, which
        self.prior = (None, None) if prior is None else prior
        self.damping = np.full(len(theta), damping)
        self.factored = np.ones(len(theta), bool)
        self.gradient = self.curvature = self.size = self.room = None
        self.objective = objective
        self._data()
        self.state = self._residuals(theta)
        self._aim(objective)
        self.value[~np.isfinite(self.value)] = np.inf
        self.factors = self._factors(~bends & (low >= 0).all(0)) if ridges else None

    def _coordinates(self, theta: np.ndarray) -> np.ndarray:
        if not self.logged:
            return theta
        at = np.array(theta, float)
        for i in self.logged:
            at[:, i] = np.log(np.maximum(at[:, i], TINY))
        return at

    def _parameters(self, at: np.ndarray) -> np.ndarray:
        if not self.logged:
            return at
        theta = at.copy()
        for i in self.logged:
            theta[:, i] = np.exp(at[:, i])
        return theta

    def _factors(self, linear: np.ndarray) -> np.ndarray:
        """Which parameters (p,) are stepped by factors: of those that are linear and not below zero all but floors."""
        amplitude = linear.copy()
        for i in np.flatnonzero(amplitude):
            partial = self.state[2][i]
            amplitude[i] = np.maximum.reduce(partial, None) > np.minimum.reduce(partial, None)
        return amplitude

    def _data(self) -> None:
        self.data = self.all.rows(self.which)
        self.target = target(self.objective, self.data)
        self.counts, weights = self.data.counts, self.data.weights
        self.weights = None if self.counts is None and (weights == 1).all() else weights
        self.exact = EXACT * weights.sum(1)

    def _aim(self, objective: Objective) -> None:
        """Go for an objective from where the fits are, with the residuals there."""
        self.steps = 0
        self.objective, self.searches = objective, objective.robust and self.prior[0] is None
        self.value = self.mark = self._cost(self.state[0], self.at)
        self.gradient = None

    def approach(self, steps: int) -> None:
        """Move by a few steps of least squares on logarithms, where the objective gains by that.

        From near the least-squares fit a robust objective needs a third of the steps that it needs from afar.
        """
        objective, damping, start, before = self.objective, self.damping, self.at, self.value
        self._aim(SQUARES)
        self.damping = np.full(len(start), CALM)
        for _ in range(steps):
            self.advance(ZERO, False)
        if self.gradient is not None:  # the last step was not one of all rows
            self.state = self._residuals(self.theta)
        self._aim(objective)
        gains = self.value < before
        if not gains.all():
            self.at = np.where(gains[:, None], self.at, start)
            self.theta = self._parameters(self.at)
            self.state = self._residuals(self.theta)
            self._aim(objective)
        self.damping = damping

    def keep(self, chosen: np.ndarray) -> None:
        """Go on with the chosen rows only."""
        if chosen.all():
            return
        names = ["index", "at", "theta", "which", "low", "high", "damping", "factored", "value", "mark"]
        if self.gradient is None:
            residual, factor, partials = self.state
            self.state = (
                residual[chosen],
                None if factor is None else factor[chosen],
                tuple(stacks.wide(partial, residual.shape)[chosen] for partial in partials),
            )
        else:
            names += ["gradient", "curvature", "size", *(["line"] if self.searches else [])]
        for name in names:
            setattr(self, name, getattr(self, name)[chosen])
        self.prior = tuple(None if part is None else part[chosen] for part in self.prior)
        if not self.all.shared:
            self._data()

    def _residuals(self, theta, rows=None):
        columns, target = self.data.columns, self.target
        if rows is not None:
            columns, target = [self._of(column, rows) for column in columns], self._of(target, rows)
        value, partials = self.law(*columns, *theta.T[:, :, None])
        if not self.objective.logarithmic:
            return value - target, None, partials
        return np.log(value) - target, 1.0 / value, partials

    def _weighted(self, part: np.ndarray, rows=None) -> np.ndarray:
        if self.weights is None:
            return part
        return part * (self.weights if rows is None else self._of(self.weights, rows))

    def _cost(self, residual, at, rows=None) -> np.ndarray:
        each = self._weighted(self.objective.value(residual), rows)
        value = np.add.reduce(each, 1)
        if self.counts is not None and not np.isfinite(value).all():
            counts = self.counts if rows is None else self._of(self.counts, rows)
            value = np.add.reduce(np.where(counts, each, 0.0), 1)
        centre, precision = self.prior
        return value if centre is None else value + (precision * (at - centre) ** 2).sum(1)

    def _normal(self, at, theta):
        """Gradient (B, p), curvatures (B, k, p, p), of Gauss-Newton and of a parabola from above, and its diagonal.

        The two are one (k = 1) for sums of squares. The last is what the residuals change by, and they themselves
        (B, p + 1, n).
        """
        residual, factor, partials = self.state
        bends = self._weighted(self.objective.bends(residual))
        batch, points = residual.shape
        count = len(partials)
        lines = np.empty((count + 1, batch, points))  # the partials and, last, the residual
        for line, partial in zip(lines, partials, strict=False):
            if factor is None:
                line[...] = partial
            else:
                np.multiply(partial, factor, out=line)
        for i in self.logged:
            lines[i] *= theta[:, i : i + 1]
        lines[count] = residual
        products = stacks.products(lines, bends)
        if self.counts is not None and not np.isfinite(products).all():
            lines = np.where(self.counts, lines, 0.0)
            products = stacks.products(lines, np.where(self.counts, bends, 0.0))
        # the parabola from above touches the cost, so its slope is the gradient
        gradient, curvature = products[:, -1, :count, count], products[:, :, :count, :count]
        diagonal = stacks.diagonal(products)[:, :, :count]
        centre, precision = self.prior
        if precision is not None:
            gradient += 2 * precision * (at - centre)
            diagonal += 2 * precision[:, None]
        size = diagonal[:, -1]
        least = np.maximum(NEGLIGIBLE * np.maximum.reduce(size, 1), TINY)
        return gradient, curvature, np.maximum(size, least[:, None]), lines.transpose(1, 0, 2)

    def advance(self, tolerance: np.ndarray, check: bool) -> np.ndarray | None:
        """One step of every row; the status (B,) of those that end with it, EXHAUSTED for those that go on.

        None where all go on. With ``check`` those that gained next to nothing since the last check are left.
        """
        at, old, damping = self.at, self.value, self.damping
        step, promised = self._step()
        likely, factors, next_damping = promised, DAMPEN, damping
        if self.searches:
            reach, likely = self._reach(step, promised)
            factors = BOLDLY
            if np.count_nonzero(reach):
                step, next_damping = step * REACHES[reach][:, None], damping * SHORTER[reach]
        trial = self._moved(at, step)
        theta = self._parameters(trial)
        self.state = self._residuals(theta)
        new = self._cost(self.state[0], trial)
        better = new <= old
        self.steps += 1
        if self.searches and self.steps > LATE and np.count_nonzero(better) < len(better):
            worth = (~better & (likely > WORTH * old)).nonzero()[0]
            if len(worth):
                better = self._correct(worth, old, trial, theta, new)
        gain = old - new
        moved = np.count_nonzero(better)
        if moved < len(better):
            gain[~better] = -1.0
        grade = GRADES.searchsorted(gain / np.fmax(likely, TINY), side="right")
        self.damping = np.minimum(np.maximum(factors[grade] * next_damping, LEAST), MOST)
        if self.factors is not None:
            # amplitude and exponent trade along ridges straight in the logarithm, amplitude and floor along others: a
            # step that fails is tried the other way
            self.factored = self.factored == better
        if moved == len(better):
            self.at, self.theta, self.value, self.gradient = trial, theta, new, None
        elif moved:
            self._move(better, trial, theta, new)
        small = (promised <= tolerance * old) | (self.value <= self.exact)
        if moved == len(better) and not check and not np.count_nonzero(small):
            return None
        return self._ended(old, better, small, promised, damping, tolerance, check)

    def _correct(self, rows, old, trial, theta, new) -> np.ndarray:
        """Take back what the residuals of some rows bend off their lines on a step that failed; whose lead lower (B,).

        On the floor of a curved valley the residuals of a robust objective are held at zero, and a straight step of any
        length leaves it (the second-order correction of Fletcher, 1982). The inputs are changed in place.
        """
        lines, residual = self.line[rows, :-1], self.line[rows, -1]
        bent = self.state[0][rows] - residual + ((self.at[rows] - trial[rows])[:, None] @ lines)[:, 0]
        inside, above = self.objective.bends(residual)
        bent *= inside + np.minimum(self.damping[rows], ONE)[:, None] * (above - inside)
        bent = self._weighted(bent, rows)
        if self.counts is not None:
            bent = np.where(self._of(self.counts, rows), bent, 0.0)
        right = (lines @ bent[:, :, None])[:, :, 0]
        if self.free is not None:
            right *= self.free[rows]
        second = trial[rows] - stacks.solve(self.system[rows], right)
        second = np.minimum(np.maximum(second, self.low[rows]), self.high[rows])
        own = self._parameters(second)
        cost = self._cost(self._residuals(own, rows)[0], second, rows)
        lower = cost < new[rows]
        if np.count_nonzero(lower):
            on = rows[lower]
            trial[on], theta[on], new[on] = second[lower], own[lower], cost[lower]
            self.state = self._residuals(theta)
        return new <= old

    @staticmethod
    def _of(part: np.ndarray, rows) -> np.ndarray:
        """Some rows of what may be the same for all of them."""
        return part if len(part) == 1 else part[rows]

    def _move(self, better, trial, theta, new) -> None:
        """Take the step of some rows only."""
        fresh = self._normal(trial, theta)
        column = better[:, None]
        self.at, self.theta = np.where(column, trial, self.at), np.where(column, theta, self.theta)
        self.value = np.where(better, new, self.value)
        self.gradient, self.size = np.where(column, fresh[0], self.gradient), np.where(column, fresh[2], self.size)
        self.curvature = np.where(better[:, None, None, None], fresh[1], self.curvature)
        if self.searches:
            self.line = np.where(better[:, None, None], fresh[3], self.line)

    def _ended(self, old, better, small, promised, damping, tolerance, check) -> np.ndarray:
        sure = better | (promised <= 1e-3 * tolerance * old) | (old <= self.exact)
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
        if self.gradient is None:
            self.gradient, self.curvature, self.size, self.line = self._normal(self.at, self.theta)
        gradient, curvature, damping = self.gradient, self.curvature, self.damping
        damped = damping[:, None, None] * curvature[:, -1]
        damped += curvature[:, 0]
        diagonal = stacks.diagonal(damped)
        diagonal += damping[:, None] * self.size
        below, above = self.room = self._room()
        self.system, self.free = damped, None
        if np.count_nonzero(below) + np.count_nonzero(above) < 2 * below.size:
            # held: (below <= 0 and gradient > 0) or (above >= 0 and gradient < 0)
            room = np.where(gradient > ZERO, below, above)
            if np.count_nonzero(room) < room.size:
                free = self.free = np.where(room, ONE, ZERO)
                damped *= free[:, :, None] * free[:, None]
                diagonal += ONE - free
                gradient = gradient * free
        step = stacks.solve(damped, gradient)
        if np.count_nonzero(np.isfinite(step)) < step.size:
            damped[~np.isfinite(damped)] = 0.0
            diagonal[diagonal == 0] = 1.0
            step = stacks.solve(damped, np.where(np.isfinite(gradient), gradient, 0.0))
        bent = np.einsum("bkij,bi,bj->bk", curvature, step, step)
        promised = np.add.reduce(gradient * step, 1)
        flat = bent[:, 0]
        if bent.shape[1] > 1:
            # towards full damping the promise is that of the parabola from above, which a robust objective keeps
            flat = flat + np.minimum(damping, ONE) * (bent[:, 1] - flat)
        return step, np.maximum(promised - HALF * flat, ZERO)

    def _reach(self, step: np.ndarray, promised: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which share (B,) of a step decreases the objective most where residuals change linearly, and by how much.

        A robust objective has kinks, which no parabola knows of: beyond the first few a long step may only climb; so
        may one that ends at a bound. All of a step that keeps most of its promise is taken.
        """
        below, above = self.room
        line, residual = self.line[:, :-1], self.line[:, -1:]
        ahead = residual - np.minimum(np.maximum(step, above), below)[:, None] @ line
        likely = self.value - self._sums(ahead)[:, 0]
        reach, keeps = np.zeros(len(step), int), likely >= KEPT * promised
        kept = np.count_nonzero(keeps)
        if kept < len(keeps):
            short = (~keeps).nonzero()[0] if kept else slice(None)
            less = REACHES[1:, None] * step[short, None]
            less = np.minimum(np.maximum(less, above[short, None]), below[short, None])
            costs = self._sums(residual[short] - less @ line[short], short)
            reach[short] = 1 + costs.argmin(1)
            likely[short] = self.value[short] - np.minimum.reduce(costs, 1)
        return reach, likely

    def _room(self) -> tuple[np.ndarray, np.ndarray]:
        """The farthest backward steps (B, p) to the lower and to the upper bounds."""
        return self.at - self.low, self.at - self.high

    def _sums(self, residual: np.ndarray, rows=slice(None)) -> np.ndarray:
        """The objective (B, k) for residuals (B, k, n) of some rows."""
        value = self.objective.value(residual)
        if self.weights is not None:
            value *= self.weights[:, None] if len(self.weights) == 1 else self.weights[rows, None]
        return np.add.reduce(value, 2)

    def _moved(self, at: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Where a step, backwards, leads inside the bounds; one that is too long is cut."""
        if np.count_nonzero(np.abs(step) > self.longest):
            longest = self.longest * (1 + np.abs(at) * self.plain)
            step = np.minimum(np.maximum(step, -longest), longest)
        moved = at - step
        if self.factors is not None:
            share = step / at
            # an amplitude that is to lose more than half of itself may be on its way to zero, which no factor reaches
            factored = self.factors & self.factored[:, None] & (share < 0.5) & (share > -1)
            moved = np.where(factored, at * np.exp(-share), moved)
        return np.minimum(np.maximum(moved, self.low), self.high)
