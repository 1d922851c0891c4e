"""How well each class is recognised, measured on validation examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.datasets import Dataset


def validation_recall(data: Dataset, model: Any, *, seeds: int = 3, **training: Any) -> np.ndarray:
    """The share of each class's validation examples that models trained on all examples get right.

    Arguments:
        data: a classification dataset with validation examples of every class.
        model: a model of ``models.build``.
        seeds: how many models to average, with seeds 0, 1, ...
        training: options of ``training.fit_many``, such as ``steps=1500`` (500 by default).

    Returns float64 (classes,), in the order of the classes.

    Raises ``ValueError`` where the dataset does not classify, or a class has no validation example.

    >>> from labkit import datasets, models, pruning
    >>> data = datasets.load("digits")
    >>> recall = pruning.validation_recall(data, models.build("softmax"), seeds=1, steps=50)
    >>> recall.shape, bool(recall.min() > 0.5)
    ((10,), True)
    """
    from labkit.training import fit_many

    if data.kind != "classification":
        raise ValueError(f"dataset {data.name!r} is of kind {data.kind!r}; recall is measured for classes")
    sizes = np.bincount(data.validation_targets, minlength=data.classes)
    if (sizes == 0).any():
        raise ValueError(
            f"no validation example of class {', '.join(map(str, np.flatnonzero(sizes == 0)))} in {data.name!r}; "
            "load it with more validation examples"
        )
    training.setdefault("steps", 500)
    fitted = fit_many(model, data, [{"seed": seed} for seed in range(seeds)], **training)
    right = (fitted.predict(data.validation_inputs).argmax(axis=-1) == data.validation_targets).mean(axis=0)
    return np.bincount(data.validation_targets, weights=right, minlength=data.classes) / sizes
