"""How the learning rate moves over a run, as a share of its given value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.registry import UnknownName, nearest

Shape = Callable[[np.ndarray], np.ndarray]
"""A function of the progress (step + 1/2) / steps, so that no step has a rate of exactly 0."""


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


def linear(progress: np.ndarray) -> np.ndarray:
    """In a straight line from 1 to 0.

    >>> linear(np.array([0.0, 0.25]))
    array([1.  , 0.75])
    """
    return 1 - progress


def warmup_cosine(progress: np.ndarray, warmup: float = 0.1) -> np.ndarray:
    """Up in a straight line over the first ``warmup`` share of the steps, then half a cosine to 0.

    >>> warmup_cosine(np.array([0.05, 0.1, 1.0])).round(2)
    array([0.5, 1. , 0. ])
    """
    return _rise(progress, warmup) * cosine(_within(progress, warmup, 1))


def warmup_linear(progress: np.ndarray, warmup: float = 0.1) -> np.ndarray:
    """Up in a straight line over the first ``warmup`` share of the steps, then down in one to 0.

    >>> warmup_linear(np.array([0.05, 0.1, 1.0])).round(2)
    array([0.5, 1. , 0. ])
    """
    return np.minimum(_rise(progress, warmup), (1 - progress) / (1 - warmup))


def wsd(progress: np.ndarray, warmup: float = 0.05, decay: float = 0.2) -> np.ndarray:
    """Warm-up, a stable stretch at 1, and a straight line to 0 over the last ``decay`` share (Hu et al., 2024).

    >>> wsd(np.array([0.025, 0.5, 0.9, 1.0])).round(2)
    array([0.5, 1. , 0.5, 0. ])
    """
    return _rise(progress, warmup) * linear(_within(progress, 1 - decay, 1))


def power(progress: np.ndarray, warmup: float = 0.05, exponent: float = 0.5, decay: float = 0.0) -> np.ndarray:
    """Warm-up, then (steps / steps of the warm-up) ^ -exponent, falling to 0 over the last ``decay`` share.

    The exponent of Shen et al. (2024), for tokens, is 0.51.

    >>> power(np.array([0.05, 0.2, 0.8])).round(2)
    array([1.  , 0.5 , 0.25])
    """
    begun = np.maximum(progress / warmup, 1) if warmup else np.maximum(progress, 1e-3) * 1e3
    return _rise(progress, warmup) * begun**-exponent * linear(_within(progress, 1 - decay, 1))


def infinite(
    progress: np.ndarray, warmup: float = 0.05, cooled: float = 0.4, level: float = 0.4, decay: float = 0.2
) -> np.ndarray:
    """Warm-up, half a cosine to ``level`` at the share ``cooled``, constant, then annealed to a hundredth of it.

    Training can go on from the constant stretch for as long as wanted (Ibrahim et al., 2024).

    >>> infinite(np.array([0.05, 0.4, 0.7, 1.0])).round(3)
    array([1.   , 0.4  , 0.4  , 0.004])
    """
    cooling = level + (1 - level) * cosine(_within(progress, warmup, cooled))
    return _rise(progress, warmup) * cooling * 0.01 ** _within(progress, 1 - decay, 1)


def step(progress: np.ndarray, at: Sequence[float] = (0.5, 0.75), factor: float = 0.1) -> np.ndarray:
    """Multiplied by ``factor`` at each of some shares of the steps.

    >>> step(np.array([0.4, 0.6, 0.9])).round(2)
    array([1.  , 0.1 , 0.01])
    """
    return factor ** np.searchsorted(np.sort(np.asarray(at, dtype=float)), progress, side="right").astype(float)


def _within(progress: np.ndarray, first: float, last: float) -> np.ndarray:
    """How far progress is from one share of the steps to another, 0 to 1."""
    return np.clip((progress - first) / max(last - first, 1e-12), 0, 1)


def _rise(progress: np.ndarray, warmup: float) -> np.ndarray:
    return np.minimum(progress / warmup, 1) if warmup else np.ones_like(progress)


SCHEDULES: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (constant, cosine, linear, warmup_cosine, warmup_linear, wsd, power, infinite, step)
}
"""Schedules by name; what follows the progress in their arguments are dials."""


@dataclass(frozen=True)
class Schedule:
    """What a schedule given by name, with dials, as a function or as a table comes to."""

    shape: Shape | None
    table: tuple[float, ...] = ()

    def factors(self, first: int, last: int, steps: int) -> np.ndarray:
        """Factors of the steps from ``first`` to before ``last`` of a run of so many ``steps``."""
        if self.table:
            return np.asarray(self.table[first:last])
        progress = np.minimum((np.arange(first, last) + 0.5) / max(steps, 1), 1.0)
        return self.shape(progress)


Given = str | Mapping[str, Any] | Sequence[float] | Shape


def read(given: Given) -> Schedule:
    """The schedule that was asked for.

    Arguments:
        given: a name; ``{"name": "wsd", "decay": 0.1}``, a name with dials; a table of factors, one per step; or an
            own function of the progress (array from 0 to 1) to factors.

    Raises ``UnknownName`` for an unknown name or dial, and ``ValueError`` or ``TypeError`` for factors that are none.

    >>> read({"name": "step", "at": [0.5]}).factors(0, 4, 4).round(2)
    array([1. , 1. , 0.1, 0.1])
    >>> read([1.0, 0.5]).factors(0, 2, 2)
    array([1. , 0.5])
    """
    if isinstance(given, str):
        return _named(given, ())
    if isinstance(given, Mapping):
        dials = {key: tuple(v) if isinstance(v, (list, np.ndarray)) else v for key, v in given.items()}
        if "name" not in dials:
            raise ValueError(f"schedule {dict(given)!r} has no 'name'; expected one of {', '.join(SCHEDULES)}")
        return _named(dials.pop("name"), tuple(sorted(dials.items())))
    if callable(given):
        probe = np.asarray(given(np.linspace(0, 1, 5)))
        if probe.shape != (5,) or not np.isfinite(probe).all():
            raise ValueError(f"schedule {given!r} gives {probe!r} for 5 shares of the steps; expected 5 finite factors")
        return Schedule(given)
    table = np.asarray(given)
    if table.ndim != 1 or table.dtype.kind not in "fiu" or not len(table):
        raise TypeError(
            f"schedule={given!r} is a {type(given).__name__}; expected a name, a dict with a name, a list of factors "
            "(one per step) or a function"
        )
    if not (np.isfinite(table).all() and (table >= 0).all()):
        raise ValueError("the schedule's factors contain a number below 0 or none at all; expected 0 or more")
    return Schedule(None, tuple(table.astype(float).tolist()))


@functools.cache
def _named(name: str, dials: tuple[tuple[str, Any], ...]) -> Schedule:
    if name not in SCHEDULES:
        raise UnknownName(f"unknown schedule {name!r}: {nearest(name, SCHEDULES)}")
    function = SCHEDULES[name]
    known = list(inspect.signature(function).parameters)[1:]
    for dial, value in dials:
        if dial not in known:
            raise UnknownName(f"schedule {name!r} has no dial {dial!r}: {nearest(dial, known)}")
        values = np.asarray(value)
        if values.dtype.kind not in "fiu" or not ((values >= 0) & (values <= (1 if dial != "exponent" else 10))).all():
            raise ValueError(f"schedule {name!r}: {dial}={value!r}; expected a number from 0 to 1")
    return Schedule(functools.partial(function, **dict(dials)) if dials else function)


def factors(schedules: Sequence[Schedule], first: int, last: int, steps: np.ndarray) -> np.ndarray:
    """Factors of the learning rate, float32 (last - first, runs), of runs with one schedule and number of steps each.

    >>> factors([read("cosine")] * 2, 0, 2, np.array([2, 4])).round(2)
    array([[0.85, 0.96],
           [0.15, 0.69]], dtype=float32)
    """
    columns = {
        (schedule, count): schedule.factors(first, last, int(count)).astype(np.float32)
        for schedule, count in dict.fromkeys(zip(schedules, steps, strict=True))
    }
    return np.stack([columns[key] for key in zip(schedules, steps, strict=True)], axis=1)
