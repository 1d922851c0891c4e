"""A network that predicts the next id of a text from a window of the ids before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.models.chain import Chain
from labkit.models.dials import whole
from labkit.models.entries import register
from labkit.models.model import Parameters
from labkit.models.ports import Ports


@register
@dataclass(frozen=True)
class ContextMLP(Chain):
    """Each id of the window becomes ``embedding`` numbers; side by side they enter ``depth`` ReLU layers of ``width``.

    The window's length is the dataset's context. Embeddings start standard normal, layers as in `Chain`. Looking up
    an embedding counts no FLOPs. Source: Bengio et al. (2003), without the direct connections.

    >>> from labkit import models
    >>> text = models.Ports("text", inputs=8, outputs=128)
    >>> models.build("context_mlp", width=64).parameter_count(text)
    18624
    """

    name: ClassVar[str] = "context_mlp"
    purpose: ClassVar[str] = "next-id prediction from a window of text"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    embeddings: ClassVar[tuple[str, ...]] = ("embedding",)

    width: int = 64
    depth: int = 1
    embedding: int = 16

    def __post_init__(self) -> None:
        for dial, value in self.dials().items():
            whole(dial, value)

    def sizes(self, ends: Ports) -> tuple[int, ...]:
        return (ends.inputs * self.embedding, *[self.width] * self.depth, ends.outputs)

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        return {"embedding": (ends.outputs, self.embedding), **super().shapes(ends)}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        table = random.standard_normal((ends.outputs, self.embedding), dtype=np.float32)
        return {"embedding": table, **super().draw(ends, random)}

    @property
    def trains_first(self) -> bool:
        return True

    def first(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        table = parameters["embedding"]
        rows = table.reshape(-1, self.embedding).index_select(0, _rows(inputs, table.shape[1]))
        return rows.view(inputs.shape[0], inputs.shape[1], -1)

    def first_gradient(self, inputs: Tensor, slope: Tensor, into: Parameters, beta: float) -> None:
        table = into["embedding"]
        table.mul_(beta) if beta else table.zero_()
        rows = _rows(inputs, table.shape[1])
        slope = slope.transpose(1, 2).reshape(-1, self.embedding)
        if table.is_cuda:  # sorts first, so that sums do not depend on which thread comes first
            table.view(-1, self.embedding).index_put_((rows,), slope, accumulate=True)
        else:
            table.view(-1, self.embedding).index_add_(0, rows, slope)

    def first_norms(self, inputs: Tensor, slope: Tensor) -> Tensor:
        # An id that stands several times in a window adds its slopes up before they are squared.
        slope = slope.view(slope.shape[0], -1, self.embedding, slope.shape[2])
        same = inputs.unsqueeze(2) == inputs.unsqueeze(3)
        return (torch.einsum("rieb,rjeb->rbij", slope, slope) * same).sum((2, 3))


def _rows(inputs: Tensor, vocabulary: int) -> Tensor:
    """Places in the tables of all runs laid under each other."""
    start = torch.arange(inputs.shape[0], device=inputs.device) * vocabulary
    return (inputs + start.view(-1, 1, 1)).reshape(-1)
