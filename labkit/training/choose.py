"""Which model size to use for how much data, chosen on validation data alone.

Everything here takes the frame of ``learning_curve``; a model without a size dial has the one width NaN.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.seeds import generator

_CURVE = ["dataset", "model", "examples"]


def best_width(points: pd.DataFrame) -> pd.DataFrame:
    """Keep, for each dataset, model and training-set size, the rows of the width with the lowest validation error.

    Errors are averaged over seeds before they are compared, so that no lucky seed decides. Of equal widths the
    smallest is kept.

    >>> rows = {"dataset": "d", "model": "m", "examples": 64, "width": [8, 32], "validation_error": [0.2, 0.1]}
    >>> best_width(pd.DataFrame(rows)).width.tolist()
    [32]
    """
    width = points.width.fillna(0)
    means = points.assign(width=width).groupby([*_CURVE, "width"], as_index=False).validation_error.mean()
    chosen = means.sort_values("validation_error", kind="stable").drop_duplicates(_CURVE)
    keys = pd.MultiIndex.from_frame(points.assign(width=width)[[*_CURVE, "width"]])
    return points[keys.isin(pd.MultiIndex.from_frame(chosen[[*_CURVE, "width"]]))].reset_index(drop=True)


def needed_size(points: pd.DataFrame, within: float = 0.05) -> pd.DataFrame:
    """The smallest model whose mean validation error is within a share of the best, for each training-set size.

    Arguments:
        points: rows of one dataset and model family with ``width``, ``parameters``, ``examples``, ``validation_error``.
        within: how much worse than the best counts as good enough, as a share of the best error.

    Returns a frame with ``examples``, ``width``, ``parameters`` and ``validation_error``, one row per size.

    Source: Hestness et al. (2017) take the smallest model that reaches the best error; the share is ours.
    """
    means = points.groupby(["examples", "parameters", "width"], as_index=False).validation_error.mean()
    best = means.groupby("examples").validation_error.transform("min")
    good = means[means.validation_error <= (1 + within) * best]
    columns = ["examples", "width", "parameters", "validation_error"]
    return (
        good.sort_values("parameters")
        .drop_duplicates("examples")
        .sort_values("examples")[columns]
        .reset_index(drop=True)
    )


def growth(points: pd.DataFrame, within: float = 0.05, *, draws: int = 400, seed: int = 0) -> np.ndarray:
    """Bootstrap values of the exponent p of needed parameters ∝ examples^p, resampling whole seeds.

    Arguments:
        points, within: as in ``needed_size``; at least 2 seeds and 2 training-set sizes.
        draws: resamples.
        seed: of the resamples.

    Returns (draws,). Widths are few, so the values are few as well: read the interval as a coarse one.

    >>> rows = [(n, n * k, k, s, 0.1 if k >= 4 else 0.5) for n in (64, 256) for k in (1, 4) for s in (0, 1)]
    >>> names = ["examples", "parameters", "width", "seed", "validation_error"]
    >>> growth(pd.DataFrame(rows, columns=names), draws=3).round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    table = points.pivot_table(index=["examples", "parameters"], columns="seed", values="validation_error")
    if table.shape[1] < 2 or table.index.get_level_values(0).nunique() < 2:
        raise ValueError(f"expected at least 2 seeds and 2 sizes, got {table.shape[1]} and {table.index.levshape[0]}")
    random = generator(seed, "growth of the needed size")
    picks = random.integers(table.shape[1], size=(draws, table.shape[1]))
    means = table.to_numpy()[:, picks].mean(axis=2)
    sizes = table.index.get_level_values("examples").to_numpy()
    parameters = table.index.get_level_values("parameters").to_numpy(dtype=float)
    needed = []
    for size in np.unique(sizes):
        block = means[sizes == size]
        good = block <= (1 + within) * block.min(axis=0)
        needed.append(np.where(good, parameters[sizes == size][:, None], np.inf).min(axis=0))
    return np.polyfit(np.log(np.unique(sizes)), np.log(np.array(needed)), 1)[0]
