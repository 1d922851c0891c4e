"""How far a score can be trusted: whether other models of the same kind, or smaller ones, rank alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from labkit.datasets import load
from labkit.datasets.faults import whole
from labkit.models import build
from labkit.pruning.log import Log
from labkit.pruning.observing import observe
from labkit.pruning.scoring import score
from labkit.pruning.trials.settings import SCORERS
from labkit.seeds import generator


def agreement(
    dataset: str,
    scores: Sequence[str],
    *,
    counts: Sequence[int] = (1, 2, 5, 10),
    pairs: int = 6,
    steps: int = 500,
    width: int = 64,
    seed: int = 0,
    dataset_options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Rank correlation between a score from some models and the same score from as many others.

    Arguments:
        dataset: name, with ``dataset_options``.
        scores: those that read what is observed of each model, such as ``el2n``, ``aum`` and ``forgetting``.
        counts: how many models a score is averaged over. Twice the largest are trained.
        pairs: disjoint groups of models that are compared, drawn at random.
        steps, width: of the networks.
        seed: of models and draws.

    Returns a frame with columns score, models, pair, agreement (Spearman) and foretold: what the agreement of single
    models promises for so many, by the formula of Spearman (1910) and Brown (1910).

    Raises ``ValueError`` for a score that reads more than the values recorded.

    >>> agreement("digits", ["el2n"], counts=[1, 2], pairs=2, steps=30)["models"].tolist()
    [1, 1, 2, 2]
    """
    counts = [whole("a count of models", count, least=1) for count in counts]
    data, models = load(dataset, **(dataset_options or {})), 2 * max(counts)
    own = [SCORERS + 1000 * seed + i for i in range(models)]
    log = observe(data, build("mlp", width=width), seeds=own, steps=steps)
    random, rows = generator(seed, "agreement"), []
    for count in counts:
        for pair in range(pairs):
            order = random.permutation(models)
            for name in scores:
                one, other = (score(name, some(log, part)) for part in (order[:count], order[count : 2 * count]))
                rows.append({"score": name, "models": count, "pair": pair, "agreement": spearman(one, other)})
    frame = pd.DataFrame(rows)
    single = frame[frame["models"] == min(counts)].groupby("score")["agreement"].mean() if counts else None
    times = frame["models"] / min(counts)
    base = frame["score"].map(single)
    return frame.assign(foretold=times * base / (1 + (times - 1) * base))


def some(log: Log, models: Sequence[int] | np.ndarray) -> Log:
    """The log of some of its models.

    >>> from labkit import datasets, pruning
    >>> log = pruning.observe(datasets.load("digits"), "softmax", seeds=3, steps=5)
    >>> some(log, [0, 2]).runs
    2
    """
    models = np.asarray(models)
    values = {name: value[models] for name, value in log.values.items()}
    # Parameters stay behind: scores that read them would see all models.
    return replace(log, values=values, logits=log.logits[models], fit=None, snapshots=(), _kept={})


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation of two arrays (n,); ties take their mean rank.

    >>> spearman([1, 2, 3], [10, 30, 20])
    0.5
    """
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
