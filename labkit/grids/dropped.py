"""A transformer some of whose hidden units are left out of every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from labkit.models import Ports, Transformer
from labkit.models.dials import share
from labkit.models.model import Parameters


@dataclass(frozen=True)
class Dropped(Transformer):
    """`Transformer` with dropout on the hidden units of its ReLU layers, one draw for all windows of a step.

    A unit that is left out is a column of the matrix behind it set to 0, so the backward pass is that of the plain
    transformer. The rest is scaled by 1 / (1 - dropout); nothing is left out when a loss is measured.

    Source: Srivastava et al. (2014), who draw anew for every example.

    >>> Dropped(width=16, dropout=0.25).noise(Ports("text", inputs=8, outputs=128))
    {'mask_0': (64, 0.25), 'mask_1': (64, 0.25)}
    """

    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        share("dropout", self.dropout)

    def noise(self, ends: Ports) -> dict[str, tuple[int, float]]:
        return {f"mask_{block}": (4 * self.width, self.dropout) for block in range(self.blocks)}

    def gradient(
        self, parameters: Parameters, inputs: Tensor, targets: Tensor, scale: Tensor, *, into: Parameters, beta: float,
        **rest: Any,
    ) -> None:  # fmt: skip
        if beta:
            raise ValueError("dropout needs an optimiser that overwrites its gradient, such as adam or adamw")
        masks = {f"down_{block}": parameters[f"mask_{block}"][:, None, :, 0] for block in range(self.blocks)}
        super().gradient(self._masked(parameters, masks), inputs, targets, scale, into=into, beta=beta, **rest)
        for name, mask in masks.items():
            into[name].mul_(mask)

    @staticmethod
    def _masked(parameters: Parameters, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {**parameters, **{name: parameters[name] * mask for name, mask in masks.items()}}
