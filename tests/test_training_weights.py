"""Weights, mixtures and dropout do what they say, and each run's are its own."""

import numpy as np
import pytest
import torch

from labkit import datasets, models, training
from labkit.registry import UnknownName
from labkit.training.masks import Masks
from labkit.training.order import Mixed


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def weights_of(digits, seed):
    return np.random.default_rng(seed).random(len(digits.inputs))


def test_equal_weights_are_no_weights(digits):
    runs = [{"seed": 0}, {"seed": 0, "weights": np.full(1024, 3.0)}]
    losses = training.fit_many("mlp", digits, runs, steps=30).table["test_loss"]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_whole_weights_are_repetitions(digits, optimizer):
    """All examples at every step: a weight of two is the example twice."""
    few = np.arange(40)
    twice = np.concatenate([few, few[:10]])
    weights = np.zeros(1024)
    weights[few], weights[few[:10]] = 1, 2
    runs = [
        {"seed": 0, "indices": few, "weights": weights, "batch_size": 40, "learning_rate": 0.02},
        {"seed": 0, "indices": twice, "batch_size": 50, "learning_rate": 0.02},
    ]
    found = training.fit_many("mlp", digits, runs, steps=30, optimizer=optimizer).predict(digits.test_inputs)
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_examples_of_weight_zero_teach_nothing(digits):
    weights = (digits.targets < 3).astype(float)
    fit = training.fit_many("softmax", digits, [{"weights": weights}], steps=80)
    assert set(fit.predict(digits.test_inputs)[0].argmax(1)) <= {0, 1, 2}


def test_a_mixture_shows_its_shares():
    groups = [np.arange(0, 50), np.arange(50, 60), np.arange(60, 1000)]
    shown = Mixed(groups, np.array([0.2, 0.7, 0.1]), seed=0).take(20_000)
    found = [np.isin(shown, group).mean() for group in groups]
    np.testing.assert_allclose(found, [0.2, 0.7, 0.1], atol=0.02)
    counts = np.bincount(shown)[50:60]
    assert counts.max() - counts.min() <= 1  # within a group every example comes once before any comes twice


def test_a_mixture_is_the_same_in_pieces():
    def order():
        return Mixed([np.arange(7), np.arange(7, 30)], np.array([0.5, 0.5]), seed=4)

    whole, pieces = order().take(100), order()
    np.testing.assert_array_equal(whole, np.concatenate([pieces.take(count) for count in (1, 40, 9, 50)]))


def test_a_group_without_share_is_never_seen(digits):
    groups = np.array(["even", "odd"])[digits.targets % 2]
    runs = [{"mixture": {"even": 1.0}}, {"mixture": [0.0, 1.0]}, {"mixture": {"even": 0.5, "odd": 0.5}}]
    guesses = training.fit_many("softmax", digits, runs, steps=80, groups=groups).predict(digits.test_inputs).argmax(2)
    assert set(guesses[0] % 2) == {0}
    assert set(guesses[1] % 2) == {1}
    assert set(guesses[2]) == set(range(10))


def special_runs(digits, count):
    """Runs with weights, mixtures, dropout, or none of these."""
    extra = [
        lambda seed: {"weights": weights_of(digits, seed)},
        lambda seed: {"mixture": [0.1, 0.9]},
        lambda seed: {"dropout": 0.3},
        lambda seed: {},
        lambda seed: {"dropout": 0.3, "mixture": [0.5, 0.5], "weights": weights_of(digits, seed)},
    ]
    sizes = [1024, 20, 300]
    return [
        {"seed": seed, "examples": sizes[seed % 3], "learning_rate": 0.02, "momentum": 0.9, **extra[seed % 5](seed)}
        for seed in range(count)
    ]


