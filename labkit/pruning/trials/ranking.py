"""Scores of a dataset by name, and what an advised choice says: frames that a store can keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from labkit.datasets import load
from labkit.models import build
from labkit.pruning.advising import advise
from labkit.pruning.observing import observe
from labkit.pruning.scoring import scores as scored
from labkit.pruning.trials.settings import SCORERS


def hardness(
    dataset: str,
    scores: Sequence[str],
    *,
    models: int = 10,
    steps: int = 500,
    width: int = 64,
    seed: int = 0,
    dataset_options: Mapping[str, Any] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Several scores of every training example of a dataset, from one training of several networks.

    Arguments:
        dataset: name, with ``dataset_options``.
        scores: names of scores.
        models, steps, width: of the networks that are observed.
        seed: of the networks, and of scores that draw.
        should_stop: as in ``pruning.observe``.

    Returns a frame with a row per training example and a column per score.

    >>> hardness("digits", ["el2n", "aum"], models=1, steps=20).shape
    (1024, 2)
    """
    own = [SCORERS + 100 * seed + i for i in range(models)]
    log = observe(
        load(dataset, **(dataset_options or {})), build("mlp", width=width), seeds=own, steps=steps,
        should_stop=should_stop,
    )  # fmt: skip
    return scored(list(scores), log, seed=seed)


def advised(
    dataset: str, fraction: Sequence[float], *, dataset_options: Mapping[str, Any] | None = None, **options: Any
) -> pd.DataFrame:
    """What ``pruning.advise`` says about a dataset: its choices, and in each row the advice in words.

    Arguments:
        dataset: name, with ``dataset_options``.
        fraction: the shares that are asked about.
        options: of ``pruning.advise``.

    Returns ``advice.choices`` with three more columns: noise (estimated share of wrong labels), break_even (trainings
    until scoring has paid), words.

    >>> few = {"dataset_options": {"validation": 900}, "steps": 20, "folds": 2, "repeats": 1, "scoring_seeds": 1}
    >>> len(advised("digits", [0.5], **few))
    1
    """
    advice = advise(load(dataset, **(dataset_options or {})), list(fraction), **options)
    words, noise = " ".join(advice.sentences), advice.noise.estimate
    return advice.choices.assign(noise=noise, break_even=advice.break_even, words=words)
