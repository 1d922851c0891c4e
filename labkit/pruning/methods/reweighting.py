"""Loss-based reweighting: every example of a batch counts by where its loss lies among those of the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.datasets.faults import number
from labkit.pruning.methods.entry import Dynamic, register_dynamic
from labkit.registry import UnknownName, nearest
from labkit.training import Selection

_STRATEGIES = {
    "linupper": lambda place: (place + 1).clamp(max=1.0),
    "quadratic": lambda place: 1 - place**2,
    "extremes": torch.abs,
}


@dataclass(frozen=True)
class LossReweighting(Selection):
    """Shows everything and weighs the losses inside a batch.

    Losses are scaled to h from -1 to 1 by the smallest and the largest of the batch, and weights are in proportion to
    exp(s / temperature), with a mean of 1.

    Fields:
        strategy: what s is: ``linupper`` min(h + 1, 1), which counts the small losses less; ``quadratic`` 1 - h^2,
            which counts both ends less; ``extremes`` |h|, which counts the middle less.
        temperature: above 0; the smaller, the more uneven.
        warmup: share of the training over which the weights go from even to those of the temperature.

    Source: Sow et al. (2025).
    """

    strategy: str = "linupper"
    temperature: float = 1.0
    warmup: float = 0.25

    def __post_init__(self) -> None:
        if self.strategy not in _STRATEGIES:
            raise UnknownName(f"unknown strategy {self.strategy!r}: {nearest(self.strategy, _STRATEGIES)}")
        number("warmup", self.warmup)
        if number("temperature", self.temperature, most=1e6) == 0:
            raise ValueError("temperature=0 shows one example alone; expected a number above 0")

    def weigh(self, losses: Tensor, progress: Tensor) -> Tensor:
        low, high = losses.amin(1, keepdim=True), losses.amax(1, keepdim=True)
        place = 2 * (losses - low) / (high - low).clamp(min=1e-12) - 1
        ready = (progress / self.warmup).clamp(max=1.0) if self.warmup else torch.ones_like(progress)
        weights = torch.softmax(_STRATEGIES[self.strategy](place) * ready / self.temperature, dim=1)
        return weights * losses.shape[1]


register_dynamic(
    Dynamic(
        "loss_reweighting",
        LossReweighting,
        "everything, weighed inside each batch by its loss",
        source="Sow et al. (2025)",
        aliases=("reweighting",),
    )
)
