"""The rules of data/claims.toml as functions: whether a claim holds (None: inconclusive), and a sentence of figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.grids.trials.readings import mean_with_limits

Limits = tuple[float, float, float]
Verdict = tuple[bool | None, str]


def one_exponent(miss: Limits, gap: float) -> Verdict:
    """Whether a law with one exponent foretells within 3%, and by AIC (its own minus that of two) does as well.

    >>> one_exponent((0.02, 0.01, 0.025), -1.0)[0], one_exponent((0.05, 0.04, 0.06), -1.0)[0]
    (True, False)
    """
    holds = False if miss[1] > 0.03 or gap > 10 else True if miss[2] <= 0.03 and gap <= 2 else None
    return holds, f"mean miss {miss[0]:.1%} ({miss[1]:.1%} to {miss[2]:.1%}); AIC of one exponent minus two {gap:.1f}"


def floors_are_entropies(floors: pd.DataFrame, interval: float = 0.9) -> Verdict:
    """Whether floors of two sources are their entropies and their exponents alike; ``floors`` of ``fitted_floors``."""
    parts = [part for _, part in floors.groupby("temperature")]
    ratios = [mean_with_limits(part.ratio, interval) for part in parts]
    slopes = [mean_with_limits(part.alpha, interval) for part in parts]
    means = floors.groupby("temperature")[["floor", "entropy"]].mean()
    apart = float(np.diff(means.floor.iloc[[0, -1]])[0] / np.diff(means.entropy.iloc[[0, -1]])[0])
    near = all(low >= 0.98 and high <= 1.02 for _, low, high in ratios) and abs(apart - 1) <= 0.1
    far = any(high < 0.98 or low > 1.02 for _, low, high in ratios)
    same = max(low for _, low, _ in slopes) <= min(high for _, _, high in slopes)
    differ = not same and abs(slopes[-1][0] / slopes[0][0] - 1) > 0.1
    told = "floor over entropy " + " and ".join(f"{one[0]:.3f}" for one in ratios)
    told += "; exponents " + " and ".join(f"{one[0]:.2f}" for one in slopes)
    return True if near and same else False if far or differ else None, told


def streams_count(by_law: pd.DataFrame, k: np.ndarray, interval: float = 0.9) -> Verdict:
    """Whether the logarithm of streams multiplies parameters; the two that ``stream_laws`` returns."""
    aic = by_law.set_index("law").aic
    lead = aic.drop("log(streams)").min() - aic["log(streams)"]
    low, high = np.quantile(k, [(1 - interval) / 2, (1 + interval) / 2])
    holds = True if lead > 2 and low > 1e-6 else False if low <= 1e-6 or lead < -2 else None
    told = f"{interval:.0%} of the resampled k lie between {low:.2f} and {high:.2f}"
    return holds, f"{told}; AIC ahead of the next law by {lead:.0f}"


def quality_first(fewest: Limits, most: Limits) -> Verdict:
    """Whether the cleaned part is ahead with little training and behind with much; error of the part minus all.

    >>> quality_first((-0.05, -0.06, -0.04), (-0.03, -0.04, -0.02))[0]
    False
    >>> quality_first((-0.05, -0.06, -0.04), (-0.03, -0.07, 0.01))[0] is None
    True
    """
    holds = True if fewest[2] < 0 < most[1] else False if fewest[1] > 0 or most[2] < 0 else None
    (few, few_low, few_high), (many, many_low, many_high) = fewest, most
    return holds, (
        f"error of the cleaned 40% minus all: {few:.3f} ({few_low:.3f} to {few_high:.3f}) at the fewest steps, "
        f"{many:.3f} ({many_low:.3f} to {many_high:.3f}) at the most"
    )


def wider_for_more(best: pd.DataFrame, grows: float) -> Verdict:
    """Whether the best width grows with the examples; the two that ``best_width`` returns."""
    first, last = best.iloc[0, 0], best.iloc[-1, 0]
    holds = True if grows >= 0.95 else False if grows < 0.05 else None
    return holds, f"best width {first} at {best.index[0]} examples, {last} at {best.index[-1]}"


def copies_double(worth: Limits, error: float) -> Verdict:
    """Whether copies at half the pictures match none at all of them; ``error`` is the mean without copies.

    >>> copies_double((-0.01, -0.02, -0.005), 0.5)[0]
    True
    """
    alike = worth[1] <= 0 <= worth[2] and abs(worth[0]) <= 0.05 * error
    holds = True if worth[2] < 0 or alike else False if worth[1] > 0 else None
    return holds, f"error with copies at half the pictures, minus none at all of them: {worth[0]:.3f}"


def order_is_nothing(spread: pd.DataFrame) -> Verdict:
    """Whether facts known are spread like a Poisson process; ``spread`` of ``dispersion``."""
    judged = spread[spread.known.between(0.05, 0.95)]
    holds = None if judged.empty else bool((judged.p * len(judged) > 0.05).all())
    told = ", ".join(
        f"{index:.1f} at width {width} (p {'below 0.001' if p < 0.001 else f'{p:.3f}'})"
        for width, index, p in zip(judged.width, judged["index"], judged.p, strict=True)
    )
    return holds, f"variance over mean of the facts known, by stretch: {told or 'no width knows 5 to 95% of them'}"


def steeper_when_larger(slope: pd.DataFrame, steeper: Limits) -> Verdict:
    """Whether frequency matters to all widths, and more to the largest; ``slope`` of ``slopes``, and the difference."""
    rising = bool((slope.groupby("width").slope.mean() > 0).all())
    holds = True if rising and steeper[1] > 0 else False if steeper[2] < 0 else None
    told = f"{steeper[0]:.3f} ({steeper[1]:.3f} to {steeper[2]:.3f})"
    return holds, f"slope of the share known per doubling, largest width minus smallest: {told}"
