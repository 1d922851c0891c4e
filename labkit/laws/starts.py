"""Where fits start: a grid over the parameters that bend the curve, with the linear ones solved for exactly."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from labkit import seeds
from labkit.laws.form import Form
from labkit.laws.misfit import Data, total

GRID = 600  # starting points tried at most; a product that is larger is sampled
POINTS = 40  # points of a curve used to rank starting points
RIDGE = 1e-11
APART = 0.08  # of its largest value, by which starting values of some parameter differ in two starts


def log_range(data: Data, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest logarithm (C,) of a column over the points that count."""
    with np.errstate(all="ignore"):
        logs = np.log(data.columns[column])
    counts = data.weights > 0
    low = np.minimum.reduce(np.where(counts, logs, np.inf), 1)
    high = np.maximum.reduce(np.where(counts, logs, -np.inf), 1)
    return low, np.where(high > low, high, low + 1.0)


def bounds(form: Form, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds (C, p); those of a place on a column follow the range of the data."""
    ends = np.array([[parameter.low, parameter.high] for parameter in form.parameters], float).T
    low, high = (np.repeat(end[None], len(data.weights), 0) for end in ends)
    for i, parameter in enumerate(form.parameters):
        if parameter.along is not None:
            first, last = log_range(data, form.columns.index(parameter.along))
            with np.errstate(over="ignore"):
                low[:, i] = np.exp(first + parameter.low * (last - first))
                high[:, i] = np.exp(first + parameter.high * (last - first))
    return low, high


@functools.cache
def _table(form: Form, seed: int, most: int) -> np.ndarray:
    """Combinations (S, q) of the starting values of the nonlinear parameters; not to be written to."""
    lists = [np.asarray(parameter.starts, float) for parameter in form.parameters if not parameter.linear]
    total = int(np.prod([len(values) for values in lists])) if lists else 1
    if total <= most:
        return np.array(list(itertools.product(*lists))).reshape(total, len(lists))
    from scipy.stats import qmc  # slow to import, so not before it is needed

    shift = seeds.generator(seed, "starting points").random(len(lists))
    unit = (qmc.Sobol(len(lists), scramble=False).random(2 ** int(np.log2(most))) + shift) % 1
    return np.column_stack([np.interp(unit[:, i], np.linspace(0, 1, len(v)), v) for i, v in enumerate(lists)])


def grid(form: Form, data: Data, seed: int = 0, most: int = GRID) -> np.ndarray:
    """Nonlinear starting values (C, S, q), in the order of the nonlinear parameters."""
    table = np.repeat(_table(form, seed, most)[None], len(data.weights), 0)
    for i, parameter in enumerate(parameter for parameter in form.parameters if not parameter.linear):
        if parameter.along is not None:
            first, last = log_range(data, form.columns.index(parameter.along))
            table[:, :, i] = np.exp(first[:, None] + table[:, :, i] * (last - first)[:, None])
    return table


def prior(form: Form, data: Data, strength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and precision (C, p) of a normal prior as wide as the starting values, in the coordinates of the solver.

    ``strength`` (C,) is the noise variance of the curves: with it the penalised fit is the most probable one.
    """
    shape = (len(data.weights), len(form.parameters))
    centre, precision = np.zeros(shape), np.zeros(shape)
    for i, parameter in enumerate(form.parameters):
        if parameter.linear:
            continue
        values = np.asarray(parameter.starts, float)
        if parameter.along is not None:
            first, last = log_range(data, form.columns.index(parameter.along))
            middle, half = (values.max() + values.min()) / 2, np.ptp(values) / 2
            centre[:, i], width = first + middle * (last - first), half * (last - first)
        elif parameter.log:
            values = np.log(values)
            centre[:, i], width = (values.max() + values.min()) / 2, np.ptp(values) / 2
        else:
            centre[:, i], width = np.median(values), np.ptp(values) / 2
        precision[:, i] = strength / width**2
    return centre, precision


def thin(data: Data) -> Data:
    """Long curves with every so-many-th point only, for ranking starts."""
    size = data.y.shape[1]
    if size <= POINTS:
        return data
    chosen = _every(size)
    order = np.argsort(data.columns[0][0], kind="stable")[chosen] if len(data.y) == 1 else chosen
    return Data(tuple(column[:, order] for column in data.columns), data.y[:, order], data.weights[:, order])


@functools.cache
def _every(size: int) -> np.ndarray:
    return np.linspace(0, size - 1, POINTS).astype(int)


def non_negative(basis: np.ndarray, y: np.ndarray, weights: np.ndarray, bounded: np.ndarray) -> np.ndarray:
    """Least squares for a few coefficients (B, m) of the basis (B, m, n); the ``bounded`` ones are not below zero.

    All subsets of the bounded coefficients are tried, which for so few is quicker than any iteration.
    """
    count, size, _ = basis.shape
    weighted = basis * weights[:, None]
    gram = weighted @ basis.transpose(0, 2, 1)
    right = (weighted @ y[:, :, None])[:, :, 0]
    index = np.arange(size)
    scale = 1 / np.sqrt(np.maximum(gram[:, index, index], 1e-300))
    gram *= scale[:, :, None] * scale[:, None, :]
    gram[:, index, index] += RIDGE
    right *= scale
    best, gain = np.zeros((count, size)), np.full(count, -np.inf)
    for chosen in _subsets(size, tuple(bounded)):
        solved = part = right[:, chosen]
        if len(chosen) > 1:
            solved = np.linalg.solve(gram[:, chosen[:, None], chosen], part[:, :, None])[:, :, 0]
        feasible = (solved >= np.where(bounded[chosen], 0.0, -np.inf)).all(1)
        explained = np.where(feasible, (solved * part).sum(1), -np.inf)
        better = np.flatnonzero(explained > gain)
        gain[better], best[better] = explained[better], 0.0
        best[better[:, None], chosen] = solved[better]
        if len(chosen) == size and feasible.all():
            break  # fewer coefficients explain no more
    return best * scale


@functools.cache
def _subsets(size: int, bounded: tuple[bool, ...]) -> list[np.ndarray]:
    """Which coefficients may be above zero while the others, of the ``bounded`` ones, are zero; all of them first."""
    subsets = (np.flatnonzero(subset) for subset in itertools.product((True, False), repeat=size))
    return [one for one in subsets if len(one) and all(i in one or bounded[i] for i in range(size))]


def starting_points(
    form: Form, objective, data: Data, low, high, *, keep: int, seed: int = 0, most: int = GRID
) -> np.ndarray:
    """The ``keep`` most promising and mutually different starts (C, keep, p) of every curve."""
    few = thin(data)
    table = grid(form, data, seed, most)
    curves, tried = table.shape[:2]
    linear = np.array([parameter.linear for parameter in form.parameters])
    bounded = np.array([parameter.low >= 0 for parameter in form.parameters])[linear]
    theta = np.zeros((curves, tried, len(form.parameters)))
    theta[:, :, ~linear] = table
    theta[:, :, linear] = 1.0
    size = few.y.shape[1]
    worth = np.empty((curves, tried))
    block = max(1, 1_000_000 // (tried * size * len(form.parameters)))
    for first in range(0, curves, block):
        part = slice(first, first + block)
        which = np.repeat(np.arange(curves)[part], tried)
        rows = few.rows(which)
        flat = np.minimum(np.maximum(theta[part].reshape(-1, len(form.parameters)), low[which]), high[which])
        if linear.any():
            flat, value = project(form, objective, rows, flat, linear, bounded)
        else:
            value, _ = form.evaluate(rows.columns, flat)
        theta[part] = flat.reshape(-1, tried, len(form.parameters))
        worth[part] = total(objective, _residual(objective, value, rows.y), rows.weights).reshape(-1, tried)
    return _spread(theta, worth, table, keep)


def project(form, objective, data, theta, linear, bounded):
    """The same starts with the linear parameters at their least-squares values (relative for log), and the values."""
    ones, partials = form.evaluate(data.columns, theta)
    places = np.flatnonzero(linear)
    basis = np.empty((len(theta), len(places), data.y.shape[1]))
    for i, place in enumerate(places):
        basis[:, i] = partials[place]
    if not np.isfinite(basis).all():
        basis = np.nan_to_num(basis, nan=0.0, posinf=1e100, neginf=-1e100)
    weights, counts = data.weights, data.weights > 0
    if objective.logarithmic:
        weights = weights / np.where(counts, data.y, 1.0) ** 2
    coefficients = non_negative(basis, np.where(counts, data.y, 0.0), weights, bounded)
    # a coefficient at exactly zero would never learn the parameters that act through it
    least = 1e-3 * np.abs(coefficients).max(1, keepdims=True)
    coefficients = np.where(bounded & (coefficients <= 0), least, coefficients)
    solved = theta.copy()
    solved[:, places] = coefficients
    value = ones + ((coefficients - theta[:, places])[:, None] @ basis)[:, 0]
    return solved, value


def _residual(objective, value, y):
    if not objective.logarithmic:
        return value - y
    with np.errstate(all="ignore"):
        return np.log(value) - np.log(y)


def _spread(theta, worth, table, keep):
    """The best starts, skipping those whose neighbours in the grid are already taken."""
    curves, tried = theta.shape[:2]
    if tried <= keep:
        return theta
    scale = np.maximum(np.abs(table).max((0, 1)), 1e-300)
    picked = np.empty((curves, keep, theta.shape[2]))
    for c in range(curves):
        order = np.argsort(worth[c], kind="stable")
        ranked = (table[c, order[: 40 * keep]] / scale).T
        chosen, apart = [0], np.ones(ranked.shape[1], bool)
        while len(chosen) < keep:
            apart &= np.maximum.reduce(np.abs(ranked - ranked[:, chosen[-1], None])) > APART
            following = int(apart.argmax())
            if not apart[following]:
                break
            chosen.append(following)
        if len(chosen) < keep:
            chosen += [i for i in range(tried) if i not in chosen][: keep - len(chosen)]
        picked[c] = theta[c, order[chosen]]
    return picked
