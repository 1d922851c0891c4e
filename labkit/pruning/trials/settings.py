"""What every trial has in common: how networks are trained, and which seeds there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from labkit.datasets import Dataset
from labkit.datasets.faults import whole
from labkit.models import Model
from labkit.pruning.observing import ADAM_RATE
from labkit.training import FitResult, fit_many

SCORERS = 30_000
"""Where the seeds of models that score begin, so that none of them is one of those that are judged."""


def fitted(model: Model, data: Dataset, runs: Iterable[Mapping[str, Any]], steps: int, **more: Any) -> FitResult:
    """One network for each run, by Adam, batches of 32, all for as many steps."""
    rated = [{"learning_rate": ADAM_RATE, **run} for run in runs]
    return fit_many(model, data, rated, **{"steps": steps, "batch_size": 32, "optimizer": "adam", **more})


def listed(seeds: int | Sequence[int]) -> list[int]:
    """Seeds as a list: so many from 0, or those given.

    >>> listed(2), listed([5, 6])
    ([0, 1], [5, 6])
    """
    if isinstance(seeds, int | np.integer):
        return list(range(whole("seeds", int(seeds), least=1)))
    return [whole("a seed", seed) for seed in seeds]
