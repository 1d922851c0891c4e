"""The training monitor: what it measures has known answers, and being watched changes no training."""

import re
import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import datasets, models, training
from labkit.datasets import Dataset
from labkit.display.render import SVG
from labkit.lessons import panels
from labkit.lessons.panels import training_monitor_noise as noise
from labkit.lessons.panels.training_monitor_watch import Watch

SECONDS = 60


# ---- the estimator -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [2, 16])
def test_gradients_of_known_mean_and_spread_give_back_both(batch):
    random = np.random.default_rng(0)
    mean, spread = np.array([1.0, -2.0, 0.5]), np.array([2.0, 1.0, 3.0])
    gradients = mean + spread * random.standard_normal((4000, batch, 3))
    squares = (gradients**2).sum(2).mean(1)
    whole = (gradients.mean(1) ** 2).sum(1)
    for found, truth in zip(noise.parts(squares, whole, np.array(batch)), [mean @ mean, spread @ spread], strict=True):
        error = found.std() / np.sqrt(len(found))
        assert abs(found.mean() - truth) < 4 * error


def test_the_scale_is_a_quotient_of_means_and_none_where_the_gradient_is_lost():
    found = noise.scale(np.array([1.0, 3.0, -50.0]), np.array([4.0, 4.0, 4.0]))
    mean = (0.9 * 1.0 + 3.0) / 1.9
    assert found[:2] == pytest.approx([4.0, 4.0 / mean])
    assert np.isnan(found[2])


def test_one_example_says_nothing_about_noise():
    with pytest.raises(ValueError, match="a batch of 1"):
        noise.parts(np.ones(1), np.ones(1), np.array([1]))


def linear(examples=4096, dimension=8, sigma=1.5, seed=0):
    """Regression on Gaussian inputs, whose gradients at zero are known in closed form."""
    random = np.random.default_rng(seed)
    weights = random.standard_normal(dimension)
    inputs = random.standard_normal((examples + 128, dimension)).astype(np.float32)
    targets = (inputs @ weights + sigma * random.standard_normal(len(inputs))).astype(np.float32)
    here, held = slice(None, examples), slice(examples, None)
    data = Dataset(
        name="linear",
        kind="regression",
        inputs=inputs[here],
        targets=targets[here],
        validation_inputs=inputs[held],
        validation_targets=targets[held],
        test_inputs=inputs[held],
        test_targets=targets[held],
    )
    # the intercept adds one more gradient: that of a constant input
    return data, (dimension + 1) + sigma**2 * dimension / (weights @ weights), weights, sigma


def test_the_noise_scale_of_linear_regression_at_zero_is_the_one_of_theory(headless):
    data, _, weights, sigma = linear()
    panel = panels.training_monitor("softmax", data, learning_rate=1e-5, steps=40, seeds=6, batch_size=64)
    history = panel.value.history.query("metric in ['squared_gradient', 'gradient_variance']")
    means = history.groupby("metric")["value"].mean()
    d, square = len(weights), weights @ weights
    # of the weights, with inputs of unit variance: E|y x|² - |w|²; of the intercept: E y²
    variance = square * (d + 1) + sigma**2 * d + square + sigma**2
    assert means["gradient_variance"] / means["squared_gradient"] == pytest.approx(variance / square, rel=0.1)


def test_the_parts_agree_with_gradients_taken_one_by_one():
    data, model = datasets.load("digits"), models.build("mlp", width=8)
    watch = Watch(model, data, [{"seed": 3}], 1)
    training.fit_many(watch.model(model), data, [{"seed": 3}], steps=1, batch_size=16, should_stop=None)
    found = {metric: value for _, step, metric, value in watch.rows() if step == 1}
    start = model.initialise(data, [3])
    batch = {}

    def keep(parameters, inputs, targets, scale, **options):
        batch["it"] = inputs.clone(), targets.clone()
        return type(model).gradient(model, parameters, inputs, targets, scale, **options)

    spy = type("Spy", (type(model),), {"gradient": lambda self, *a, **k: keep(*a, **k)})
    training.fit_many(spy(**model.dials()), data, [{"seed": 3}], steps=1, batch_size=16)
    inputs, targets = batch["it"]
    gradients = []
    for place in range(16):
        leaves = {name: tensor.clone().requires_grad_() for name, tensor in start.items()}
        one = slice(place, place + 1)
        loss = model.losses(leaves, inputs[:, one], targets[:, one], model.loss(model.check(data))).sum()
        gradients.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(leaves.values()))]))
    gradients = torch.stack(gradients).double().numpy()
    variance = gradients.var(0, ddof=1).sum()
    squared = (gradients.mean(0) ** 2).sum() - variance / 16
    assert found["gradient_variance"] == pytest.approx(variance, rel=1e-4)
    assert found["squared_gradient"] == pytest.approx(squared, rel=1e-3)


# ---- watching ------------------------------------------------------------------------------------------------------


def test_being_watched_changes_no_result(headless):
    runs = [{"seed": 0, "learning_rate": 0.3}, {"seed": 0, "label_noise": 0.2}, {"seed": 1, "width": 8, "examples": 20}]
    options = {"steps": 30, "batch_size": 32, "schedule": "cosine"}
    panel = panels.training_monitor("mlp", "digits", runs, **options, evaluate_every=10)
    given = [{"learning_rate": panel.settings["learning_rate"], **run} for run in runs]
    plain = training.fit_many("mlp", datasets.load("digits"), given, **options, evaluate_every=10)
    pd.testing.assert_frame_equal(panel.value.table.drop(columns="seconds"), plain.table.drop(columns="seconds"))


