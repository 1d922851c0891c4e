"""Filters: small models that choose data for others, and how that goes with their own accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.datasets.faults import flip_labels, number
from labkit.models import build
from labkit.pruning.keeping import keep
from labkit.pruning.trials.settings import SCORERS, fitted, listed
from labkit.seeds import derive


def filter_networks(
    sizes: Sequence[int] = (100, 300, 1000),
    *,
    noise: Sequence[float] = (0.0, 0.2, 0.4, 0.6),
    pool: int = 3000,
    pool_noise: float = 0.6,
    fraction: float = 0.3,
    characters: str = "abcdefghij",
    seeds: int | Sequence[int] = 4,
    steps: int = 400,
) -> pd.DataFrame:
    """Train a filter for each size and label noise of its own data, let it keep a part of a pool, and train on that.

    Arguments:
        sizes, noise: examples that a filter is trained on, and the share of their labels that is wrong.
        pool, pool_noise: examples to choose from, none of which a filter has seen, and their share of wrong labels.
        fraction: share of the pool to keep: the labels that the filter finds most probable.
        characters: of the glyphs.
        seeds: the seeds, or how many of them: of the errors and the models. All filters of a seed see one pool.
        steps: of every training.

    Returns a frame with a row per filter and seed: size, noise, seed, filter_error (of the filter on test examples),
    purity (share of right labels among the kept), induced_error (of the model trained on them), random_error (of one
    trained on as many random ones).

    Raises ``ValueError`` for shares outside 0 to 1.
    Source: Fang et al. (2023).

    >>> filter_networks([50], noise=[0.0, 0.5], pool=200, seeds=1, steps=10)[["size", "noise"]].values.tolist()
    [[50.0, 0.0], [50.0, 0.5]]
    """
    noise = [number("noise", share) for share in noise]
    data = load("glyphs", examples=pool + max(sizes), characters=characters, size=8, test=2000, validation=0)
    model, seeds, everything = build("mlp", width=64), listed(seeds), np.arange(pool)
    cells = [(size, share, seed) for size in sizes for share in noise for seed in seeds]
    runs = [
        {"seed": SCORERS + seed, "indices": np.arange(pool, pool + size), "label_noise": share, "noise_seed": seed}
        for size, share, seed in cells
    ]
    filters = fitted(model, data, runs, steps)
    logits = filters.predict(data.inputs[:pool]).astype(np.float64)
    chance = np.exp(logits - logits.max(2, keepdims=True))
    chance /= chance.sum(2, keepdims=True)
    rows, chosen = [], []
    labels = {}
    for seed in seeds:
        labels[seed] = flip_labels(data.targets[:pool], pool_noise, data.classes, derive(seed, "pool") >> 33)
    for place, (size, share, seed) in enumerate(cells):
        given, wrong = labels[seed]
        kept = keep(-chance[place, everything, given], fraction, policy="easiest", seed=seed)
        purity = 1 - wrong[kept].mean()
        rows.append({"size": size, "noise": share, "seed": seed, "purity": purity})
        chosen.append(kept)
    frame = pd.DataFrame(rows).assign(filter_error=filters.table["test_error"])
    frame["induced_error"], frame["random_error"] = np.nan, np.nan
    for seed in seeds:
        own = frame.index[frame["seed"] == seed]
        random = keep(np.zeros(pool), fraction, policy="random", seed=seed)
        judged = [{"seed": seed, "indices": kept} for kept in (*(chosen[i] for i in own), random)]
        errors = fitted(model, _pool(data, labels[seed][0]), judged, steps).table["test_error"].to_numpy()
        frame.loc[own, "induced_error"], frame.loc[own, "random_error"] = errors[:-1], errors[-1]
    return frame


def _pool(data: Dataset, labels: np.ndarray) -> Dataset:
    """The pool alone, with its labels as given."""
    return replace(data, inputs=data.inputs[: len(labels)], targets=labels)
