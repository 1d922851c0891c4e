"""What the trials of related languages say: gains, what size still buys, and what selection and quality add."""

from __future__ import annotations

import pandas as pd

from labkit.grids.trials.readings import mean_with_limits


def auxiliary_gains(runs: pd.DataFrame, *, interval: float = 0.9) -> pd.DataFrame:
    """What related text saves on the target, by distance: the target alone minus the best mixture, seed by seed.

    Arguments:
        runs: a table of ``bilingual`` with one width, one noise and the target alone (share 1).
        interval: level of the limits, by Student's t over seeds.

    The target alone has the number of steps that is best in the mean, a mixture the share that is. Returns distance,
    ``share`` and ``steps`` of those two, ``gain`` (nats), low, high. The row of distance NaN is the closest one's gain
    minus the most distant one's.
    """
    alone = runs[runs.share == 1].pivot_table(index="seed", columns="steps", values="target_loss")
    steps = alone.mean().idxmin()
    gains, rows = {}, []
    for distance, part in runs[runs.share < 1].groupby("distance"):
        mixed = part.pivot_table(index="seed", columns="share", values="target_loss")
        share = mixed.mean().idxmin()
        gains[distance] = alone[steps] - mixed[share]
        rows.append((distance, share, steps, *mean_with_limits(gains[distance], interval)))
    fall = gains[min(gains)] - gains[max(gains)]
    rows.append((float("nan"), float("nan"), steps, *mean_with_limits(fall, interval)))
    return pd.DataFrame(rows, columns=["distance", "share", "steps", "gain", "low", "high"])


def falls_with_size(runs: pd.DataFrame, *, interval: float = 0.9) -> pd.DataFrame:
    """How much the losses fall from the middle width to the largest, seed by seed.

    ``runs`` is a table of ``bilingual`` with one distance and one share below 1. Returns a row for ``target``,
    ``auxiliary``, and ``target minus a third of auxiliary``: of, fall (nats), low, high.
    """
    widths = sorted(runs.width.unique())
    middle, largest = widths[len(widths) // 2 - (len(widths) % 2 == 0)], widths[-1]
    falls = {}
    for name in ("target", "auxiliary"):
        table = runs.pivot_table(index="seed", columns="width", values=f"{name}_loss")
        falls[name] = table[middle] - table[largest]
    falls["target minus a third of auxiliary"] = falls["target"] - falls["auxiliary"] / 3
    rows = [(name, *mean_with_limits(values, interval)) for name, values in falls.items()]
    return pd.DataFrame(rows, columns=["of", "fall", "low", "high"])


def paired_difference(
    runs: pd.DataFrame, column: str, minus, plus, *, value: str = "target_loss", interval: float = 0.9
) -> tuple[float, float, float]:
    """Mean of ``value`` where ``column`` is ``plus``, minus where it is ``minus``, seed by seed, with limits.

    >>> runs = pd.DataFrame({"way": list("abab"), "seed": [0, 0, 1, 1], "target_loss": [1.0, 2.0, 3.0, 4.0]})
    >>> paired_difference(runs, "way", "a", "b")[0]
    1.0
    """
    table = runs.pivot_table(index="seed", columns=column, values=value)
    return mean_with_limits((table[plus] - table[minus]).dropna(), interval)
