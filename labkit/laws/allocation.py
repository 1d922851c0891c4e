"""Where a compute budget is best spent, and which run to do next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_is_fitted

from labkit.laws import points
from labkit.laws.estimator import ScalingLaw, level
from labkit.laws.form import Form
from labkit.laws.points import numbers
from labkit.laws.publications import Published

FLOPS_TRAINING, FLOPS_INFERENCE = 6.0, 2.0  # per parameter and token
DRAWS = 500
GRID = 400
FARTHER = 1e12  # how far beyond 1 parameter and 1 token a law in units of its own is followed
ROUNDS = 80
GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Allocation:
    """The best split of a compute budget, and limits of each quantity (low, high) from the law's refits.

    ``compute`` is the budget in FLOPs, use included; ``params`` and ``tokens`` are in the units of the law's columns,
    ``loss`` is the law's there, and ``interval`` the level of the limits. A published law brings no points to refit, so
    its limits are nan.
    """

    compute: float
    params: float
    tokens: float
    loss: float
    params_limits: tuple[float, float]
    tokens_limits: tuple[float, float]
    interval: float


def allocate(law: ScalingLaw | Published, compute, *, inference_tokens=0.0, interval=0.9, seed=0) -> Allocation:
    """The model size and data that minimise the loss for ``compute`` FLOPs, for any law on params and tokens.

    A token costs 6 FLOPs per parameter in training and 2 in use; ``inference_tokens`` are expected over the model's
    life and paid from the same budget. The limits come from bootstrap refits and know parameter uncertainty alone.
    ``law`` is fitted, or one of ``laws.published``. One fitted to billions of parameters and billions of tokens takes
    its budget in 10^18 FLOPs, and its inference tokens in billions.

    Raises ``ValueError`` for a law with other columns or not fitted, or a budget that is not positive.

    >>> n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5)))
    >>> law = ScalingLaw("chinchilla").fit(np.column_stack([n, d]), 1.7 + 400 * n**-0.34 + 400 * d**-0.34)
    >>> best = allocate(law, 6e20)
    >>> round(best.params / 1e10, 3), round(best.tokens / 1e10, 3)
    (1.0, 1.0)
    """
    share = level(interval)
    form, fitted = law_on_sizes(law, "allocate")
    budget, served = numbers(compute, "compute"), numbers(inference_tokens, "inference_tokens")
    single = budget.shape == served.shape == ()
    if not single or not (0 < budget < np.inf) or not (0 <= served < np.inf):
        raise ValueError(
            "compute must be one finite number above zero and inference_tokens one of at least zero; "
            f"got {compute!r} and {inference_tokens!r}"
        )
    compute, inference = float(budget), float(served)
    best = _best_size(form, fitted, compute, inference)
    data = _tokens(best, compute, inference)
    loss = _loss(form, fitted, best, data)
    limits = ((np.nan, np.nan), (np.nan, np.nan))
    if isinstance(law, ScalingLaw):
        sizes = _best_size(form, law.bootstrap(DRAWS, seed=seed).to_numpy(), compute, inference)
        drawn = sizes, _tokens(sizes, compute, inference)
        limits = tuple(tuple(map(float, np.quantile(values, [(1 - share) / 2, (1 + share) / 2]))) for values in drawn)
    return Allocation(compute, float(best[0]), float(data[0]), float(loss[0]), *limits, share)


def law_on_sizes(law, caller: str) -> tuple[Form, np.ndarray]:
    """Form and parameters (1, p) of a law on params and tokens, fitted or published; refused where it is none."""
    if isinstance(law, ScalingLaw):
        check_is_fitted(law, "parameters_")
        form, theta = law._form, law._theta
    elif isinstance(law, Published):
        form, theta = law.form, np.array([law.parameters[name] for name in law.form.names])
    else:
        raise ValueError(f"{caller} needs a fitted ScalingLaw or a law of laws.published; got {type(law).__name__}")
    if set(form.columns) != {"params", "tokens"}:
        raise ValueError(f"{caller} needs a law on params and tokens; {form.name!r} has {', '.join(form.columns)}")
    return form, theta[None]


def _tokens(params: np.ndarray, compute: float, inference: float) -> np.ndarray:
    return (compute / params - FLOPS_INFERENCE * inference) / FLOPS_TRAINING


def _loss(form: Form, theta: np.ndarray, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    columns = {"params": np.atleast_2d(params.T).T, "tokens": np.atleast_2d(tokens.T).T}
    value, _ = form.evaluate(tuple(columns[name] for name in form.columns), theta)
    return np.squeeze(value, axis=1) if value.shape[1] == 1 else value


def _best_size(form: Form, theta: np.ndarray, compute: float, inference: float) -> np.ndarray:
    """Best model size of each law (B,)."""
    return _best_sizes(form, theta, np.array([compute]), inference)[:, 0]


def _best_sizes(form: Form, theta: np.ndarray, compute: np.ndarray, inference: float) -> np.ndarray:
    """Best model size (B, budgets) of each law: a grid in ln N, then golden section between its neighbours."""
    around = [_around(form, theta, float(one), inference) for one in compute]
    low, high = (np.concatenate(ends) for ends in zip(*around, strict=True))
    thetas, budgets = np.tile(theta, (len(compute), 1)), np.repeat(compute, len(theta))[:, None]
    for _ in range(ROUNDS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        sizes = np.exp(np.stack([left, right], axis=1))
        losses = _loss(form, thetas, sizes, _tokens(sizes, budgets, inference))
        better = losses[:, 0] < losses[:, 1]
        low, high = np.where(better, low, left), np.where(better, right, high)
    return np.exp((low + high) / 2).reshape(len(compute), len(theta)).T


def _around(form: Form, theta: np.ndarray, compute: float, inference: float) -> tuple[np.ndarray, np.ndarray]:
    """Log sizes (B,) below and above the best one of each law."""
    largest = compute / (FLOPS_INFERENCE * inference) if inference else compute / FLOPS_TRAINING
    grid = np.geomspace(min(1.0, largest / 10), largest * 0.999, GRID)

    def lowest(grid, theta):
        tokens = _tokens(grid, compute, inference)
        losses = _loss(form, theta, np.tile(grid, (len(theta), 1)), np.tile(tokens, (len(theta), 1)))
        return np.nanargmin(np.where(np.isfinite(losses), losses, np.inf), axis=1)

    place = lowest(grid, theta)
    ends = np.isin(place, (0, GRID - 1))
    place = np.clip(place, 1, GRID - 2)
    low, high = np.log(grid[place - 1]), np.log(grid[place + 1])
    if ends.any():  # a law in billions has its best below 1; one without a best stays where it is
        top = grid[-1] * (1 if inference else FARTHER)
        wide = np.geomspace(grid[0] / FARTHER, top, 4 * GRID)
        found = lowest(wide, theta[ends])
        inner = (found > 0) & (found < len(wide) - 1)
        place, ends = found[inner], np.flatnonzero(ends)[inner]
        low[ends], high[ends] = np.log(wide[place - 1]), np.log(wide[place + 1])
    return low, high


def next_run(law: ScalingLaw, candidates, at, *, cost=None):
    """Which further run narrows the prediction at ``at`` most for what it costs.

    ``candidates`` (k points) and ``at`` (one point) are in the law's columns, as for ``fit``; ``cost`` (k,) defaults to
    one each. Returns a frame, best first: the candidate's columns, cost, error_after (relative standard error of the
    prediction there once the run is added), reduction (share of the variance that goes) and per_cost. It uses the
    curvature at the fit, so it holds for small errors. A candidate is taken to be as noisy as a point of weight one.

    Raises ``ValueError`` for costs that are not above zero, for more than one point in ``at``, for a law that is not
    fitted, and where y or the law is not above zero, as errors are relative.

    >>> x = np.array([1.0, 2, 4, 8, 16])
    >>> law = ScalingLaw("power_floor", "log_squared").fit(x, (0.2 + x**-0.5) * [1.01, 0.99, 1, 1.01, 0.99])
    >>> next_run(law, [1.5, 32.0], [1000.0])["x"].tolist()
    [32.0, 1.5]
    """
    import pandas as pd

    if not isinstance(law, ScalingLaw):
        given = type(law).__name__
        raise ValueError(f"next_run needs a fitted ScalingLaw, as its points say how sure it is; got {given}")
    check_is_fitted(law, "parameters_")
    form = law._form
    runs, goal = points.columns(form, candidates), points.columns(form, at)
    cost = np.ones(len(runs[0])) if cost is None else numbers(cost, "cost")
    if cost.shape != runs[0].shape or not (np.isfinite(cost) & (cost > 0)).all():
        raise ValueError(f"cost must be one number above zero per candidate, shape {runs[0].shape}; got {cost}")
    if len(goal[0]) != 1:
        raise ValueError(f"at is the one point whose prediction is to be narrowed; got {len(goal[0])}")
    y, weights = law._data.y[0], law._data.weights[0]
    fitted = law._evaluate(tuple(c[0] for c in law._data.columns), law._theta[None])[0]
    if not (y > 0).all() or not (fitted > 0).all() or not (law.predict(at) > 0).all():
        raise ValueError("next_run counts errors relative to y, but y or the law is zero or below at some point")
    known = _slopes(form, law._theta, tuple(column[0] for column in law._data.columns)) * np.sqrt(weights)[:, None]
    residual = np.log(fitted / y)
    noise = (weights * residual**2).sum() / max((weights > 0).sum() - len(law._theta), 1)
    scale = np.maximum(np.abs(known).max(0), 1e-300)
    information = (known / scale).T @ (known / scale)
    information += 1e-9 * np.trace(information) * np.eye(len(information))
    inverse = np.linalg.inv(information)
    wanted = _slopes(form, law._theta, goal)[0] / scale
    added = _slopes(form, law._theta, runs) / scale
    now = wanted @ inverse @ wanted
    gain = (added @ inverse @ wanted) ** 2 / (1 + np.einsum("ij,jk,ik->i", added, inverse, added))
    frame = pd.DataFrame(dict(zip(form.columns, runs, strict=True)))
    frame["cost"] = cost
    frame["error_after"] = np.sqrt(np.maximum(now - gain, 0) * noise)
    frame["reduction"] = gain / now
    frame["per_cost"] = frame["reduction"] / frame["cost"]
    return frame.sort_values("per_cost", ascending=False, kind="stable", ignore_index=True)


def _slopes(form: Form, theta: np.ndarray, columns) -> np.ndarray:
    """Derivatives (n, p) of ln y by the parameters."""
    value, partials = form.evaluate(tuple(column[None] for column in columns), theta[None])
    shape = (1, len(columns[0]))
    return np.stack([np.broadcast_to(partial / value, shape)[0] for partial in partials], axis=1)
