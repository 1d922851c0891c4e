"""What the pruning explorer computes and keeps: the error of training on some examples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

RANDOM = "random"


def retrained(
    dataset: str,
    dataset_options: Mapping[str, Any],
    kept: Sequence[Sequence[int]],
    seeds: Sequence[int],
    steps: int,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Train one network on each choice of examples; one row for each, in their order: seed, test_error, train_error.

    >>> retrained("digits", {"validation": 900}, [[0, 1, 2]], [0], 10).columns.tolist()
    ['seed', 'train_error', 'test_error']
    """
    from labkit import datasets, training

    data = datasets.load(dataset, **dataset_options)
    runs = [
        {"seed": seed, "learning_rate": 0.003, "indices": list(part)} for seed, part in zip(seeds, kept, strict=True)
    ]
    settings = {"steps": steps, "batch_size": 32, "optimizer": "adam", "should_stop": should_stop}
    return training.fit_many("mlp", data, runs, **settings).table[["seed", "train_error", "test_error"]]


def chosen(scores: np.ndarray | None, policy: str, fraction: float, seed: int, options: Mapping[str, Any]) -> list[int]:
    """The examples that a policy keeps; at random where there are no scores."""
    from labkit import pruning

    return pruning.keep(scores, fraction, policy=policy, seed=seed, **options).tolist()


def stored(function: Callable[..., pd.DataFrame], point: Mapping[str, Any], should_stop: Callable[[], bool]) -> Any:
    """The function's frame from the point store, computed first where it is not there."""
    from labkit import sweeps

    mark = fingerprint(point["dataset"], tuple(sorted(point["dataset_options"].items())))
    table = sweeps.run(function, [dict(point)], fingerprint=mark, progress=False, should_stop=should_stop)
    return table.drop(columns=[name for name in point if name in table and name not in ("seed",)])


@functools.cache
def fingerprint(dataset: str, options: tuple[tuple[str, Any], ...]) -> str:
    """The fingerprint of a dataset."""
    from labkit import datasets

    return datasets.load(dataset, **dict(options)).fingerprint
