"""Every registered model keeps the contract, and the contract catches models that do not."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from labkit import models
from labkit.models.contract import check


@pytest.mark.parametrize("name", models.available()["name"].tolist())
def test_every_model_keeps_the_contract(name):
    check(models.build(name))


@pytest.mark.parametrize(
    "model",
    [
        models.MLP(width=24, depth=3),
        models.ContextMLP(width=24, depth=2, embedding=5),
        models.ConvNet(width=3, depth=3),
        models.RandomFeatures(width=100, features="fourier"),
        models.MLP(width=24, depth=2, batch_norm=True),
        models.MLP(width=24, batch_norm=True, ghost=8),
        models.MLP(width=96, depth=2, mup="sgd"),
        models.MLP(width=96, batch_norm=True, mup="adam"),
    ],
    ids=repr,
)
def test_other_dials_keep_the_contract(model):
    check(model)


@dataclass(frozen=True)
class Own(models.Model):
    """A reader's own model: no gradient written out, so autograd takes it."""

    name: ClassVar[str] = "own"
    purpose: ClassVar[str] = "tanh network"
    kinds: ClassVar[tuple[str, ...]] = ("classification",)
    width: int = 32

    def shapes(self, ends):
        return {"a": (ends.inputs, self.width), "b": (self.width, ends.outputs)}

    def draw(self, ends, random):
        return {
            name: random.standard_normal(shape, dtype=np.float32) / np.float32(2 * np.sqrt(shape[0]))
            for name, shape in self.shapes(ends).items()
        }

    def forward(self, parameters, inputs):
        return torch.bmm(torch.bmm(inputs, parameters["a"]).tanh(), parameters["b"])

    def forward_flops(self, ends):
        return 2 * self.width * (ends.inputs + ends.outputs)


def test_a_model_of_twenty_lines_keeps_the_contract():
    check(Own)


@dataclass(frozen=True)
class Miscounted(Own):
    def parameter_count(self, data):
        return super().parameter_count(data) + 1


@dataclass(frozen=True)
class WrongFlops(Own):
    def forward_flops(self, ends):
        return self.width * (ends.inputs + ends.outputs)


@dataclass(frozen=True)
class Confident(Own):
    def draw(self, ends, random):
        return {name: 30 * value for name, value in super().draw(ends, random).items()}


@dataclass(frozen=True)
class Mixing(Own):
    def forward(self, parameters, inputs):
        outputs = super().forward(parameters, inputs)
        return outputs + 0.01 * outputs.mean(0, keepdim=True)


@dataclass(frozen=True)
class WrongGradient(Own):
    def gradient(self, parameters, inputs, targets, scale, *, loss, into, beta, trace):
        super().gradient(parameters, inputs, targets, scale, loss=loss, into=into, beta=beta, trace=trace)
        into["a"].mul_(1.01)


@dataclass(frozen=True)
class Stubborn(Own):
    def forward(self, parameters, inputs):
        return super().forward(parameters, inputs * 0)


@dataclass(frozen=True)
class Neighbourly(Own):
    def initialise(self, data, seeds, device="cpu"):
        return {name: value + 0.01 * len(seeds) for name, value in super().initialise(data, seeds, device).items()}


@dataclass(frozen=True)
class Crowded(Own):
    """What fills a batch up counts in its mean."""

    batchwise: ClassVar[bool] = True

    def forward(self, parameters, inputs):
        return super().forward(parameters, inputs - inputs.mean(1, keepdim=True))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (Miscounted, "parameter_count says"),
        (WrongFlops, "forward FLOPs"),
        (Confident, "loss starts at"),
        (Mixing, "in a stack and alone"),
        (WrongGradient, "off by .* from autograd"),
        (Stubborn, "expected under a tenth"),
        (Neighbourly, "alone and beside others"),
        (Crowded, "places without an example"),
    ],
)
def test_the_contract_names_what_a_broken_model_breaks(broken, words):
    with pytest.raises(AssertionError, match=words):
        check(broken)
