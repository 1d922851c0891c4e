"""What to say about a fit: did it converge, did it move, is it at a bound, is it the only one, is it determined."""

from __future__ import annotations

import numpy as np

from labkit.laws import misfit, solver
from labkit.laws.fitting import Fits
from labkit.laws.form import Twin
from labkit.laws.misfit import Data

NEAR = 1.02  # an optimum within 2% of the best cost counts as near-equal
APART = 0.05  # and is another one when its parameters differ by more than this, relatively
CONDITION = 1e6
LIMIT = 1e-6  # share of a span below which nobody can see where it ends


def optima(fits: Fits, unit: float) -> list[dict[str, float]]:
    """The distinct minima of the first curve, best first: objective, number of starts that got there, parameters."""
    theta, cost = fits.theta[0], fits.cost[0]
    size = np.maximum(np.abs(theta[0]), 1e-9)
    rows: list[dict] = []
    kept = np.empty((0, theta.shape[1]))
    for rank in np.flatnonzero(_ended(fits, 0)):
        same = np.flatnonzero((np.abs(theta[rank] - kept) / size).max(1) < APART)
        if len(same):
            rows[same[0]]["starts"] += 1
            continue
        kept = np.concatenate([kept, theta[rank : rank + 1]])
        values = map(float, fits.parameters(rank)[0])
        rows.append({"objective": cost[rank] * unit, "starts": 1, **dict(zip(fits.form.names, values, strict=True))})
    return rows


def _ended(fits: Fits, curve: int) -> np.ndarray:
    """Which starts (S,) of a curve came to a minimum; of those that were left on their way only the best one counts."""
    ended = fits.status[curve] == solver.REACHED
    ended[0] = True
    return ended & np.isfinite(fits.cost[curve])


def near_equal(fits: Fits, curve: int) -> int:
    """How many different fits of a curve cost nearly as little as the best one, itself included."""
    theta, cost = fits.theta[curve], fits.cost[curve]
    size = np.maximum(np.abs(theta[0]), 1e-9)
    kept: list[np.ndarray] = []
    for rank in np.flatnonzero(_ended(fits, curve) & (cost <= NEAR * cost[0])):
        if all((np.abs(theta[rank] - other) / size).max() >= APART for other in kept):
            kept.append(theta[rank])
    return max(1, len(kept))


def condition(fits: Fits) -> float:
    """Condition number of the curvature at the best fit, its parameters scaled to equal influence."""
    rows = fits.scaled.data.rows(np.zeros(1, int))
    theta = fits.theta[:1, 0]
    residual, factor, partials = misfit.residuals(fits.form, fits.objective, rows, theta)
    jacobian = np.stack([np.broadcast_to(p if factor is None else p * factor, residual.shape)[0] for p in partials])
    jacobian = jacobian * np.sqrt(rows.weights)
    jacobian = jacobian[:, rows.weights[0] > 0]
    norms = np.linalg.norm(jacobian, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or (norms == 0).any():
        return np.inf
    values = np.linalg.svd(jacobian / norms, compute_uv=False)
    full = len(values) == len(theta[0]) and values[-1] > 0
    return float((values[0] / values[-1]) ** 2) if full else np.inf


def distinct(data: Data) -> int:
    """How many different places the points that count of the first curve have."""
    counts = data.weights[0] > 0
    table = [np.broadcast_to(column, data.weights.shape)[0][counts] for column in data.columns]
    return len(np.unique(table[0])) if len(table) == 1 else len(np.unique(np.stack(table, axis=1), axis=0))


def _at_limit(twin: Twin, theta: np.ndarray) -> bool:
    names = [parameter.name for parameter in twin.parameters]
    return twin.limit in names and bool(twin.into(theta[None])[0, names.index(twin.limit)] < LIMIT)


def at_bound(fits: Fits) -> list[str]:
    """Names of the parameters that the best fit has at a bound."""
    ends = zip(fits.form.names, fits.theta[0, 0], fits.low[0], fits.high[0], strict=True)
    return [name for name, value, low, high in ends if not low < value < high]


def reason(fits: Fits) -> str:
    """Why the best fit ended where it did, and what to try."""
    form, best, bounds = fits.form, fits.theta[0, 0], at_bound(fits)
    count, free = distinct(fits.scaled.data), len(best)
    said = [
        {
            solver.REACHED: "converged: the gradient promises no further decrease",
            solver.STALLED: "stalled: no step decreased the objective although the gradient is not zero; "
            "try another objective or a simpler form",
            solver.CREEPING: "creeping: the objective has settled to six digits while parameters still drift towards a "
            "limit the form does not reach; predictions among the points hold, the parameters do not",
            solver.EXHAUSTED: "out of iterations: the objective was still falling; try a simpler form",
        }[fits.status[0, 0]]
    ]
    searched = not all(parameter.linear for parameter in form.parameters)  # else the start is the solution
    before = fits.start_cost()[0]
    if searched and fits.cost[0, 0] >= before and before > 1e-20:
        said.append("never moved: the best fit is one of the starting points")
    if form.twin is not None and _at_limit(form.twin, best):
        said.append(
            f"at a limit: the points do not bend the form, and the simpler law it tends to fits as well; "
            f"{', '.join(form.twin.endless)} could grow without end, so the parameters mean nothing alone"
        )
    if bounds:
        said.append(f"at a bound: {', '.join(bounds)}; the points do not need it, or another form fits better")
    if count < free:
        said.append(f"{count} distinct points cannot determine {free} parameters; use a form with fewer")
    elif count == free:
        said.append(f"{count} distinct points, {free} parameters: the fit is exact and says nothing about noise")
    elif (trade := condition(fits)) > CONDITION:
        said.append(f"poorly determined (condition {trade:.1e}): some parameters trade against others")
    near = near_equal(fits, 0)
    if near > 1:
        said.append(f"{near} different fits are nearly as good (see optima_): do not trust one of them far out")
    return "; ".join(said)
