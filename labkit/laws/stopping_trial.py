"""Trial of stopping rules on made-up curves whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit.seeds import generator

OUTLIER = 5  # place of the distorted point: after the first two fits, so that the anchor has something to hold on to


@dataclass(frozen=True)
class MadeUp:
    """Curves with known truth.

    ``x`` are the sizes (n,), ``y`` and ``truth`` the measured and true errors (curves, n), ``floor`` is (curves,).
    """

    x: np.ndarray
    y: np.ndarray
    truth: np.ndarray
    floor: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A value with its bootstrap standard error and 90% percentile interval."""

    value: float
    se: float
    low: float
    high: float


def made_up_curves(curves: int, *, noise: float = 0.003, outlier: float = 0.05, seed: int = 0) -> MadeUp:
    """Power laws with a floor at 11 sizes from 32 to 32,768, with noise and one distorted point each.

    Arguments:
        curves: how many.
        noise: standard deviation of the measured error, in units of the error.
        outlier: what is added to the sixth point, up or down by chance.
        seed: of everything drawn.

    Floors are uniform in 0.02 to 0.2, errors at the first size in 0.5 to 0.9, exponents in 0.3 to 0.8.

    >>> made_up_curves(3).y.shape
    (3, 11)
    """
    random = generator(seed, "made-up curves")
    x = 2.0 ** np.arange(5, 16)
    floor = random.uniform(0.02, 0.2, curves)
    exponent, first = random.uniform(0.3, 0.8, (curves, 1)), random.uniform(0.5, 0.9, (curves, 1))
    truth = floor[:, None] + (first - floor[:, None]) * (x / x[0]) ** -exponent
    y = truth + noise * random.normal(size=truth.shape)
    y[:, OUTLIER] += outlier * random.choice([-1, 1], curves)
    return MadeUp(x, y, truth, floor)


def stop_naively(x, y, tolerance: float) -> pd.DataFrame:
    """Stop at the first size that gained at most the tolerance over the one before.

    Returns a frame with columns ``curve``, ``level`` and ``x``; a curve that never stops is left out.

    >>> stop_naively(np.array([1, 2, 4, 8]), np.array([[0.5, 0.3, 0.29, 0.2]]), 0.02).x.tolist()
    [4]
    """
    small = -np.diff(y, axis=1) <= tolerance
    curve = np.flatnonzero(small.any(axis=1))
    level = small[curve].argmax(axis=1) + 2
    return pd.DataFrame({"curve": curve, "level": level, "x": np.asarray(x)[level - 1]})


def outcome(stops: pd.DataFrame, made: MadeUp, tolerance: float) -> dict[str, float]:
    """How a rule did: ``kept``, ``stopped`` and ``examples``.

    ``kept`` is the share of the stopped curves whose true error at the last size is within the tolerance of the true
    error where they stopped; ``stopped`` the share that stopped; ``examples`` the mean size used (all without a stop).

    >>> made = made_up_curves(4)
    >>> outcome(stop_naively(made.x, made.truth, 0.1), made, 1.0)["kept"]
    1.0
    """
    curve, place = stops.curve.to_numpy(), stops.level.to_numpy() - 1
    gain = made.truth[curve, place] - made.truth[curve, -1]
    used = np.full(len(made.y), made.x[-1])
    used[curve] = made.x[place]
    kept = float((gain <= tolerance).mean()) if len(curve) else float("nan")
    return {"kept": kept, "stopped": len(curve) / len(made.y), "examples": float(used.mean())}


def steadiness(
    plain: pd.DataFrame, anchored: pd.DataFrame, made: MadeUp, *, after: int = 0, draws: int = 1000, seed: int = 0
) -> Estimate:
    """How much less the floor errs with the anchor: its variance over curves, over the variance without.

    Arguments:
        plain, anchored: what ``trends`` returned for ``made.y`` without and with the anchor.
        after: sizes since the distorted point; 0 is the first fit that sees it.
        draws, seed: resamples of the curves, and their seed.
    """
    level = OUTLIER + 1 + after

    def miss(frame: pd.DataFrame) -> np.ndarray:
        return frame[frame.level == level].sort_values("curve").floor.to_numpy() - made.floor

    without, with_anchor = miss(plain), miss(anchored)
    picks = generator(seed, "steadiness").integers(len(made.y), size=(draws, len(made.y)))
    ratios = with_anchor[picks].var(axis=1) / without[picks].var(axis=1)
    low, high = np.quantile(ratios, [0.05, 0.95])
    return Estimate(float(with_anchor.var() / without.var()), float(ratios.std()), float(low), float(high))
