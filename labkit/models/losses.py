"""Losses of a stack of models, with the gradient with respect to the outputs written out.

Outputs are kept class-first, (runs, outputs, batch): with the batch as the last axis, the small matrix products of
tiny models run at full vector width whatever the number of classes.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

_SMALLEST = 1e-38


class Loss(Protocol):
    """What the trainer asks of a loss."""

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Losses (runs, batch) of outputs (runs, batch, outputs)."""

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is reported as the error of each example, (runs, batch)."""

    def measure(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """``values`` and ``errors`` in one go, and the probability that each answer claims for itself, (runs, batch).

        The last is None for outputs that stand for no probabilities.
        """

    def backward(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        """``scale`` times the gradient for class-first outputs (runs, outputs, batch), which may be overwritten.

        ``scale`` broadcasts to (runs, 1, batch); ``trace`` (runs, 1, batch) receives the losses.
        """


class CrossEntropy:
    """Cross-entropy in nats; the error is 1 where the largest output is not the target's.

    >>> loss = CrossEntropy()
    >>> float(loss.values(torch.zeros(1, 1, 4), torch.tensor([[2]])))
    1.3862943649291992
    """

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        outputs, axis = _quick(outputs)
        return -_at(torch.log_softmax(outputs, axis), targets, axis)

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return _wrong(outputs, targets)

    def measure(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outputs, axis = _quick(outputs)
        share, answers = torch.log_softmax(outputs, axis), outputs.max(axis).indices
        wrong = (answers != targets).to(outputs.dtype)
        return -_at(share, targets, axis), wrong, _at(share, answers, axis).exp()

    def backward(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        share = torch.softmax(outputs, 1)
        index = targets.unsqueeze(1)
        torch.gather(share, 1, index, out=trace)
        trace.clamp_(min=_SMALLEST).log_().neg_()
        share.scatter_add_(1, index, torch.full_like(trace, -1.0))
        return share.mul_(scale)

    def backward_last(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        """`backward` for many classes: outputs (runs, batch, outputs), ``scale`` and ``trace`` (runs, batch, 1)."""
        share = torch.softmax(outputs, 2)
        flat = share.view(-1)
        places = targets.reshape(-1) + torch.arange(targets.numel(), device=targets.device) * share.shape[2]
        own = flat.take(places)
        flat[places] = own - 1
        trace.copy_(own.clamp_(min=_SMALLEST).log_().neg_().view_as(trace))
        return share.mul_(scale)


def _quick(outputs: Tensor) -> tuple[Tensor, int]:
    """Outputs (runs, batch, outputs) and their last axis, or class-first where that is quicker, and the middle one.

    Reducing over an outer axis is several times faster than over an inner one that is short or not contiguous.
    """
    if outputs.stride(2) == 1 and outputs.shape[2] >= 32:
        return outputs, 2
    return outputs.transpose(1, 2), 1


def _at(values: Tensor, places: Tensor, axis: int) -> Tensor:
    """The value at a place of an axis for each example, (runs, batch)."""
    return values.gather(axis, places.unsqueeze(axis)).squeeze(axis)


def _wrong(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 where the first of the largest outputs is not the target's, else 0."""
    outputs, axis = _quick(outputs)
    return (outputs.max(axis).indices != targets).to(outputs.dtype)


class Squared:
    """Mean squared error over the outputs. For labels the target is 1 for the class and 0 elsewhere.

    The error is the share of wrong classes for labels, and the squared error for regression.

    >>> float(Squared().values(torch.zeros(1, 1, 4), torch.tensor([[2]])))
    0.25
    """

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - self._wanted(outputs, targets)).square().mean(-1)

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if targets.is_floating_point():
            return self.values(outputs, targets)
        return _wrong(outputs, targets)

    def measure(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, None]:
        return self.values(outputs, targets), self.errors(outputs, targets), None

    def backward(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        residual = outputs - self._wanted(outputs.transpose(1, 2), targets).transpose(1, 2)
        torch.mean(residual.square(), 1, keepdim=True, out=trace)
        return residual.mul_(scale * (2.0 / outputs.shape[1]))

    @staticmethod
    def _wanted(outputs: Tensor, targets: Tensor) -> Tensor:
        if targets.is_floating_point():
            return targets.unsqueeze(-1)
        return torch.nn.functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)
