"""Text seen more than once: what it costs against fresh text, what it is worth, and how much faster fresh text is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.grids.trials.readings import mean_with_limits

_CELL = ["width", "unique_tokens"]


def plain(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs without dropout and without weight decay, with their number of epochs.

    >>> rows = {"dropout": [0.0, 0.1], "weight_decay": 0.0, "tokens": 64, "unique_tokens": 16}
    >>> plain(pd.DataFrame(rows)).epochs.tolist()
    [4.0]
    """
    chosen = runs[(runs.dropout == 0) & (runs.weight_decay == 0)]
    return chosen.assign(epochs=chosen.tokens / chosen.unique_tokens)


def fresh_runs(*grids: pd.DataFrame) -> pd.DataFrame:
    """The plain runs of some grids in which every token is seen once, each once though several grids have it."""
    every = pd.concat([plain(grid) for grid in grids], ignore_index=True)
    every = every[every.epochs == 1]
    return every.drop_duplicates(["width", "tokens", "seed"], ignore_index=True)


def paired(repeated: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Every repeated plain run beside the fresh one of its size, tokens and seed: columns ``fresh`` and ``gap``."""
    runs = plain(repeated)
    runs = runs[runs.epochs > 1]
    once = fresh_runs(fresh, repeated)[["width", "tokens", "seed", "loss"]].rename(columns={"loss": "fresh"})
    both = runs.merge(once, on=["width", "tokens", "seed"])
    if both.empty:
        raise ValueError(
            "no repeated run has a fresh one of the same width, tokens and seed; give grids.load('repetition') and "
            "grids.load('compute_optimal')"
        )
    return both.assign(gap=both.loss - both.fresh)


def gaps(repeated: pd.DataFrame, fresh: pd.DataFrame, *, interval: float = 0.9) -> pd.DataFrame:
    """What repetition costs: the loss of repeated runs minus that of runs on as many fresh tokens, seed by seed.

    Arguments:
        repeated, fresh: tables as ``load`` gives them; rows with dropout or weight decay are left out.
        interval: level of the limits, by Student's t over seeds.

    Returns a row per width, unique_tokens and epochs above 1: params, tokens, mean ``loss`` and ``fresh``, ``gap``,
    low, high, ``seed_sd`` (standard deviation between seeds of fresh runs of that budget, pooled over sizes), and
    ``ratio``, gap over seed_sd.

    Raises ``ValueError`` where no repeated run has a fresh partner.

    >>> rows = {"width": 8, "params": 9, "dropout": 0.0, "weight_decay": 0.0, "tokens": 64, "seed": [0, 1]}
    >>> old = pd.DataFrame(rows | {"unique_tokens": 16, "loss": [2.25, 2.5]})
    >>> new = pd.DataFrame(rows | {"unique_tokens": 64, "loss": [2.0, 2.25]})
    >>> gaps(old, new)[["epochs", "gap"]].values.tolist()
    [[4.0, 0.25]]
    """
    spread = fresh_runs(fresh, repeated).groupby(["tokens", "width"]).loss.var()
    spread = np.sqrt(spread.groupby("tokens").mean()).rename("seed_sd")
    rows = []
    for (width, unique, epochs), cell in paired(repeated, fresh).groupby([*_CELL, "epochs"]):
        gap, low, high = mean_with_limits(cell.gap, interval)
        own = {"width": width, "params": cell.params.iloc[0], "unique_tokens": unique, "tokens": cell.tokens.iloc[0]}
        rows.append({**own, "epochs": epochs, "loss": cell.loss.mean(), "fresh": cell.fresh.mean(), "gap": gap,
                     "low": low, "high": high})  # fmt: skip
    table = pd.DataFrame(rows).join(spread, on="tokens")
    return table.assign(ratio=table.gap / table.seed_sd)


def gap_slopes(
    repeated: pd.DataFrame, fresh: pd.DataFrame, *, tokens: tuple[int, ...] = (262_144, 524_288), interval: float = 0.9
) -> pd.DataFrame:
    """How the gap to fresh text changes as parameters double, and as unique tokens double, at equal tokens in all.

    Least squares on both logarithms, with a level of its own for each number of ``tokens``, seed by seed. Returns a row
    for ``params`` and one for ``unique_tokens``: slope (nats per doubling), low, high.
    """
    both = paired(repeated, fresh)
    both = both[both.tokens.isin(tokens)]
    found = []
    for _, part in both.groupby("seed"):
        levels = [(part.tokens == budget).to_numpy(float) for budget in sorted(part.tokens.unique())]
        columns = [np.log2(part.params), np.log2(part.unique_tokens), *levels]
        found.append(np.linalg.lstsq(np.stack(columns, axis=1), part.gap.to_numpy(), rcond=None)[0][:2])
    rows = [
        (name, *mean_with_limits(values, interval))
        for name, values in zip(("params", "unique_tokens"), np.transpose(found), strict=True)
    ]
    return pd.DataFrame(rows, columns=["of", "slope", "low", "high"])


def turning(repeated: pd.DataFrame, *, unique_tokens: int) -> tuple[pd.DataFrame, float]:
    """The epochs of lowest mean loss by size, and how sure the largest size reaches them sooner than the smallest.

    The second is the share of resamplings of the seeds, all of them, in which it does. Ends of the epochs tried count
    as they are: a size whose loss falls to the end has its lowest there.
    """
    runs = plain(repeated)
    if unique_tokens not in set(runs.unique_tokens):
        raise ValueError(f"unique_tokens={unique_tokens!r}; there are plain runs of {sorted(set(runs.unique_tokens))}")
    table = runs[runs.unique_tokens == unique_tokens].pivot_table(
        index=["width", "epochs"], columns="seed", values="loss"
    )
    sooner = [
        chosen.iloc[-1] < chosen.iloc[0]
        for drawn in resamples(table.shape[1])
        for chosen in [table.iloc[:, drawn].mean(axis=1).unstack("epochs").idxmin(axis=1)]
    ]
    means = table.mean(axis=1).unstack("epochs")
    frame = pd.DataFrame({"epochs": means.idxmin(axis=1), "loss": means.min(axis=1)}).reset_index()
    return frame, float(np.mean(sooner))


def resamples(count: int, *, most: int = 1000) -> list[list[int]]:
    """All draws of ``count`` seeds with replacement where there are at most ``most``, else so many at random.

    >>> len(resamples(3)), len(resamples(6))
    (27, 1000)
    """
    import itertools

    if count**count <= most:
        return [list(draw) for draw in itertools.product(range(count), repeat=count)]
    return np.random.default_rng(0).integers(count, size=(most, count)).tolist()


def effective_tokens(repeated: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """The fresh tokens after which a run of the same size reaches the loss of each repeated run.

    Arguments:
        repeated, fresh: as in ``gaps``. The mean losses of fresh runs, each with a schedule of its own, are joined by
            straight lines in logarithms.

    Returns a row per plain run of more than one epoch: width, params, unique_tokens, tokens, epochs, seed, loss,
    ``effective``, ``worth`` (effective / unique_tokens), ``speedup`` (tokens / effective), and ``bound``: "" or, where
    the loss is not among those of fresh runs, "below" or "above"; effective is then the smallest or largest budget.

    >>> rows = {"width": 8, "params": 9, "dropout": 0.0, "weight_decay": 0.0, "seed": 0}
    >>> new = pd.DataFrame(rows | {"tokens": [16, 64], "unique_tokens": [16, 64], "loss": [4.0, 1.0]})
    >>> old = pd.DataFrame(rows | {"tokens": [64], "unique_tokens": [16], "loss": [2.0]})
    >>> effective_tokens(old, new)[["effective", "speedup"]].round(6).values.tolist()
    [[32.0, 2.0]]
    """
    runs, once = plain(repeated), fresh_runs(fresh, repeated)
    frames = []
    for width, part in runs[runs.epochs > 1].groupby("width"):
        curve = once[once.width == width].groupby("tokens").loss.mean()
        if not len(curve):
            continue
        heights = np.minimum.accumulate(np.log(curve.to_numpy()))
        at = np.interp(-np.log(part.loss), -heights, np.log(curve.index.to_numpy(float)))
        high, low = part.loss > np.exp(heights[0]), part.loss < np.exp(heights[-1])
        frames.append(part.assign(effective=np.exp(at), bound=np.where(high, "below", np.where(low, "above", ""))))
    if not frames:
        raise ValueError("no width of the repeated runs has fresh ones; give grids.load('compute_optimal') as fresh")
    found = pd.concat(frames, ignore_index=True)
    found = found.assign(worth=found.effective / found.unique_tokens, speedup=found.tokens / found.effective)
    return found[["width", "params", "unique_tokens", "tokens", "epochs", "seed", "loss", "effective", "worth",
                  "speedup", "bound"]]  # fmt: skip


def speedups(
    repeated: pd.DataFrame, fresh: pd.DataFrame, *, epochs: tuple[float, ...] | None = None, interval: float = 0.9
) -> pd.DataFrame:
    """How many times faster one epoch on fresh text reaches the loss of several epochs on less.

    Arguments:
        repeated, fresh: as in ``gaps``.
        epochs: numbers of epochs; between those that were run, the logarithm is interpolated over the configurations
            that have both neighbours. None is those that were run.
        interval: level of the limits over seeds, by Student's t.

    Returns epochs, ``speedup`` (geometric mean over configurations of size and unique text), low, high, ``cells``
    (configurations) and ``bounded``, the share of runs whose loss no fresh run is as bad as; theirs is a lower bound.
    Source: Komatsuzaki (2019).
    """
    runs = effective_tokens(repeated, fresh)
    table = np.log(runs.pivot_table(index=[*_CELL, "seed"], columns="epochs", values="speedup"))
    below = runs.assign(below=runs.bound == "below").pivot_table(
        index=[*_CELL, "seed"], columns="epochs", values="below"
    )
    rows = []
    for count in table.columns if epochs is None else epochs:
        left, right = table.columns[table.columns <= count], table.columns[table.columns >= count]
        if not len(left) or not len(right):
            raise ValueError(f"epochs={count:g} is not between those that were run, {list(table.columns)}")
        pair = [left[-1], right[0]]
        share = 0.0 if pair[0] == pair[1] else np.log(count / pair[0]) / np.log(pair[1] / pair[0])
        values = ((1 - share) * table[pair[0]] + share * table[pair[1]]).dropna()
        mean, low, high = np.exp(mean_with_limits(values.groupby("seed").mean(), interval))
        cells = len(values.groupby(_CELL).size())
        rows.append((float(count), mean, low, high, cells, float(below.loc[values.index, pair].max(axis=1).mean())))
    return pd.DataFrame(rows, columns=["epochs", "speedup", "low", "high", "cells", "bounded"])


def speedup_rise(
    repeated: pd.DataFrame, fresh: pd.DataFrame, *, few: float = 4, many: float = 16, interval: float = 0.9
) -> tuple[float, float, float]:
    """The speed-up at many epochs over that at few, over the configurations that have both, with limits over seeds."""
    runs = effective_tokens(repeated, fresh)
    table = np.log(runs.pivot_table(index=[*_CELL, "seed"], columns="epochs", values="speedup"))
    rise = (table[many] - table[few]).dropna().groupby("seed").mean()
    return tuple(float(value) for value in np.exp(mean_with_limits(rise, interval)))


def longer_runs(fresh: pd.DataFrame, *, hidden: int = 2) -> pd.DataFrame:
    """The longest fresh runs of each size as foretold by a power law with a floor through the shorter ones.

    ``hidden`` is how many budgets are left out. Returns width, params, tokens, loss (means over seeds), prediction and
    miss (prediction / loss - 1).
    """
    from labkit import laws

    frames = []
    for _, part in fresh_runs(fresh).groupby("width"):
        curve = part.groupby(["width", "params", "tokens"], as_index=False).loss.mean()
        known, rest = curve[:-hidden], curve[-hidden:]
        law = laws.ScalingLaw("power_floor", "log_squared").fit(known.tokens.astype(float), known.loss)
        frames.append(rest.assign(prediction=law.predict(rest.tokens.astype(float))))
    found = pd.concat(frames, ignore_index=True)
    return found.assign(miss=found.prediction / found.loss - 1)
