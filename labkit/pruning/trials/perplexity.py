"""Documents chosen by how little they surprise a reference model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.models import build
from labkit.pruning.keeping import keep
from labkit.pruning.trials.settings import fitted, listed
from labkit.seeds import derive
from labkit.training import fit_many

DOCUMENT, CONTEXT, TEST = 64, 6, 2000
POOLS = {"noise": (0.5, 0.5, 0.0), "templates": (0.3, 0.0, 0.7)}
"""Shares of clean text, noise and templates among the documents of a pool."""
_DIFFICULTY = (0.5, 5.0, 0.15)
_POLICY = {"lowest": "easiest", "middle": "middle", "highest": "hardest", "random": "random"}


def least_surprising(
    pool: str = "noise",
    *,
    fractions: Sequence[float] = (0.5, 0.2),
    documents: int = 400,
    reference: int = 60,
    seeds: int | Sequence[int] = 5,
    steps: int = 400,
) -> pd.DataFrame:
    """Keep documents by their perplexity under a model of a little clean text, and train another model on them.

    Arguments:
        pool: ``noise``, where half the documents are noise, or ``templates``, where most are dull repetitions of what
            the clean text says most often. All follow one Markov chain, clean text at a middling temperature, noise at
            a high one, templates at a low one.
        fractions: shares of the documents to keep.
        documents: in the pool, of 64 ids each.
        reference: clean documents that the reference model, counts of pairs, is made from; none is in the pool.
        seeds: the seeds, or how many of them: of the texts, the draws and the models.
        steps: of every training.

    Returns a frame with a row per choice (all, lowest, middle, highest, random), fraction and seed: pool, choice,
    fraction, seed, clean (share of clean documents among the kept), loss (nats per id on clean test text).

    Raises ``ValueError`` for an unknown pool.
    Source: Liu et al. (2024).

    >>> least_surprising(documents=40, fractions=[0.5], seeds=1, steps=5)["choice"].tolist()
    ['all', 'lowest', 'middle', 'highest', 'random']
    """
    if pool not in POOLS:
        raise ValueError(f"pool {pool!r} is not one of {', '.join(POOLS)}")
    model, rows = build("context_mlp", width=64), []
    for seed in listed(seeds):
        data = _text(POOLS[pool], documents, derive(seed, "pool") >> 33)
        known = _text((1.0, 0.0, 0.0), reference, derive(seed, "reference") >> 33)
        surprise = _surprise(fit_many(build("ngram", order=2), known, [{"seed": seed}]), data)
        choices = {("all", 1.0): np.arange(documents)}
        for fraction in fractions:
            for choice, policy in _POLICY.items():
                choices[choice, fraction] = keep(surprise, fraction, policy=policy, seed=seed)
        runs = [{"seed": seed, "indices": _windows(kept)} for kept in choices.values()]
        losses = _loss(fitted(model, data, runs, steps), data)
        source = data.truth["domain"][_windows(np.arange(documents))].reshape(documents, -1)[:, 0]
        for ((choice, fraction), kept), loss in zip(choices.items(), losses, strict=True):
            about = {"pool": pool, "choice": choice, "fraction": fraction, "seed": seed}
            rows.append({**about, "clean": (source[kept] == 0).mean(), "loss": loss})
    return pd.DataFrame(rows)


def _text(shares: tuple[float, ...], documents: int, seed: int) -> Dataset:
    """Whole documents of clean text, noise and templates; the test has equal shares of the three."""
    return load(
        "domains", domains=3, shares=shares, overlap=1.0, difficulty=_DIFFICULTY, document=DOCUMENT, context=CONTEXT,
        examples=documents * DOCUMENT - CONTEXT, validation=0, test=3 * TEST, seed=seed,
    )  # fmt: skip


def _windows(documents: np.ndarray) -> np.ndarray:
    """The windows that lie inside documents, with what follows them."""
    return (np.asarray(documents)[:, None] * DOCUMENT + np.arange(DOCUMENT - CONTEXT)).ravel()


def _surprise(fit, data: Dataset) -> np.ndarray:
    """Mean loss of every document under a reference model, (documents,)."""
    count = (len(data.inputs) + CONTEXT) // DOCUMENT
    places = _windows(np.arange(count))
    return _nats(fit.predict(data.inputs[places])[0], data.targets[places]).reshape(count, -1).mean(1)


def _loss(fit, data: Dataset) -> np.ndarray:
    """Mean loss of every run on the clean test text, (runs,)."""
    clean = np.flatnonzero(data.truth["test_domain"] == 0)[:TEST]
    return np.array([_nats(out, data.test_targets[clean]).mean() for out in fit.predict(data.test_inputs[clean])])


def _nats(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    logits -= logits.max(1, keepdims=True)
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(targets)), targets]
