"""How well each class is recognised, measured on validation examples."""

from __future__ import annotations

import numpy as np

from labkit.pruning.log import Log


def validation_recall(log: Log) -> np.ndarray:
    """The share of each class's validation examples that the observed models get right, averaged over the models.

    Arguments:
        log: a training that ``pruning.observe`` saw, of a classification dataset with validation examples.

    Returns float64 (classes,), in the order of the classes. The test plays no part: a log does not hold it.

    Raises ``ValueError`` where nothing was trained, the dataset has no classes, or a class has no validation example.

    >>> from labkit import datasets, pruning
    >>> log = pruning.observe(datasets.load("digits"), "softmax", seeds=2, steps=60)
    >>> pruning.validation_recall(log).shape
    (10,)
    """
    data = log.data
    if log.fit is None or data.kind != "classification":
        raise ValueError("recall needs a log of models that classify: pruning.observe(data, model)")
    sizes = np.bincount(data.validation_targets, minlength=data.classes)
    if (sizes == 0).any():
        raise ValueError(
            f"{data.name!r} has no validation example of class {', '.join(map(str, np.flatnonzero(sizes == 0)))}; "
            "load it with more validation examples"
        )
    right = (log.fit.predict(data.validation_inputs).argmax(axis=-1) == data.validation_targets).mean(axis=0)
    return np.bincount(data.validation_targets, weights=right, minlength=data.classes) / sizes
