"""Building models by name, their counts, and the errors for what cannot be."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets, models
from labkit.registry import UnknownName


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_counts_of_the_usual_mlp_are_those_by_hand(digits):
    model = models.build("mlp", width=64)
    assert model.parameter_count(digits) == 64 * 64 + 64 + 64 * 10 + 10
    assert model.flops_per_example(digits, training=False) == 2 * (64 * 64 + 64 * 10)
    assert model.flops_per_example(digits) == 6 * (64 * 64 + 64 * 10)


@settings(deadline=None, max_examples=30)
@given(width=st.integers(1, 300), depth=st.integers(1, 5), inputs=st.integers(1, 50), outputs=st.integers(2, 20))
def test_parameter_count_is_that_of_torch_modules(width, depth, inputs, outputs):
    sizes = [inputs, *[width] * depth, outputs]
    layers = [torch.nn.Linear(a, b, device="meta") for a, b in itertools.pairwise(sizes)]
    wanted = sum(p.numel() for layer in layers for p in layer.parameters())
    found = models.build("mlp", width=width, depth=depth).parameter_count(
        models.Ports("classification", inputs, outputs)
    )
    assert found == wanted


def test_unknown_names_get_the_nearest_match():
    with pytest.raises(UnknownName, match="did you mean 'softmax'"):
        models.build("sofmax")
    with pytest.raises(UnknownName, match="did you mean 'width'"):
        models.build("mlp", widht=3)
    with pytest.raises(UnknownName, match="did you mean 'depth'"):
        models.build("mlp").with_dials(dept=3)
    with pytest.raises(UnknownName, match="did you mean 'fourier'"):
        models.build("random_features", features="furier")


@pytest.mark.parametrize("width", [0, -4, 2.5, "64", True, None])
def test_a_width_that_is_no_size_is_refused(width):
    with pytest.raises((TypeError, ValueError), match="width"):
        models.build("mlp", width=width)


def test_a_model_refuses_data_of_another_kind(digits):
    with pytest.raises(ValueError, match="takes text data"):
        models.build("context_mlp").parameter_count(digits)


def test_labels_outside_the_classes_are_refused(digits):
    wrong = replace(digits, targets=np.where(np.arange(1024) == 7, 12, digits.targets))
    with pytest.raises(ValueError, match="contain 12; expected labels from 0 to 9"):
        models.build("softmax").parameter_count(wrong)


def test_only_frozen_models_with_defaults_are_registered():
    with pytest.raises(TypeError, match="not a model"):
        models.register(dict)

    class Plain(models.MLP):
        name = "plain"

    with pytest.raises(TypeError, match="frozen dataclass"):
        models.register(Plain)

    @dataclass(frozen=True, kw_only=True)
    class Bare(models.MLP):
        name = "bare"
        size: int

    with pytest.raises(TypeError, match="without a default: size"):
        models.register(Bare)


def test_specifications_are_values():
    assert models.build("mlp", width=8) == models.build("mlp").with_dials(width=8)
    assert len({models.build("mlp", width=8), models.build("mlp", width=8)}) == 1


def test_available_lists_every_dial():
    frame = models.available().set_index("name")
    assert frame.loc["mlp", "dials"] == "width=64, depth=1, dropout=0.0, batch_norm=False, ghost=None, mup=None"
    assert frame["closed_form"].to_dict()["random_features"]


@pytest.mark.parametrize("targets", [torch.tensor([[0, 2, 1]]), torch.tensor([[0.5, -1.0, 2.0]])])
def test_written_slopes_of_the_losses_are_those_of_autograd(targets):
    kinds = [models.Squared()] if targets.is_floating_point() else [models.Squared(), models.CrossEntropy()]
    outputs = torch.randn(1, 3, 1 if targets.is_floating_point() else 4, generator=torch.Generator().manual_seed(0))
    for loss in kinds:
        leaf = outputs.clone().requires_grad_()
        values = loss.values(leaf, targets)
        values.sum().backward()
        trace = torch.empty(1, 1, 3)
        slope = loss.backward(outputs.transpose(1, 2).clone(), targets, torch.ones(1, 1, 1), trace)
        torch.testing.assert_close(slope.transpose(1, 2), leaf.grad)
        torch.testing.assert_close(trace.squeeze(1), values.detach())
