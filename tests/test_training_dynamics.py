"""The log of single examples says what a loop over models, steps and examples would say."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labkit import datasets, models, training
from labkit.models import Ports
from labkit.registry import UnknownName
from labkit.training import dynamics, evaluate
from labkit.training.order import noisy

KINDS = ["loss", "correct", "margin", "probability", "el2n", "entropy", "probabilities", "gradient_norm"]


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_every_quantity_is_that_of_its_definition(digits):
    runs = [{"seed": 0}, {"seed": 1, "examples": 100, "label_noise": 0.4}]
    fit = training.fit_many("mlp", digits, runs, steps=30, record=KINDS, record_at=[0, 30])
    logits = torch.from_numpy(fit.predict(digits.inputs))
    for row in range(2):
        labels = digits.targets if row == 0 else noisy(digits.targets, np.arange(1024), 0.4, 10, 1)
        labels = torch.tensor(labels)
        share = logits[row].softmax(1)
        own = logits[row][torch.arange(1024), labels]
        others = logits[row].masked_fill(F.one_hot(labels, 10).bool(), -torch.inf).amax(1)
        wanted = {
            "loss": F.cross_entropy(logits[row], labels, reduction="none"),
            "correct": (logits[row].argmax(1) == labels).float(),
            "margin": own - others,
            "probability": share[torch.arange(1024), labels],
            "el2n": (share - F.one_hot(labels, 10)).norm(dim=1),
            "entropy": torch.distributions.Categorical(share).entropy(),
            "probabilities": share,
        }
        for name, values in wanted.items():
            np.testing.assert_allclose(fit.dynamics[name][row, 1], values.numpy(), rtol=1e-4, atol=1e-5)
    assert fit.dynamics["probabilities"].shape == (2, 2, 1024, 10)
    np.testing.assert_array_equal(fit.dynamics.examples, np.arange(1024))


def backwards(model, parameters, inputs, targets, loss):
    """Gradient norms one example at a time."""
    norms = torch.empty(targets.shape)
    for run in range(targets.shape[0]):
        for place in range(targets.shape[1]):
            leaves = {name: value[run : run + 1].clone().requires_grad_() for name, value in parameters.items()}
            example = inputs[run, place][None, None], targets[run, place][None, None]
            model.losses(leaves, *example, loss).sum().backward()
            norms[run, place] = torch.sqrt(sum(leaf.grad.square().sum() for leaf in leaves.values()))
    return norms


CASES = [
    (models.MLP(width=7, depth=3), Ports("classification", 5, 4)),
    (models.MLP(width=7), Ports("regression", 5, 1)),
    (models.Softmax(), Ports("classification", 5, 4)),
    (models.ContextMLP(width=9, depth=2, embedding=3), Ports("text", 6, 3)),
]


@pytest.mark.parametrize(("model", "ends"), CASES, ids=repr)
def test_gradient_norms_are_those_of_a_loop_of_backwards(model, ends, monkeypatch):
    random = torch.Generator().manual_seed(0)
    parameters = model.initialise(ends, seeds=[0, 1])
    parameters = {name: value + 0.1 * torch.randn(value.shape, generator=random) for name, value in parameters.items()}
    inputs = torch.randn(2, 8, ends.inputs, generator=random)
    targets = torch.randn(2, 8, generator=random)
    if ends.kind != "regression":
        targets = torch.randint(ends.outputs, (2, 8), generator=random)
    if ends.kind == "text":  # three ids in six places: some stand in a window several times
        inputs = torch.randint(ends.outputs, (2, 8, ends.inputs), generator=random)
    loss = model.loss(ends)
    wanted = backwards(model, parameters, inputs, targets, loss)
    monkeypatch.setattr(dynamics, "_GRADIENT_NUMBERS", 200)
    found = training.gradient_norms(model, parameters, inputs, targets, loss)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    if ends.kind != "text":
        general = models.Model.gradient_norms(model, parameters, inputs, targets, loss)
        torch.testing.assert_close(general, wanted, rtol=1e-4, atol=1e-5)


def test_a_log_does_not_depend_on_how_work_is_cut_nor_on_neighbours(digits, monkeypatch):
    runs = [{"seed": seed, "examples": 60 + 200 * seed, "width": [8, 12][seed % 2]} for seed in range(4)]
    options = {"record": ["margin", "gradient_norm"], "record_examples": [5, 3, 900], "record_at": 10}
    whole = training.fit_many("mlp", digits, runs, epochs=5, **options).dynamics
    monkeypatch.setattr(evaluate, "_NUMBERS", 100)
    for row in range(4):
        alone = training.fit_many("mlp", digits, [runs[row]], epochs=5, **options).dynamics
        for name in ("margin", "gradient_norm"):
            shared = np.isin(whole.steps, alone.steps)
            inside = np.isin(alone.steps, whole.steps)
            np.testing.assert_allclose(alone[name][0, inside], whole[name][row, shared], rtol=1e-4, atol=1e-5)
    assert np.isnan(whole["margin"][0, -1]).all()
    assert not np.isnan(whole["margin"][3]).any()


def test_recording_changes_nothing_else(digits):
    runs = [{"seed": 0, "momentum": 0.9}, {"seed": 1, "examples": 70}]
    plain = training.fit_many("mlp", digits, runs, steps=30)
    logged = training.fit_many("mlp", digits, runs, steps=30, record=["loss"], record_at=7, snapshots=[0, 11])
    np.testing.assert_allclose(logged.predict(digits.test_inputs), plain.predict(digits.test_inputs), atol=1e-6)
    assert plain.dynamics is None
    assert logged.dynamics.steps.tolist() == [0, 7, 14, 21, 28, 30]


def test_snapshots_are_the_models_of_their_steps(digits):
    runs = [{"seed": seed, "examples": size} for seed, size in enumerate((320, 64))]
    fit = training.fit_many("mlp", digits, runs, epochs=2, snapshots=[0, 3, 10])
    short = training.fit_many("mlp", digits, runs, steps=3)
    np.testing.assert_allclose(
        fit.predict(digits.test_inputs, step=3), short.predict(digits.test_inputs), rtol=1e-4, atol=1e-5
    )
    ended = fit.predict(digits.test_inputs, step=10)
    np.testing.assert_array_equal(ended[1], fit.predict(digits.test_inputs)[1])
    assert not np.array_equal(fit.predict(digits.test_inputs, step=0), ended)
    with pytest.raises(ValueError, match=r"no snapshot of step 4 was kept; there are \[0, 3, 10\]"):
        fit.predict(digits.test_inputs, step=4)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"record": ["margn"]}, UnknownName, "did you mean 'margin'"),
        ({"record": "margin"}, TypeError, "expected a list"),
        ({"record": ["loss"], "record_at": 0}, ValueError, "record_at=0"),
        ({"record": ["loss"], "record_at": [99]}, ValueError, "asks for step 99"),
        ({"record": ["loss"], "record_at": [-1]}, ValueError, "whole steps"),
        ({"record": ["loss"], "record_examples": [2000]}, ValueError, "record_examples contains 2000"),
        ({"record": ["loss"], "model": "random_features"}, ValueError, "no steps to record"),
        ({"snapshots": [0.5]}, ValueError, "snapshots=.*expected a list of whole steps"),
    ],
)
def test_a_log_that_cannot_be_is_refused(digits, arguments, error, words):
    model = arguments.pop("model", "softmax")
    with pytest.raises(error, match=words):
        training.fit_many(model, digits, [{}], steps=5, **arguments)


def test_a_log_that_would_fill_the_memory_is_refused(digits, monkeypatch):
    monkeypatch.setattr(dynamics, "MOST_NUMBERS", 1000)
    with pytest.raises(ValueError, match="the limit is 1,000"):
        training.fit_many("softmax", digits, [{}], steps=5, record=["loss"])


def test_what_was_not_recorded_is_refused_by_name(digits):
    fit = training.fit_many("softmax", digits, [{}], steps=2, record=["loss", "margin"])
    with pytest.raises(UnknownName, match="did you mean 'margin'"):
        fit.dynamics["margins"]
