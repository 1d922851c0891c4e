"""What a model needs to know of a dataset: how wide its inputs are and what it has to answer."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.datasets import Dataset


@dataclass(frozen=True)
class Ports:
    """The two ends that a dataset gives a model.

    Fields:
        kind: ``classification``, ``text`` or ``regression``.
        inputs: numbers per example, or ids per window for text.
        outputs: classes, size of the vocabulary, or 1 for regression.
        image_shape: shape of one image, where an input is a flattened image.

    >>> Ports("classification", inputs=64, outputs=10).chance_loss
    2.302585092994046
    """

    kind: str
    inputs: int
    outputs: int
    image_shape: tuple[int, ...] | None = None

    @property
    def chance_loss(self) -> float:
        """Loss in nats of a model that answers every class alike; NaN for regression."""
        return float("nan") if self.kind == "regression" else math.log(self.outputs)


def ports(data: Dataset | Ports) -> Ports:
    """The ports of a dataset; ports themselves pass through.

    Raises ``ValueError`` where labels lie outside the classes that the dataset declares.

    >>> from labkit import datasets
    >>> ports(datasets.load("digits"))
    Ports(kind='classification', inputs=64, outputs=10, image_shape=(8, 8))
    """
    if isinstance(data, Ports):
        return data
    if data not in _known:
        _known[data] = _of_dataset(data)
    return _known[data]


_known: weakref.WeakKeyDictionary[Dataset, Ports] = weakref.WeakKeyDictionary()


def _of_dataset(data: Dataset) -> Ports:
    width = int(data.inputs.shape[1])
    if data.kind == "regression":
        return Ports("regression", width, 1, data.image_shape)
    outputs = data.vocabulary if data.kind == "text" else data.classes
    if not outputs:
        field = "vocabulary" if data.kind == "text" else "classes"
        raise ValueError(f"dataset {data.name!r} of kind {data.kind!r} does not say its {field}; give {field}=")
    for split in ("train", "validation", "test"):
        _, targets = data.split(split)
        if len(targets) and (targets.min() < 0 or targets.max() >= outputs):
            wrong = targets[(targets < 0) | (targets >= outputs)][0]
            raise ValueError(
                f"the {split} targets of {data.name!r} contain {wrong}; expected labels from 0 to {outputs - 1}"
            )
    return Ports(data.kind, width, int(outputs), data.image_shape)
