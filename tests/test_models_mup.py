"""Under µP what a step changes, and which learning rate is best, stay as they are when an MLP grows wider."""

import numpy as np
import pytest
import torch

from labkit import datasets, training
from labkit.models import MLP, Ports

ENDS = Ports("classification", inputs=6, outputs=4)
RATES = {"sgd": 0.05, "adam": 2e-3}
WIDTHS = (64, 256, 1024)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.mark.parametrize("mup", ["sgd", "adam"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_at_the_width_it_is_based_on_it_is_the_standard_one(mup, batch_norm):
    plain = MLP(width=64, depth=2, batch_norm=batch_norm)
    scaled = MLP(width=64, depth=2, batch_norm=batch_norm, mup=mup)
    one, other = (model.initialise(ENDS, [0]) for model in (plain, scaled))
    assert all(torch.equal(one[name], other[name]) for name in one)
    inputs = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(plain.forward(one, inputs), scaled.forward(other, inputs))


@pytest.mark.parametrize("mup", ["sgd", "adam"])
def test_every_tensor_moves_at_the_rate_that_its_place_asks_for(mup):
    """Table 3 of Yang et al. (2022): the rates of single tensors, here as a factor in front of each."""
    wider, power = 4.0, {"sgd": 2, "adam": 1}[mup]
    model = MLP(width=256, depth=2, mup=mup)
    wanted = {"sgd": [wider, 1, 1 / wider], "adam": [1, 1 / wider, 1 / wider]}[mup]
    assert [model.multiplier(layer)[0] ** power for layer in range(3)] == pytest.approx(wanted)
    hidden_bias = {"sgd": wider, "adam": 1}[mup]
    assert [model.multiplier(layer)[1] ** power for layer in range(3)] == pytest.approx([hidden_bias, hidden_bias, 1])
    start = model.initialise(ENDS, range(8))
    found = [float(start[f"weight_{layer}"].std()) * model.multiplier(layer)[0] for layer in range(3)]
    assert found == pytest.approx([(2 / 6) ** 0.5, (2 / 256) ** 0.5, 0.5 / 256**0.5 / wider**0.5], rel=0.05)


def moved(model, data, optimizer, steps):
    """Root mean square, over seeds, units and examples, of how far some steps move each layer's units."""
    runs = [{"seed": seed, "learning_rate": RATES[optimizer]} for seed in range(3)]
    fit = training.fit_many(model, data, runs, steps=steps, optimizer=optimizer, snapshots=[0, steps])
    squares = 0.0
    for part in fit.parts:
        inputs = torch.tensor(data.test_inputs[:200]).T.expand(len(part.rows), -1, -1)
        before, after = (part.model._apply(part.snapshots[step], inputs, None)[1:] for step in (0, steps))
        squares += np.array([float((b - a).square().mean((1, 2)).sum()) for a, b in zip(before, after, strict=True)])
    return np.sqrt(squares / len(runs))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_coordinates_move_alike_at_all_widths_and_without_it_more_and_more(digits, optimizer, batch_norm):
    changes = {
        mup: np.array([
            moved(MLP(width=width, depth=2, mup=mup, batch_norm=batch_norm), digits, optimizer, 4) for width in WIDTHS
        ])
        for mup in (None, optimizer)
    }  # fmt: skip
    kept = changes[optimizer][1:] / changes[optimizer][0]
    assert ((kept > 0.5) & (kept < 2)).all(), kept
    grown = changes[None][-1] / changes[None][0]
    assert grown.max() > 3, grown


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_best_learning_rate_stays_put_and_without_it_moves(digits, optimizer):
    rates = RATES[optimizer] * 4.0 ** np.arange(-2, 4)
    losses = {}
    for mup in (None, optimizer):
        for width in (128, 512):
            runs = [{"seed": seed, "learning_rate": rate, "examples": 256} for rate in rates for seed in range(2)]
            fit = training.fit_many(MLP(width=width, depth=2, mup=mup), digits, runs, steps=40, optimizer=optimizer)
            found = fit.table["train_loss"].fillna(np.inf).to_numpy().reshape(len(rates), 2)
            losses[mup, width] = found.mean(1)
    assert losses[optimizer, 128].argmin() == losses[optimizer, 512].argmin()
    assert losses[None, 128].argmin() != losses[None, 512].argmin()
    # At rates below the best ones a run is where it would be at any width.
    np.testing.assert_allclose(losses[optimizer, 512][:3], losses[optimizer, 128][:3], rtol=0.1)
    assert losses[None, 512][2] < 0.7 * losses[None, 128][2]


def test_another_optimiser_than_the_one_it_is_made_for_is_refused(digits):
    with pytest.raises(ValueError, match=r"run 0: MLP.*made for adam or adamw; optimizer='sgd'"):
        training.fit_many(MLP(mup="adam"), digits, [{}], steps=1)
    training.fit_many(MLP(mup="adam"), digits, [{}], steps=1, optimizer="adamw")
