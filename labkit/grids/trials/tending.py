"""What ever larger models and ever larger ensembles tend to on one text, and how much text that is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit import laws
from labkit.grids.remedy import by_size
from labkit.grids.repeats import plain
from labkit.grids.trials.readings import mean_with_limits

SINGLE = "one model, endless size"


def asymptote(amounts, losses) -> float:
    """The floor of a power law with a floor through losses at some amounts.

    >>> k = np.arange(1, 9)
    >>> round(asymptote(k, 2 + 0.3 / k), 4)
    2.0
    """
    law = laws.ScalingLaw("power_floor", "log_squared").fit(np.asarray(amounts, float), np.asarray(losses, float))
    return law.parameters_["E"]


def asymptotes(ensembles: pd.DataFrame, singles: pd.DataFrame, *, interval: float = 0.9) -> pd.DataFrame:
    """Asymptotes in the members of ensembles, and in the size of single models with decay and epochs tuned.

    Arguments:
        ensembles: width, params, weight_decay, seed, members and loss, as of the trial of that name.
        singles: a table such as ``load("remedies")``; each size with the decay and epochs best in the mean over seeds.
        interval: level of the limits, by Student's t over seeds; each seed is a text of its own.

    Of the decays of an ensemble the one with the lowest mean loss of all members is used. Returns a row for "one model,
    endless size" and one for each width: name, params (inf for the first), weight_decay, ``measured`` (the lowest mean
    loss behind it), ``value`` (mean of the seeds' asymptotes), low, high, ``left_out_low`` and ``left_out_high``, ends
    of the asymptotes of the mean losses with one point left out at a time, and ``points``.
    """
    single = tuned(singles).pivot_table(index="params", columns="seed", values="loss")
    rows = [_row(SINGLE, np.inf, np.nan, single, interval)]
    full = ensembles[ensembles.members == ensembles.members.max()]
    means = full.groupby(["width", "weight_decay"]).loss.mean()
    for width, decays in means.groupby(level="width"):
        decay = decays.idxmin()[1]
        own = ensembles[(ensembles.width == width) & (ensembles.weight_decay == decay)]
        curve = own.pivot_table(index="members", columns="seed", values="loss")
        rows.append(_row(f"ensembles at width {width}", float(own.params.iloc[0]), decay, curve, interval))
    return pd.DataFrame(rows)


def _row(name: str, params: float, decay: float, curve: pd.DataFrame, interval: float) -> dict:
    value, low, high = mean_with_limits([asymptote(curve.index, losses) for _, losses in curve.items()], interval)
    mean = curve.mean(axis=1)
    without = [asymptote(mean.index.delete(place), mean.drop(at)) for place, at in enumerate(mean.index)]
    return {"name": name, "params": params, "weight_decay": decay, "measured": mean.min(), "value": value, "low": low,
            "high": high, "left_out_low": min(without), "left_out_high": max(without), "points": len(mean)}  # fmt: skip


def tuned(singles: pd.DataFrame) -> pd.DataFrame:
    """The runs of every size with the decay and epochs that are best in the mean: rows of the table itself."""
    best = by_size(singles).query("way == 'tuned decay'")
    repeated = singles[singles.dropout == 0].assign(epochs=singles.tokens / singles.unique_tokens)
    chosen = best[["width", "unique_tokens", "epochs", "strength"]].rename(columns={"strength": "weight_decay"})
    return repeated.merge(chosen, on=["width", "unique_tokens", "epochs", "weight_decay"])


def usual_text(repeated: pd.DataFrame) -> pd.DataFrame:
    """The lowest mean loss of plain runs for every amount of unique text, whatever the size and the epochs.

    Returns unique_tokens, loss, width, epochs.
    """
    means = plain(repeated).groupby(["unique_tokens", "width", "epochs"]).loss.mean()
    best = means.groupby(level="unique_tokens").idxmin()
    return means.loc[best].reset_index()[["unique_tokens", "loss", "width", "epochs"]]


def text_for(repeated: pd.DataFrame, loss: float) -> float:
    """The unique tokens that plain training needs for a loss; inf where no amount in the grid suffices.

    Interpolated in logarithms between the amounts of ``usual_text``; a loss that the least of them reaches needs no
    more than that, and that is what is returned.
    """
    known = usual_text(repeated)
    if loss < known.loss.iloc[-1]:
        return np.inf
    return float(np.exp(np.interp(-np.log(loss), -np.log(known.loss), np.log(known.unique_tokens))))