def test_every_run_gets_its_own_losses_whatever_the_stacks(headless):
    runs = [{"seed": 0, "learning_rate": 0.01}, {"seed": 1, "width": 8}, {"seed": 0, "examples": 64}]
    record = panels.training_monitor("mlp", "digits", runs, steps=20, batch_size=32, learning_rate=0.2).value
    watched = record.history.query("metric == 'batch_loss'").pivot(index="step", columns="run", values="value")
    given = [{"learning_rate": 0.2, **run} for run in runs]
    history = training.fit_many("mlp", datasets.load("digits"), given, steps=20).history
    fitted = history.query("metric == 'batch_loss'").pivot(index="step", columns="run", values="value")
    np.testing.assert_allclose(watched.to_numpy(), fitted.to_numpy(), rtol=1e-5)


def test_the_learning_rate_drawn_is_the_rate_times_the_schedule(headless):
    panel = panels.training_monitor("softmax", "digits", steps=40, seeds=1, schedule="cosine", learning_rate=0.5)
    rate = panel.value.history.query("metric == 'learning_rate'").set_index("step")["value"]
    expected = 0.5 * (1 + np.cos(np.pi * (np.arange(40) + 0.5) / 40)) / 2
    np.testing.assert_allclose(rate.to_numpy(), expected, atol=1e-6)


def test_a_model_that_looks_at_the_whole_batch_is_watched_without_noise(headless):
    record = panels.training_monitor(models.build("mlp", width=8, batch_norm=True), "digits", steps=10, seeds=1).value
    assert "not measured" in str(record)
    assert np.isfinite(record.last("validation_loss"))


def test_a_training_that_diverges_is_said_to(headless):
    record = panels.training_monitor("mlp", "teacher", learning_rate=10.0, steps=200, seeds=2).value
    assert "2 of 2 runs diverged" in str(record)
    assert record.table["diverged"].all()


# ---- the panel -----------------------------------------------------------------------------------------------------


def test_what_the_runs_say_themselves_has_no_control():
    panel = panels.training_monitor(runs=[{"seed": 0, "learning_rate": 0.1}, {"seed": 1, "learning_rate": 0.2}])
    assert list(panel.settings) == ["batch_size", "schedule", "steps"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"model": "random_features"}, "solved at once"),
        ({"model": "mpl"}, "did you mean 'mlp'"),
        ({"optimizer": "sdg"}, "did you mean 'sgd'"),
        ({"runs": [{}] * 13}, "13 runs, expected 1 to 12"),
        ({"progress": print}, "the panel decides itself"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"learning_rate": 100.0}, "learning_rate got 100"),
    ],
)
def test_what_cannot_be_watched_is_refused_before_anything_is_trained(arguments, match):
    with pytest.raises(ValueError, match=match):
        panels.training_monitor(**arguments)


def test_an_option_that_fit_many_refuses_is_raised_headless_and_shown_to_a_reader(monkeypatch):
    panel = panels.training_monitor(steps=10, momentun=0.9)
    panel.start()
    assert panel.wait(SECONDS)
    assert "momentun" in panel._error_box.value
    monkeypatch.setenv("LABKIT_HEADLESS", "1")
    with pytest.raises(TypeError, match="momentun"):
        _ = panels.training_monitor(steps=10, momentun=0.9).value


def test_losses_appear_while_it_trains_and_stop_leaves_them():
    panel = panels.training_monitor("mlp", "digits", steps=20_000, seeds=2)
    assert panel.value.step == 0
    seen, live = [], threading.Event()

    def look(change):
        if "Step" in change["new"]:
            seen.append(change["new"])
            live.set()

    panel._status_line.observe(look, "value")
    panel.start()
    assert live.wait(SECONDS)
    assert "left" in panel._progress_line.value
    panel._stop_button.click()
    assert panel.wait(SECONDS)
    record = panel.value
    assert 0 < record.step < 20_000
    assert record.table is None
    assert "stopped" in panel._progress_line.value
    assert panel.error is None


def test_moving_a_control_meanwhile_trains_with_the_new_settings_alone():
    panel = panels.training_monitor("mlp", "digits", steps=20_000, seeds=1)
    panel.start()
    until = time.monotonic() + SECONDS
    while not panel.value.step and time.monotonic() < until:
        time.sleep(0.01)
    panel.controls["steps"].slider.value = 50
    assert panel.wait(SECONDS)
    assert panel.value.table["steps"].tolist() == [50]


def test_the_chart_keeps_its_size_and_draws_a_line_per_run_and_metric(headless):
    panel = panels.training_monitor("softmax", "digits", steps=20, seeds=2)
    size = r'viewBox="0 0 ([\d.]+) ([\d.]+)"'
    first = panel.bundle()[SVG]
    # two runs: two losses each, the noise and the rate
    assert len(re.findall(r'<path[^>]*stroke-width="1.6"', first)) == 8
    for options in ({"steps": 400}, {"learning_rate": 1.0}, {"batch_size": 500}):
        assert re.search(size, panel.set(**options).bundle()[SVG]).groups() == re.search(size, first).groups()
