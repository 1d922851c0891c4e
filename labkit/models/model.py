"""What every model is: a frozen specification that can draw, apply and differentiate a whole stack of weights."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.models.losses import CrossEntropy, Loss, Squared
from labkit.models.ports import Ports, ports
from labkit.registry import UnknownName, nearest
from labkit.seeds import generator

if TYPE_CHECKING:
    from labkit.datasets import Dataset

Parameters = Mapping[str, Tensor]
"""Tensors by name, each with the runs on its first axis."""


@dataclass(frozen=True)
class Model:
    """A specification, not weights. An own model subclasses it, says four things and is registered.

    ``shapes`` names the tensors of one model, ``draw`` their starting values, ``forward`` applies a stack of them,
    ``forward_flops`` counts the matrix products. ``gradient`` is taken by autograd unless a subclass writes it out.

    >>> from labkit import datasets, models
    >>> model = models.build("mlp", width=64)
    >>> model.parameter_count(datasets.load("digits"))
    4810
    """

    name: ClassVar[str]
    purpose: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    closed_form: ClassVar[bool] = False
    norms_hold_gradients: ClassVar[bool] = True
    embeddings: ClassVar[tuple[str, ...]] = ()

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        """Shape of every trained tensor of one model, by name."""
        raise NotImplementedError

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        """Starting values of one model, by name, float32."""
        raise NotImplementedError

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """Outputs (runs, batch, outputs) for inputs (runs, batch, ...); the runs may be an expanded axis."""
        raise NotImplementedError

    def forward_flops(self, ends: Ports) -> int:
        """FLOPs of the matrix products for one example, forward; one multiply-add is 2."""
        raise NotImplementedError

    def outcomes(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (runs, batch * k, outputs) and targets (runs, batch * k) of all k predictions that an example holds.

        Training lowers, and evaluation reports, the mean over them; one prediction per example by default.
        """
        return self.forward(parameters, inputs), targets

    def losses(self, parameters: Parameters, inputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """Loss of each example, (runs, batch): the mean over its predictions."""
        return loss.values(*self.outcomes(parameters, inputs, targets)).view(*targets.shape, -1).mean(2)

    def noise(self, ends: Ports) -> dict[str, tuple[int, float]]:
        """Random masks that the trainer draws anew for every step, by name: how many features, and the share dropped.

        ``gradient`` finds them among the parameters as (runs, features, batch), 0 where dropped and 1 / (1 - share)
        elsewhere; outside training there are none.
        """
        return {}

    def predictions(self, ends: Ports) -> int:
        """How many predictions an example holds: the k of ``outcomes``."""
        return 1

    def answers(self, ends: Ports) -> int:
        """Numbers that ``forward`` gives for an example, where they are not one for each output."""
        return ends.outputs

    def chance_loss(self, ends: Ports) -> float:
        """Loss of a model that knows nothing; NaN for regression."""
        return ends.chance_loss

    @property
    def together(self) -> int:
        """How many examples are measured as one, because they are told apart from each other."""
        return 1

    @property
    def batchwise(self) -> bool:
        """Whether in training the answers for an example depend on what else is in its batch.

        Where batches are not full, ``gradient`` then finds ``inside`` among the parameters: (runs, batch), whether
        there is an example at a place. Before anything is measured, what ``settle`` gives joins the parameters.
        """
        return False

    def settle(self, parameters: Parameters, inputs: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """What a trained model needs to answer for one example alone, from training examples of each run.

        Arguments:
            parameters: stacked parameters.
            inputs: (runs, n, ...), examples that each run is trained on.
            inside: (runs, n), whether there is an example at a place.
        """
        return {}

    @property
    def optimizers(self) -> tuple[str, ...] | None:
        """The optimisers that the parametrisation is made for; None is any."""
        return None

    def widest(self, ends: Ports) -> int:
        """Numbers that one example occupies at once while it is answered, about; what chunks are cut by."""
        return ends.inputs

    def step_numbers(self, ends: Ports) -> float:
        """Numbers that a training step keeps for one example, about; what stacks are cut by.

        For models with a closed form, those that solving one of them takes.
        """
        return 2 * (ends.inputs + self.parameter_count(ends) ** 0.5)

    def dials(self) -> dict[str, Any]:
        """The dials and their values."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def with_dials(self, **dials: Any) -> Model:
        """The same model with other dials; unknown ones are refused with the nearest match."""
        known = self.dials()
        for name in dials:
            if name not in known:
                raise UnknownName(f"model {self.name!r} has no dial {name!r}: {nearest(name, known)}")
        return dataclasses.replace(self, **dials)

    def check(self, data: Dataset | Ports) -> Ports:
        """The ports of the data, or ``ValueError`` where this model cannot take such data."""
        ends = ports(data)
        if ends.kind not in self.kinds:
            raise ValueError(f"model {self.name!r} takes {' or '.join(self.kinds)} data; this is {ends.kind} data")
        return ends

    def parameter_count(self, data: Dataset | Ports, embeddings: bool = True) -> int:
        """Trained numbers of one model on this data, with or without the tables that grow with vocabulary or window."""
        shapes = self.shapes(self.check(data))
        return sum(math.prod(shape) for name, shape in shapes.items() if embeddings or name not in self.embeddings)

    def flops_per_example(self, data: Dataset | Ports, training: bool = True) -> int:
        """FLOPs of the matrix products for one example: one multiply-add is 2, training is 3 times the forward pass."""
        return self.forward_flops(self.check(data)) * (3 if training else 1)

    def loss(self, ends: Ports) -> Loss:
        """The loss that training lowers: cross-entropy in nats, squared error for regression."""
        return Squared() if ends.kind == "regression" else CrossEntropy()

    def initialise(self, data: Dataset | Ports, seeds: Sequence[int], device: str = "cpu") -> dict[str, Tensor]:
        """Stacked starting values, one model per seed; the same seed always starts alike.

        >>> from labkit import models
        >>> ends = models.Ports("classification", inputs=4, outputs=3)
        >>> models.build("softmax").initialise(ends, seeds=[0, 1])["weight_0"].shape
        torch.Size([2, 3, 4])
        """
        ends = self.check(data)
        drawn = {seed: self.draw(ends, generator(seed, "initialisation")) for seed in dict.fromkeys(seeds)}
        names = drawn[seeds[0]]
        return {name: torch.from_numpy(np.stack([drawn[seed][name] for seed in seeds])).to(device) for name in names}

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
        """Set ``into`` to ``beta * into`` plus the gradient of the sum over a batch of ``scale`` times the loss.

        Arguments:
            parameters: stacked parameters.
            inputs, targets: (runs, batch, ...) and (runs, batch).
            scale: weight of each example's loss, broadcasts to (runs, 1, batch).
            into: tensors shaped like the parameters; with ``beta`` 0 their contents are not read.
            trace: (runs, 1, batch), receives the losses.
        """
        leaves = {name: parameters[name].detach().requires_grad_() for name in into}
        with torch.enable_grad():
            values = self.losses({**parameters, **leaves}, inputs, targets, loss)
            total = (values * scale.squeeze(1)).sum()
            gradients = torch.autograd.grad(total, list(leaves.values()))
        trace.copy_(values.detach().unsqueeze(1))
        for target, gradient in zip(into.values(), gradients, strict=True):
            if beta:
                target.mul_(beta).add_(gradient)
            else:
                target.copy_(gradient)

    def gradient_norms(self, parameters: Parameters, inputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """Norm over all parameters of the gradient of each example's loss, (runs, batch).

        Taken example by example with ``torch.func`` unless a subclass knows better: it then holds ``batch`` times the
        parameters in memory at once (a subclass that does not sets ``norms_hold_gradients`` False).
        """

        def one(leaves: dict[str, Tensor], example: Tensor, target: Tensor) -> Tensor:
            alone = {name: tensor.unsqueeze(0) for name, tensor in leaves.items()}
            return self.losses(alone, example[None, None], target[None, None], loss).sum()

        each = torch.func.vmap(torch.func.vmap(torch.func.grad(one), (None, 0, 0)))
        gradients = each(dict(parameters), inputs, targets)
        return sum(gradient.flatten(2).square().sum(2) for gradient in gradients.values()).sqrt()
