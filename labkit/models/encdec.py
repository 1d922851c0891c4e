"""A transformer that reads the beginning of a window both ways and then continues it, one id after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.models.dials import whole
from labkit.models.entries import register
from labkit.models.model import Model, Parameters
from labkit.models.norms import rms
from labkit.models.ports import Ports

if TYPE_CHECKING:
    from labkit.datasets import Dataset

_HEAD = 16
_EMBEDDINGS = ("embedding", "position")


@register
@dataclass(frozen=True)
class EncoderDecoder(Model):
    """An encoder sees the first ids of a window, a decoder predicts each id after them from those before it.

    Dials:
        width: numbers per position in both halves, where they give none of their own.
        encoder_width, decoder_width: those of one half; None is ``width``.
        encoder_depth, decoder_depth: blocks; None is one per 32 of the half's width and at least 1.
        source: ids that the encoder reads; None is half of the window, rounded down, at least 1.

    Blocks have pre-norm attention and ReLU layers of four times the width, as in `Transformer`; the decoder attends to
    the encoder's answer between the two. The decoder starts from the source's last id. A window of n ids so holds
    n + 1 - source predictions, and training lowers, and evaluation reports, their mean loss; ``forward``, and so
    ``predict``, answers after the window's last id. For problems in lines, train on the windows that begin a line
    (the run key ``indices``) with a ``source`` as long as the question.

    Initialisation as in `Transformer`: embeddings standard normal, matrices with variance 1 / inputs (2 / inputs
    before a ReLU), those that end a part of a block with that over twice the half's depth (three times in the
    decoder, whose blocks have three parts), the unembedding with 1 / (4 inputs). Gradients are taken by autograd.

    Source: Vaswani et al. (2017); Raffel et al. (2020) on windows cut in two.

    >>> from labkit import models
    >>> text = models.Ports("text", inputs=12, outputs=15)
    >>> models.build("encoder_decoder", width=32, decoder_depth=2).counts(text)
    {'encoder': 12288, 'decoder': 32768, 'embeddings': 1856}
    """

    name: ClassVar[str] = "encoder_decoder"
    purpose: ClassVar[str] = "transformer that reads a question and writes its answer, with a size for each half"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    embeddings: ClassVar[tuple[str, ...]] = (
        *(f"{half}_{what}" for half in ("encoder", "decoder") for what in _EMBEDDINGS),
        "unembedding",
    )

    width: int = 32
    encoder_width: int | None = None
    decoder_width: int | None = None
    encoder_depth: int | None = None
    decoder_depth: int | None = None
    source: int | None = None

    def __post_init__(self) -> None:
        for dial, value in self.dials().items():
            if dial == "width" or value is not None:
                whole(dial, value)

    def check(self, data: Dataset | Ports) -> Ports:
        ends = super().check(data)
        if self.source is not None and self.source > ends.inputs:
            raise ValueError(f"source={self.source} is more than a window holds; this data has {ends.inputs} ids")
        return ends

    @property
    def widths(self) -> tuple[int, int]:
        """Of the encoder and of the decoder, given or derived."""
        return self.encoder_width or self.width, self.decoder_width or self.width

    @property
    def blocks(self) -> tuple[int, int]:
        """Of the encoder and of the decoder, given or derived."""
        given = self.encoder_depth, self.decoder_depth
        return tuple(depth or max(1, width // 32) for depth, width in zip(given, self.widths, strict=True))

    def read(self, length: int) -> int:
        """Ids of a window of some length that the encoder reads."""
        return max(1, length // 2) if self.source is None else self.source

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        (one, two), (deep, high), read = self.widths, self.blocks, self.read(ends.inputs)
        shapes = {"encoder_embedding": (ends.outputs, one), "encoder_position": (read, one)}
        for block in range(deep):
            shapes[f"encoder_attend_{block}"] = (3 * one, one)
            shapes[f"encoder_gather_{block}"] = (one, one)
            shapes[f"encoder_up_{block}"] = (4 * one, one)
            shapes[f"encoder_down_{block}"] = (one, 4 * one)
        shapes |= {"decoder_embedding": (ends.outputs, two), "decoder_position": (ends.inputs + 1 - read, two)}
        for block in range(high):
            shapes[f"decoder_attend_{block}"] = (3 * two, two)
            shapes[f"decoder_gather_{block}"] = (two, two)
            shapes[f"decoder_ask_{block}"] = (two, two)
            shapes[f"decoder_answer_{block}"] = (2 * two, one)
            shapes[f"decoder_take_{block}"] = (two, two)
            shapes[f"decoder_up_{block}"] = (4 * two, two)
            shapes[f"decoder_down_{block}"] = (two, 4 * two)
        return {**shapes, "unembedding": (ends.outputs, two)}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        parts = {"encoder": 2 * self.blocks[0], "decoder": 3 * self.blocks[1]}
        values = {}
        for name, shape in self.shapes(ends).items():
            half, kind, *_ = f"{name}_".split("_")
            if name == "unembedding":
                spread = 0.5 / shape[1] ** 0.5
            elif kind in _EMBEDDINGS:
                spread = 1.0
            else:
                gain = 2.0 if kind == "up" else 1 / parts[half] if kind in ("gather", "take", "down") else 1.0
                spread = (gain / shape[1]) ** 0.5
            values[name] = random.standard_normal(shape, dtype=np.float32) * np.float32(spread)
        return values

    def counts(self, data: Dataset | Ports) -> dict[str, int]:
        """Parameters of the encoder, the decoder and the embeddings; they add up to ``parameter_count``."""
        shapes = self.shapes(self.check(data))
        found = dict.fromkeys(("encoder", "decoder", "embeddings"), 0)
        for name, shape in shapes.items():
            part = "embeddings" if name in self.embeddings else name.partition("_")[0]
            found[part] += math.prod(shape)
        return found

    def forward_flops(self, ends: Ports) -> int:
        return self._hidden_flops(ends) + 2 * ends.outputs * self.widths[1]

    def _hidden_flops(self, ends: Ports) -> int:
        (one, two), (deep, high), read = self.widths, self.blocks, self.read(ends.inputs)
        written = self.predictions(ends)
        encoder = deep * (12 * one**2 * read + 2 * one * read**2)
        own = 12 * two**2 * written + 2 * two * written**2
        across = 2 * two**2 * written + 2 * one * two * read + 2 * two * read * written
        return 2 * (encoder + high * (own + across))

    def flops_per_example(self, data: Dataset | Ports, training: bool = True) -> int:
        """FLOPs for one window: in training 3 times those of a forward pass that answers at every place written.

        Attention is computed for all pairs of positions and counted so, though half of the decoder's are masked.
        """
        ends = self.check(data)
        if not training:
            return self.forward_flops(ends)
        return 3 * (self._hidden_flops(ends) + 2 * ends.outputs * self.widths[1] * self.predictions(ends))

    def predictions(self, ends: Ports) -> int:
        return ends.inputs + 1 - self.read(ends.inputs)

    def widest(self, ends: Ports) -> int:
        widest = max(self.widths)
        return ends.inputs * (max(ends.outputs, 4 * widest) + _heads(widest) * ends.inputs)

    def step_numbers(self, ends: Ports) -> float:
        places = self.read(ends.inputs), self.predictions(ends)
        numbers = 2.0 * ends.outputs * places[1]
        for width, depth, here in zip(self.widths, self.blocks, places, strict=True):
            numbers += here * depth * (24 * width + 2 * _heads(width) * ends.inputs)
        return numbers

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        return torch.bmm(self._written(parameters, inputs)[:, :, -1], parameters["unembedding"].transpose(1, 2))

    def outcomes(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        written = self._written(parameters, inputs)
        read = inputs.shape[2] + 1 - written.shape[2]
        wanted = torch.cat([inputs[:, :, read:], targets.unsqueeze(2)], 2)
        return torch.bmm(written.flatten(1, 2), parameters["unembedding"].transpose(1, 2)), wanted.flatten(1)

    def _written(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What the decoder knows at each of its places, (runs, batch, places, width)."""
        read = parameters["encoder_position"].shape[1]
        memory = self._encoded(parameters, inputs[:, :, :read])
        states = _embedded(parameters, "decoder", inputs[:, :, read - 1 :])
        ahead = torch.full((states.shape[2],) * 2, -torch.inf, device=states.device).triu_(1)
        for block in range(self.blocks[1]):
            of = {kind: parameters[f"decoder_{kind}_{block}"] for kind in
                  ("attend", "gather", "ask", "answer", "take", "up", "down")}  # fmt: skip
            queries, keys, values = _times(of["attend"], _normal(states)).chunk(3, 3)
            states = states + _times(of["gather"], _attention(queries, keys, values, ahead))
            keys, values = _times(of["answer"], memory).chunk(2, 3)
            states = states + _times(of["take"], _attention(_times(of["ask"], _normal(states)), keys, values, None))
            states = states + _times(of["down"], _times(of["up"], _normal(states)).relu())
        return _normal(states)

    def _encoded(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What the encoder makes of the source, (runs, batch, places, width)."""
        states = _embedded(parameters, "encoder", inputs)
        for block in range(self.blocks[0]):
            of = {kind: parameters[f"encoder_{kind}_{block}"] for kind in ("attend", "gather", "up", "down")}
            queries, keys, values = _times(of["attend"], _normal(states)).chunk(3, 3)
            states = states + _times(of["gather"], _attention(queries, keys, values, None))
            states = states + _times(of["down"], _times(of["up"], _normal(states)).relu())
        return _normal(states)


def _heads(width: int) -> int:
    """The most heads that leave each at least 16 numbers and divide the width."""
    return next(count for count in range(max(1, width // _HEAD), 0, -1) if width % count == 0)


def _normal(states: Tensor) -> Tensor:
    return rms(states, 3)[0]


def _embedded(parameters: Parameters, half: str, ids: Tensor) -> Tensor:
    """Embeddings and positions of ids (runs, batch, places), (runs, batch, places, width)."""
    table, position = parameters[f"{half}_embedding"], parameters[f"{half}_position"]
    start = torch.arange(len(ids), device=ids.device).view(-1, 1, 1) * table.shape[1]
    rows = table.reshape(-1, table.shape[2]).index_select(0, (ids + start).reshape(-1))
    return rows.view(*ids.shape, -1) + position.unsqueeze(1)


def _times(weight: Tensor, states: Tensor) -> Tensor:
    """Each run's matrix times its states (runs, batch, places, inputs)."""
    return torch.bmm(states.flatten(1, 2), weight.transpose(1, 2)).view(*states.shape[:3], -1)


def _attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """What queries (runs, batch, places, width) find among the values by their keys; the mask is added to scores."""
    runs, batch, places, width = queries.shape
    heads = _heads(width)
    parts = (each.unflatten(3, (heads, -1)).transpose(2, 3).flatten(0, 2) for each in (queries, keys, values))
    queries, keys, values = parts
    scores = torch.bmm(queries, keys.transpose(1, 2)) * (width // heads) ** -0.5
    weight = (scores if mask is None else scores + mask).softmax(2)
    return torch.bmm(weight, values).view(runs, batch, heads, places, -1).transpose(2, 3).flatten(3)
