"""Whether a grid trained here and the shipped one are the same up to their seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

_SAME = ["width", "tokens", "unique_tokens", "schedule", "warmup", "learning_rate", "weight_decay", "dropout"]


def agreement(live: pd.DataFrame, shipped: pd.DataFrame, *, level: float = 0.99) -> pd.DataFrame:
    """Hold the mean loss of every configuration of a live grid against the shipped one.

    Arguments:
        live, shipped: tables of ``train(...).table`` and ``load(...)``, with a row per run.
        level: how sure all of ``within`` together shall be.

    The spread between seeds is that of the shipped logarithmic losses of a token budget, pooled over its sizes: few
    seeds tell little of one configuration's own. Runs of one seed and budget read the same text whatever their size, so
    the z of a budget rise and fall together: count one budget as about one piece of evidence.

    Returns a row per configuration that both have: width, tokens, unique_tokens, ``live`` and ``shipped`` (mean loss),
    ``difference`` (of their logarithms), ``se``, ``z`` = difference / se, which follows Student's t where both are
    trained alike, and ``within``: whether all of them lie where chance alone leaves them with probability ``level``
    (Bonferroni's bound).

    Raises ``ValueError`` where they share no configuration, or the shipped grid has one seed of each.

    >>> rows = {"width": 8, "tokens": 64, "unique_tokens": 64, "schedule": "cosine", "warmup": 0.0}
    >>> rows |= {"learning_rate": 0.1, "weight_decay": 0.0, "dropout": 0.0}
    >>> one, two = (pd.DataFrame(rows | {"loss": losses}) for losses in ([2.01], [2.0, 2.02, 2.04]))
    >>> agreement(one, two)[["z", "within"]].round(2).values.tolist()
    [[-0.43, True]]
    """
    from scipy.stats import t as student

    if not 0 < level < 1:
        raise ValueError(f"level={level!r}; expected a number between 0 and 1, such as 0.99")
    ours, theirs = _means(live, "live"), _means(shipped, "shipped")
    both = ours.merge(theirs, on=_SAME)
    if both.empty:
        raise ValueError(
            "the live and the shipped grid share no configuration: train one of the presets of the same design, such "
            "as grids.compute_optimal('lesson')"
        )
    budget = theirs.groupby("tokens").agg(square=("shipped_square", "sum"), free=("shipped_free", "sum"))
    pooled = both[["tokens"]].join(budget, on="tokens")
    if (pooled.free == 0).any():
        tokens = int(pooled.tokens[pooled.free == 0].iloc[0])
        raise ValueError(f"the shipped grid has one seed for each size at {tokens:,} tokens, which tells no spread")
    spread = np.sqrt(pooled.square / pooled.free)
    difference = both.live_mean - both.shipped_mean
    se = spread * np.sqrt(1 / both.live_count + 1 / both.shipped_count)
    z = difference / se
    bound = student.ppf(1 - (1 - level) / (2 * len(both)), pooled.free)
    return pd.DataFrame(
        {
            **{name: both[name] for name in _SAME[:3]},
            "live": np.exp(both.live_mean),
            "shipped": np.exp(both.shipped_mean),
            "difference": difference,
            "se": se,
            "z": z,
            "within": z.abs() <= bound,
        }
    )


def _means(table: pd.DataFrame, name: str) -> pd.DataFrame:
    missing = [column for column in (*_SAME, "loss") if column not in table]
    if missing:
        raise ValueError(f"the {name} grid has no column {missing[0]!r}; expected a table as grids.load gives it")
    groups = table.assign(_log=np.log(table.loss)).groupby(_SAME)._log
    found = groups.agg(["mean", "count", "var"]).reset_index()
    return found.assign(
        **{
            f"{name}_mean": found["mean"],
            f"{name}_count": found["count"],
            f"{name}_free": found["count"] - 1,
            f"{name}_square": (found["count"] - 1) * found["var"].fillna(0.0),
        }
    ).drop(columns=["mean", "count", "var"])
