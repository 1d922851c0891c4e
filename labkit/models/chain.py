"""Linear layers with ReLUs between them, stacked over runs, with the backward pass written out.

Weights are (runs, out, in) as in ``torch.nn.Linear``; activations are feature-first, (runs, features, batch).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.models.losses import Loss
from labkit.models.model import Model, Parameters
from labkit.models.ports import Ports

_OUTPUT_GAIN = 0.5


@dataclass(frozen=True)
class Chain(Model):
    """A model whose trained part is a chain of linear layers; a subclass says how wide they are.

    Initialisation: hidden weights are normal with variance 2 / inputs (He et al., 2015), weights of the last layer
    normal with variance 1 / (4 inputs), so that the loss starts near that of chance; biases are zero. A mask named
    ``mask_1`` among the parameters multiplies what enters layer 1, and so on.
    """

    norms_hold_gradients: ClassVar[bool] = False

    def sizes(self, ends: Ports) -> tuple[int, ...]:
        """Widths from the input of the first layer to the outputs."""
        raise NotImplementedError

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (below, above) in enumerate(itertools.pairwise(self.sizes(ends))):
            shapes[f"weight_{layer}"] = (above, below)
            shapes[f"bias_{layer}"] = (above, 1)
        return shapes

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        sizes = self.sizes(ends)
        values: dict[str, np.ndarray] = {}
        for layer, (below, above) in enumerate(itertools.pairwise(sizes)):
            spread = np.float32(np.sqrt(2 / below) if layer < len(sizes) - 2 else _OUTPUT_GAIN / np.sqrt(below))
            values[f"weight_{layer}"] = random.standard_normal((above, below), dtype=np.float32) * spread
            values[f"bias_{layer}"] = np.zeros((above, 1), dtype=np.float32)
        return values

    def forward_flops(self, ends: Ports) -> int:
        return sum(2 * below * above for below, above in itertools.pairwise(self.sizes(ends)))

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        return self._apply(parameters, self.first(parameters, inputs).transpose(1, 2))[-1].transpose(1, 2)

    def first(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What enters the first layer, (runs, batch, features)."""
        return inputs

    def first_gradient(self, inputs: Tensor, slope: Tensor, into: Parameters, beta: float) -> None:
        """Gradient for what ``first`` does, given the slope (runs, features, batch) of what it returned."""

    def first_norms(self, inputs: Tensor, slope: Tensor) -> Tensor:
        """Squared norm of each example's gradient for what ``first`` does, (runs, batch); see ``first_gradient``."""
        raise NotImplementedError

    @property
    def trains_first(self) -> bool:
        """Whether ``first`` has parameters."""
        return False

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
        activations = self._apply(parameters, self.first(parameters, inputs).transpose(1, 2))
        slope = loss.backward(activations.pop(), targets, scale, trace)
        for layer in reversed(range(len(activations))):
            below = activations[layer]
            into[f"weight_{layer}"].baddbmm_(slope, below.transpose(1, 2), beta=beta)
            bias = into[f"bias_{layer}"]
            if beta:
                bias.mul_(beta).add_(slope.sum(2, keepdim=True))
            else:
                torch.sum(slope, 2, keepdim=True, out=bias)
            if layer:
                slope = self._pass_down(parameters, layer, slope, below)
            elif self.trains_first:
                self.first_gradient(inputs, torch.bmm(parameters["weight_0"].transpose(1, 2), slope), into, beta)

    def gradient_norms(self, parameters: Parameters, inputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """In closed form: the gradient of a linear layer is an outer product, so its norm is a product of norms."""
        activations = self._apply(parameters, self.first(parameters, inputs).transpose(1, 2))
        runs, batch = targets.shape
        one, trace = inputs.new_ones((1, 1, 1), dtype=torch.float32), activations[-1].new_empty(runs, 1, batch)
        slope = loss.backward(activations.pop(), targets, one, trace)
        squares = torch.zeros(runs, batch, device=slope.device)
        for layer in reversed(range(len(activations))):
            below = activations[layer]
            squares += slope.square().sum(1) * (1 + below.square().sum(1))
            if layer:
                slope = self._pass_down(parameters, layer, slope, below)
            elif self.trains_first:
                squares += self.first_norms(inputs, torch.bmm(parameters["weight_0"].transpose(1, 2), slope))
        return squares.sqrt_()

    @staticmethod
    def _pass_down(parameters: Parameters, layer: int, slope: Tensor, below: Tensor) -> Tensor:
        """Slope for what enters a ReLU, from the slope of the layer above and what the ReLU gave."""
        slope = torch.bmm(parameters[f"weight_{layer}"].transpose(1, 2), slope)
        if f"mask_{layer}" in parameters:
            slope = slope.mul_(parameters[f"mask_{layer}"])
        return torch.ops.aten.threshold_backward(slope, below, 0)

    @staticmethod
    def _apply(parameters: Parameters, features: Tensor) -> list[Tensor]:
        """What enters each layer, and the outputs last, all feature-first."""
        layers = sum(name.startswith("weight_") for name in parameters)
        steps = [features]
        for layer in range(layers):
            features = torch.baddbmm(parameters[f"bias_{layer}"], parameters[f"weight_{layer}"], features)
            if layer < layers - 1:
                features = features.relu_()
                if f"mask_{layer + 1}" in parameters:
                    features = features.mul_(parameters[f"mask_{layer + 1}"])
            steps.append(features)
        return steps
