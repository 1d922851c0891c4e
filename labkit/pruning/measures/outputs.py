"""Scores of what the trained models answer: the mean over models of a number of their final outputs.

All are taken from logits in float64 in a form that keeps its digits when a model is certain: 1 - p is summed from
the other classes, not subtracted from 1.
"""

from __future__ import annotations

import numpy as np

from labkit.pruning.entry import Score, register_score
from labkit.pruning.log import Log


def shares(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and their logarithms, float64, of logits (..., classes)."""
    logits = np.asarray(logits, dtype=np.float64)
    logs = logits - logits.max(-1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(-1, keepdims=True))
    return np.exp(logs), logs


def loss(log: Log) -> np.ndarray:
    """Cross-entropy in nats, or squared error for regression, at the end."""
    return log["loss"][:, -1].mean(0, dtype=np.float64)


def entropy(log: Log) -> np.ndarray:
    """Entropy of the answer, in nats."""
    chance, logs = shares(log.logits)
    # What is left of 0 log 0 where a chance underflows.
    return -(chance * np.where(chance > 0, logs, 0.0)).sum(-1).mean(0)


def least_confidence(log: Log) -> np.ndarray:
    """1 minus the largest probability."""
    return np.sort(shares(log.logits)[0], -1)[..., :-1].sum(-1).mean(0)


def margin(log: Log) -> np.ndarray:
    """1 minus the gap between the two largest probabilities: the rest counted once and the second twice."""
    ordered = np.sort(shares(log.logits)[0], -1)
    return (ordered[..., :-1].sum(-1) + ordered[..., -2]).mean(0)


def disagreement(log: Log) -> np.ndarray:
    """How much the models differ: the mean Kullback-Leibler divergence of their answers from the mean answer."""
    chance, logs = shares(log.logits)
    middle = chance.mean(0)
    with np.errstate(divide="ignore"):
        apart = logs - np.log(middle)
    return np.maximum(np.where(chance > 0, chance * np.where(chance > 0, apart, 0.0), 0.0).sum(-1).mean(0), 0.0)


_UNSURE = "examples whose answer is uncertain, whatever the label"

register_score(
    Score(
        name="loss",
        purpose="final loss, mean over models",
        function=loss,
        group="outputs",
        needs=("loss",),
        direction="examples that the models still get wrong, and flipped labels",
        finds_flips=True,
        aliases=("final_loss", "cross_entropy"),
        leaves_out="models that fit every label: then it says little",
    )
)
register_score(
    Score(
        name="entropy",
        purpose="entropy of the final answer, mean over models",
        function=entropy,
        group="outputs",
        needs=("logits",),
        direction=_UNSURE,
        aliases=("predictive_entropy",),
        source="Settles (2009); Coleman et al. (2020)",
        leaves_out="labels: a confident wrong answer counts as easy",
    )
)
register_score(
    Score(
        name="margin",
        purpose="small gap between the two most probable classes, mean over models",
        function=margin,
        group="outputs",
        needs=("logits",),
        direction=_UNSURE,
        aliases=("smallest_margin",),
        source="Scheffer et al. (2001)",
        leaves_out="labels; aum is the margin of the label",
    )
)
register_score(
    Score(
        name="least_confidence",
        purpose="1 minus the probability of the most probable class, mean over models",
        function=least_confidence,
        group="outputs",
        needs=("logits",),
        direction=_UNSURE,
        source="Lewis and Gale (1994)",
        leaves_out="labels",
    )
)
register_score(
    Score(
        name="disagreement",
        purpose="how far the models' final answers lie apart",
        function=disagreement,
        group="outputs",
        needs=("logits",),
        direction="examples on which models that differ by their seed alone differ",
        ties="all examples where one model was observed: 0",
        aliases=("ensemble_disagreement", "ensemble", "bald", "mutual_information"),
        source="Houlsby et al. (2011)",
        leaves_out="labels, and errors that all models share",
    )
)
