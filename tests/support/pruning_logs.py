"""Datasets and logs with chosen numbers, for scores that are worked out by hand."""

import numpy as np

from labkit import models
from labkit.datasets import Dataset
from labkit.pruning.log import Log


def plain(targets, inputs=None, *, classes=None, validation=(), **more) -> Dataset:
    targets = np.asarray(targets)
    inputs = np.asarray(np.eye(len(targets)) if inputs is None else inputs, dtype=np.float32)
    held = np.asarray(validation, dtype=np.float32).reshape(-1, inputs.shape[1])
    return Dataset(
        name="by hand",
        kind="classification",
        inputs=inputs,
        targets=targets,
        validation_inputs=held,
        validation_targets=more.pop("validation_targets", np.zeros(len(held), dtype=np.int64)),
        test_inputs=inputs[:0],
        test_targets=targets[:0],
        classes=classes or int(targets.max()) + 1,
        **more,
    )


def by_hand(targets=None, *, steps=None, logits=None, **values) -> Log:
    """A log with values (runs, moments, examples) written down, without any model."""
    values = {name: np.asarray(value, dtype=np.float32) for name, value in values.items()}
    if logits is not None:
        logits = np.asarray(logits, dtype=np.float32)
    count = logits.shape[1] if logits is not None else next(iter(values.values())).shape[2]
    targets = np.zeros(count, dtype=np.int64) if targets is None else np.asarray(targets)
    moments = next(iter(values.values())).shape[1] if values else 2
    return Log(
        data=plain(targets, classes=3),
        model=models.build("softmax"),
        settings={"batch_size": 1},
        steps=np.arange(moments) * 10 if steps is None else np.asarray(steps),
        values=values,
        logits=logits,
    )


def over_time(*rows):
    """One model, one example, its values over time."""
    return np.array(rows, dtype=np.float64)[None, :, None]
