"""What a benchmark shows: means over seeds, and differences to random with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

_KEYS = ["dataset", "model", "account", "method", "kind", "score", "policy", "options", "fraction", "kept"]


def benchmark_summary(frame: pd.DataFrame, interval: float = 0.95) -> pd.DataFrame:
    """One row per account, method and fraction of what ``pruning.benchmark`` returned.

    Arguments:
        frame: of ``pruning.benchmark``, or several of them one below the other.
        interval: level of the interval of the mean difference to random, between 0 and 1: Student's t over the paired
            seeds. It speaks of one method at one fraction, not of the best of many.

    Columns: what identifies the method, then seeds, steps, epochs, train_error, validation_error, test_error (means),
    test_error_se, difference, low, high (below 0: better than random), better (True where ``high`` is below 0, False
    where ``low`` is above, else None), flops_training and flops_scoring of one model. With one seed there is no
    interval: low and high are NaN.

    Raises ``ValueError`` for a frame without the columns, or a level outside 0 to 1.

    >>> from labkit import pruning
    >>> frame = pruning.benchmark("digits", model="softmax", scores=["el2n"], fractions=[0.2], seeds=2, steps=40,
    ...                           scoring={"seeds": 2})
    >>> pruning.benchmark_summary(frame)[["method", "seeds"]].values.tolist()
    [['full', 2], ['random', 2], ['el2n hardest', 2], ['repeated_random', 2]]
    """
    missing = [name for name in (*_KEYS, "seed", "difference", "test_error") if name not in frame]
    if missing:
        raise ValueError(f"the frame has no column {', '.join(missing)}; expected what pruning.benchmark returned")
    if not 0 < interval < 1:
        raise ValueError(f"interval={interval!r}; expected a level between 0 and 1, such as 0.95")
    from scipy.stats import t as student

    groups = frame.groupby(_KEYS, sort=False, dropna=False)
    means = ["steps", "epochs", "train_error", "validation_error", "test_error", "difference"]
    found = groups[means].mean()
    found.insert(0, "seeds", groups["seed"].nunique())
    count = groups["difference"].count()
    half = student.ppf((1 + interval) / 2, (count - 1).clip(lower=1)) * groups["difference"].std() / np.sqrt(count)
    found.insert(6, "test_error_se", groups["test_error"].sem())
    found["low"], found["high"] = found["difference"] - half, found["difference"] + half
    found["better"] = np.select([found["high"] < 0, found["low"] > 0], [True, False], default=None)
    for column in ("flops_training", "flops_scoring"):
        found[column] = groups[column].mean()
    return found.reset_index()
