"""Softmax regression: the smallest model that classifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labkit.models.chain import Chain
from labkit.models.entries import register
from labkit.models.ports import Ports


@register
@dataclass(frozen=True)
class Softmax(Chain):
    """Linear softmax regression (linear regression on regression data); it has no size dial and starts at zero.

    >>> from labkit import datasets, models
    >>> models.build("softmax").parameter_count(datasets.load("digits"))
    650
    """

    name: ClassVar[str] = "softmax"
    purpose: ClassVar[str] = "convex baseline: one linear layer, no size dial"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "regression")

    def sizes(self, ends: Ports) -> tuple[int, ...]:
        return (ends.inputs, ends.outputs)

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        return {name: np.zeros(shape, dtype=np.float32) for name, shape in self.shapes(ends).items()}
