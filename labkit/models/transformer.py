"""A decoder-only transformer that predicts every next id of a window, with the backward pass written out.

Activations are feature-first, (runs, features, batch * positions), as in `Chain`: narrow models then multiply wide
matrices all the same. Inside attention they are (runs * heads * batch, head size, positions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.models.dials import whole
from labkit.models.entries import register
from labkit.models.losses import CrossEntropy
from labkit.models.model import Model, Parameters
from labkit.models.norms import rms, rms_backward
from labkit.models.ports import Ports

if TYPE_CHECKING:
    from labkit.datasets import Dataset

_HEAD = 16
_BASE = 32
"""The width at which µP and the standard parametrisation are the same."""


@register
@dataclass(frozen=True)
class Transformer(Model):
    """Causal self-attention and ReLU layers of four times the ``width``, each behind an RMS norm without parameters.

    Dials:
        width: numbers per position; heads have 16 of them each, as far as that divides.
        depth: blocks; None is one per 32 of the width and at least 2.
        tied: whether the embedding answers as well, so that there is no unembedding.
        qk_norm: whether queries and keys are normalised, so that attention cannot grow (Dehghani et al., 2023).
        mup: whether hidden and output matrices are scaled so that the best learning rate of Adam stays where it is
            at width 32 whatever the width (Yang et al., 2022).

    Positions are learned; there are no biases and no dropout. Training lowers, and evaluation reports, the mean loss
    over all positions of a window; ``forward``, and so ``predict``, answers after its last id. Embeddings start
    standard normal, matrices with variance 1 / inputs (2 / inputs before a ReLU), those that end a block with that
    over twice the depth, the unembedding with 1 / (4 inputs).

    >>> from labkit import models
    >>> text = models.Ports("text", inputs=64, outputs=128)
    >>> model = models.build("transformer", width=32)
    >>> model.parameter_count(text), model.parameter_count(text, embeddings=False)
    (34816, 24576)
    """

    name: ClassVar[str] = "transformer"
    purpose: ClassVar[str] = "decoder-only language model, trained on every position of a window"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    embeddings: ClassVar[tuple[str, ...]] = ("embedding", "position", "unembedding")

    width: int = 32
    depth: int | None = None
    tied: bool = False
    qk_norm: bool = False
    mup: bool = False

    def __post_init__(self) -> None:
        whole("width", self.width)
        if self.depth is not None:
            whole("depth", self.depth)

    @property
    def blocks(self) -> int:
        """Blocks, given or derived."""
        return max(2, self.width // 32) if self.depth is None else self.depth

    @property
    def heads(self) -> int:
        """Heads of attention: the most that leave each at least 16 numbers and divide the width."""
        return next(count for count in range(max(1, self.width // _HEAD), 0, -1) if self.width % count == 0)

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        shapes = {"embedding": (ends.outputs, self.width), "position": (self.width, ends.inputs)}
        for block in range(self.blocks):
            shapes[f"attend_{block}"] = (3 * self.width, self.width)
            shapes[f"gather_{block}"] = (self.width, self.width)
            shapes[f"up_{block}"] = (4 * self.width, self.width)
            shapes[f"down_{block}"] = (self.width, 4 * self.width)
        return shapes if self.tied else {**shapes, "unembedding": (ends.outputs, self.width)}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        gains = {"attend": 1.0, "up": 2.0, "gather": 0.5 / self.blocks, "down": 0.5 / self.blocks}
        values = {}
        for name, shape in self.shapes(ends).items():
            kind = name.partition("_")[0]
            if kind in gains:
                spread = np.sqrt(gains[kind] / shape[1]) / self._hidden
            else:
                spread = 0.5 / np.sqrt(_BASE if self.mup else self.width) if kind == "unembedding" else 1.0
            values[name] = random.standard_normal(shape, dtype=np.float32) * np.float32(spread)
        return values

    @property
    def _hidden(self) -> float:
        """What hidden matrices are multiplied by: under Adam that is also a factor of their learning rate."""
        return _BASE / self.width if self.mup else 1.0

    @property
    def _output(self) -> float:
        """What the matrix that answers is multiplied by."""
        scale = 0.5 / (_BASE if self.mup else self.width) ** 0.5 if self.tied else 1.0
        return scale * self._hidden

    def forward_flops(self, ends: Ports) -> int:
        return self._hidden_flops(ends) + 2 * ends.outputs * self.width

    def _hidden_flops(self, ends: Ports) -> int:
        matrices, attention = 12 * self.width**2 * ends.inputs, 2 * self.width * ends.inputs**2
        return 2 * self.blocks * (matrices + attention)

    def flops_per_example(self, data: Dataset | Ports, training: bool = True) -> int:
        """FLOPs for one window: in training 3 times those of a forward pass that answers at every position.

        Attention is computed for all pairs of positions and counted so, though half of them are masked.
        """
        ends = self.check(data)
        if not training:
            return self.forward_flops(ends)
        return 3 * (self._hidden_flops(ends) + 2 * ends.outputs * self.width * ends.inputs)

    def predictions(self, ends: Ports) -> int:
        return ends.inputs

    def widest(self, ends: Ports) -> int:
        return ends.inputs * (max(ends.outputs, 4 * self.width) + self.heads * ends.inputs)

    def step_numbers(self, ends: Ports) -> float:
        per_block = 16 * self.width + self.heads * ends.inputs
        return ends.inputs * (2 * ends.outputs + self.blocks * per_block)

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        last = self._hidden_states(parameters, inputs, None)[..., inputs.shape[2] - 1 :: inputs.shape[2]]
        return self._answers(parameters, last)

    def outcomes(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self._answers(parameters, self._hidden_states(parameters, inputs, None)), _next(inputs, targets)

    def _answers(self, parameters: Parameters, hidden: Tensor) -> Tensor:
        """Logits (runs, places, vocabulary) for hidden states (runs, width, places)."""
        table = parameters["embedding" if self.tied else "unembedding"]
        answers = torch.bmm(hidden.transpose(1, 2), table.transpose(1, 2))
        return answers if self._output == 1 else answers.mul_(self._output)

    def _multiply(self, weight: Tensor, features: Tensor, onto: Tensor | None = None) -> Tensor:
        """``onto`` plus a hidden matrix times the features."""
        if onto is not None:
            return torch.baddbmm(onto, weight, features, alpha=self._hidden)
        product = torch.bmm(weight, features)
        return product if self._hidden == 1 else product.mul_(self._hidden)

    def _hidden_states(self, parameters: Parameters, inputs: Tensor, kept: list | None) -> Tensor:
        """What enters the answers, (runs, width, batch * positions); ``kept`` collects what the way back needs."""
        runs, batch, length = inputs.shape
        table = parameters["embedding"]
        states = table.reshape(-1, self.width).index_select(0, _rows(inputs, table.shape[1]))
        states = states.view(runs, batch, length, self.width).permute(0, 3, 1, 2)
        states = (states + parameters["position"][:, :, -length:].unsqueeze(2)).reshape(runs, self.width, -1)
        mask = torch.full((length, length), -torch.inf, dtype=states.dtype, device=states.device).triu_(1)
        for block in range(self.blocks):
            normal, size = rms(states, 1)
            mixed = self._multiply(parameters[f"attend_{block}"], normal)
            mixed = mixed.view(runs, 3, self.heads, -1, batch, length).permute(1, 0, 2, 4, 3, 5)
            queries, keys, values = mixed.reshape(3, -1, self.width // self.heads, length)
            raw = None
            if self.qk_norm:
                (queries, query_size), (keys, key_size) = rms(queries, 1), rms(keys, 1)
                raw = query_size, key_size
            weight = torch.baddbmm(mask, queries.transpose(1, 2), keys, alpha=self._sharpness).softmax(2)
            found = torch.bmm(values, weight.transpose(1, 2))
            found = found.view(runs, self.heads, batch, -1, length).transpose(2, 3).reshape(runs, self.width, -1)
            states = self._multiply(parameters[f"gather_{block}"], found, states)
            second, second_size = rms(states, 1)
            units = self._multiply(parameters[f"up_{block}"], second).relu_()
            states = self._multiply(parameters[f"down_{block}"], units, states)
            if kept is not None:
                kept.append((normal, size, queries, keys, values, raw, weight, found, second, second_size, units))
        normal, size = rms(states, 1)
        if kept is not None:
            kept.append((normal, size))
        return normal

    @property
    def _sharpness(self) -> float:
        return (self.width // self.heads) ** -0.5

    def gradient(
        self,
        parameters: Parameters,
        inputs: Tensor,
        targets: Tensor,
        scale: Tensor,
        *,
        loss: CrossEntropy,
        into: Parameters,
        beta: float,
        trace: Tensor,
    ) -> None:
        runs, batch, length = inputs.shape
        kept: list = []
        hidden = self._hidden_states(parameters, inputs, kept)
        answers = self._answers(parameters, hidden)
        losses = torch.empty(runs, batch * length, 1, device=trace.device)
        each = (scale / length).expand(runs, 1, batch).repeat_interleave(length, 2).transpose(1, 2)
        slope = loss.backward_last(answers, _next(inputs, targets), each, losses).transpose(1, 2)
        torch.mean(losses.view(runs, 1, batch, length), 3, out=trace)
        last = "embedding" if self.tied else "unembedding"
        into[last].baddbmm_(slope, hidden.transpose(1, 2), beta=beta, alpha=self._output)
        slope = torch.bmm(parameters[last].transpose(1, 2), slope)
        slope = slope if self._output == 1 else slope.mul_(self._output)
        slope = rms_backward(slope, *kept.pop(), 1)
        for block in reversed(range(self.blocks)):
            slope = self._block_backward(parameters, block, slope, kept.pop(), into, beta, batch)
        grid = slope.view(runs, self.width, batch, length)
        place = into["position"]
        place.mul_(beta) if beta else place.zero_()
        place[:, :, -length:] += grid.sum(2)
        table = into["embedding"]
        if not self.tied:  # else it has been scaled already
            table.mul_(beta) if beta else table.zero_()
        rows, flat = _rows(inputs, table.shape[1]), grid.permute(0, 2, 3, 1).reshape(-1, self.width)
        if table.is_cuda:  # sorts first, so that sums do not depend on which thread comes first
            table.view(-1, self.width).index_put_((rows,), flat, accumulate=True)
        else:
            table.view(-1, self.width).index_add_(0, rows, flat)

    def _block_backward(
        self, parameters: Parameters, block: int, slope: Tensor, kept: tuple, into: Parameters, beta: float, batch: int
    ) -> Tensor:
        normal, size, queries, keys, values, raw, weight, found, second, second_size, units = kept
        runs, length, scale = slope.shape[0], weight.shape[2], self._hidden

        def down(name: str, slope: Tensor, below: Tensor) -> Tensor:
            into[name].baddbmm_(slope, below.transpose(1, 2), beta=beta, alpha=scale)
            below = torch.bmm(parameters[name].transpose(1, 2), slope)
            return below if scale == 1 else below.mul_(scale)

        inner = torch.ops.aten.threshold_backward(down(f"down_{block}", slope, units), units, 0)
        slope = slope + rms_backward(down(f"up_{block}", inner, second), second, second_size, 1)
        inner = down(f"gather_{block}", slope, found)
        inner = inner.view(runs, self.heads, -1, batch, length).transpose(2, 3).reshape(values.shape)
        pairs = torch.bmm(inner.transpose(1, 2), values)
        pairs = torch.ops.aten._softmax_backward_data(pairs, weight, 2, weight.dtype).mul_(self._sharpness)
        back = torch.empty(3, *values.shape, dtype=slope.dtype, device=slope.device)
        torch.bmm(keys, pairs.transpose(1, 2), out=back[0])
        torch.bmm(queries, pairs, out=back[1])
        torch.bmm(inner, weight, out=back[2])
        if raw is not None:
            back[0] = rms_backward(back[0], queries, raw[0], 1)
            back[1] = rms_backward(back[1], keys, raw[1], 1)
        back = back.view(3, runs, self.heads, batch, -1, length).permute(1, 0, 2, 4, 3, 5)
        back = back.reshape(runs, 3 * self.width, -1)
        return slope + rms_backward(down(f"attend_{block}", back, normal), normal, size, 1)


def _next(inputs: Tensor, targets: Tensor) -> Tensor:
    """The id after each id of some windows, (runs, batch * positions)."""
    return torch.cat([inputs[:, :, 1:], targets.unsqueeze(2)], 2).flatten(1)


def _rows(inputs: Tensor, vocabulary: int) -> Tensor:
    """Places in the tables of all runs laid under each other."""
    start = torch.arange(inputs.shape[0], device=inputs.device) * vocabulary
    return (inputs + start.view(-1, 1, 1)).reshape(-1)
