"""Hard or easy: which half to keep, by the size of the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import load
from labkit.datasets.faults import whole
from labkit.models import build
from labkit.pruning.keeping import keep
from labkit.pruning.measures.dynamics import EARLY
from labkit.pruning.trials.settings import SCORERS, fitted, listed
from labkit.seeds import derive, generator

POLICIES = ("random", "hardest", "easiest")


def hard_or_easy(
    dataset: str,
    sizes: Sequence[int],
    *,
    fraction: float = 0.5,
    seeds: int | Sequence[int] = 5,
    steps: int = 500,
    width: int = 64,
    scorers: int = 3,
    dataset_options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Keep the same share of pools of several sizes: at random, the hardest, or the easiest by EL2N.

    Arguments:
        dataset: name, with ``dataset_options``.
        sizes: of the pools; those of one seed are nested, and each is scored by models trained on it alone.
        fraction: share that is kept.
        seeds: the seeds, or how many of them: of pools, draws and models.
        steps: of every training, whatever the size.
        width: of the network.
        scorers: models whose scores are averaged.

    Returns a frame with a row per size, seed and policy: dataset, pool, kept, seed, policy, train_error, test_error.

    Raises ``ValueError`` for a pool larger than the data.

    >>> hard_or_easy("digits", [40, 80], seeds=1, steps=10, scorers=1)["kept"].tolist()
    [20, 20, 20, 40, 40, 40]
    """
    data, model, seeds = load(dataset, **(dataset_options or {})), build("mlp", width=width), listed(seeds)
    sizes = [whole("a pool", size, least=4, most=len(data.inputs)) for size in sizes]
    orders = {seed: generator(seed, "pools").permutation(len(data.inputs)) for seed in seeds}
    cells = [(size, seed) for size in sizes for seed in seeds]
    looking = [
        {"seed": SCORERS + scorers * (derive(seed, size) >> 40) + i, "indices": np.sort(orders[seed][:size])}
        for size, seed in cells
        for i in range(scorers)
    ]
    early = max(1, round(EARLY * steps))
    # Scores are read early, so the models that give them need not be trained any longer.
    watched = fitted(model, data, looking, early, record=["el2n"], record_at=[early])
    scored = watched.dynamics["el2n"][:, -1].reshape(len(cells), scorers, -1).mean(1, dtype=np.float64)
    rows, runs = [], []
    for (size, seed), score in zip(cells, scored, strict=True):
        places = np.sort(orders[seed][:size])
        for policy in POLICIES:
            kept = places[keep(score[places], fraction, policy=policy, seed=derive(seed, size) >> 32)]
            rows.append({"dataset": data.name, "pool": size, "kept": len(kept), "seed": seed, "policy": policy})
            runs.append({"seed": seed, "indices": kept})
    table = fitted(model, data, runs, steps).table
    return pd.DataFrame(rows).join(table[["train_error", "test_error"]])
