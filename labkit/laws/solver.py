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
REACHED, STALLED, EXHAUSTED, IMPOSSIBLE = 0, 1, 2, 3


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


def residuals(form: Form, objective: Objective, data: Data, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Residual (B, n), the factor that turns partials of the value into partials of the residual, and the partials."""
    value, partials = form.evaluate(data.columns, theta)
    if not objective.logarithmic:
        return value - data.y, np.ones_like(value), partials
    with np.errstate(all="ignore"):
        return np.log(value) - np.log(data.y), 1.0 / value, partials


def cost(form: Form, objective: Objective, data: Data, theta: np.ndarray) -> np.ndarray:
    """The objective (B,); infinite where the law is not defined at a point that counts."""
    residual, _, _ = residuals(form, objective, data, theta)
    return _total(objective, residual, data.weights)


def _total(objective: Objective, residual: np.ndarray, weights: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        value = np.where(weights > 0, weights * objective.penalty(residual)[0], 0.0).sum(1)
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
) -> Solution:
    """Fit every row from its start; ``which`` (B,) says which row of the data it is for; bounds are (B, p).

    ``prior`` adds precision·(parameter − centre)² to the cost: centre and precision (B, p), in the coordinates of the
    solver (logarithms of the parameters that are stepped in logarithms).
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
        )
        for s in (slice(i, i + size) for i in range(0, len(start), size))
    ]
    return Solution(*(np.concatenate([getattr(part, name) for part in parts]) for name in Solution.__annotations__))


def _solve(form, objective, data, start, which, low, high, iterations, tolerance, prior) -> Solution:
    theta = np.clip(start, low, high).astype(float)
    batch = len(theta)
    logs = np.array([parameter.log for parameter in form.parameters])
    bends = np.array([not parameter.linear for parameter in form.parameters])
    lam = np.full(batch, 1e-2)
    status = np.full(batch, EXHAUSTED)
    count = np.zeros(batch, int)
    current = data.rows(which)
    residual, factor, partials = residuals(form, objective, current, theta)
    value = _total(objective, residual, current.weights) + _penalty(prior, slice(None), theta, logs)
    status[~np.isfinite(value)] = IMPOSSIBLE
    active = np.flatnonzero(np.isfinite(value))
    if len(active) == 0:
        return Solution(theta, value, status, count)
    if len(active) < batch:
        current = data.rows(which[active])
        residual, factor, partials = residuals(form, objective, current, theta[active])
    gradient, curvature, above = _normal(objective, current, residual, factor, partials, theta[active], logs)
    _add_prior(prior, active, theta[active], logs, gradient, curvature, above)
    for _ in range(iterations):
        at = theta[active]
        step, predicted = _step(gradient, curvature, above, lam[active], at, low[active], high[active], logs)
        longest = np.where(bends, LONGEST * (1 + np.abs(at) * ~logs), np.inf)
        step = np.clip(step, -longest, longest)
        trial = np.where(logs, at * np.exp(np.where(logs, step, 0.0)), at + step)
        trial = np.clip(trial, low[active], high[active])
        residual, factor, partials = residuals(form, objective, current, trial)
        new = _total(objective, residual, current.weights) + _penalty(prior, active, trial, logs)
        old = value[active]
        better = new <= old
        count[active] += 1
        gain = np.where(better, old - new, 0.0)
        ratio = gain / np.maximum(predicted, TINY)
        scale = np.where(better, np.where(ratio > 0.75, 0.2, np.where(ratio > 0.25, 0.6, 2.0)), 5.0)
        exact = EXACT * current.weights.sum(1)
        small = (predicted <= tolerance * old + TINY) | (np.minimum(new, old) <= exact)
        stuck = ~better & (lam[active] > 1e8)
        lam[active] = np.clip(lam[active] * scale, 1e-12, 1e10)
        theta[active[better]] = trial[better]
        value[active[better]] = new[better]
        done = small & (better | (predicted <= 1e-3 * tolerance * old + TINY) | (old <= exact)) | stuck
        status[active[done]] = np.where(small[done], REACHED, STALLED)
        if better.any():
            new_gradient, new_curvature, new_above = _normal(
                objective, current, residual, factor, partials, trial, logs
            )
            _add_prior(prior, active, trial, logs, new_gradient, new_curvature, new_above)
            gradient = np.where(better[:, None], new_gradient, gradient)
            curvature = np.where(better[:, None, None], new_curvature, curvature)
            above = np.where(better[:, None, None], new_above, above)
        if done.any():
            keep = ~done
            active = active[keep]
            if len(active) == 0:
                break
            gradient, curvature, above = gradient[keep], curvature[keep], above[keep]
            current = data.rows(which[active])
    return Solution(theta, value, status, count)


