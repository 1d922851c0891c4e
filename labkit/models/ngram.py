"""Counts of ids after ids: the model that knows no more than what it has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.models.dials import whole
from labkit.models.entries import register
from labkit.models.model import Model, Parameters
from labkit.models.ports import Ports

if TYPE_CHECKING:
    from labkit.datasets import Dataset

_MOST = 1 << 24


@register
@dataclass(frozen=True)
class NGram(Model):
    """Next-id probabilities from counts of ids behind the last ``order`` - 1 ids, each order smoothed by the one below.

    Dials:
        order: ids counted together; 1 knows frequencies alone.
        smoothing: how many observations the next lower order is worth: p = (count + smoothing p') / (total +
            smoothing), down to all ids alike (MacKay and Peto, 1995, with one strength for all).

    Parameters are all cells of all tables, seen or not. Counting is exact and needs no steps, so learning rate, steps
    and batch size are ignored, and there are no matrix products: its FLOPs are 0.

    >>> from labkit import models
    >>> models.build("ngram", order=2).parameter_count(models.Ports("text", inputs=8, outputs=10))
    110
    """

    name: ClassVar[str] = "ngram"
    purpose: ClassVar[str] = "counts of neighbouring ids: the baseline for text, exact and instant"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    closed_form: ClassVar[bool] = True

    order: int = 2
    smoothing: float = 1.0

    def __post_init__(self) -> None:
        whole("order", self.order)
        if not self.smoothing > 0:
            raise ValueError(f"smoothing={self.smoothing!r} is not positive; expected a number above 0")

    def check(self, data: Dataset | Ports) -> Ports:
        ends = super().check(data)
        if self.order > ends.inputs + 1:
            raise ValueError(f"order={self.order} needs windows of {self.order - 1} ids; this data has {ends.inputs}")
        if ends.outputs**self.order > _MOST:
            raise ValueError(f"order={self.order} with {ends.outputs} ids has over {_MOST:,} cells; give a lower one")
        return ends

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        return {f"count_{order}": (ends.outputs,) * order for order in range(1, self.order + 1)}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        return {name: np.zeros(shape, dtype=np.float32) for name, shape in self.shapes(ends).items()}

    def forward_flops(self, ends: Ports) -> int:
        return 0

    def widest(self, ends: Ports) -> int:
        return 3 * ends.outputs

    def step_numbers(self, ends: Ports) -> float:
        return 2 * self.parameter_count(ends)

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """Logarithms of the probabilities (runs, batch, vocabulary)."""
        runs, batch, _ = inputs.shape
        vocabulary = parameters["count_1"].shape[1]
        chance = torch.full((1, 1, 1), 1 / vocabulary, device=inputs.device)
        for order in range(1, self.order + 1):
            rows = _codes(inputs, order - 1, vocabulary)
            rows = rows + torch.arange(runs, device=inputs.device).view(-1, 1) * vocabulary ** (order - 1)
            table = parameters[f"count_{order}"].reshape(-1, vocabulary)
            counts = table.index_select(0, rows.flatten()).view(runs, batch, vocabulary)
            chance = (counts + self.smoothing * chance) / (counts.sum(2, keepdim=True) + self.smoothing)
        return chance.log()

    def count(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> None:
        """Add windows (runs, batch, context) and the ids after them (runs, batch) to the counts, in place."""
        runs, vocabulary = inputs.shape[0], parameters["count_1"].shape[1]
        one = torch.ones((), device=inputs.device)
        for order in range(1, self.order + 1):
            cells = _codes(inputs, order - 1, vocabulary) * vocabulary + targets
            cells = cells + torch.arange(runs, device=inputs.device).view(-1, 1) * vocabulary**order
            parameters[f"count_{order}"].view(-1).index_add_(0, cells.flatten(), one.expand(cells.numel()))


def _codes(inputs: Tensor, length: int, vocabulary: int) -> Tensor:
    """The last ``length`` ids of each window as one number."""
    codes = torch.zeros(inputs.shape[:2], dtype=torch.long, device=inputs.device)
    for place in range(inputs.shape[2] - length, inputs.shape[2]):
        codes = codes * vocabulary + inputs[:, :, place]
    return codes
