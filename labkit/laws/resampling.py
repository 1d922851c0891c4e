"""Refits of a fitted law: to resampled points, and with one parameter held."""

from __future__ import annotations

import numpy as np

from labkit.laws import points, race, solver, starts
from labkit.laws.fitting import Fits, Scaled
from labkit.laws.form import Form
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective
from labkit.registry import UnknownName, nearest

HELD = 4_000_000  # resampled points held in memory at once
PLACES = 31
REACH = 4.0  # bootstrap standard errors a profile goes to either side
REFITS = 200
WIDEST = 100.0  # ln residual that a point of hardly any weight is given at most
SIMPLE = 3  # parameters up to which the rest of a form has one minimum when one of them is held: in others, far from
ELSEWHERE = 4  # the fit, another one may be the lowest, so a profile has so many starts besides it
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
    if not objective.logarithmic:
        return fitted + drawn, np.tile(weights, (n, 1))
    targets = fitted * np.exp(np.clip(drawn, -WIDEST, WIDEST))
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
        draws = law.bootstrap(REFITS)[name]
        unit = draws.abs().max() or 1.0  # squares of very large or small numbers have no float
        width = REACH * unit * (draws / unit).std()
        values = law._theta[place] + np.linspace(-width, width, PLACES)
    values = np.atleast_1d(points.numbers(values, "values")).ravel()
    points.finite(values, "values")
    if len(values) == 0:
        raise ValueError(f"values is empty: name at least one value of {name!r}, or leave it out")
    rows = np.zeros(len(values), int)
    asked = np.tile(law._theta, (len(values), 1))
    asked[:, place] = values
    scaled = _steady(form, name, law._data, fits.scaled)
    low, high = (np.tile(bound[0], (len(values), 1)) for bound in starts.bounds(form, scaled.data))
    begin = scaled.into(form, asked, rows)
    held = np.clip(begin[:, place], low[:, place], high[:, place])
    begin[:, place] = low[:, place] = high[:, place] = held
    begin = begin[:, None]
    if len(form.parameters) > SIMPLE:
        every = Data(scaled.data.columns, scaled.data.y, np.repeat(scaled.data.weights, len(values), 0))
        others = starts.starting_points(form, law._objective, every, low, high, keep=ELSEWHERE, seed=law.seed)
        begin = np.concatenate([begin, others], 1)
    each = begin.shape[1]
    low, high = np.repeat(low, each, 0), np.repeat(high, each, 0)
    begin, which = begin.reshape(low.shape), np.zeros(len(low), int)
    found = solver.solve(form, law._objective, scaled.data, begin, which, low, high, ridges=True)
    best = found.cost.reshape(-1, each).argmin(1) + each * np.arange(len(values))
    with np.errstate(over="ignore"):
        cost = found.cost[best] * (1.0 if law._objective.logarithmic else scaled.y_factor[0] ** 2)
    values = scaled.back(form, found.theta[best], rows)[:, place]
    count, free = int((law._data.weights > 0).sum()), len(form.parameters)
    noise = law.objective_ / max(count - free, 1)
    likely = (cost - law.objective_) <= ratio.ppf(LIKELY, 1, max(count - free, 1)) * noise
    return pd.DataFrame({name: values, "objective": cost, "likely": likely})


def _steady(form: Form, name: str, data: Data, scaled: Scaled) -> Scaled:
    """The data in units in which a held parameter stays itself while the others change.

    In other units than the user's an amplitude is another number for every exponent.
    """
    moving = [quantity for quantity, power in form.units.get(name, {}).items() if not isinstance(power, (int, float))]
    columns = tuple(
        own if column in moving else unitless
        for column, own, unitless in zip(form.columns, data.columns, scaled.data.columns, strict=True)
    )
    y_factor = np.ones(1) if "y" in moving else scaled.y_factor
    factors = {column: factor for column, factor in scaled.factors.items() if column not in moving}
    return Scaled(Data(columns, data.y / y_factor[:, None], data.weights), factors, y_factor)
