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

from labkit.models.batchnorm import Normal, Virtual
from labkit.models.losses import Loss
from labkit.models.model import Model, Parameters
from labkit.models.ports import Ports

_OUTPUT_GAIN = 0.5


@dataclass(frozen=True)
class Chain(Model):
    """A model whose trained part is a chain of linear layers; a subclass says how wide they are.

    Initialisation: hidden weights are normal with variance 2 / inputs (He et al., 2015), weights of the last layer
    normal with variance 1 / (4 inputs), so that the loss starts near that of chance; biases are zero. A mask named
    ``mask_1`` among the parameters multiplies what enters layer 1, and so on. A layer with a ``gain`` among the
    parameters is batch-normalised before its gain and bias: with ``mean`` and ``inverse`` where they are among the
    parameters too, else with the statistics of the batch.
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
        features = self.first(parameters, inputs).transpose(1, 2)
        return self._apply(parameters, features, self._cut(parameters, inputs))[-1].transpose(1, 2)

    def settle(self, parameters: Parameters, inputs: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """The statistics of batch norm over all the examples at once, whatever the virtual batches of training."""
        kept: dict[int, Normal] = {}
        cut = Virtual(inputs.shape[1], None, inside)
        self._apply(parameters, self.first(parameters, inputs).transpose(1, 2), cut, kept)
        means = {f"mean_{layer}": normal.mean[..., :1] for layer, normal in kept.items()}
        return {**means, **{f"inverse_{layer}": normal.inverse[..., :1] for layer, normal in kept.items()}}

    def multiplier(self, layer: int) -> tuple[float, float]:
        """What the weights of a layer, and its bias and gain, are multiplied by wherever they are used."""
        return 1.0, 1.0

    @property
    def virtual(self) -> int | None:
        """Examples in a virtual batch of batch norm; None is the whole batch."""
        return None

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
        kept: dict[int, Normal] = {}
        cut = self._cut(parameters, inputs)
        activations = self._apply(parameters, self.first(parameters, inputs).transpose(1, 2), cut, kept)
        slope = loss.backward(activations.pop(), targets, scale, trace)
        for layer in reversed(range(len(activations))):
            below, (by, shift) = activations[layer], self.multiplier(layer)
            _add_sum(into[f"bias_{layer}"], slope, beta, shift)
            if layer in kept:
                _add_sum(into[f"gain_{layer}"], slope * kept[layer].features, beta, shift)
                slope = cut.backward(slope * (parameters[f"gain_{layer}"] * shift), kept[layer])
            into[f"weight_{layer}"].baddbmm_(slope, below.transpose(1, 2), beta=beta, alpha=by)
            if layer:
                slope = self._pass_down(parameters, layer, slope, below)
            elif self.trains_first:
                self.first_gradient(inputs, torch.bmm(parameters["weight_0"].transpose(1, 2), slope), into, beta)

    def gradient_norms(self, parameters: Parameters, inputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """In closed form: the gradient of a linear layer is an outer product, so its norm is a product of norms.

        The statistics of batch norm have to be among the parameters, as they are in ``FitResult.parts``: those of a
        batch would make every loss depend on every example.
        """
        kept: dict[int, Normal] = {}
        if self.batchwise and "mean_0" not in parameters:
            raise ValueError("the parameters have no statistics of batch norm; give those that settle(...) joined")
        activations = self._apply(parameters, self.first(parameters, inputs).transpose(1, 2), None, kept)
        runs, batch = targets.shape
        one, trace = inputs.new_ones((1, 1, 1), dtype=torch.float32), activations[-1].new_empty(runs, 1, batch)
        slope = loss.backward(activations.pop(), targets, one, trace)
        squares = torch.zeros(runs, batch, device=slope.device)
        for layer in reversed(range(len(activations))):
            below, (by, shift) = activations[layer], self.multiplier(layer)
            squares += slope.square().sum(1) * shift**2
            if layer in kept:
                squares += (slope * kept[layer].features).square().sum(1) * shift**2
                slope = slope * (parameters[f"gain_{layer}"] * shift) * kept[layer].inverse
            squares += slope.square().sum(1) * below.square().sum(1) * by**2
            if layer:
                slope = self._pass_down(parameters, layer, slope, below)
            elif self.trains_first:
                squares += self.first_norms(inputs, torch.bmm(parameters["weight_0"].transpose(1, 2), slope))
        return squares.sqrt_()

    def _pass_down(self, parameters: Parameters, layer: int, slope: Tensor, below: Tensor) -> Tensor:
        """Slope for what enters a ReLU, from the slope of the layer above and what the ReLU gave."""
        slope = torch.bmm(parameters[f"weight_{layer}"].transpose(1, 2), slope)
        by, _ = self.multiplier(layer)
        slope = slope if by == 1 else slope.mul_(by)
        if f"mask_{layer}" in parameters:
            slope = slope.mul_(parameters[f"mask_{layer}"])
        return torch.ops.aten.threshold_backward(slope, below, 0)

    def _cut(self, parameters: Parameters, inputs: Tensor) -> Virtual | None:
        """The virtual batches over which batch norm takes its statistics, where it is in training."""
        if not self.batchwise or "mean_0" in parameters:
            return None
        return Virtual(inputs.shape[1], self.virtual, parameters.get("inside"), inputs.device)

    def _apply(
        self,
        parameters: Parameters,
        features: Tensor,
        cut: Virtual | None,
        kept: dict[int, Normal] | None = None,
    ) -> list[Tensor]:
        """What enters each layer, and the outputs last, all feature-first; ``kept`` collects what batch norm did."""
        layers = sum(name.startswith("weight_") for name in parameters)
        steps = [features]
        for layer in range(layers):
            weight, bias = parameters[f"weight_{layer}"], parameters[f"bias_{layer}"]
            by, shift = self.multiplier(layer)
            if f"gain_{layer}" in parameters:
                raw = torch.bmm(weight, features)
                normal = _normal(parameters, layer, raw if by == 1 else raw.mul_(by), cut)
                features = torch.addcmul(bias * shift, normal.features, parameters[f"gain_{layer}"] * shift)
                if kept is not None:
                    kept[layer] = normal
            else:
                features = torch.baddbmm(bias, weight, features, alpha=by, beta=shift)
            if layer < layers - 1:
                features = features.relu_()
                if f"mask_{layer + 1}" in parameters:
                    features = features * parameters[f"mask_{layer + 1}"]
            steps.append(features)
        return steps


def _normal(parameters: Parameters, layer: int, raw: Tensor, cut: Virtual | None) -> Normal:
    """Batch norm by the virtual batches, or by the statistics among the parameters."""
    if cut is not None:
        return cut.normalise(raw)
    mean, inverse = parameters[f"mean_{layer}"], parameters[f"inverse_{layer}"]
    return Normal((raw - mean) * inverse, mean, inverse)


def _add_sum(into: Tensor, slope: Tensor, beta: float, by: float) -> None:
    """Set ``into`` to ``beta * into`` plus ``by`` times the sum of a slope over its batch."""
    if beta:
        into.mul_(beta).add_(slope.sum(2, keepdim=True), alpha=by)
    else:
        torch.sum(slope, 2, keepdim=True, out=into)
        if by != 1:
            into.mul_(by)
