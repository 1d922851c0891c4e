"""Batch norm of stacked activations, with the way back written out: over whole batches or over virtual ones.

Activations are feature-first, (runs, features, batch). Statistics are each run's own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_EPSILON = 1e-5


class Normal(NamedTuple):
    """Features less their mean, times the inverse of their standard deviation, and the two."""

    features: Tensor
    mean: Tensor
    inverse: Tensor


class Virtual:
    """How the batches of a stack fall into virtual batches, each with statistics of its own.

    Arguments:
        batch: places of a batch.
        size: examples of a virtual batch; None is the whole batch. A batch is cut into as many virtual ones as it has
            whole ones, of sizes that differ by at most one, so that none is smaller than asked for.
        inside: (runs, batch), whether there is an example at a place; None where all batches are full. Other places
            have no part in the statistics, and their activations become 0.
        device: where the activations are.

    >>> cut = Virtual(5, 2)
    >>> cut.mean(torch.arange(5.0).view(1, 1, 5))
    tensor([[[1.0000, 1.0000, 1.0000, 3.5000, 3.5000]]])
    """

    def __init__(
        self, batch: int, size: int | None = None, inside: Tensor | None = None, device: torch.device | str = "cpu"
    ) -> None:
        parts = max(1, batch // size) if size else 1
        self._parts, self._member, self._inside = parts, None, None
        if inside is None:
            if batch % parts == 0:
                return
            inside = torch.ones(1, batch, dtype=torch.bool, device=device)
        counts = inside.sum(1, keepdim=True)
        most = (counts // size).clamp_(min=1) if size else torch.ones_like(counts)
        group = (inside.cumsum(1) - 1) * most // counts.clamp(min=1)
        member = group.unsqueeze(2) == torch.arange(parts, device=inside.device)
        self._member = (member & inside.unsqueeze(2)).float()
        self._share = self._member / self._member.sum(1, keepdim=True).clamp_(min=1)
        self._inside = inside.unsqueeze(1)

    def mean(self, features: Tensor) -> Tensor:
        """At each place the mean over its virtual batch; broadcasts over features that went through ``fold``."""
        if self._member is None:
            return features.mean(-1, keepdim=True)
        runs = len(features)
        means = torch.bmm(features, self._share.expand(runs, -1, -1))
        return torch.bmm(means, self._member.transpose(1, 2).expand(runs, -1, -1))

    def normalise(self, features: Tensor) -> Normal:
        """Features with mean 0 and variance 1 over each virtual batch."""
        folded = self._fold(features)
        mean = self.mean(folded)
        centred = folded - mean
        inverse = self.mean(centred.square()).add(_EPSILON).rsqrt()
        if self._inside is not None:
            inverse = inverse * self._inside
        return Normal((centred * inverse).view_as(features), mean, inverse)

    def backward(self, slope: Tensor, normal: Normal) -> Tensor:
        """Slope for the features given to `normalise`, from that for what came of them."""
        slope, folded = self._fold(slope), self._fold(normal.features)
        back = slope - self.mean(slope) - folded * self.mean(slope * folded)
        return (back * normal.inverse).view_as(normal.features)

    def _fold(self, features: Tensor) -> Tensor:
        if self._member is not None or self._parts == 1:
            return features
        return features.view(*features.shape[:2], self._parts, -1)
