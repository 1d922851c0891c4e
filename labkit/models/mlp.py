"""A fully connected network, one hidden ReLU layer by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labkit.models.chain import Chain
from labkit.models.dials import share, whole
from labkit.models.entries import register
from labkit.models.ports import Ports


@register
@dataclass(frozen=True)
class MLP(Chain):
    """``depth`` hidden layers of ``width`` ReLU units each; initialisation as in `Chain`.

    Dials:
        width, depth: hidden units per layer and hidden layers.
        dropout: share of the hidden units left out, drawn anew for every example and step (Srivastava et al., 2014).

    >>> from labkit import datasets, models
    >>> models.build("mlp", width=32, depth=2).flops_per_example(datasets.load("digits"), training=False)
    6784
    """

    name: ClassVar[str] = "mlp"
    purpose: ClassVar[str] = "fully connected network: the workhorse for images and tables"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "regression")

    width: int = 64
    depth: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        whole("width", self.width)
        whole("depth", self.depth)
        share("dropout", self.dropout)

    def sizes(self, ends: Ports) -> tuple[int, ...]:
        return (ends.inputs, *[self.width] * self.depth, ends.outputs)

    def noise(self, ends: Ports) -> dict[str, tuple[int, float]]:
        if not self.dropout:
            return {}
        return {f"mask_{layer}": (self.width, self.dropout) for layer in range(1, self.depth + 1)}
