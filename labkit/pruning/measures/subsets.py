"""Scores of what changes when an example is left out, from many models trained on parts of the data."""

from __future__ import annotations

import numpy as np

from labkit.pruning.entry import Score, register_score
from labkit.pruning.log import Log
from labkit.pruning.retraining import subset_runs


def memorization(log: Log, *, runs: int = 512, share: float = 0.7, seed: int = 0) -> np.ndarray:
    """How much likelier the example is answered rightly by models trained on it."""
    return subset_runs(log, runs=runs, share=share, seed=seed).memorization()


def influence(log: Log, *, runs: int = 512, share: float = 0.7, seed: int = 0) -> np.ndarray:
    """Minus the mean effect of training on the example on the answers to the validation split, or to the others."""
    return -subset_runs(log, runs=runs, share=share, seed=seed).influences().mean(1)


register_score(
    Score(
        name="memorization",
        purpose="right only where trained on, by many models on parts of the data",
        function=memorization,
        group="subsets",
        needs=("classes",),
        direction="examples right only where they were seen; flipped labels too, where models learn them by heart",
        ties="many: all that are right either way have 0",
        trains=True,
        order_free=False,
        aliases=("memorisation",),
        source="Feldman and Zhang (2020)",
        leaves_out="flipped labels that the models do not learn even when they see them",
    )
)
register_score(
    Score(
        name="influence",
        purpose="hurts the answers to held-out examples, by many models on parts of the data",
        function=influence,
        group="subsets",
        needs=("classes",),
        direction="examples whose presence lowers the accuracy elsewhere",
        trains=True,
        order_free=False,
        source="Feldman and Zhang (2020)",
        leaves_out="whom an example helps: subset_runs(...).influences() is the whole table",
    )
)
