"""Gradients in bfloat16 beside parameters in float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.models import Loss
from labkit.models.model import Parameters

PRECISIONS = ("float32", "bfloat16")
"""Numbers in which gradients can be computed."""


class Widened:
    """A loss of outputs in few digits, computed in float32."""

    def __init__(self, inner: Loss) -> None:
        self._inner = inner

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._inner.values(outputs.float(), targets)

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._inner.errors(outputs.float(), targets)

    def backward(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        return self._inner.backward(outputs.float(), targets, scale, trace).to(outputs.dtype)

    def backward_last(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        return self._inner.backward_last(outputs.float(), targets, scale, trace).to(outputs.dtype)


def lowered(gradient: Callable[..., None]) -> Callable[..., None]:
    """``Model.gradient`` in bfloat16: parameters stay as they are, gradients are added to ``into`` in float32."""

    def low(
        parameters: Parameters, inputs: Tensor, targets: Tensor, scale: Tensor, *, loss: Loss, into: Parameters,
        beta: float, trace: Tensor,
    ) -> None:  # fmt: skip
        found = {name: torch.empty_like(tensor, dtype=torch.bfloat16) for name, tensor in into.items()}
        gradient(
            _cast(parameters), *_cast({"inputs": inputs}).values(), targets, scale,
            loss=Widened(loss), into=found, beta=0.0, trace=trace,
        )  # fmt: skip
        for name, tensor in into.items():
            tensor.copy_(found[name]) if beta == 0 else tensor.mul_(beta).add_(found[name])

    return low


def _cast(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: value.bfloat16() if value.is_floating_point() else value for name, value in tensors.items()}
