"""Precision, memory, and what happens at the edges of what can be trained."""

import ctypes

import numpy as np
import pytest
import torch

from labkit import datasets, models, training
from labkit.datasets import Dataset
from labkit.registry import UnknownName


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def linear(ends):
    return torch.nn.Linear(ends.inputs, ends.outputs)


@pytest.mark.parametrize("name", ["softmax", "mlp", "convnet", "module", "transformer", "context_mlp"])
def test_gradients_in_bfloat16_end_close_to_those_in_float32(digits, name):
    data = datasets.load("python_source", context=8) if name in ("transformer", "context_mlp") else digits
    model = models.Module(linear) if name == "module" else models.build(name)
    runs = [{"seed": 0, "examples": 500, "batch_size": size} for size in (16, 8)]
    full, low = (
        training.fit_many(model, data, runs, steps=15, optimizer="adam", precision=each).table["train_loss"]
        for each in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(low, full, rtol=0.02)
    assert not np.array_equal(low, full)


def test_an_unknown_precision_is_refused(digits):
    with pytest.raises(UnknownName, match="unknown precision 'bfloat1': did you mean 'bfloat16'"):
        training.fit_many("softmax", digits, [{}], steps=1, precision="bfloat1")


def give_back_freed():
    """Memory that earlier work freed and this process keeps would serve again, and nothing would be seen to grow."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        pytest.skip("this C library cannot be told to give back what was freed")


def test_memory_is_bounded_and_reported(digits):
    """Many wide models are trained a stack at a time: all parameters are kept, activations are not."""
    model = models.build("mlp", width=256)
    runs = [{"seed": seed} for seed in range(200)]
    training.fit_many(model, digits, runs[:2], steps=3)  # loads what the first training of a process loads
    give_back_freed()
    fit = training.fit_many(model, digits, runs, steps=3)
    everything = 200 * 4 * model.parameter_count(digits)
    assert everything < fit.memory < 4 * everything  # the hidden units of all on all examples would be 14 times that
    assert training.fit_many("softmax", digits, [{}], steps=3).memory >= 0


def test_snapshots_are_the_models_of_their_steps(digits):
    runs = [{"seed": 0, "momentum": 0.9}, {"seed": 1}]
    whole = training.fit_many("mlp", digits, runs, steps=40, snapshots=[0, 5, 40])
    for step in (0, 5, 40):
        short = training.fit_many("mlp", digits, runs, steps=step).predict(digits.test_inputs)
        np.testing.assert_allclose(whole.predict(digits.test_inputs, step=step), short, rtol=1e-5, atol=1e-6)


def broken(digits, **changed):
    splits = [f"{split}{what}" for split in ("", "validation_", "test_") for what in ("inputs", "targets")]
    fields = {name: getattr(digits, name) for name in splits}
    return Dataset(name="broken", kind="classification", classes=10, **{**fields, **changed})


def test_labels_out_of_range_are_refused(digits):
    wrong = digits.targets.copy()
    wrong[3] = 12
    with pytest.raises(ValueError, match=r"contain.? .*12.*0 to 9"):
        training.fit_many("mlp", broken(digits, targets=wrong), [{}], steps=5)


def test_a_batch_larger_than_the_data_is_all_of_it_at_every_step(digits):
    runs = [{"examples": 20, "batch_size": 512}, {"examples": 20, "batch_size": 20}]
    fit = training.fit_many("mlp", digits, runs, steps=20)
    np.testing.assert_allclose(fit.table["test_loss"][0], fit.table["test_loss"][1], rtol=1e-5)
    assert fit.table["flops"].nunique() == 1


def test_many_kinds_of_run_beside_a_diverging_one_go_on(digits):
    runs = [{"seed": 0, "learning_rate": 1e15}, {"seed": 1, "width": 8}, {"seed": 2, "label_noise": 0.3}]
    fit = training.fit_many("mlp", digits, runs, steps=30)
    assert fit.table["diverged"].tolist() == [True, False, False]
    assert fit.table["diverged_step"].notna().tolist() == [True, False, False]
    assert fit.table["test_loss"].notna().tolist() == [False, True, True]
