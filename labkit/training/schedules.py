"""How the learning rate moves over a run, as a share of its given value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labkit.registry import UnknownName, nearest

_WARM_UP = 0.1


def constant(progress: np.ndarray) -> np.ndarray:
    """Always 1.

    >>> constant(np.array([0.0, 0.5]))
    array([1., 1.])
    """
    return np.ones_like(progress)


def cosine(progress: np.ndarray) -> np.ndarray:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter, 2017, without restarts).

    >>> cosine(np.array([0.0, 0.5, 1.0])).round(2)
    array([1. , 0.5, 0. ])
    """
    return (1 + np.cos(np.pi * progress)) / 2


def warmup_cosine(progress: np.ndarray) -> np.ndarray:
    """Up in a straight line over the first tenth of the steps, then half a cosine to 0.

    >>> warmup_cosine(np.array([0.05, 0.1, 1.0])).round(2)
    array([0.5, 1. , 0. ])
    """
    after = np.clip((progress - _WARM_UP) / (1 - _WARM_UP), 0, 1)
    return np.minimum(progress / _WARM_UP, 1) * cosine(after)


def warmup_linear(progress: np.ndarray) -> np.ndarray:
    """Up in a straight line over the first tenth of the steps, then down in one to 0.

    >>> warmup_linear(np.array([0.05, 0.1, 1.0])).round(2)
    array([0.5, 1. , 0. ])
    """
    return np.minimum(progress / _WARM_UP, (1 - progress) / (1 - _WARM_UP))


SCHEDULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "constant": constant,
    "cosine": cosine,
    "warmup_cosine": warmup_cosine,
    "warmup_linear": warmup_linear,
}
"""Schedules by name: functions of the progress (step + 1/2) / steps, so that no step has a rate of exactly 0."""


def factors(schedule: str, first: int, last: int, steps: np.ndarray) -> np.ndarray:
    """Factors of the learning rate, float32 (last - first, runs), for runs of so many ``steps`` each.

    Raises ``UnknownName`` for an unknown schedule, with the nearest match.

    >>> factors("cosine", 0, 2, np.array([2, 4])).round(2)
    array([[0.85, 0.96],
           [0.15, 0.69]], dtype=float32)
    """
    if schedule not in SCHEDULES:
        raise UnknownName(f"unknown schedule {schedule!r}: {nearest(schedule, SCHEDULES)}")
    progress = np.minimum((np.arange(first, last)[:, None] + 0.5) / np.maximum(steps, 1), 1.0)
    return SCHEDULES[schedule](progress).astype(np.float32)
