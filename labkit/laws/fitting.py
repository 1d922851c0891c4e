"""Fit one form to one or many curves: units out, starts, solve, units back, and what to say about the result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws import solver, starts
from labkit.laws.form import Form
from labkit.laws.objectives import Objective
from labkit.laws.solver import Data

STARTS = 8
HEAT = 25  # iterations after which starts that are far behind are left where they are
CLOSE = 1.25  # times the best cost: what is not far behind
SPRINT = (8, 16, 40)  # heats of a single curve, whose time is the number of iterations and not of starts
APART = 0.05  # relative difference in some parameter from which on two fits count as different


@dataclass
class Scaled:
    """Data in units where every rescalable column has geometric mean 1 and y has mean magnitude 1, and those units."""

    data: Data
    factors: dict[str, np.ndarray]
    y_factor: np.ndarray

    def back(self, form: Form, theta: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Parameters in the units the data came in."""
        factors = {name: factor[which] for name, factor in self.factors.items()}
        return form.rescale(theta, {**factors, "y": self.y_factor[which]})

    def into(self, form: Form, theta: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Parameters in the scaled units."""
        factors = {name: 1 / factor[which] for name, factor in self.factors.items()}
        return form.rescale(theta, {**factors, "y": 1 / self.y_factor[which]})


@dataclass
class Fits:
    """Every start of every curve, best first: theta (C, S, p) in scaled units, cost, status, and the data they saw."""

    form: Form
    objective: Objective
    scaled: Scaled
    theta: np.ndarray
    cost: np.ndarray
    status: np.ndarray
    start_cost: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def parameters(self, rank: int = 0) -> np.ndarray:
        """Parameters (C, p) of the rank-th best start in the user's units."""
        return self.scaled.back(self.form, self.theta[:, rank], np.arange(len(self.theta)))


def scale(form: Form, data: Data) -> Scaled:
    """Take the units out: divide rescalable columns and y by their weighted geometric means, curve by curve."""
    curves = len(data.weights)
    counts = data.weights > 0
    total = np.maximum(counts.sum(1), 1)
    columns, factors = [], {}
    for name, column in zip(form.columns, data.columns, strict=True):
        if name in form.rescalable:
            wide = np.broadcast_to(column, data.weights.shape)
            with np.errstate(all="ignore"):
                factor = np.exp(np.where(counts & (wide > 0), np.log(wide), 0.0).sum(1) / total)
            factors[name] = factor
            column = (column if len(column) == curves or curves == 1 else wide) / factor[:, None]
        columns.append(column)
    size = np.abs(np.where(counts, data.y, 0.0)).sum(1) / total
    y_factor = np.where((size > 0) & form.equivariant, size, 1.0)
    if len(data.y) == 1 and curves > 1:
        y = np.broadcast_to(data.y, data.weights.shape) / y_factor[:, None]
    else:
        y = data.y / y_factor[:, None]
    return Scaled(Data(tuple(columns), y, data.weights), factors, y_factor)


def fit(
    form: Form,
    objective: Objective,
    data: Data,
    *,
    keep: int = STARTS,
    seed: int = 0,
    most: int = starts.GRID,
    strength: np.ndarray | None = None,
    iterations: int = 500,
    tolerance: float = 1e-12,
    heats: tuple[int, ...] = (HEAT,),
    ridges: bool = False,
) -> Fits:
    """Fit a form to every curve of the data from its most promising starts.

    ``heats`` are the iterations after which the starts that are far behind, or have come to where another one has
    ended, are left.
    ``strength`` (C,) turns on a prior on the parameters that bend the curve (see ``starts.prior``).
    """
    scaled = scale(form, data)
    low, high = starts.bounds(form, scaled.data)
    begin = starts.starting_points(form, objective, scaled.data, low, high, keep=keep, seed=seed, most=most)
    curves, kept, size = begin.shape
    which = np.repeat(np.arange(curves), kept)
    flat = begin.reshape(-1, size)
    before = _cost(form, objective, scaled.data, flat, which)
    prior = None
    if strength is not None:
        prior = tuple(part[which] for part in starts.prior(form, scaled.data, strength))
    if objective.robust and ridges:
        flat = _warmed(form, objective, scaled.data, flat, which, low[which], high[which], before)
    problem = (form, objective, scaled.data, flat, which, low[which], high[which])
    solution = _race(*problem, kept, iterations, tolerance, prior, heats, ridges)
    order = np.argsort(solution.cost.reshape(curves, kept), axis=1, kind="stable")
    pick = np.take_along_axis
    return Fits(
        form,
        objective,
        scaled,
        pick(solution.theta.reshape(curves, kept, size), order[:, :, None], 1),
        pick(solution.cost.reshape(curves, kept), order, 1),
        pick(solution.status.reshape(curves, kept), order, 1),
        pick(before.reshape(curves, kept), order, 1),
        low,
        high,
    )


def _warmed(form, objective, data, start, which, low, high, before) -> np.ndarray:
    """The starts moved by a few steps of least squares on logarithms, where the robust objective gains by that.

    From near the least-squares fit a robust objective needs a third of the steps that it needs from afar.
    """
    squares = Objective("log_squared")
    moved = solver.solve(form, squares, data, start, which, low, high, iterations=SPRINT[0], ridges=True).theta
    better = _cost(form, objective, data, moved, which) < before
    return np.where(better[:, None], moved, start)


def _race(
    form, objective, data, start, which, low, high, kept, iterations, tolerance, prior, heats, ridges
) -> solver.Solution:
    """Solve all starts for a few iterations, then go on with those that may still win."""
    on, found, done = np.arange(len(start)), None, 0
    for end in (*(heat for heat in heats if heat < iterations), iterations):
        fresh = solver.solve(
            form,
            objective,
            data,
            start if found is None else found.theta[on],
            which[on],
            low[on],
            high[on],
            iterations=end - done,
            tolerance=tolerance,
            prior=None if prior is None else (prior[0][on], prior[1][on]),
            ridges=ridges,
        )
        if found is None:
            found = fresh
        else:
            found.theta[on], found.cost[on], found.status[on] = fresh.theta, fresh.cost, fresh.status
            found.iterations[on] += fresh.iterations
        done = end
        if len(heats) > 1:
            _arrived(found, kept)
        best = np.repeat(found.cost.reshape(-1, kept).min(1), kept)
        on = np.flatnonzero((found.status == solver.EXHAUSTED) & (found.cost <= CLOSE * best))
        if len(on) == 0:
            break
    return found


def _arrived(found: solver.Solution, kept: int) -> None:
    """End the starts that are about to come to where the best one of their curve has ended already."""
    for first in range(0, len(found.cost), kept):
        rows = slice(first, first + kept)
        ended = np.where(found.status[rows] == solver.REACHED, found.cost[rows], np.inf)
        best = int(ended.argmin())
        at, cost = found.theta[rows][best], ended[best]
        near = (np.abs(found.theta[rows] - at) <= APART * np.maximum(np.abs(at), 1e-9)).all(1)
        same = (found.status[rows] == solver.EXHAUSTED) & (found.cost[rows] >= cost) & near
        found.theta[rows][same], found.cost[rows][same], found.status[rows][same] = at, cost, solver.REACHED


def _cost(form, objective, data, theta, which):
    size = max(1, solver.CHUNK // (data.y.shape[1] * theta.shape[1]))
    parts = [
        solver.cost(form, objective, data.rows(which[i : i + size]), theta[i : i + size])
        for i in range(0, len(theta), size)
    ]
    return np.concatenate(parts)
