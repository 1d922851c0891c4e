"""Wrong labels: whether they are found, and what they do to a comparison of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.datasets.faults import number
from labkit.models import build
from labkit.pruning.log import Log
from labkit.pruning.measures.labels import confident_joint
from labkit.pruning.observing import ADAM_RATE
from labkit.pruning.retraining import out_of_sample
from labkit.pruning.trials.settings import fitted, listed
from labkit.seeds import generator


def confused(targets: np.ndarray, classes: int, least: float, most: float, seed: int) -> np.ndarray:
    """Labels (n,) of which each class loses its own share, from ``least`` to ``most``, to one other class.

    >>> labels = confused(np.repeat(np.arange(4), 50), 4, 0.1, 0.4, seed=0)
    >>> np.sort((labels.reshape(4, 50) != np.arange(4)[:, None]).sum(1)).tolist()
    [5, 10, 15, 20]
    """
    random = generator(seed, "confused")
    shares = random.permutation(np.linspace(number("least", least), number("most", most), classes))
    shift, labels = int(random.integers(1, classes)), targets.copy()
    for one, share in enumerate(shares):
        members = random.permutation(np.flatnonzero(targets == one))
        labels[members[: round(share * len(members))]] = (one + shift) % classes
    return labels


def audit(
    dataset: str = "digits",
    *,
    least: float = 0.03,
    most: float = 0.2,
    seeds: int | Sequence[int] = 5,
    steps: int = 500,
    folds: int = 4,
    repeats: int = 2,
) -> pd.DataFrame:
    """Plant label errors at a rate of each class's own, flag them by confident learning, and train without the flagged.

    Arguments:
        dataset: a classification dataset with true labels.
        least, most: the smallest and the largest rate of the classes; all of a class's errors go to one other class.
        seeds: the seeds, or how many of them: of the errors and the models.
        steps: of every training.
        folds, repeats: of the models that have not seen the example.

    Returns a frame with a row per seed: errors and flagged (shares of the examples), precision and recall of the flags,
    and the test errors of training on all as_given, on what is left without the flagged (cleaned), without as many
    random ones (thinned), and without the true errors (perfect).

    Raises ``ValueError`` for shares outside 0 to 1.
    Source: Northcutt, Athalye and Mueller (2021).

    >>> audit(seeds=1, steps=60, folds=2, repeats=1)[["precision", "recall"]].gt(0.3).all(axis=None)
    np.True_
    """
    data, model, rows = load(dataset), build("mlp"), []
    for seed in listed(seeds):
        labels = confused(data.targets, data.classes, least, most, seed)
        noisy, wrong = replace(data, targets=labels, faults=pd.DataFrame()), labels != data.targets
        settings = {"steps": steps, "batch_size": 32, "optimizer": "adam", "learning_rate": ADAM_RATE}
        log = Log.of(noisy, model, **settings)
        chance = np.exp(out_of_sample(log, folds=folds, repeats=repeats, seed=seed)).mean(0)
        _, flagged = confident_joint(chance, labels)
        thinned = generator(seed, "thinned").permutation(len(labels))[flagged.sum() :]
        parts = {"as_given": np.arange(len(labels)), "cleaned": np.flatnonzero(~flagged)}
        parts |= {"thinned": np.sort(thinned), "perfect": np.flatnonzero(~wrong)}
        errors = fitted(model, noisy, [{"seed": seed, "indices": kept} for kept in parts.values()], steps).table
        hit = (flagged & wrong).sum()
        rows.append(
            {"seed": seed, "errors": wrong.mean(), "flagged": flagged.mean()}
            | {"precision": hit / max(1, flagged.sum()), "recall": hit / max(1, wrong.sum())}
            | dict(zip(parts, errors["test_error"], strict=True))
        )
    return pd.DataFrame(rows)


def mislabelled_test(
    widths: Sequence[int] = (16, 256),
    *,
    share: float = 0.08,
    examples: int = 2000,
    characters: str = "abcdefghijkl",
    seeds: int | Sequence[int] = 5,
    steps: int = 1500,
) -> pd.DataFrame:
    """Give look-alike glyphs the label they resemble, in training and test, and compare networks on both labels.

    Arguments:
        widths: of the networks that are compared.
        share: of the images that are mislabelled: those that are closest to an image of another letter, counted from
            the closest of their own; they get that letter's label.
        examples, characters: of the glyphs.
        seeds: the seeds, or how many of them: starting values and order.
        steps: of every training.

    Returns a frame with a row per width and seed: width, seed, given (error on the given labels of all test images),
    mislabelled (error on the true labels of the mislabelled images), rest (error on all others).

    Raises ``ValueError`` for a share outside 0 to 1.
    Source: Northcutt, Athalye and Mueller (2021); the rule that plants the errors is ours.

    >>> mislabelled_test([4], examples=200, seeds=2, steps=20)["width"].tolist()
    [4, 4]
    """
    data = load("glyphs", examples=examples, characters=characters, test=2000, validation=0)
    labels, _ = _resembling(data, data.inputs, data.targets, share)
    test_labels, changed = _resembling(data, data.test_inputs, data.test_targets, share)
    noisy: Dataset = replace(data, targets=labels, test_targets=test_labels)
    seeds, rows = listed(seeds), []
    for width in widths:
        fit = fitted(build("mlp", width=width), noisy, [{"seed": seed} for seed in seeds], steps)
        answers = fit.predict(data.test_inputs).argmax(2)
        for seed, answer in zip(seeds, answers, strict=True):
            right = answer == data.test_targets
            rows.append(
                {"width": width, "seed": seed, "given": (answer != test_labels).mean()}
                | {"mislabelled": 1 - right[changed].mean(), "rest": 1 - right[~changed].mean()}
            )
    return pd.DataFrame(rows)


def _resembling(data: Dataset, inputs: np.ndarray, targets: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels after the most look-alike share has taken those it resembles, and which these are."""
    known, rows = data.inputs.astype(np.float64), np.arange(len(targets))
    away = (inputs.astype(np.float64) ** 2).sum(1)[:, None] + (known**2).sum(1) - 2 * inputs @ known.T
    if inputs is data.inputs:
        np.fill_diagonal(away, np.inf)
    nearest = np.stack([away[:, data.targets == one].min(1) for one in range(data.classes)], axis=1)
    own = nearest[rows, targets].copy()
    nearest[rows, targets] = np.inf
    order = np.argsort(nearest.min(1) - own, kind="stable")
    changed = np.zeros(len(targets), dtype=bool)
    changed[order[: round(number("share", share) * len(targets))]] = True
    return np.where(changed, nearest.argmin(1), targets), changed
