"""Random features: a fixed random layer, and the best linear map on top in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.models.dials import whole
from labkit.models.entries import register
from labkit.models.losses import Squared
from labkit.models.model import Model, Parameters
from labkit.models.ports import Ports
from labkit.registry import UnknownName, nearest

if TYPE_CHECKING:
    from labkit.datasets import Dataset

_FEATURES = ("relu", "fourier")


@register
@dataclass(frozen=True)
class RandomFeatures(Model):
    """``width`` random features and a linear map fitted by ridge regression; only the map counts as parameters.

    Dials:
        width: number of features.
        features: ``relu``, sqrt(2 / width) max(0, w·x + b), or ``fourier``, sqrt(2 / width) cos(w·x + b).
        bandwidth: standard deviation of w times the square root of the number of inputs; 2 suits pixels from 0 to 1.
        ridge: penalty on the squared weights, against the mean squared error over the examples, where a run gives
            no ``weight_decay``; 0 gives the interpolating solution of least norm.

    Labels are fitted as 1 for the class and 0 elsewhere, and the loss is the mean squared error over the classes.
    Learning rate, momentum, steps and batch size have no meaning here and are ignored.
    Source: Rahimi and Recht (2007).

    >>> from labkit import datasets, models
    >>> models.build("random_features", width=100).parameter_count(datasets.load("digits"))
    1000
    """

    name: ClassVar[str] = "random_features"
    purpose: ClassVar[str] = "kernel-like model solved exactly: no learning rate, double descent in its width"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "regression")
    closed_form: ClassVar[bool] = True

    width: int = 256
    features: str = "relu"
    bandwidth: float = 2.0
    ridge: float = 1e-3

    def __post_init__(self) -> None:
        whole("width", self.width)
        if self.features not in _FEATURES:
            raise UnknownName(f"unknown features {self.features!r}: {nearest(self.features, _FEATURES)}")
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth={self.bandwidth!r} is not positive; expected a number above 0")
        if not self.ridge >= 0:
            raise ValueError(f"ridge={self.ridge!r} is negative; expected 0 or more")

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        return {"weight": (ends.outputs, self.width)}

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        spread = np.float32(self.bandwidth / np.sqrt(ends.inputs))
        projection = random.standard_normal((self.width, ends.inputs), dtype=np.float32) * spread
        if self.features == "relu":
            offset = random.standard_normal((self.width, 1), dtype=np.float32)
        else:
            offset = random.uniform(0, 2 * np.pi, (self.width, 1)).astype(np.float32)
        weight = np.zeros((ends.outputs, self.width), dtype=np.float32)
        return {"weight": weight, "projection": projection, "offset": offset}

    def step_numbers(self, ends: Ports) -> float:
        return 4 * self.width**2

    def loss(self, ends: Ports) -> Squared:
        return Squared()

    def hidden(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """The features (runs, width, batch) of inputs (runs, batch, inputs)."""
        raw = torch.baddbmm(parameters["offset"], parameters["projection"], inputs.transpose(1, 2))
        raw = raw.relu_() if self.features == "relu" else raw.cos_()
        return raw.mul_((2 / self.width) ** 0.5)

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        return torch.bmm(parameters["weight"], self.hidden(parameters, inputs)).transpose(1, 2)

    def forward_flops(self, ends: Ports) -> int:
        return 2 * self.width * (ends.inputs + ends.outputs)

    def flops_per_example(self, data: Dataset | Ports, training: bool = True) -> int:
        """FLOPs for one example; in training those of its features and its share of the normal equations.

        Solving the equations, about width³ / 3 multiply-adds whatever the number of examples, is left out.
        """
        ends = self.check(data)
        extra = 2 * self.width**2 if training else 0
        return self.forward_flops(ends) + extra

    def solve(self, gram: Tensor, cross: Tensor, examples: Tensor, ridge: Tensor) -> Tensor:
        """The weights (runs, outputs, k) from the normal equations, in float64; the least ones where the penalty is 0.

        Arguments:
            gram: sums over examples of features times features, (runs, k, k) with k the width; or sums over
                features, between examples, with k the number of examples, for weights on the examples.
            cross: sums over examples of targets times features, or the targets, (runs, outputs, k).
            examples, ridge: examples and penalty of each run, (runs,).
        """
        penalty = (ridge * examples).view(-1, 1, 1)
        weights = torch.empty_like(cross)
        exact = ridge > 0
        if exact.any():
            eye = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
            factor = torch.linalg.cholesky(gram[exact] + penalty[exact] * eye)
            weights[exact] = torch.cholesky_solve(cross[exact].transpose(1, 2), factor).transpose(1, 2)
        if not exact.all():
            values, vectors = torch.linalg.eigh(gram[~exact])
            # The cut lies above the rounding of float64 sums: what is below is a direction that no example has.
            kept = values > 1e-12 * values[:, -1:]
            inverse = torch.where(kept, 1 / values, 0.0).unsqueeze(1)
            weights[~exact] = (cross[~exact] @ vectors * inverse) @ vectors.transpose(1, 2)
        return weights
