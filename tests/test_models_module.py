"""A module of one's own trains as torch would train it, and one that cannot be stacked is refused."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from labkit import datasets, models, training
from labkit.models.contract import check
from labkit.training.order import Order


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


class Residual(nn.Module):
    """Something with a name scope, a norm and a skip."""

    def __init__(self, ends, width=24):
        super().__init__()
        text = ends.kind == "text"
        self.table = nn.Embedding(ends.outputs, 6) if text else None
        self.up = nn.Linear(ends.inputs * 6 if text else ends.inputs, width)
        self.norm = nn.LayerNorm(width)
        self.middle, self.out = nn.Linear(width, width), nn.Linear(width, ends.outputs)

    def forward(self, x):
        x = x if self.table is None else self.table(x).flatten(1)
        x = torch.tanh(self.up(x))
        return self.out(x + self.middle(self.norm(x)).relu())


def convolutions(ends):
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def test_it_keeps_the_contract():
    check(models.Module(Residual))


def test_training_is_that_of_torch(digits):
    model = models.Module(Residual)
    runs = [{"seed": seed, "learning_rate": 0.05, "momentum": 0.9} for seed in (0, 1)]
    fit = training.fit_many(model, digits, runs, steps=30)
    for row in (0, 1):
        net = Residual(models.ports(digits))
        net.load_state_dict({name: value[0] for name, value in model.initialise(digits, [row]).items()})
        updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        for chosen in Order(1024, row).take(30 * 32).reshape(30, 32):
            loss = F.cross_entropy(net(torch.tensor(digits.inputs[chosen])), torch.tensor(digits.targets[chosen]))
            updater.zero_grad()
            loss.backward()
            updater.step()
        wanted = net(torch.tensor(digits.test_inputs)).detach().numpy()
        np.testing.assert_allclose(fit.predict(digits.test_inputs)[row], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", [Residual, convolutions])
def test_stacked_and_one_by_one_agree(digits, make):
    runs = [{"seed": seed, "examples": 100 * (seed + 1), "learning_rate": 0.02} for seed in range(3)]
    options = {"steps": 8, "record": ["gradient_norm"], "record_at": [8], "record_examples": [0, 5]}
    together, apart = (
        training.fit_many(models.Module(make, stacked=stacked), digits, runs, **options) for stacked in (True, False)
    )
    np.testing.assert_allclose(apart.predict(digits.test_inputs), together.predict(digits.test_inputs), atol=1e-5)
    np.testing.assert_allclose(
        apart.dynamics["gradient_norm"], together.dynamics["gradient_norm"], rtol=1e-4, atol=1e-5
    )


def test_starts_follow_from_seeds_and_leave_torch_alone(digits):
    state = torch.random.get_rng_state()
    model = models.Module(Residual)
    first, second = model.initialise(digits, [7, 8]), model.initialise(digits, [8])
    assert torch.equal(first["up.weight"][1], second["up.weight"][0])
    assert not torch.equal(first["up.weight"][0], first["up.weight"][1])
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (nn.Linear(64, 10), TypeError, "expected a function from ports"),
        (lambda ends: 3, TypeError, "make gave a int"),
        (lambda ends: nn.Flatten(), ValueError, "no parameters"),
        (lambda ends: nn.Linear(ends.inputs, 3), ValueError, r"gives \(2, 3\); expected \(2, 10\)"),
        (lambda ends: nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10)), ValueError, "1 keeps running statistics"),
        (lambda ends: nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 10)), ValueError, "0 drops out units"),
    ],
)
def test_a_module_that_cannot_be_stacked_is_refused(digits, make, error, words):
    with pytest.raises(error, match=words):
        training.fit_many(models.Module(make), digits, [{}], steps=1)
