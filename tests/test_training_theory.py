"""Exponents measured from trained runs agree with what theory says in closed form: trainer and fitter end to end."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from labkit import datasets, laws, models, training
from labkit.theory import quadratic, ridge


@dataclass(frozen=True)
class Linear(models.RandomFeatures):
    """Ridge regression on the inputs themselves, by the trainer's own normal equations."""

    name: ClassVar[str] = "linear_ridge"

    def draw(self, ends, random):
        return {"weight": np.zeros((ends.outputs, self.width), dtype=np.float32)}

    def hidden(self, parameters, inputs):
        return inputs.transpose(1, 2)


def interval(x, y):
    """99% interval of the exponent of y ~ x^-alpha over all runs, from resampled runs."""
    law = laws.ScalingLaw("power", objective="log_squared", seed=0).fit(x, y)
    return law.bootstrap(400, seed=0)["alpha"].quantile([0.005, 0.995])


@pytest.mark.parametrize(("a", "b"), [(1.5, 2.0), (1.2, 1.6)])
def test_the_exponent_of_data_is_that_of_the_spectrum(a, b):
    features, sizes = 4096, [16, 32, 64, 128]
    data = datasets.load("spectrum", a=a, b=b, features=features, examples=2048, validation=0, test=1500)
    runs = [{"seed": seed, "examples": n, "weight_decay": 0.0} for n in sizes for seed in range(16)]
    table = training.fit_many(Linear(width=features), data, runs).table
    means = table.groupby("examples")["test_loss"].agg(["mean", "sem"])
    exact = ridge.test_error(sizes, data.truth["eigenvalues"], data.truth["power"])
    assert (np.abs(means["mean"] - exact) < 0.04 * exact + 4 * means["sem"]).all()
    low, high = interval(table["examples"].to_numpy(), table["test_loss"].to_numpy())
    assert low < data.truth["exponent"] < high
    assert high - low < 0.25


def test_the_exponent_of_time_is_that_of_the_noisy_quadratic():
    data = datasets.load("spectrum", a=2.0, b=2.0, features=1024, examples=4096, validation=0, test=1)
    eigenvalues, power = data.truth["eigenvalues"], data.truth["power"]
    # The loss is the mean square without a half, so its curvature is twice the eigenvalues.
    rate, marks = 0.4 * quadratic.stability_limit(2 * eigenvalues), [16, 32, 64, 128]
    runs = [{"seed": seed, "examples": 1024, "learning_rate": rate} for seed in range(8)]
    fit = training.fit_many("softmax", data, runs, steps=marks[-1], batch_size=1024, snapshots=marks)
    # Excess losses (marks, runs) from the weights themselves, free of the noise of a test sample.
    wrong = {
        mark: np.concatenate([part.snapshots[mark]["weight_0"][:, 0].numpy() for part in fit.parts])
        - data.truth["weights"]
        for mark in marks
    }
    losses = np.array([np.square(wrong[mark]) @ eigenvalues for mark in marks])
    exact = quadratic.loss(2 * eigenvalues, rate, steps=marks[-1], start=power / eigenvalues)[marks]
    spread = losses.std(1, ddof=1) / np.sqrt(len(runs))
    assert (np.abs(losses.mean(1) - exact) < 0.04 * exact + 4 * spread).all()
    low, high = interval(np.repeat(marks, len(runs)), losses.ravel())
    assert low < (2.0 - 1.0) / 2.0 < high
    assert high - low < 0.1


def test_the_floor_of_gradient_noise_falls_with_the_batch_as_the_noisy_quadratic_says():
    data = datasets.load("spectrum", a=1.05, b=2.0, features=16, noise=1.0, examples=60_000, validation=0, test=4000)
    batches, rate = [2, 4, 8, 16], 0.01
    runs = [{"seed": seed, "batch_size": size, "learning_rate": rate} for size in batches for seed in range(48)]
    table = training.fit_many("softmax", data, runs, steps=1500).table
    eigenvalues = data.truth["eigenvalues"]
    exact = quadratic.stationary(2 * eigenvalues, rate, batch_size=np.array(batches), noise=4 * eigenvalues).sum(1)
    means = table.groupby("batch_size")["test_loss"].agg(["mean", "sem"])
    # What the weights' own error adds to the noise, which the model leaves out, is of the order of the loss itself.
    assert (np.abs(means["mean"] - exact) < 0.1 * exact + 4 * means["sem"]).all()
    low, high = interval(table["batch_size"].to_numpy(), table["test_loss"].to_numpy())
    assert low < 1.0 < high
    assert high - low < 0.4
