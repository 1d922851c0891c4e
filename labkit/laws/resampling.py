"""Refits of a fitted law: to resampled points, and with one parameter held."""

from __future__ import annotations

import numpy as np

from labkit.laws import points, race, solver
from labkit.laws.fitting import Fits
from labkit.laws.form import Form
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective
from labkit.registry import UnknownName, nearest

HELD = 4_000_000  # resampled points held in memory at once
PLACES = 31
REACH = 4.0  # bootstrap standard errors a profile goes to either side
REFITS = 200
LIKELY = 0.9


def refits(
    form: Form, objective: Objective, data: Data, fits: Fits | None, fitted: np.ndarray, *, n: int, generator, kind: str
) -> np.ndarray:
    """Parameters (n, p) of refits to resampled points ("pairs") or resampled residuals ("residuals").

    Every refit starts from the best fit; without ``fits`` the law is the constant at the largest x. What other points
    differ from that constant by is the curve's fall and no noise, so only residuals at the largest x are drawn.
    """
    if fits is None and kind == "residuals":
        data, objective = _at_largest(data), Objective("squared")  # a mean, whatever else would be fitted
    size = max(1, HELD // data.y.shape[1])
    parts = []
    for first in range(0, n, size):
        targets, weights = _resample(
            objective, data, fitted, len(form.parameters), min(size, n - first), generator, kind
        )
        parts.append(
            _constant(data, targets, weights) if fits is None else _refit(form, objective, fits, targets, weights)
        )
    return np.concatenate(parts)


def _resample(objective, data, fitted, parameters, n, generator, kind):
    y, weights = data.y[0], data.weights[0]
    count, used, free = len(y), weights > 0, np.sqrt(weights)
    if kind == "pairs":
        return data.y, generator.multinomial(used.sum(), used / used.sum(), n) * weights
    residuals = np.log(y) - np.log(fitted) if objective.logarithmic else y - fitted
    # a fit of so many parameters leaves residuals too small; those of weightier points are smaller by design
    left = max(int(used.sum()) - parameters, 1)
    pool = (residuals * free)[used] * np.sqrt(used.sum() / left)
    drawn = generator.choice(pool, (n, count)) / np.where(used, free, 1.0)
    targets = fitted * np.exp(drawn) if objective.logarithmic else fitted + drawn
    return targets, np.tile(weights, (n, 1))


def _refit(form, objective, fits, targets, weights):
    scaled, n = fits.scaled, len(weights)
    data = Data(scaled.data.columns, targets / scaled.y_factor[0], weights)
    begin = np.tile(fits.theta[0, 0], (n, 1))
    bounds = (np.broadcast_to(bound[:1], begin.shape) for bound in (fits.low, fits.high))
    problem = race.Problem(objective, data, np.arange(n), *bounds)
    return scaled.back(form, race.again(form, problem, begin).theta, np.zeros(n, int))


def _at_largest(data: Data) -> Data:
    x, weights = data.columns[0], data.weights
    return Data(data.columns, data.y, np.where(x == x[weights > 0].max(), weights, 0.0))


def _constant(data, targets, weights):
    x = data.columns[0][0]
    last = np.where(weights > 0, x, -np.inf).max(1, keepdims=True)
    chosen = np.where(x == last, weights, 0.0)
    return ((chosen * targets).sum(1) / chosen.sum(1))[:, None]


def profile(law, name: str, values=None):
    """The frame of ``ScalingLaw.profile``."""
    import pandas as pd
    from scipy.stats import f as ratio

    form, fits = law._form, law._fits
    if name not in form.names:
        raise UnknownName(f"{form.name!r} has no parameter {name!r}: {nearest(name, form.names)}")
    if fits is None:
        raise ValueError(f"{form.name!r} is not fitted, so it has no profile")
    place = form.names.index(name)
    if values is None:
        width = REACH * law.bootstrap(REFITS)[name].std()
        values = law._theta[place] + np.linspace(-width, width, PLACES)
    values = np.atleast_1d(points.numbers(values, "values")).ravel()
    points.finite(values, "values")
    if len(values) == 0:
        raise ValueError(f"values is empty: name at least one value of {name!r}, or leave it out")
    rows = np.zeros(len(values), int)
    asked = np.tile(law._theta, (len(values), 1))
    asked[:, place] = values
    begin = np.tile(fits.theta[0, 0], (len(values), 1))
    low, high = np.tile(fits.low[0], (len(values), 1)), np.tile(fits.high[0], (len(values), 1))
    held = np.clip(fits.scaled.into(form, asked, rows)[:, place], low[:, place], high[:, place])
    begin[:, place] = low[:, place] = high[:, place] = held
    found = solver.solve(form, law._objective, fits.scaled.data, begin, rows, low, high, ridges=True)
    scaled = fits.scaled.back(form, found.theta, rows)[:, place]
    cost = found.cost * law._unit()
    count, free = int((law._data.weights > 0).sum()), len(form.parameters)
    noise = law.objective_ / max(count - free, 1)
    likely = (cost - law.objective_) <= ratio.ppf(LIKELY, 1, max(count - free, 1)) * noise
    return pd.DataFrame({name: scaled, "objective": cost, "likely": likely})