def test_a_run_alone_and_among_others_agree(digits):
    runs, groups = special_runs(digits, 30), digits.targets >= 5
    model = models.build("mlp", width=16, depth=2)
    together = training.fit_many(model, digits, runs, epochs=3, groups=groups)
    logits = together.predict(digits.test_inputs)
    for row in (0, 1, 2, 3, 4, 22, 29):
        alone = training.fit_many(model, digits, [runs[row]], epochs=3, groups=groups)
        np.testing.assert_allclose(alone.predict(digits.test_inputs)[0], logits[row], rtol=1e-5, atol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_mean():
    fit_runs = training.runs.parse(
        models.build("mlp"), [{"seed": 0}, {"seed": 1, "examples": 5}], available=100, selection=None, steps=1,
        epochs=None, batch_size=32, learning_rate=0.1, schedule=training.schedules.read("constant"),
    )  # fmt: skip
    masks = Masks(fit_runs, {"mask_1": (64, 0.3)}, 32, "cpu")
    drawn = torch.stack([masks.draw(2)["mask_1"] for _ in range(50)])
    assert float((drawn[:, 0] == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(drawn[:, 0].mean()) == pytest.approx(1, abs=0.02)
    assert not torch.equal(drawn[0], drawn[1])
    assert (drawn[:, 1, :, 5:] == 0).all()


def test_dropout_is_the_gradient_of_the_thinned_network():
    model, ends = models.MLP(width=8, depth=2, dropout=0.5), models.Ports("classification", 5, 4)
    random = torch.Generator().manual_seed(0)
    start = model.initialise(ends, [0, 1])
    masks = {f"mask_{layer}": 2.0 * (torch.rand(2, 8, 6, generator=random) < 0.5) for layer in (1, 2)}
    inputs, targets = torch.randn(2, 6, 5, generator=random), torch.randint(4, (2, 6), generator=random)
    loss, scale = model.loss(ends), torch.full((2, 1, 1), 1 / 6)
    into = {name: torch.empty_like(value) for name, value in start.items()}
    model.gradient(
        {**start, **masks}, inputs, targets, scale, loss=loss, into=into, beta=0.0, trace=torch.empty(2, 1, 6)
    )
    leaves = {name: value.requires_grad_() for name, value in start.items()}
    hidden = inputs.transpose(1, 2)
    for layer in (0, 1):
        hidden = torch.relu(leaves[f"weight_{layer}"] @ hidden + leaves[f"bias_{layer}"]) * masks[f"mask_{layer + 1}"]
    outputs = (leaves["weight_2"] @ hidden + leaves["bias_2"]).transpose(1, 2)
    (loss.values(outputs, targets) / 6).sum().backward()
    for name, leaf in leaves.items():
        torch.testing.assert_close(into[name], leaf.grad, rtol=1e-4, atol=1e-6)


def test_predictions_are_made_without_dropout(digits):
    fit = training.fit_many("mlp", digits, [{"dropout": 0.5}], steps=20)
    np.testing.assert_array_equal(fit.predict(digits.test_inputs), fit.predict(digits.test_inputs))
    plain = training.fit_many("mlp", digits, [{}], steps=20)
    assert not np.allclose(fit.predict(digits.test_inputs), plain.predict(digits.test_inputs), atol=1e-3)


@pytest.mark.parametrize(
    ("run", "error", "words"),
    [
        ({"weights": [1.0]}, ValueError, r"weights is an array \(1,\)"),
        ({"weights": np.full(1024, -1.0)}, ValueError, "below 0"),
        ({"weights": np.zeros(1024)}, ValueError, "all its examples are 0"),
        ({"mixture": [0.5, 0.5], "groups": False}, ValueError, "no groups="),
        ({"mixture": [0.5, 0.6]}, ValueError, "add up to 1"),
        ({"mixture": [1.0]}, ValueError, "a share for each"),
        ({"mixture": {"od": 1.0}}, UnknownName, "did you mean 'odd'"),
        ({"mixture": [0.5, 0.5], "indices": [0]}, ValueError, "its examples have none"),
        ({"dropout": 1.0}, ValueError, "dropout=1.0"),
        ({"dropout": "much"}, TypeError, "dropout='much'"),
    ],
)
def test_what_cannot_be_is_refused(digits, run, error, words):
    groups = None if run.pop("groups", True) is False else np.array(["even", "odd"])[digits.targets % 2]
    with pytest.raises(error, match=words):
        training.fit_many("mlp", digits, [run], steps=5, groups=groups)


def test_groups_of_another_length_are_refused(digits):
    with pytest.raises(ValueError, match="expected one label per training example"):
        training.fit_many("mlp", digits, [{}], steps=5, groups=[0, 1])
