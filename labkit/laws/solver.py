"""The one solver: damped Gauss-Newton with box bounds, on any number of fits of one form at once.

Every row of the batch is one fit: a start, a resample, a curve, or all three. Rows share nothing but the arithmetic, so
a row's result does not depend on which others stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws.form import Form
from labkit.laws.objectives import Objective

CHUNK = 400_000  # numbers per array of partial derivatives: small enough to stay in cache, and bounds the memory
TINY = 1e-300
LONGEST = 0.5  # a step of what bends the curve: an exponent that leaps while its amplitude is small never returns
EXACT = 1e-26  # mean squared residual, in scaled units, below which only rounding is left
PATIENCE = 30  # steps after which a fit that gained less than CREEP, relatively, is left
CREEP = 1e-6
DAMPEN = np.array([5.0, 2.0, 0.6, 0.2])  # factors on the damping after a step that failed, was poor, fair, good
REACHED, STALLED, EXHAUSTED, IMPOSSIBLE, CREEPING = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Data:
    """Points of C curves, padded to one length with weight 0: columns k × (C, n), y (C, n), weights (C, n).

    Columns and y may have a leading 1 where all weights share the same points.
    """

    columns: tuple[np.ndarray, ...]
    y: np.ndarray
    weights: np.ndarray

    def rows(self, which: np.ndarray) -> Data:
        """The data of some rows, without copying what is shared."""

        def pick(array: np.ndarray) -> np.ndarray:
            return array if len(array) == 1 else array[which]

        return Data(tuple(pick(column) for column in self.columns), pick(self.y), pick(self.weights))


@dataclass
class Solution:
    """Parameters (B, p), cost (B,), status (B,) and iterations (B,) of a batch."""

    theta: np.ndarray
    cost: np.ndarray
    status: np.ndarray
    iterations: np.ndarray

    def rows(self, which: np.ndarray) -> Solution:
        """The solutions of some rows, in that order."""
        return Solution(self.theta[which], self.cost[which], self.status[which], self.iterations[which])

    def update(self, on: np.ndarray, later: Solution) -> None:
        """Put what later iterations found in the place of some rows."""
        self.theta[on], self.cost[on], self.status[on] = later.theta, later.cost, later.status
        self.iterations[on] += later.iterations


def residuals(form: Form, objective: Objective, data: Data, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Residual (B, n), the factor that turns partials of the value into partials of the residual, and the partials."""
    return _residuals(form, objective, data.columns, _target(objective, data), theta)


def _target(objective: Objective, data: Data) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.log(data.y) if objective.logarithmic else data.y


def _residuals(form, objective, columns, target, theta):
    value, partials = form.evaluate(columns, theta)
    if not objective.logarithmic:
        return value - target, None, partials
    with np.errstate(all="ignore"):
        return np.log(value) - target, 1.0 / value, partials


def cost(form: Form, objective: Objective, data: Data, theta: np.ndarray) -> np.ndarray:
    """The objective (B,); infinite where the law is not defined at a point that counts."""
    residual, _, _ = residuals(form, objective, data, theta)
    return total(objective, residual, data.weights)


