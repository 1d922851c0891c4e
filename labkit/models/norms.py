"""Normalisations of stacked activations, with the way back written out."""

from __future__ import annotations

from torch import Tensor

_EPSILON = 1e-5


def rms(features: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Features over their root mean square along an axis, and one over it (Zhang and Sennrich, 2019, without gain).

    >>> import torch
    >>> rms(torch.tensor([[3.0, -3.0]]), 1)[0].round(decimals=2)
    tensor([[ 1., -1.]])
    """
    inverse = features.square().mean(axis, keepdim=True).add(_EPSILON).rsqrt()
    return features * inverse, inverse


def rms_backward(slope: Tensor, normal: Tensor, inverse: Tensor, axis: int) -> Tensor:
    """Slope for the features of `rms`, from that for its result; ``slope`` may be overwritten."""
    shared = (slope * normal).mean(axis, keepdim=True)
    return slope.addcmul_(normal, shared, value=-1).mul_(inverse)
