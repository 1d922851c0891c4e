"""One network asked several times at once: is a stream worth as much as parameters?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from labkit import datasets, models, training
from labkit.models import Model, Ports
from labkit.models.dials import whole
from labkit.models.model import Parameters

_SPREAD = 0.5
"""How far apart the streams start: standard deviation of what scales and shifts the embeddings."""


@dataclass(frozen=True)
class Streams(Model):
    """Next-id prediction by one hidden ReLU layer that reads ``streams`` transformed copies of a window.

    Each stream scales and shifts the embedded window by numbers of its own; the answers are averaged with learned
    weights that sum to 1. All else is shared. With one stream it is a plain network behind a learned scaling.
    Source: Chen et al. (2025), whose transformers have learned prefixes instead.

    >>> text = Ports("text", inputs=8, outputs=100)
    >>> Streams(width=16).parameter_count(text, embeddings=False), Streams(width=16, streams=2).parameter_count(text)
    (3764, 5878)
    """

    name: ClassVar[str] = "streams"
    purpose: ClassVar[str] = "one network that reads several transformed copies of its input"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    embeddings: ClassVar[tuple[str, ...]] = ("embedding", "scale", "shift", "weigh")

    width: int = 16
    streams: int = 1
    embedding: int = 16

    def __post_init__(self) -> None:
        for dial, value in self.dials().items():
            whole(dial, value)

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        features = ends.inputs * self.embedding
        shapes = {"embedding": (ends.outputs, self.embedding)}
        shapes |= {"weight_0": (self.width, features), "bias_0": (self.width, 1)}
        shapes |= {"weight_1": (ends.outputs, self.width), "bias_1": (ends.outputs, 1)}
        return shapes | dict.fromkeys(("scale", "shift"), (self.streams, features)) | {"weigh": (self.streams,)}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        shapes = self.shapes(ends)
        values = {name: random.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
        values["weight_0"] *= np.float32(np.sqrt(2 / shapes["weight_0"][1]))
        values["weight_1"] *= np.float32(0.5 / np.sqrt(self.width))
        for name in ("scale", "shift"):
            values[name] = np.float32(name == "scale") + values[name] * np.float32(_SPREAD)
        for name in ("bias_0", "bias_1", "weigh"):
            values[name] *= 0
        return values

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        runs, batch, _ = inputs.shape
        table = parameters["embedding"]
        start = torch.arange(runs, device=inputs.device).view(-1, 1, 1) * table.shape[1]
        window = table.reshape(-1, self.embedding).index_select(0, (inputs + start).flatten()).view(runs, 1, batch, -1)
        copies = window * parameters["scale"].unsqueeze(2) + parameters["shift"].unsqueeze(2)
        flat = copies.view(runs, self.streams * batch, -1).transpose(1, 2)
        hidden = torch.baddbmm(parameters["bias_0"], parameters["weight_0"], flat).relu()
        weigh = parameters["weigh"].softmax(1).view(runs, 1, self.streams, 1)
        mixed = (hidden.view(runs, self.width, self.streams, batch) * weigh).sum(2)  # the last layer is linear
        return torch.baddbmm(parameters["bias_1"], parameters["weight_1"], mixed).transpose(1, 2)

    def forward_flops(self, ends: Ports) -> int:
        hidden = 2 * ends.inputs * self.embedding * self.width
        return self.streams * hidden + 2 * self.width * ends.outputs

    def widest(self, ends: Ports) -> int:
        return 3 * self.streams * ends.inputs * self.embedding + ends.outputs

    def step_numbers(self, ends: Ports) -> float:
        return 2 * self.widest(ends)


def parallel_streams(
    *, widths: Sequence[int], streams: Sequence[int], seeds: Sequence[int], steps: int = 1500, context: int = 8
) -> pd.DataFrame:
    """Losses of `Streams` on Python source, by width and streams, each text window seen at most once.

    Arguments:
        widths: hidden units; streams: copies that are read at once.
        seeds: of starting values and text.
        steps: of 64 windows each. context: letters in a window.

    Returns width, streams, seed, ``params`` (without embeddings and what makes the streams) and ``loss`` (nats per
    letter, held out).

    >>> parallel_streams(widths=[4], streams=[1, 2], seeds=[0], steps=10)[["streams", "params"]].values.tolist()
    [[1, 1156], [2, 1156]]
    """
    data = datasets.load("python_source", context=context)
    rows = []
    for width in widths:
        for count in streams:
            model = Streams(width=width, streams=count)
            runs = [{"seed": seed, "learning_rate": 0.01} for seed in seeds]
            fit = training.fit_many(
                model, data, runs, steps=steps, batch_size=64, optimizer="adam", schedule="cosine", device="cpu"
            )
            params = model.parameter_count(models.ports(data), embeddings=False)
            for seed, loss in zip(seeds, fit.table.validation_loss, strict=True):
                rows.append((width, count, seed, params, float(loss)))
    return pd.DataFrame(rows, columns=["width", "streams", "seed", "params", "loss"])