def total(objective: Objective, residual: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The objective (B,) of residuals (B, n); infinite where one that counts is not finite."""
    with np.errstate(all="ignore"):
        value = np.where(weights > 0, weights * objective.value(residual), 0.0).sum(1)
    return np.where(np.isfinite(value), value, np.inf)


def solve(
    form: Form,
    objective: Objective,
    data: Data,
    start: np.ndarray,
    which: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    iterations: int = 500,
    tolerance: float = 1e-12,
    prior: tuple[np.ndarray, np.ndarray] | None = None,
    ridges: bool = False,
) -> Solution:
    """Fit every row from its start; ``which`` (B,) says which row of the data it is for; bounds are (B, p).

    ``prior`` adds precision·(parameter − centre)² to the cost: centre and precision (B, p), in the coordinates of the
    solver (logarithms of the parameters that are stepped in logarithms). With ``ridges`` amplitudes grow
    and shrink by factors where that helps: a ridge along which one trades with an exponent is then straight.
    """
    size = max(1, CHUNK // (data.y.shape[1] * max(start.shape[1], 1)))
    parts = [
        _solve(
            form,
            objective,
            data,
            start[s],
            which[s],
            low[s],
            high[s],
            iterations,
            tolerance,
            None if prior is None else (prior[0][s], prior[1][s]),
            ridges,
        )
        for s in (slice(i, i + size) for i in range(0, len(start), size))
    ]
    return Solution(*(np.concatenate([getattr(part, name) for part in parts]) for name in Solution.__annotations__))


def _solve(form, objective, data, start, which, low, high, iterations, tolerance, prior, ridges) -> Solution:
    theta = np.clip(start, low, high).astype(float)
    batch = len(theta)
    status = np.full(batch, EXHAUSTED)
    count = np.zeros(batch, int)
    with np.errstate(all="ignore"):
        rows = _Rows(form, objective, data, theta, which, low, high, prior, ridges)
        value = rows.value.copy()
        status[~np.isfinite(value)] = IMPOSSIBLE
        rows.keep(np.isfinite(value))
        if len(rows.index):
            rows.linearise()
        for iteration in range(1, iterations + 1):
            if not len(rows.index):
                break
            count[rows.index] += 1
            ended = rows.advance(tolerance, iteration % PATIENCE == 0)
            going = ended == EXHAUSTED
            if not going.all():
                out = ~going
                place = rows.index[out]
                theta[place], value[place], status[place] = rows.theta[out], rows.value[out], ended[out]
                rows.keep(going)
        theta[rows.index], value[rows.index] = rows.theta, rows.value
    return Solution(theta, value, status, count)


class _Rows:
    """The fits of a batch that still go on, each with its place ``index`` in the batch."""

    def __init__(self, form, objective, data, theta, which, low, high, prior, ridges) -> None:
        self.form, self.objective, self.all = form, objective, data
        self.logs = np.array([parameter.log for parameter in form.parameters])
        self.any_log = bool(self.logs.any())
        self.bends = np.array([not parameter.linear for parameter in form.parameters])
        self.plain = self.bends & ~self.logs
        self.longest = np.where(self.bends, LONGEST, np.inf)
        self.index = np.arange(len(theta))
        self.theta, self.which, self.low, self.high = theta, which, low, high
        self.prior = (None, None) if prior is None else prior
        self.damping = np.full(len(theta), 1e-2)
        self.factored = np.ones(len(theta), bool)
        self.gradient = self.curvature = self.above = None
        self._data()
        self.state = self._residuals(theta)
        self.value = self._cost(self.state[0], theta)
        self.mark = self.value
        self.factors = self._factors() if ridges else None

    def _factors(self) -> np.ndarray:
        """Which parameters (p,) are stepped by factors: amplitudes, linear and not below zero, but no floors."""
        varies = np.array([np.ptp(partial) > 0 for partial in self.state[2]])
        return varies & ~self.bends & (self.low >= 0).all(0)

    def _data(self) -> None:
        self.data = self.all.rows(self.which)
        self.target = _target(self.objective, self.data)
        counts = self.data.weights > 0
        self.counts = None if counts.all() else counts
        self.exact = EXACT * self.data.weights.sum(1)

    def keep(self, chosen: np.ndarray) -> None:
        """Go on with the chosen rows only."""
        if chosen.all():
            return
        for name in ("index", "theta", "which", "low", "high", "damping", "factored", "value", "mark"):
            setattr(self, name, getattr(self, name)[chosen])
        self.prior = tuple(None if part is None else part[chosen] for part in self.prior)
        if self.gradient is not None:
            self.gradient, self.curvature, self.above = (
                part[chosen] for part in (self.gradient, self.curvature, self.above)
            )
        else:
            residual, factor, partials = self.state
            shape = residual.shape
            self.state = (
                residual[chosen],
                None if factor is None else factor[chosen],
                tuple(np.broadcast_to(partial, shape)[chosen] for partial in partials),
            )
        self._data()

    def _residuals(self, theta):
        return _residuals(self.form, self.objective, self.data.columns, self.target, theta)

    def _cost(self, residual, theta) -> np.ndarray:
        value = self.data.weights * self.objective.value(residual)
        value = (value if self.counts is None else np.where(self.counts, value, 0.0)).sum(1)
        value[~np.isfinite(value)] = np.inf
        return value if self.prior[0] is None else value + _penalty(self.prior, theta, self.logs)

    def linearise(self) -> None:
        """Gradient and curvatures at ``theta`` from the residuals there."""
        self.gradient, self.curvature, self.above = self._normal(self.theta)

    def _normal(self, theta):
        normal = _normal(self.objective, self.data.weights, self.counts, *self.state, theta, self.logs)
        if self.prior[0] is not None:
            _add_prior(self.prior, theta, self.logs, *normal)
        return normal

    def advance(self, tolerance: float, check: bool) -> np.ndarray:
        """One step of every row; the status (B,) of those that end with it, EXHAUSTED for those that go on."""
        at, old = self.theta, self.value
        step, predicted = _step(self.gradient, self.curvature, self.above, self.damping, at, self.low, self.high)
        trial = self._moved(at, step)
        self.state = self._residuals(trial)
        new = self._cost(self.state[0], trial)
        better = new <= old
        ratio = np.where(better, old - new, 0.0) / np.maximum(predicted, TINY)
        judged = better.astype(int) + (ratio > 0.25) + (ratio > 0.75)
        low_enough = np.minimum(new, old) <= self.exact
        small = (predicted <= tolerance * old + TINY) | low_enough
        sure = better | (predicted <= 1e-3 * tolerance * old + TINY) | (old <= self.exact)
        stuck = ~better & (self.damping > 1e8)
        # amplitude and exponent trade along ridges straight in the logarithm, amplitude and floor along others: a step
        # that fails is tried the other way
        self.factored = self.factored == better
        self.damping = np.minimum(np.maximum(self.damping * DAMPEN[judged], 1e-12), 1e10)
        if better.all():
            self.theta, self.value = trial, new
            self.linearise()
        elif better.any():
            self.theta, self.value = np.where(better[:, None], trial, at), np.where(better, new, old)
            fresh = self._normal(trial)
            self.gradient = np.where(better[:, None], fresh[0], self.gradient)
            whole = better[:, None, None]
            same = self.above is self.curvature
            self.curvature = np.where(whole, fresh[1], self.curvature)
            self.above = self.curvature if same else np.where(whole, fresh[2], self.above)
        ended = np.where(small & sure, REACHED, np.where(stuck, np.where(small, REACHED, STALLED), EXHAUSTED))
        if check:
            creeping = (ended == EXHAUSTED) & (self.mark - self.value <= CREEP * self.value)
            ended[creeping] = CREEPING
            self.mark = self.value
        return ended

    def _moved(self, at: np.ndarray, step: np.ndarray) -> np.ndarray:
        longest = self.longest * (1 + np.abs(at) * self.plain)
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


def _add_prior(prior, theta, logs, gradient, curvature, above) -> None:
    index = np.arange(theta.shape[1])
    gradient += 2 * prior[1] * (_coordinates(theta, logs) - prior[0])
    curvature[:, index, index] += 2 * prior[1]
    if above is not curvature:
        above[:, index, index] += 2 * prior[1]


def _normal(objective, weights, counts, residual, factor, partials, theta, logs):
    """Gradient (B, p), Gauss-Newton curvature (B, p, p) and its majorant (B, p, p)."""
    slope, inside, above = objective.slopes(residual)
    shape = residual.shape
    jacobian = np.empty((shape[0], len(partials), shape[1]))
    for i, partial in enumerate(partials):
        if factor is None:
            jacobian[:, i] = partial
        else:
            np.multiply(partial, factor, out=jacobian[:, i])
        if logs[i]:
            jacobian[:, i] *= theta[:, i : i + 1]
    slope, above = weights * slope, weights * above
    if counts is not None:
        jacobian = np.where(counts[:, None], jacobian, 0.0)
        slope, above = np.where(counts, slope, 0.0), np.where(counts, above, 0.0)
    gradient = (jacobian @ slope[:, :, None])[:, :, 0]
    transposed = jacobian.transpose(0, 2, 1)
    majorant = (jacobian * above[:, None]) @ transposed
    if inside is None:
        return gradient, majorant, majorant
    inside = weights * inside if counts is None else np.where(counts, weights * inside, 0.0)
    return gradient, (jacobian * inside[:, None]) @ transposed, majorant


def _step(gradient, curvature, above, lam, theta, low, high):
    """A damped step and the decrease it promises; parameters held at a bound do not move."""
    held = ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
    damped = curvature + lam[:, None, None] * above
    size = _diagonal(above)
    largest = size.max(1, keepdims=True)
    diagonal = _diagonal(damped)
    diagonal += lam[:, None] * np.maximum(size, 1e-12 * largest) + (1e-14 * largest + TINY)
    g = gradient
    if held.any():
        free = ~held
        damped = np.where(free[:, :, None] & free[:, None, :], damped, 0.0)
        diagonal = _diagonal(damped)
        diagonal += held
        g = np.where(free, gradient, 0.0)
    scale = 1 / np.sqrt(np.maximum(diagonal, TINY))
    damped *= scale[:, :, None] * scale[:, None, :]
    right = scale * g
    diagonal[:] = 1.0
    step = -scale * _solve_small(damped, right)
    if not np.isfinite(step).all():
        damped[~np.isfinite(damped)] = 0.0
        diagonal[:] = 1.0
        step = -scale * _solve_small(damped, np.where(np.isfinite(right), right, 0.0))
    promised = -(g * step).sum(1) - 0.5 * _form(step, curvature)
    if above is not curvature:
        # towards full damping the promise is that of the parabola from above, which a robust objective keeps
        promised -= 0.5 * np.minimum(lam, 1.0) * _form(step, above - curvature)
    return step, np.maximum(promised, 0.0)


def _diagonal(matrix: np.ndarray) -> np.ndarray:
    """A view of the diagonals (B, p) of matrices (B, p, p)."""
    size = matrix.shape[1]
    return matrix.reshape(-1, size * size)[:, :: size + 1]


def _form(step: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The quadratic form step' matrix step, row by row."""
    return ((matrix @ step[:, :, None])[:, :, 0] * step).sum(1)


def _solve_small(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve many small positive systems; one that is singular is nudged, alone."""
    try:
        return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        nudged = matrix + 1e-10 * np.eye(matrix.shape[1])
        return np.stack([np.linalg.lstsq(m, r, rcond=None)[0] for m, r in zip(nudged, right, strict=True)])
