"""Two networks, one for each view of a pair, that learn which views belong together."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

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

_SHARPEST = math.log(100)
_NEVER = -1e9
"""Logit of what is no candidate; not infinite, so that nothing becomes 0 times infinity."""


@register
@dataclass(frozen=True)
class TwoTower(Model):
    """Both halves of the inputs become unit vectors, each by a ReLU network of its own; partners should be closest.

    Dials:
        width, depth: hidden units per layer and hidden layers of each tower.
        embedding: numbers of a unit vector.
        candidates: pairs that are told apart when a model is measured, each group of so many by itself: a loss of
            log(candidates) is chance. A last group that is not full is left out, unless it is the only one.

    The loss is symmetric InfoNCE: the cross-entropy of picking the partner of each view among those of its group, by
    cosines times a learned sharpness, over both directions (van den Oord et al., 2018; Radford et al., 2021). In
    training the group is the batch, so larger batches are harder. The error is the share of partners not found.
    Targets of the data are not looked at. ``forward``, and so ``predict``, gives the unit vectors, those of the first
    view before those of the second.

    Initialisation: hidden weights are normal with variance 2 / inputs, those of the last layer 1 / inputs, biases are
    zero; what is learned of the sharpness is its logarithm, which starts at half that of embedding / 2, so that
    logits start with a variance of 1/2, and counts as log(100) at most.

    >>> from labkit import datasets, models
    >>> data = datasets.load("pairs", examples=100)
    >>> model = models.build("two_tower", width=32, embedding=8)
    >>> model.parameter_count(data), round(model.chance_loss(model.check(data)), 4)
    (2641, 3.4657)
    """

    name: ClassVar[str] = "two_tower"
    purpose: ClassVar[str] = "contrastive model of two views: which belong together?"
    kinds: ClassVar[tuple[str, ...]] = ("classification",)

    width: int = 64
    depth: int = 1
    embedding: int = 16
    candidates: int = 32

    def __post_init__(self) -> None:
        for dial, value in self.dials().items():
            whole(dial, value, least=2 if dial == "candidates" else 1)

    @property
    def batchwise(self) -> bool:
        return True

    @property
    def together(self) -> int:
        return self.candidates

    def check(self, data: Dataset | Ports) -> Ports:
        ends = super().check(data)
        if ends.inputs % 2:
            raise ValueError(
                f"model {self.name!r} takes two views of one width, side by side; got {ends.inputs} inputs"
            )
        return ends

    def _sizes(self, ends: Ports) -> tuple[int, ...]:
        return (ends.inputs // 2, *[self.width] * self.depth, self.embedding)

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (below, above) in enumerate(itertools.pairwise(self._sizes(ends))):
            shapes[f"weight_{layer}"] = (2, above, below)
            shapes[f"bias_{layer}"] = (2, above, 1)
        return {**shapes, "sharpness": (1, 1)}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        values = {}
        for name, shape in self.shapes(ends).items():
            if name.startswith("weight"):
                gain = 1.0 if name == f"weight_{self.depth}" else 2.0
                values[name] = random.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(gain / shape[2]))
            else:
                start = math.log(self.embedding / 2) / 2 if name == "sharpness" else 0
                values[name] = np.full(shape, start, dtype=np.float32)
        return values

    def forward_flops(self, ends: Ports) -> int:
        return sum(4 * below * above for below, above in itertools.pairwise(self._sizes(ends)))

    def flops_per_example(self, data: Dataset | Ports, training: bool = True) -> int:
        """FLOPs for one pair; in training those of the cosines in a batch of ``candidates`` are among them."""
        ends = self.check(data)
        if not training:
            return self.forward_flops(ends)
        return 3 * (self.forward_flops(ends) + 2 * self.candidates * self.embedding)

    def predictions(self, ends: Ports) -> int:
        return 2

    def answers(self, ends: Ports) -> int:
        return 2 * self.embedding

    def chance_loss(self, ends: Ports) -> float:
        return math.log(self.candidates)

    def widest(self, ends: Ports) -> int:
        return 2 * max(ends.inputs, self.width, self.embedding, self.candidates)

    def step_numbers(self, ends: Ports) -> float:
        return 4 * sum(self._sizes(ends)) + 6 * self.candidates

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        one, two = self._views(parameters, inputs)
        return torch.cat([one, two], 1).transpose(1, 2)

    def outcomes(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        # Where it is said which places hold pairs it is a batch, and all of those are candidates.
        return self._choices(parameters, inputs, inputs.shape[1] if "inside" in parameters else self.candidates)

    def gradient(self, parameters: Parameters, inputs: Tensor, targets: Tensor, scale: Tensor, **options: Any) -> None:
        whole = inputs.new_ones(inputs.shape[:2], dtype=torch.bool)
        super().gradient({"inside": whole, **parameters}, inputs, targets, scale, **options)

    def gradient_norms(self, parameters: Parameters, inputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """Refused: the loss of a pair is about the others, so a pair alone has no gradient."""
        raise ValueError(f"model {self.name!r} has no gradient of one example: its loss is about the others in a batch")

    def _views(self, parameters: Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors of both views, (runs, embedding, batch) each."""
        runs, batch, width = inputs.shape
        features = inputs.reshape(runs, batch, 2, width // 2).permute(0, 2, 3, 1).flatten(0, 1)
        for layer in range(self.depth + 1):
            weight, bias = (parameters[f"{kind}_{layer}"].flatten(0, 1) for kind in ("weight", "bias"))
            features = torch.baddbmm(bias, weight, features)
            features = features.relu_() if layer < self.depth else F.normalize(features, dim=1)
        return features.view(runs, 2, self.embedding, batch).unbind(1)

    def _choices(self, parameters: Parameters, inputs: Tensor, group: int) -> tuple[Tensor, Tensor]:
        """Logits (runs, batch * 2, group) of the candidates for both views of each pair, and which is the partner."""
        runs, batch, _ = inputs.shape
        groups = -(-batch // group)
        inside = parameters.get("inside")
        if inside is None:
            inside = torch.ones(1, batch, dtype=torch.bool, device=inputs.device)
        spare = groups * group - batch
        one, two = (F.pad(view, (0, spare)).unflatten(2, (groups, group)) for view in self._views(parameters, inputs))
        one, two = (view.transpose(1, 2).flatten(0, 1) for view in (one, two))
        cosines = torch.bmm(one.transpose(1, 2), two).view(runs, groups, group, group)
        cosines = cosines * parameters["sharpness"].clamp(max=_SHARPEST).exp().unsqueeze(3)
        there = F.pad(inside, (0, spare)).unflatten(1, (groups, 1, group))
        both = torch.stack([cosines, cosines.transpose(2, 3)], 3).masked_fill(~there.unsqueeze(3), _NEVER)
        wanted = torch.arange(batch, device=inputs.device).remainder(group).repeat_interleave(2).expand(runs, -1)
        return both.view(runs, groups * group * 2, group)[:, : 2 * batch], wanted
