"""Where two curves cross: foretold from power laws on the sizes at hand, and found in what was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit import seeds
from labkit.laws.estimator import level

DRAWS = 2000
PARALLEL = 1e-12  # difference of two slopes that is rounding
FARTHEST = np.log(np.finfo(float).max)


@dataclass(frozen=True)
class Crossing:
    """A foretold crossing: the size (inf where the curves never meet ahead), its limits, and how often they do not.

    ``slopes``: the exponents of both curves. ``better``: whether the first is better at every size seen.
    """

    x: float
    low: float
    high: float
    interval: float
    never: float
    slopes: tuple[float, float]
    better: bool


def foretold(first, second, *, interval: float = 0.9, seed: int = 0) -> Crossing:
    """Where a straight line on logarithmic axes through each curve puts their crossing.

    ``first`` and ``second`` are frames of positive errors, seeds in rows and the same sizes in columns. The limits
    come from resampling the seeds of each, widened for their small number; an upper limit of inf says that more than
    its share of the resamples never cross ahead of the smallest size. Raises ``ValueError`` for different sizes, for
    fewer than 2 sizes or seeds, and for errors that are not above zero.

    >>> import pandas as pd
    >>> x = np.array([10.0, 20, 40])
    >>> flat, steep = (pd.DataFrame([a * x**-b] * 2, columns=x) for a, b in ((1, 0.2), (2, 0.3)))
    >>> round(foretold(flat, steep).x)
    1024
    """
    if list(first.columns) != list(second.columns) or len(first.columns) < 2:
        raise ValueError(f"expected two curves at the same 2 or more sizes, got {[*first.columns], [*second.columns]}")
    if min(len(first), len(second)) < 2:
        raise ValueError(
            f"got {len(first)} and {len(second)} seeds, expected at least 2 of each to tell how sure it is"
        )
    level(interval)
    for curve in (first, second):
        values = curve.to_numpy(float)
        if not (np.isfinite(values) & (values > 0)).all():
            raise ValueError(f"errors are finite and above zero; the smallest is {values.min():g}")
    x = np.log(np.asarray(first.columns, float))
    generator = seeds.generator(seed, "crossing")
    (a, a_slope), (b, b_slope) = (_line(x, _log_means(curve, interval, generator)) for curve in (first, second))
    with np.errstate(all="ignore"):
        at = (b - a) / (a_slope - b_slope)  # both lines fall: value = height + slope · x
    ahead = (a_slope - b_slope > PARALLEL) & (at > x[0]) & (at < FARTHEST)
    size = np.where(ahead, np.exp(np.where(ahead, at, 0.0)), np.inf)
    tails = [(1 - interval) / 2, (1 + interval) / 2]
    low, high = np.quantile(size[1:], tails, method="nearest")
    better = bool((first.mean() < second.mean()).all())
    slopes = float(-a_slope[0]), float(-b_slope[0])
    return Crossing(float(size[0]), float(low), float(high), interval, float(np.isinf(size[1:]).mean()), slopes, better)


def _log_means(curve, interval: float, generator) -> np.ndarray:
    """ln of the mean over seeds (1 + draws, sizes): of all of them, then of resamples, spread as few seeds ask for."""
    from scipy.special import ndtri, stdtrit

    values = curve.to_numpy(float)
    count = len(values)
    centre = np.log(values.mean(0, keepdims=True))
    picks = generator.integers(count, size=(DRAWS, count))
    moved = np.log(values[picks].mean(1)) - centre
    # resamples of a few seeds vary too little, and their own spread is uncertain: Student's t in place of the normal
    wider = np.sqrt(count / (count - 1)) * stdtrit(count - 1, (1 + interval) / 2) / ndtri((1 + interval) / 2)
    return np.concatenate([centre, centre + wider * moved])


def _line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights and slopes of the lines through y (draws, sizes)."""
    height, slope = np.polynomial.polynomial.polyfit(x, y.T, 1)
    return height, slope


def measured(first, second) -> float:
    """The size from which on the mean of the second curve lies below that of the first; inf if it never does.

    Between the two sizes around it the gap is taken to be straight in the logarithm of the size.

    >>> import pandas as pd
    >>> x = [10, 100, 1000]
    >>> round(measured(pd.DataFrame([[0.3, 0.2, 0.15]], columns=x), pd.DataFrame([[0.5, 0.21, 0.1]], columns=x)), 1)
    128.1
    """
    x = np.log(np.asarray(first.columns, float))
    gap = np.log(second.mean().to_numpy(float) / first.mean().to_numpy(float))
    above = np.flatnonzero(gap > 0)
    if not len(above):
        return float(first.columns[0])
    last = above[-1]
    if last == len(gap) - 1:
        return float("inf")
    share = gap[last] / (gap[last] - gap[last + 1])
    return float(np.exp(x[last] + share * (x[last + 1] - x[last])))
