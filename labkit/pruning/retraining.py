"""Further models for scores that need them: trained like the observed ones, on parts of the examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.datasets.faults import whole
from labkit.pruning.log import Log
from labkit.pruning.observing import ADAM_RATE
from labkit.seeds import derive, generator
from labkit.training import FitResult, fit_many

_NUMBERS = 1 << 24
_USUAL = {"steps": 1500, "batch_size": 32, "optimizer": "adam", "device": "auto"}


def retrain(log: Log, runs: Iterable[Mapping[str, Any]]) -> FitResult:
    """Models of the log's kind, trained as its settings say, one for each run of ``training.fit_many``."""
    settings = {name: log.settings.get(name, usual) for name, usual in _USUAL.items()}
    rate = log.settings.get("learning_rate", ADAM_RATE if settings["optimizer"].startswith("adam") else None)
    fit = fit_many(log.model, log.data, [{"learning_rate": rate, **run} for run in runs], **settings)
    if fit.table["diverged"].any():
        raise ValueError("the loss of some models is no longer a number; lower the learning rate of the observation")
    return fit


def out_of_sample(log: Log, *, folds: int = 5, repeats: int = 4, seed: int = 0) -> np.ndarray:
    """Log-probabilities of models that have not seen the example, float64 (repeats, n, classes).

    Every repeat cuts the examples into so many folds, each with its share of every label; the models of one fold are
    trained on the others. All models train at once, and a second call with the same arguments reads the first's.

    Raises ``ValueError`` for fewer than 2 folds, more folds than examples, or less than one repeat.

    >>> from labkit import datasets, pruning
    >>> log = pruning.observe(datasets.load("digits"), seeds=1, steps=20)
    >>> out_of_sample(log, folds=2, repeats=1).shape
    (1, 1024, 10)
    """
    whole("folds", folds, least=2)
    whole("repeats", repeats, least=1)
    if folds > len(log):
        raise ValueError(f"folds={folds} of {len(log)} examples; expected at most one fold for each")
    return log.keep(("out of sample", folds, repeats, seed), lambda: _out_of_sample(log, folds, repeats, seed))


def _out_of_sample(log: Log, folds: int, repeats: int, seed: int) -> np.ndarray:
    cuts = [_cut(log.data.targets, folds, generator(seed, "folds", repeat)) for repeat in range(repeats)]
    runs = [
        {"seed": derive(seed, "fold", repeat, fold) >> 32, "indices": np.flatnonzero(cuts[repeat] != fold)}
        for repeat in range(repeats)
        for fold in range(folds)
    ]
    fit, found = retrain(log, runs), np.empty((repeats, len(log), log.data.classes))
    for places in _pieces(len(log), len(runs) * log.data.classes):
        logits = fit.predict(log.data.inputs[places]).reshape(repeats, folds, -1, log.data.classes)
        for repeat, cut in enumerate(cuts):
            found[repeat, places] = logits[repeat, cut[places], np.arange(logits.shape[2])]
    found -= found.max(2, keepdims=True)
    return found - np.log(np.exp(found).sum(2, keepdims=True))


def _pieces(count: int, wide: int) -> Iterator[slice]:
    """Slices of the examples, each small enough for the answers of all models together."""
    step = max(1, _NUMBERS // wide)
    return (slice(first, first + step) for first in range(0, count, step))


def _cut(targets: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """The fold of every example, (n,): labels one after the other, so that each fold has its share of each."""
    order = random.permutation(len(targets))
    order = order[np.argsort(targets[order], kind="stable")]
    found = np.empty(len(targets), dtype=np.int64)
    found[order] = np.arange(len(targets)) % folds
    return found


@dataclass(frozen=True, eq=False)
class SubsetRuns:
    """Many models, each trained on a part of the examples drawn at random.

    Fields:
        members: bool (runs, n), which examples each was trained on.
        correct: bool (runs, n), whether it answers each training example rightly.
        validation_correct: bool (runs, m), the same for the validation split, which may be empty.
    """

    members: np.ndarray
    correct: np.ndarray
    validation_correct: np.ndarray

    def memorization(self) -> np.ndarray:
        """How much likelier an example is answered rightly by models trained on it, (n,), from -1 to 1."""
        inside, outside = self.members, ~self.members
        return (self.correct & inside).sum(0) / inside.sum(0) - (self.correct & outside).sum(0) / outside.sum(0)

    def influences(self) -> np.ndarray:
        """How much likelier models trained on example i answer validation example j rightly, float64 (n, m).

        Without a validation split the examples themselves are asked, and only models not trained on j count; the
        influence of an example on itself is 0, and so is one that no pair of models shows.
        """
        members = self.members.astype(np.float64)
        if self.validation_correct.shape[1]:
            asked, right = np.ones(self.validation_correct.shape), self.validation_correct.astype(np.float64)
        else:
            asked = 1 - members
            right = self.correct * asked
        with_it, all_of_it = members.T @ asked, asked.sum(0)
        right_with, right_all = members.T @ right, right.sum(0)
        without, right_without = all_of_it - with_it, right_all - right_with
        known = (with_it > 0.5) & (without > 0.5)
        found = right_with / np.where(known, with_it, 1) - right_without / np.where(known, without, 1)
        return np.where(known, found, 0.0)


def subset_runs(log: Log, *, runs: int = 512, share: float = 0.7, seed: int = 0) -> SubsetRuns:
    """Train models on random parts of the examples, all at once (Feldman and Zhang, 2020).

    Arguments:
        log: of ``pruning.observe``, whose settings the models are trained by, or ``Log.of(data, model)``.
        runs: how many models. The error of a difference of frequencies is about 1 / sqrt(runs).
        share: of the examples that each is trained on, ``round(share * n)`` of them.
        seed: of parts, starting values and orders.

    Raises ``ValueError`` where some example is in every part or in none: then more runs are needed.

    >>> from labkit import datasets, models, pruning
    >>> log = pruning.Log.of(datasets.load("digits"), models.build("softmax"), steps=20)
    >>> pruning.subset_runs(log, runs=32).members.sum(1)[:3]
    array([717, 717, 717])
    """
    whole("runs", runs, least=2)
    if isinstance(share, bool) or not 0 < share < 1:
        raise ValueError(f"share={share!r}; expected a share of the examples between 0 and 1")
    return log.keep(("subsets", runs, share, seed), lambda: _subset_runs(log, runs, share, seed))


def _subset_runs(log: Log, runs: int, share: float, seed: int) -> SubsetRuns:
    count = round(share * len(log))
    random = generator(seed, "subsets")
    members = np.zeros((runs, len(log)), dtype=bool)
    for row in members:
        row[random.permutation(len(log))[:count]] = True
    seen = members.sum(0)
    if count == 0 or seen.min() == 0 or seen.max() == runs:
        raise ValueError(
            f"with runs={runs} and share={share:g} of {len(log)} examples some are in every part or in none; "
            "give more runs"
        )
    rows = [{"seed": derive(seed, "subset", i) >> 32, "indices": np.flatnonzero(row)} for i, row in enumerate(members)]
    fit = retrain(log, rows)

    def right(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        found = np.zeros((runs, len(inputs)), dtype=bool)
        for places in _pieces(len(inputs), runs * log.data.classes):
            found[:, places] = fit.predict(inputs[places]).argmax(2) == targets[places]
        return found

    data = log.data
    return SubsetRuns(members, right(data.inputs, data.targets), right(data.validation_inputs, data.validation_targets))
