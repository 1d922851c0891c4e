"""Fit one form to one or many curves: units out, starts, solve, units back, and what to say about the result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws import race, starts
from labkit.laws.form import Form
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective

STARTS = 8


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
    """Every start of every curve, best first, and the data they saw.

    ``theta`` (C, S, p) in scaled units, its cost, status, and where it started.
    """

    form: Form
    objective: Objective
    scaled: Scaled
    theta: np.ndarray
    cost: np.ndarray
    status: np.ndarray
    start: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def parameters(self, rank: int = 0) -> np.ndarray:
        """Parameters (C, p) of the rank-th best start in the user's units."""
        return self.scaled.back(self.form, self.theta[:, rank], np.arange(len(self.theta)))

    def start_cost(self) -> np.ndarray:
        """What the start of the best fit of each curve cost (C,)."""
        return race.cost(self.form, self.objective, self.scaled.data, self.start[:, 0], np.arange(len(self.theta)))


def scale(form: Form, data: Data) -> Scaled:
    """Take the units out: divide rescalable columns and y by their weighted geometric means, curve by curve."""
    counts = data.weights > 0
    total = np.maximum(counts.sum(1), 1)
    columns, factors = [], {}
    for name, column in zip(form.columns, data.columns, strict=True):
        if name in form.rescalable:
            with np.errstate(all="ignore"):
                factor = np.exp(np.where(counts & (column > 0), np.log(column), 0.0).sum(1) / total)
            factors[name] = factor
            column = column / factor[:, None]
        columns.append(column)
    size = np.abs(np.where(counts, data.y, 0.0)).sum(1) / total
    y_factor = np.where((size > 0) & form.equivariant, size, 1.0)
    return Scaled(Data(tuple(columns), data.y / y_factor[:, None], data.weights), factors, y_factor)


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
    heats: race.Heats = race.ONCE,
    ridges: bool = False,
) -> Fits:
    """Fit a form to every curve of the data from its most promising starts.

    ``heats`` say when starts that will not win are left.
    ``strength`` (C,) turns on a prior on the parameters that bend the curve (see ``starts.prior``).
    """
    scaled = scale(form, data)
    low, high = starts.bounds(form, scaled.data)
    begin = starts.starting_points(form, objective, scaled.data, low, high, keep=keep, seed=seed, most=most)
    curves, kept, _ = begin.shape
    which = np.repeat(np.arange(curves), kept)
    prior = None
    if strength is not None:
        prior = tuple(part[which] for part in starts.prior(form, scaled.data, strength))
    problem = race.Problem(objective, scaled.data, which, low[which], high[which], kept, iterations, tolerance)
    return _run(form, problem, scaled, begin, low, high, heats, ridges, prior)


def go_on(
    form: Form, objective: Objective, data: Data, begin: np.ndarray, *, iterations: int, tolerance: float
) -> Fits:
    """Fit a form to every curve from parameters (C, p), in your units, that are close to its fit already."""
    scaled = scale(form, data)
    low, high = starts.bounds(form, scaled.data)
    which = np.arange(len(begin))
    problem = race.Problem(objective, scaled.data, which, low, high, 1, iterations, tolerance)
    begin = scaled.into(form, begin, which)[:, None]
    return _run(form, problem, scaled, begin, low, high, race.ONCE, True, None)


def _run(form, problem, scaled, begin, low, high, heats, ridges, prior) -> Fits:
    curves, kept, size = begin.shape
    flat = begin.reshape(-1, size)
    if not ridges:
        solution = race.run(form, problem, flat, heats, prior)
    elif form.twin is None or prior is not None:
        solution = race.far(form, problem, flat, heats, prior)
    else:
        solution = race.by_twin(form, problem, flat, heats)
    order = np.argsort(solution.cost.reshape(curves, kept), axis=1, kind="stable")
    ranked = order + kept * np.arange(curves)[:, None]
    theta, cost, status = solution.theta[ranked], solution.cost[ranked], solution.status[ranked]
    return Fits(form, problem.objective, scaled, theta, cost, status, flat[ranked], low, high)
