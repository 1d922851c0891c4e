"""What weight decay and dropout save of what repetition costs, and the loss by size with and without them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.grids.repeats import fresh_runs, resamples
from labkit.grids.trials.readings import mean_with_limits
from labkit.registry import UnknownName, nearest

DECAY, DROPOUT = "weight decay", "dropout"
_COLUMNS = {DECAY: "weight_decay", DROPOUT: "dropout"}
USUAL = 0.1
_CELL = ["width", "params", "unique_tokens", "tokens"]


def remedied(runs: pd.DataFrame, fresh: pd.DataFrame, *, interval: float = 0.9) -> pd.DataFrame:
    """How much of the gap between repeated and fresh text each strength of each remedy recovers.

    Arguments:
        runs: a table such as ``load("remedies")``, with plain runs of every size and text among them.
        fresh: the grid with runs that see every token once; those among ``runs`` count as well.
        interval: level of the limits, by Student's t over seeds.

    Returns a row per width, unique_tokens, epochs above 1, ``remedy`` ("weight decay" or "dropout") and ``strength``:
    params, tokens, mean ``loss``, ``gap`` (plain minus fresh, nats), ``gain`` (plain minus remedied) with gain_low and
    gain_high, and ``share`` = gain / gap with low and high. Above 1, the remedied run is better than plain fresh text.

    Raises ``ValueError`` where no remedied run has a plain and a fresh partner of its seed.

    >>> rows = {"width": 8, "params": 9, "tokens": 64, "seed": [0, 1]}
    >>> rows |= {"weight_decay": 0.0}
    >>> plain = pd.DataFrame(rows | {"unique_tokens": 16, "dropout": 0.0, "loss": 4})
    >>> new = pd.DataFrame(rows | {"unique_tokens": 64, "dropout": 0.0, "loss": 2})
    >>> both = pd.concat([plain, plain.assign(dropout=0.1, loss=3)])
    >>> remedied(both, new)[["remedy", "gain", "share"]].values.tolist()
    [['dropout', 1.0, 0.5]]
    """
    both = _beside(runs[runs.tokens > runs.unique_tokens], fresh_runs(fresh, runs))
    if both.empty:
        raise ValueError(
            "no remedied run has a plain one on the same text and a fresh one of its size, tokens and seed"
        )
    rows = []
    for (*cell, remedy, strength), part in both.groupby([*_CELL, "remedy", "strength"], sort=False):
        gain, gain_low, gain_high = mean_with_limits(part.plain - part.loss, interval)
        gap = (part.plain - part.fresh).mean()
        # A quotient of means, with the spread that its linear form has.
        share = gain / gap
        _, below, above = mean_with_limits(part.plain - part.loss - share * (part.plain - part.fresh), interval)
        rows.append({**dict(zip(_CELL, cell, strict=True)), "remedy": remedy, "strength": strength,
                     "loss": part.loss.mean(), "gap": gap, "gain": gain, "gain_low": gain_low, "gain_high": gain_high,
                     "share": share, "low": share + below / abs(gap), "high": share + above / abs(gap)})  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(epochs=table.tokens / table.unique_tokens)


def _beside(runs: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Remedied runs beside the plain one of their text and the fresh one of their tokens, seed by seed."""
    treated = []
    for remedy, column in _COLUMNS.items():
        other = next(name for name in _COLUMNS.values() if name != column)
        chosen = runs[(runs[column] > 0) & (runs[other] == 0)]
        treated.append(chosen.assign(remedy=remedy, strength=chosen[column]))
    bare = runs[(runs.dropout == 0) & (runs.weight_decay == 0)][[*_CELL, "seed", "loss"]]
    every = pd.concat(treated, ignore_index=True).merge(bare.rename(columns={"loss": "plain"}), on=[*_CELL, "seed"])
    once = fresh[["width", "tokens", "seed", "loss"]].rename(columns={"loss": "fresh"})
    return every.merge(once, on=["width", "tokens", "seed"])


def best_remedies(table: pd.DataFrame) -> pd.DataFrame:
    """The strength with the largest gain of every width, text, epochs and remedy: rows of ``remedied``.

    Being the best of several it looks a little better than it is.
    """
    best = table.groupby([*_CELL, "remedy"], sort=False).gain.idxmax()
    return table.loc[best].reset_index(drop=True)


def recovered(
    runs: pd.DataFrame, fresh: pd.DataFrame, *, epochs: float = 16, least: float = 2.0, interval: float = 0.9
) -> pd.DataFrame:
    """The share of the gap that each remedy recovers at its best strength, over sizes and seeds.

    Arguments:
        runs, fresh, interval: as in ``remedied``.
        epochs: of the runs.
        least: sizes count whose gap to fresh text is above so many standard deviations between seeds of fresh runs.

    Returns a row for "weight decay", "dropout" and "dropout minus weight decay": of, share, low, high, by Student's t
    over all sizes and seeds, and ``widths``, how many sizes count. No row where none does.
    """
    both = _beside(runs[runs.tokens == epochs * runs.unique_tokens], fresh_runs(fresh, runs))
    spread = np.sqrt(both.drop_duplicates(["width", "seed"]).groupby("width").fresh.var().mean())
    gap = both.drop_duplicates(["width", "seed"]).groupby("width").apply(lambda part: (part.plain - part.fresh).mean())
    both = both[both.width.isin(gap.index[gap > least * spread])]
    if both.empty:
        return pd.DataFrame(columns=["of", "share", "low", "high", "widths"])
    both = both.assign(share=(both.plain - both.loss) / (both.plain - both.fresh))
    best = both.groupby(["width", "remedy", "strength"]).loss.mean().groupby(["width", "remedy"]).idxmin()
    chosen = both.merge(pd.DataFrame(list(best), columns=["width", "remedy", "strength"]))
    table = chosen.pivot_table(index=["width", "seed"], columns="remedy", values="share")
    table["dropout minus weight decay"] = table[DROPOUT] - table[DECAY]
    rows = [(name, *mean_with_limits(values, interval), both.width.nunique()) for name, values in table.items()]
    return pd.DataFrame(rows, columns=["of", "share", "low", "high", "widths"])