def _coordinates(theta: np.ndarray, logs: np.ndarray) -> np.ndarray:
    return np.where(logs, np.log(np.maximum(theta, TINY)), theta)


def _penalty(prior, rows, theta, logs) -> np.ndarray | float:
    if prior is None:
        return 0.0
    return (prior[1][rows] * (_coordinates(theta, logs) - prior[0][rows]) ** 2).sum(1)


def _add_prior(prior, rows, theta, logs, gradient, curvature, above) -> None:
    if prior is None:
        return
    index = np.arange(theta.shape[1])
    gradient += 2 * prior[1][rows] * (_coordinates(theta, logs) - prior[0][rows])
    curvature[:, index, index] += 2 * prior[1][rows]
    if above is not curvature:
        above[:, index, index] += 2 * prior[1][rows]


def _normal(objective, data, residual, factor, partials, theta, logs):
    """Gradient (B, p), Gauss-Newton curvature (B, p, p) and its majorant (B, p, p)."""
    with np.errstate(all="ignore"):
        _, slope, inside, above = objective.penalty(residual)
        counts = data.weights > 0
        shape = residual.shape
        jacobian = np.empty((shape[0], len(partials), shape[1]))
        for i, partial in enumerate(partials):
            jacobian[:, i] = partial * factor
            if logs[i]:
                jacobian[:, i] *= theta[:, i : i + 1]
        jacobian = np.where(counts[:, None], jacobian, 0.0)
        slope = np.where(counts, data.weights * slope, 0.0)
        gradient = (jacobian @ slope[:, :, None])[:, :, 0]
        transposed = jacobian.transpose(0, 2, 1)
        majorant = (jacobian * np.where(counts, data.weights * above, 0.0)[:, None]) @ transposed
        if not objective.robust:
            return gradient, majorant, majorant
        curvature = (jacobian * np.where(counts, data.weights * inside, 0.0)[:, None]) @ transposed
    return gradient, curvature, majorant


def _step(gradient, curvature, above, lam, theta, low, high, logs):
    """A damped step and the decrease it promises; parameters held at a bound do not move."""
    held = ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
    size = theta.shape[1]
    index = np.arange(size)
    damped = curvature + lam[:, None, None] * above
    diagonal = above[:, index, index]
    largest = diagonal.max(1, keepdims=True)
    damped[:, index, index] += lam[:, None] * np.maximum(diagonal, 1e-12 * largest) + 1e-14 * largest + TINY
    free = ~held
    damped = np.where(free[:, :, None] & free[:, None, :], damped, 0.0)
    damped[:, index, index] += held
    g = np.where(free, gradient, 0.0)
    scale = 1 / np.sqrt(np.maximum(damped[:, index, index], TINY))
    damped *= scale[:, :, None] * scale[:, None, :]
    damped = np.where(np.isfinite(damped), damped, 0.0)
    damped[:, index, index] = 1.0
    step = -scale * _solve_small(damped, np.where(np.isfinite(g), scale * g, 0.0))
    # towards full damping the promise is that of the parabola from above, which a robust objective keeps
    share = np.minimum(lam, 1.0)[:, None, None]
    quadratic = np.einsum("bi,bij,bj->b", step, curvature + share * (above - curvature), step)
    predicted = -(g * step).sum(1) - 0.5 * quadratic
    return step, np.maximum(predicted, 0.0)


def _solve_small(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve many small positive systems; one that is singular is nudged, alone."""
    try:
        return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        nudged = matrix + 1e-10 * np.eye(matrix.shape[1])
        return np.stack([np.linalg.lstsq(m, r, rcond=None)[0] for m, r in zip(nudged, right, strict=True)])
