"""From many forms to one prediction: each form weighs by how well it predicted this curve's own past.

A point that lies a distance h (in ln x) beyond the data is compared with earlier points that lay about as far beyond
what was known then. The prediction is the weighted median, so one form that runs away moves it little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws.ensemble import MEMBERS, Extrapolation

BANDWIDTH = 1.0  # in ln h: how alike two distances must be to count
LEAST_ERROR = 0.005  # log units: back-test errors below this are luck
PRIOR = np.array(list(MEMBERS.values()))
LAST = list(MEMBERS).index("last_value")
NEAR = 0.1  # log-ranges ahead: closer than this nothing beats the last value for sure, and it weighs more


@dataclass
class Combined:
    """Predictions at the targets (m,) of a curve, in ln(y + offset), and what their uncertainty can be told from."""

    logs: np.ndarray
    weights: np.ndarray
    spread: np.ndarray
    past: np.ndarray
    distance: np.ndarray
    span: float


def combine(one: Extrapolation) -> Combined:
    """Weigh the members of one curve and take their median."""
    task, count = one.task, len(one.task.x)
    log_x = np.log(task.x)
    span = max(log_x[-1] - log_x[0], 1e-3)
    distance = np.log(task.target) - log_x[-1]
    logs = one.logs[:, -1, count:]
    gaps, errors, own = _past(one, log_x)
    prior = _prior(np.abs(distance) / span)
    weights = prior / prior.sum(0)
    past = np.full(len(distance), np.nan)
    if len(gaps):
        steps, place = np.unique(np.round(np.log(np.clip(distance, 1e-6, gaps.max())), 1), return_inverse=True)
        near = np.exp(-0.5 * ((np.log(gaps) - steps[:, None]) / BANDWIDTH) ** 2) + 1e-12
        near /= near.sum(1, keepdims=True)
        squares = near @ errors.T + LEAST_ERROR**2
        weights = prior / np.sqrt(squares).T[:, place]
        weights /= weights.sum(0)
        past = np.sqrt(near @ own)[place]
    middle = weighted_median(logs, weights)
    spread = np.sqrt((weights * (logs - middle) ** 2).sum(0))
    return Combined(middle, weights, spread, past, distance, span)


def _prior(ahead: np.ndarray) -> np.ndarray:
    """Weights (members, m) before any back-test, for targets ``ahead`` (m,) log-ranges beyond the data."""
    prior = np.tile(PRIOR[:, None], (1, len(ahead)))
    prior[LAST] *= 1 + (NEAR / np.maximum(ahead, 1e-3)) ** 2
    return prior


def _past(one: Extrapolation, log_x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances (k,), squared errors of the members (members, k) and of their plain median (k,) on the curve's past."""
    gaps, errors, own = [], [], []
    count = len(log_x)
    equal = np.tile(PRIOR[:, None], (1, count))
    for k, cut in enumerate(one.cuts[:-1]):
        predicted = one.logs[:, k, cut:count]
        gaps.append(log_x[cut:] - log_x[cut - 1])
        errors.append((predicted - one.task.z[cut:]) ** 2)
        own.append((weighted_median(predicted, equal[:, cut:]) - one.task.z[cut:]) ** 2)
    if not gaps:
        return np.empty(0), np.empty((len(one.logs), 0)), np.empty(0)
    return np.maximum(np.concatenate(gaps), 1e-6), np.concatenate(errors, 1), np.concatenate(own)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Median (m,) of values (k, m), read off between the values so that it moves smoothly with the weights.

    >>> weighted_median(np.array([[1.0], [2.0], [9.0]]), np.ones((3, 1)))
    array([2.])
    """
    order = np.argsort(values, axis=0, kind="stable")
    values, weights = np.take_along_axis(values, order, 0), np.take_along_axis(weights, order, 0)
    weights = weights / weights.sum(0)
    place = np.cumsum(weights, 0) - weights / 2
    above = np.clip((place < 0.5).sum(0), 1, len(values) - 1)
    columns = np.arange(values.shape[1])
    left, right = place[above - 1, columns], place[above, columns]
    share = np.clip((0.5 - left) / np.maximum(right - left, 1e-12), 0, 1)
    return values[above - 1, columns] * (1 - share) + values[above, columns] * share