def by_size(runs: pd.DataFrame) -> pd.DataFrame:
    """The loss against size on a fixed text: as usual, and with the best decay or dropout of those tried.

    ``runs`` is a table such as ``load("remedies")``. Returns a row per width and ``way``: "no decay", "usual decay"
    (0.1), "tuned decay" and "tuned dropout" (none among the choices), each with the best number of epochs tried:
    params, unique_tokens, ``loss`` (mean over seeds), ``se``, epochs, strength. Being the best of several it looks a
    little better than it is.
    """
    repeated = runs[runs.tokens > runs.unique_tokens]
    decays, drops = repeated[repeated.dropout == 0], repeated[repeated.weight_decay == 0]
    ways = {
        "no decay": decays[decays.weight_decay == 0].assign(strength=0.0),
        "usual decay": decays[decays.weight_decay == USUAL].assign(strength=USUAL),
        "tuned decay": decays.assign(strength=decays.weight_decay),
        "tuned dropout": drops.assign(strength=drops.dropout),
    }
    rows = []
    for way, part in ways.items():
        for (width, params, unique), own in part.groupby(_CELL[:3]):
            means = own.groupby(["tokens", "strength"]).loss.agg(["mean", "sem"])
            tokens, strength = means["mean"].idxmin()
            rows.append((width, params, unique, way, *means.loc[(tokens, strength)], tokens / unique, strength))
    columns = ["width", "params", "unique_tokens", "way", "loss", "se", "epochs", "strength"]
    return pd.DataFrame(rows, columns=columns).sort_values(["way", "width"], ignore_index=True)


def best_strengths(runs: pd.DataFrame, remedy: str, *, epochs: float) -> pd.DataFrame:
    """The best strength of a remedy by size in resamplings of the seeds: a column per width, a row per resampling.

    Strength 0 is among the choices. The first row takes each seed once.
    """
    if remedy not in _COLUMNS:
        raise UnknownName(f"unknown remedy {remedy!r}: {nearest(remedy, _COLUMNS)}")
    column = _COLUMNS[remedy]
    other = next(name for name in _COLUMNS.values() if name != column)
    part = runs[(runs[other] == 0) & (runs.tokens == epochs * runs.unique_tokens)]
    if part.empty:
        there = sorted(set(runs.tokens / runs.unique_tokens))
        raise ValueError(f"epochs={epochs!r}; the runs have {', '.join(f'{count:g}' for count in there)}")
    table = part.pivot_table(index=[column, "width"], columns="seed", values="loss")
    count = table.shape[1]
    drawn = [list(range(count)), *resamples(count)]
    return pd.DataFrame([table.iloc[:, seeds].mean(axis=1).unstack("width").idxmin() for seeds in drawn])


def slowed(runs: pd.DataFrame, fresh: pd.DataFrame, *, interval: float = 0.9) -> pd.DataFrame:
    """What the remedies cost where every token is seen once: loss with a remedy minus that of the plain run.

    Returns a row for each remedy, over its sizes and strengths: remedy, ``cost`` (nats), low and high over seeds.
    """
    once = fresh_runs(fresh, runs)
    treated = runs[(runs.tokens == runs.unique_tokens) & ((runs.dropout > 0) | (runs.weight_decay > 0))]
    both = _beside(pd.concat([treated, once], ignore_index=True), once)
    rows = [
        (remedy, *mean_with_limits((part.loss - part.plain).groupby(part.seed).mean(), interval))
        for remedy, part in both.groupby("remedy")
    ]
    return pd.DataFrame(rows, columns=["remedy", "cost", "low", "high"])


def steps_in_size(runs: pd.DataFrame, *, decay: str, interval: float = 0.9) -> pd.DataFrame:
    """How the loss changes from each size to the next, and from the best smaller one to the largest, seed by seed.

    ``decay`` is "usual decay" or "tuned decay": the rows of ``by_size`` say which runs are compared. Returns ``step``
    ("12 to 24", ..., "largest minus smallest", "largest minus best smaller"), change, low, high.
    """
    chosen = by_size(runs)
    chosen = chosen[chosen.way == decay].sort_values("params")
    losses = []
    for row in chosen.itertuples():
        own = runs[(runs.width == row.width) & (runs.dropout == 0) & (runs.weight_decay == row.strength)]
        own = own[(own.tokens == row.epochs * row.unique_tokens) & (own.unique_tokens == row.unique_tokens)]
        losses.append(own.drop_duplicates("seed").set_index("seed").loss)
    places = list(range(len(losses)))
    smaller = int(np.argmin(chosen.loss.to_numpy()[:-1]))
    pairs = {f"{chosen.width.iloc[i]} to {chosen.width.iloc[i + 1]}": (i, i + 1) for i in places[:-1]}
    pairs |= {"largest minus smallest": (0, places[-1]), "largest minus best smaller": (smaller, places[-1])}
    rows = [(name, *mean_with_limits((losses[b] - losses[a]).dropna(), interval)) for name, (a, b) in pairs.items()]
    return pd.DataFrame(rows, columns=["step", "change", "low", "high"])
