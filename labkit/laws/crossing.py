"""Where two curves cross: foretold from power laws on the sizes at hand, and found in what was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit import seeds

DRAWS = 2000


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
    come from resampling the seeds of each; an upper limit of inf says that more than its share of the resamples never
    cross ahead of the smallest size. Raises ``ValueError`` for different sizes or fewer than 2.

    >>> import pandas as pd
    >>> x = np.array([10.0, 20, 40])
    >>> flat, steep = (pd.DataFrame([a * x**-b], columns=x) for a, b in ((1, 0.2), (2, 0.3)))
    >>> round(foretold(flat, steep).x)
    1024
    """
    if list(first.columns) != list(second.columns) or len(first.columns) < 2:
        raise ValueError(f"expected two curves at the same 2 or more sizes, got {[*first.columns], [*second.columns]}")
    x = np.log(np.asarray(first.columns, float))
    generator = seeds.generator(seed, "crossing")
    means = [_mean(curve, generator) for curve in (first, second)]
    (a, a_slope), (b, b_slope) = (_line(x, np.concatenate([m, d])) for m, d in means)
    with np.errstate(all="ignore"):
        at = (b - a) / (a_slope - b_slope)  # both lines fall: value = height + slope · x
    ahead = np.isfinite(at) & (b_slope < a_slope) & (at > x[0])
    size = np.where(ahead, np.exp(np.where(ahead, np.minimum(at, 690), 0.0)), np.inf)
    tails = [(1 - interval) / 2, (1 + interval) / 2]
    low, high = np.quantile(size[1:], tails, method="nearest")
    better = bool((first.mean() < second.mean()).all())
    slopes = float(-a_slope[0]), float(-b_slope[0])
    return Crossing(float(size[0]), float(low), float(high), interval, float(np.isinf(size[1:]).mean()), slopes, better)


def _mean(curve, generator) -> tuple[np.ndarray, np.ndarray]:
    """The mean over seeds (1, sizes), and that of resamples of the seeds (draws, sizes)."""
    values = curve.to_numpy(float)
    picks = generator.integers(len(values), size=(DRAWS, len(values)))
    return values.mean(0, keepdims=True), values[picks].mean(1)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights and slopes of the lines through ln y (draws, sizes)."""
    height, slope = np.polynomial.polynomial.polyfit(x, np.log(y).T, 1)
    return height, slope


def measured(first, second) -> float:
    """The size from which on the mean of the second curve lies below that of the first; inf if it never does.

    Between the two sizes around it the gap is taken to be straight in the logarithm of the size.

    >>> import pandas as pd
    >>> x = [10, 100, 1000]
    >>> measured(pd.DataFrame([[0.3, 0.2, 0.15]], columns=x), pd.DataFrame([[0.5, 0.2, 0.1]], columns=x))
    100.0
    """
    x = np.log(np.asarray(first.columns, float))
    gap = np.log(second.mean().to_numpy(float) / first.mean().to_numpy(float))
    above = np.flatnonzero(gap > 0)
    if not len(above):
        return float(np.exp(x[0]))
    last = above[-1]
    if last == len(gap) - 1:
        return float("inf")
    share = gap[last] / (gap[last] - gap[last + 1])
    return float(round(np.exp(x[last] + share * (x[last + 1] - x[last])), 9))
