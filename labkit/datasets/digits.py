"""Handwritten digits: 1,797 images of 8 x 8 pixels that ship with scikit-learn."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import flip_labels, whole
from labkit.datasets.splits import keys, stratified

TEST = 500
"""How many examples are held out for the test, always the same ones."""

_TOTAL, _CLASSES = 1797, 10


def digits(*, validation: int = 273, label_noise: float = 0.0, seed: int = 0) -> Dataset:
    """Handwritten digits, 8 x 8 pixels: 1,297 for training and validation, 500 for test.

    Arguments:
        validation: examples held out of the 1,297 for choosing between models; 0 gives all to training.
        label_noise: share of the training labels that are flipped; ``faults`` says which.
        seed: of the flips. The splits do not depend on it.

    The splits are fixed. Every class gives its share to the test and to the validation examples, and which images
    these are follows from a hash of the image's number, so neither a library's version nor its random generator
    can move them. A larger validation split contains the smaller ones. Training examples come in shuffled order.

    Source: Alpaydin and Kaynak (1998), the test part of the UCI optical digits; pixels are divided by 16.
    It does not hold writers apart: the same 13 people wrote training and test digits.

    Raises ``ValueError`` for a dial outside its range.

    >>> int(digits(label_noise=0.1).faults["label_flipped"].sum())
    102
    """
    whole("validation", validation, most=_TOTAL - TEST - _CLASSES)
    whole("seed", seed)
    images, targets = _read()
    key = keys("digits", len(targets))
    test = stratified(targets, np.arange(len(targets)), key, TEST)
    rest = np.setdiff1d(np.arange(len(targets)), test)
    held = stratified(targets, rest, key, validation)
    train = np.setdiff1d(rest, held)
    # Another hash than the one that chose: by that one, classes would enter one after the other.
    order = keys("digits order", len(targets))
    train, held, test = (part[np.argsort(order[part])] for part in (train, held, test))
    labels, flipped = flip_labels(targets[train], label_noise, _CLASSES, seed)
    faults = pd.DataFrame({"label_flipped": flipped, "true_label": targets[train]}) if label_noise else pd.DataFrame()
    return Dataset(
        name="digits",
        kind="classification",
        inputs=images[train],
        targets=labels,
        validation_inputs=images[held],
        validation_targets=targets[held],
        test_inputs=images[test],
        test_targets=targets[test],
        classes=_CLASSES,
        labels=tuple("0123456789"),
        image_shape=(8, 8),
        faults=faults,
        options={"validation": validation, "label_noise": label_noise, "seed": seed},
    )


def _read() -> tuple[np.ndarray, np.ndarray]:
    """Images float32 (1797, 64) in [0, 1] and labels int64 (1797,).

    Importing ``sklearn.datasets`` takes a second, in each worker of a sweep; the table itself takes hundredths.
    """
    path = _table()
    if path.is_file():
        with gzip.open(path) as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.float32)
        images, targets = table[:, :-1], table[:, -1]
    else:
        from sklearn.datasets import load_digits

        images, targets = load_digits(return_X_y=True)
    return np.asarray(images, dtype=np.float32) / 16, targets.astype(np.int64)


def _table() -> Path:
    """Where scikit-learn keeps the table, found without importing it."""
    package = importlib.util.find_spec("sklearn")
    return Path(next(iter(package.submodule_search_locations)), "datasets", "data", "digits.csv.gz")


register(
    Entry(
        name="digits",
        kind="classification",
        purpose="real images that train in a second: learning curves, pruning, label noise",
        build=digits,
        examples=_TOTAL - TEST - 273,
    )
)
