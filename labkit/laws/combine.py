"""From many forms to one prediction: each form weighs by how well it predicted this curve's own past.

A point that lies a distance h (in ln x) beyond the data is compared with earlier points that lay about as far beyond
what was known then. Further ahead than the past can tell of, four forms that err to different sides count alike. The
prediction is the mean of the central predictions: forms err to both sides, which an average evens out, and one that
runs away is not among them. The noisier a curve, the less the past tells the forms apart: more of them count, and of a
curve of many points that has only come down the four share what noise leaves undecided.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from labkit.laws.ensemble import LEAST, MEMBERS, Extrapolation, Task
from labkit.laws.form import get

BANDWIDTH = 1.0  # in ln h: how alike two distances must be to count
LEAST_ERROR = 0.005  # log units: back-test errors below this are luck
PRIOR = np.array(list(MEMBERS.values()))
LAST = list(MEMBERS).index("last_value")
NEAR = 0.13  # log-ranges ahead: closer than this nothing beats the last value for sure, and it weighs more
CUT_OFF = 0.3  # share of the weight left out at either end of the predictions of a curve without noise
NOISY = 0.025  # noise in ln y at which half of that share is, unless the last value has most of the weight
STEADY = ("power_floor", "reciprocal_shift", "m4", "broken_power")  # the median of the four is hard to beat far ahead
REACH = 0.7  # of the farthest back-test: weights are trusted as far ahead as that
FEW = 0.25  # how fast a form with many parameters loses weight as points become few
EARLIER = 0.7  # weight of the forms fitted without the last point, which alone must not decide
LOST = 0.06  # log-ranges the last point may add to the data for the fits without it still to count
MANY = (20, 30)  # points from which, and at which in full, a curve shows a second break and what its noise is
SECOND = list(MEMBERS).index("broken_power_2")
SHOWN = 2.0  # what the weight of a form with a second break is then multiplied by
UNDECIDED = 0.015  # noise in ln y at which the steady four share half of the weight of the forms
STEEP = 0.4  # fall of ln y per ln x that needs no proof: few curves fall faster, and fewer for long
PROVEN = 0.02  # how much faster a curve may fall, over the standard error of the slope of a line through its points
ROSE = 3.0  # rise, in units of the noise, at which half of that is left: three of the four can only fall


@dataclass
class Combined:
    """Predictions at the targets (m,) of a curve, in ln(y + offset), and what their uncertainty can be told from."""

    logs: np.ndarray
    weights: np.ndarray
    spread: np.ndarray
    past: np.ndarray
    distance: np.ndarray
    span: float
    misfit: float


def combine(one: Extrapolation) -> Combined:
    """Weigh the members of one curve and average the central ones."""
    task, log_x = one.task, np.log(one.task.x)
    span = max(log_x[-1] - log_x[0], 1e-3)
    distance = np.log(task.target) - log_x[-1]
    prior = _prior(np.abs(distance) / span, len(log_x))
    weights = prior / prior.sum(0)
    past = np.full(len(distance), np.nan)
    gaps, errors, own = _past(one, log_x)
    if len(gaps):
        steps, place = np.unique(np.round(np.log(np.clip(distance, 1e-6, gaps.max())), 1), return_inverse=True)
        near = np.exp(-0.5 * ((np.log(gaps) - steps[:, None]) / BANDWIDTH) ** 2) + 1e-12
        near /= near.sum(1, keepdims=True)
        weights = prior / np.sqrt(near @ errors.T + LEAST_ERROR**2).T[:, place]
        weights /= weights.sum(0)
        beyond = np.maximum(1 - REACH * gaps.max() / np.maximum(distance, 1e-6), 0)
        weights = (1 - beyond) * weights + beyond * _steady()[:, None]
        past = np.sqrt(near @ own)[place]
    weights = _undecided(task, weights)
    logs, shares = _with_earlier(one, log_x, span, weights)
    told_apart = 1 / (1 + (task.noise / NOISY) ** 2)
    middle = central_mean(logs, shares, CUT_OFF * (told_apart + (1 - told_apart) * weights[LAST]))
    middle = np.where(distance > 0, np.maximum(middle, task.z[-1] - _farthest(task, span, distance)), middle)
    spread = np.sqrt((weights * (logs[: len(weights)] - middle) ** 2).sum(0))
    return Combined(middle, weights, spread, past, distance, span, _misfit(one))


def _farthest(task: Task, span: float, distance: np.ndarray) -> np.ndarray:
    """How far (m,) below its last value a curve is expected at most: what looks steep among noise seldom goes on."""
    error = task.noise / (span * np.sqrt(len(task.x) / 12))  # of the slope of a line
    return 2 * task.noise + (STEEP + PROVEN / error) * distance


def _undecided(task: Task, weights: np.ndarray) -> np.ndarray:
    """The weights, the four sharing what noise leaves undecided between the forms; that of the last value stays."""
    share = _many(len(task.x)) / (1 + (UNDECIDED / task.noise) ** 2) / (1 + (task.rise / (ROSE * task.noise)) ** 4)
    shared = (1 - share) * weights + share * (1 - weights[LAST]) * _steady()[:, None]
    shared[LAST] = weights[LAST]
    return shared


def _with_earlier(one: Extrapolation, log_x: np.ndarray, span: float, weights: np.ndarray):
    """Predictions (k, m) and weights of the members, and of the same members fitted without the last point."""
    count = len(log_x)
    logs = one.logs[:, -1, count:]
    if len(one.cuts) < 2 or one.cuts[-2] <= LEAST:
        return logs, weights
    earlier = one.logs[:, -2, count:].copy()
    earlier[LAST] = logs[LAST]
    share = EARLIER * np.exp(-(((log_x[-1] - log_x[one.cuts[-2] - 1]) / span / LOST) ** 2))
    return np.concatenate([logs, earlier]), np.concatenate([weights, share * weights])


@functools.cache
def _parameters() -> np.ndarray:
    return np.array([len(get(name).parameters) for name in MEMBERS])


@functools.cache
def _steady() -> np.ndarray:
    return np.array([(name in STEADY) / len(STEADY) for name in MEMBERS])


def _misfit(one: Extrapolation) -> float:
    """Scatter in log units about the form that fits best; the noise where there are too few points to tell."""
    count = len(one.task.x)
    squares = one.task.weights @ ((one.logs[:, -1, :count] - one.task.z) ** 2).T
    free = count - _parameters()
    fitted = (free > 0) & (np.arange(len(free)) != LAST)
    return float(np.sqrt((squares[fitted] / free[fitted]).min())) if fitted.any() else one.task.noise


def _prior(ahead: np.ndarray, count: int) -> np.ndarray:
    """Weights (members, m) before any back-test, for targets ``ahead`` (m,) log-ranges beyond ``count`` points."""
    prior = PRIOR * np.exp(-FEW * (_parameters() / count) ** 2)
    prior = np.tile(prior[:, None], (1, len(ahead)))
    prior[SECOND] *= 1 + (SHOWN - 1) * _many(count)
    prior[LAST] *= 1 + (NEAR / np.maximum(ahead, 1e-3)) ** 2
    return prior


def _many(count: int) -> float:
    return float(np.clip((count - MANY[0]) / (MANY[1] - MANY[0]), 0, 1))


def _past(one: Extrapolation, log_x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances (k,), squared errors of the members (members, k) and of their plain average (k,) on the curve's past.

    The errors of the members are relative to how hard an earlier state was to continue, so that a single early one does
    not decide.
    """
    gaps, errors, own, sizes = [], [], [], []
    count = len(log_x)
    for k, cut in enumerate(one.cuts[:-1]):
        wrong = one.logs[:, k, cut:count] - one.task.z[cut:]
        gaps.append(log_x[cut:] - log_x[cut - 1])
        own.append(central_mean(wrong, np.tile(PRIOR[:, None], (1, count - cut))) ** 2)
        squares = wrong**2 + LEAST_ERROR**2
        sizes.append(squares.mean())
        errors.append(squares / sizes[-1])
    if not gaps:
        return np.empty(0), np.empty((len(one.logs), 0)), np.empty(0)
    gaps, own = np.maximum(np.concatenate(gaps), 1e-6), np.concatenate(own)
    return gaps, np.concatenate(errors, 1) * np.mean(sizes), own


def central_mean(values: np.ndarray, weights: np.ndarray, cut_off: np.ndarray | float = CUT_OFF) -> np.ndarray:
    """Weighted mean (m,) of the values (k, m) that lie between their quantiles cut_off (m,) and 1 - cut_off.

    >>> central_mean(np.array([[1.0], [2.0], [9.0]]), np.array([[1.0], [8.0], [1.0]]))
    array([2.])
    """
    order = np.argsort(values, axis=0, kind="stable")
    values, weights = np.take_along_axis(values, order, 0), np.take_along_axis(weights, order, 0)
    upper = np.cumsum(weights / weights.sum(0), 0)
    lower = np.concatenate([np.zeros_like(upper[:1]), upper[:-1]])
    inside = np.maximum(np.minimum(upper, 1 - cut_off) - np.maximum(lower, cut_off), 0)
    return (inside * values).sum(0) / inside.sum(0)
