"""A fully connected network, one hidden ReLU layer by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labkit.models.chain import Chain
from labkit.models.dials import share, switch, whole
from labkit.models.entries import register
from labkit.models.ports import Ports
from labkit.registry import UnknownName, nearest

_OPTIMIZERS = {"sgd": ("sgd",), "adam": ("adam", "adamw")}
_BASE = 64
"""The width at which µP and the standard parametrisation are the same."""


@register
@dataclass(frozen=True)
class MLP(Chain):
    """``depth`` hidden layers of ``width`` ReLU units each; initialisation as in `Chain`.

    Dials:
        width, depth: hidden units per layer and hidden layers.
        dropout: share of the hidden units left out, drawn anew for every example and step (Srivastava et al., 2014).
        batch_norm: whether each hidden layer is normalised before its ReLU (Ioffe and Szegedy, 2015), with a gain per
            unit that starts at 1. Training takes the statistics of the batch; all that is measured or predicted takes
            those of the first 1,024 training examples of the run, computed anew with the weights of the moment, so
            that they never lag behind and there is no decay rate to choose.
        ghost: examples in a virtual batch, each with statistics of its own (Hoffer et al., 2017); None is the batch.
        mup: ``sgd`` or ``adam`` for the parametrisation in which the best learning rate of that optimiser stays where
            it is at width 64 whatever the width (Yang et al., 2022); None is the standard one. The optimisers differ
            in it, so training with another one is refused. Weight decay is not scaled.

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
    batch_norm: bool = False
    ghost: int | None = None
    mup: str | None = None

    def __post_init__(self) -> None:
        whole("width", self.width)
        whole("depth", self.depth)
        share("dropout", self.dropout)
        switch("batch_norm", self.batch_norm)
        if self.ghost is not None:
            whole("ghost", self.ghost, least=2)
            if not self.batch_norm:
                raise ValueError(f"ghost={self.ghost} is a size of batches for batch norm; give batch_norm=True too")
        if self.mup is not None and self.mup not in _OPTIMIZERS:
            raise UnknownName(f"unknown mup {self.mup!r}: {nearest(self.mup, _OPTIMIZERS)}")

    @property
    def batchwise(self) -> bool:
        return self.batch_norm

    @property
    def virtual(self) -> int | None:
        return self.ghost

    @property
    def optimizers(self) -> tuple[str, ...] | None:
        return None if self.mup is None else _OPTIMIZERS[self.mup]

    def sizes(self, ends: Ports) -> tuple[int, ...]:
        return (ends.inputs, *[self.width] * self.depth, ends.outputs)

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        gains = {f"gain_{layer}": (self.width, 1) for layer in range(self.depth)} if self.batch_norm else {}
        return {**super().shapes(ends), **gains}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        values = super().draw(ends, random)
        for layer in range(self.depth if self.batch_norm else 0):
            gain = 1 / self.multiplier(layer)[1]
            values[f"gain_{layer}"] = np.full((self.width, 1), gain, dtype=np.float32)
        if self.mup is not None:
            for layer in range(self.depth + 1):
                smaller = (_BASE / self.width) ** 0.5 if layer == self.depth else 1.0
                values[f"weight_{layer}"] *= np.float32(smaller / self.multiplier(layer)[0])
        return values

    def multiplier(self, layer: int) -> tuple[float, float]:
        # A factor m in front of a tensor that starts 1 / m as large makes its learning rate m² times as large under
        # SGD and m times under Adam; so these are the learning rates of µP, with one rate for all tensors.
        if self.mup is None:
            return 1.0, 1.0
        wider = self.width / _BASE
        if self.mup == "adam":
            return (1 / wider if layer else 1.0), 1.0
        if layer == self.depth:
            return wider**-0.5, 1.0
        return (1.0 if layer else wider**0.5), wider**0.5

    def step_numbers(self, ends: Ports) -> float:
        return super().step_numbers(ends) * (3 if self.batch_norm else 1)

    def noise(self, ends: Ports) -> dict[str, tuple[int, float]]:
        if not self.dropout:
            return {}
        return {f"mask_{layer}": (self.width, self.dropout) for layer in range(1, self.depth + 1)}
