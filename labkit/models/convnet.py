"""A small convolutional network: convolutions are matrix products over patches, so that a stack is one program."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.models.dials import whole
from labkit.models.entries import register
from labkit.models.losses import Loss
from labkit.models.model import Model, Parameters
from labkit.models.ports import Ports

if TYPE_CHECKING:
    from labkit.datasets import Dataset

_SIDE = 3


@register
@dataclass(frozen=True)
class ConvNet(Model):
    """``depth`` ReLU convolutions of 3 x 3, then one linear layer on all that is left.

    Dials:
        width: channels of the first convolution; each further one has twice as many and moves by two pixels.
        depth: convolutions.

    Initialisation as in `Chain`: normal with variance 2 / inputs of a patch, the last layer 1 / (4 inputs), biases
    zero. It needs square images: data with an ``image_shape`` (side, side) or (side, side, channels).

    >>> from labkit import datasets, models
    >>> models.build("convnet", width=8).parameter_count(datasets.load("digits"))
    3818
    """

    name: ClassVar[str] = "convnet"
    purpose: ClassVar[str] = "small convolutional network for images"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "regression")

    width: int = 8
    depth: int = 2

    def __post_init__(self) -> None:
        whole("width", self.width)
        whole("depth", self.depth)

    def check(self, data: Dataset | Ports) -> Ports:
        ends = super().check(data)
        if ends.image_shape is None or ends.image_shape[0] != ends.image_shape[1]:
            raise ValueError(f"model {self.name!r} takes square images; this data has image_shape={ends.image_shape}")
        return ends

    def _sizes(self, ends: Ports) -> list[tuple[int, int]]:
        """Channels and pixels of what enters each convolution, and of what leaves the last."""
        side, _, *channels = ends.image_shape
        sizes = [(channels[0] if channels else 1, side**2)]
        for layer in range(self.depth):
            side = -(-side // 2) if layer else side
            sizes.append((self.width << layer, side**2))
        return sizes

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        sizes, shapes = self._sizes(ends), {}
        for layer in range(self.depth):
            shapes[f"weight_{layer}"] = (sizes[layer + 1][0], sizes[layer][0] * _SIDE**2)
            shapes[f"bias_{layer}"] = (sizes[layer + 1][0], 1)
        shapes[f"weight_{self.depth}"] = (ends.outputs, math.prod(sizes[-1]))
        shapes[f"bias_{self.depth}"] = (ends.outputs, 1)
        return shapes

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        values = {}
        for name, shape in self.shapes(ends).items():
            if name.startswith("bias"):
                values[name] = np.zeros(shape, dtype=np.float32)
                continue
            gain = 0.25 if name == f"weight_{self.depth}" else 2.0
            values[name] = random.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(gain / shape[1]))
        return values

    def forward_flops(self, ends: Ports) -> int:
        shapes, places = self.shapes(ends), [pixels for _, pixels in self._sizes(ends)[1:]] + [1]
        return sum(2 * count * math.prod(shapes[f"weight_{layer}"]) for layer, count in enumerate(places))

    def widest(self, ends: Ports) -> int:
        return max(channels * _SIDE**2 * pixels for channels, pixels in self._sizes(ends))

    def step_numbers(self, ends: Ports) -> float:
        return 2 * sum(channels * (_SIDE**2 + 2) * pixels for channels, pixels in self._sizes(ends))

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        return self._apply(parameters, inputs)[-1].transpose(1, 2)

    def _apply(self, parameters: Parameters, inputs: Tensor) -> list[Tensor]:
        """The patches of each convolution and what it gives, by turns, and the outputs, class-first.

        Patches are (runs, channels * 9, pixels * batch), one pixel of all images after the other.
        """
        runs, batch, _ = inputs.shape
        channels = parameters["weight_0"].shape[2] // _SIDE**2
        features, steps = inputs.view(runs, batch, -1, channels).permute(0, 3, 2, 1), []
        for layer in range(self.depth):
            side = math.isqrt(features.shape[2])
            found = _patches(features.reshape(runs, -1, side, side, batch), 1 + (layer > 0))
            features = torch.baddbmm(parameters[f"bias_{layer}"], parameters[f"weight_{layer}"], found).relu_()
            steps += [found, features]
            features = features.view(runs, features.shape[1], -1, batch)
        flat, last = features.view(runs, -1, batch), self.depth
        return [*steps, torch.baddbmm(parameters[f"bias_{last}"], parameters[f"weight_{last}"], flat)]

    def gradient(
        self,
        parameters: Parameters,
        inputs: Tensor,
        targets: Tensor,
        scale: Tensor,
        *,
        loss: Loss,
        into: Parameters,
        beta: float,
        trace: Tensor,
    ) -> None:
        steps, batch = self._apply(parameters, inputs), inputs.shape[1]
        slope = loss.backward(steps.pop(), targets, scale, trace)
        for layer in reversed(range(self.depth + 1)):
            given = steps[2 * layer - 1] if layer else None
            below = given.view(*slope.shape[:1], -1, batch) if layer == self.depth else steps[2 * layer]
            into[f"weight_{layer}"].baddbmm_(slope, below.transpose(1, 2), beta=beta)
            bias = into[f"bias_{layer}"]
            bias.mul_(beta).add_(slope.sum(2, keepdim=True)) if beta else torch.sum(slope, 2, keepdim=True, out=bias)
            if layer:
                slope = torch.bmm(parameters[f"weight_{layer}"].transpose(1, 2), slope)
                if layer < self.depth:
                    slope = _unpatched(slope, math.isqrt(given.shape[2] // batch), batch)
                slope = torch.ops.aten.threshold_backward(slope.view_as(given), given, 0)


def _patches(images: Tensor, stride: int) -> Tensor:
    """Surroundings, (runs, channels * 9, pixels * batch), of every ``stride``-th pixel.

    ``images`` are (runs, channels, height, width, batch).
    """
    runs, channels, tall, wide, _ = images.shape
    padded = F.pad(images, (0, 0, 1, 1, 1, 1))
    shifted = [
        padded[:, :, down : down + tall : stride, right : right + wide : stride]
        for down in range(_SIDE)
        for right in range(_SIDE)
    ]
    return torch.stack(shifted, 2).reshape(runs, channels * _SIDE**2, -1)


def _unpatched(slope: Tensor, side: int, batch: int) -> Tensor:
    """Slope for images (runs, channels, pixels * batch) of that side, from that for their patches two pixels apart."""
    runs, half = slope.shape[0], -(-side // 2)
    slope = slope.view(runs, -1, _SIDE**2, half, half, batch)
    padded = slope.new_zeros(runs, slope.shape[1], side + 2, side + 2, batch)
    for place in range(_SIDE**2):
        down, right = divmod(place, _SIDE)
        padded[:, :, down : down + side : 2, right : right + side : 2] += slope[:, :, place]
    return padded[:, :, 1:-1, 1:-1].reshape(runs, slope.shape[1], -1)
