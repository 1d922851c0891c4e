"""What the pruning explorer computes: what is kept, and the error of training on it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

RANDOM = "random"


def error_of(
    kept: Sequence[int],
    *,
    dataset: str,
    dataset_options: Mapping[str, Any],
    seed: int,
    steps: int,
    should_stop: Callable[[], bool] | None = None,
) -> float:
    """Test error of a network trained on some examples.

    >>> 0 < error_of([0, 1, 2], dataset="digits", dataset_options={"validation": 900}, seed=0, steps=10) <= 1
    True
    """
    from labkit import datasets, training

    data = datasets.load(dataset, **dataset_options)
    settings = {"steps": steps, "batch_size": 32, "optimizer": "adam", "should_stop": should_stop}
    fit = training.fit_many("mlp", data, [{"seed": seed, "learning_rate": 0.003, "indices": list(kept)}], **settings)
    return float(fit.table["test_error"].iloc[0])


def chosen(scores: np.ndarray | None, policy: str, fraction: float, seed: int, options: Mapping[str, Any]) -> list[int]:
    """The examples that a policy keeps; at random where there are no scores."""
    from labkit import pruning

    return pruning.keep(scores, fraction, policy=policy, seed=seed, **options).tolist()


def stored(function: Callable[..., pd.DataFrame], point: Mapping[str, Any], should_stop: Callable[[], bool]) -> Any:
    """The function's frame from the point store, computed first where it is not there."""
    from labkit import sweeps

    mark = fingerprint(point["dataset"], tuple(sorted(point["dataset_options"].items())))
    table = sweeps.run(function, [dict(point)], fingerprint=mark, progress=False, should_stop=should_stop)
    return table.drop(columns=[name for name in point if name in table])


@functools.cache
def fingerprint(dataset: str, options: tuple[tuple[str, Any], ...]) -> str:
    """The fingerprint of a dataset."""
    from labkit import datasets

    return datasets.load(dataset, **dict(options)).fingerprint
