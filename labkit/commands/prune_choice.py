"""Which rows ``labkit prune`` keeps, with what its page shows beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from labkit import pruning
from labkit.datasets import Dataset

SEEDS, FOLDS = 5, 5


@dataclass(frozen=True, eq=False)
class Choice:
    """What is kept and why.

    Fields:
        kept: positions of the rows, sorted.
        score, policy: their names; the score is empty where the policy reads none.
        scores: (n,) that the page draws, larger is harder; its name is ``drawn``.
        suspicion: (n,) doubt about each label and ``like`` (n,) the class the models take the row for; None where
            nobody asked. Suspected rows are those above 1.
        advice: where it was asked for.
    """

    kept: np.ndarray
    score: str
    policy: str
    scores: np.ndarray
    drawn: str
    suspicion: np.ndarray | None
    like: np.ndarray | None
    advice: pruning.Advice | None


def choose(
    data: Dataset, share: float, *, model: str, steps: int, seed: int, score: str, policy: str,
    cutoff: float | None, advise: bool, doubts: bool,
) -> Choice:  # fmt: skip
    """Score the rows and keep a share, by advice or as asked; ``doubts`` looks for wrong labels too."""
    log = None
    if advise:
        advice = pruning.advise(data, share, model=model, steps=steps, seed=seed)
        kept, score, policy = advice.keep(), advice.score, advice.policy
        drawn = score or next(iter(advice.material.scores))
        scores = advice.material.scores[drawn]
        if advice.options["clean"]:
            policy += ", suspected labels left out"
    else:
        advice, drawn = None, pruning.find_score(score).name
        entry, options = pruning.policy(policy), {}
        if cutoff is not None:
            if "cutoff" not in entry.options:
                raise click.UsageError(f"policy {entry.name!r} has no --cutoff")
            options["cutoff"] = cutoff
        log = _log(data, model, steps, seed)
        scores = pruning.score(drawn, log, seed=seed)
        kept, score, policy = pruning.keep(scores, share, policy=entry.name, seed=seed, **options), drawn, entry.name
    suspicion = like = None
    if doubts:
        log = log or pruning.Log.of(data, _built(model), steps=steps)
        suspicion = pruning.score("confident_learning", log, folds=FOLDS, seed=seed)
        like = pruning.out_of_sample(log, folds=FOLDS, seed=seed).mean(0).argmax(1)
    return Choice(kept, score, policy, scores, drawn, suspicion, like, advice)


def _log(data: Dataset, model: str, steps: int, seed: int) -> pruning.Log:
    return pruning.observe(data, model, seeds=[SEEDS * seed + i for i in range(SEEDS)], steps=steps)


def _built(model: str) -> Any:
    from labkit import models

    return models.build(model)
