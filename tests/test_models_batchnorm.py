"""Batch norm is that of torch, run by run, over virtual batches where asked, and answers for one example alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets, models, training
from labkit.models import MLP, Model, Ports
from labkit.models.batchnorm import Virtual
from labkit.training.order import Order, subset

ENDS = Ports("classification", inputs=6, outputs=4)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def given_batch(runs, batch, seed=0):
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(runs, batch, 6, generator=random)
    return inputs, torch.randint(4, (runs, batch), generator=random)


def gradient(model, parameters, inputs, targets, scale, kind=None):
    into = {name: torch.zeros_like(parameters[name]) for name in model.shapes(ENDS)}
    trace = torch.empty(len(inputs), 1, inputs.shape[1])
    (kind or type(model)).gradient(
        model, parameters, inputs, targets, scale, loss=model.loss(ENDS), into=into, beta=0.0, trace=trace
    )
    return into, trace


def module(model, data, seed):
    """The plain torch modules of a specification."""
    start = {name: value[0] for name, value in model.initialise(data, [seed]).items()}
    layers = []
    for layer in range(model.depth + 1):
        weight = start[f"weight_{layer}"]
        hidden = layer < model.depth
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=not hidden)
        linear.weight.data.copy_(weight)
        if not hidden:
            linear.bias.data.zero_()
        layers.append(linear)
        if hidden:
            layers += [torch.nn.BatchNorm1d(model.width), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize("ghost", [None, 8])
def test_training_is_the_loop_over_torch_modules(digits, ghost):
    model = MLP(width=12, depth=2, batch_norm=True, ghost=ghost)
    runs = [
        {"seed": 0, "learning_rate": 0.1, "momentum": 0.9},
        {"seed": 1, "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 1e-3, "examples": 200},
    ]
    fit = training.fit_many(model, digits, runs, steps=25, batch_size=32)
    for row, run in enumerate(runs):
        net = module(model, digits, row)
        updater = torch.optim.SGD(
            net.parameters(), lr=run["learning_rate"], momentum=0.9, weight_decay=run.get("weight_decay", 0.0)
        )
        size = run.get("examples", 1024)
        own = np.arange(size) if size == 1024 else subset(1024, row, np.arange(size))
        for places in Order(size, row).take(25 * 32).reshape(25, 32):
            inputs, labels = torch.tensor(digits.inputs[own[places]]), torch.tensor(digits.targets[own[places]])
            outputs = torch.cat([net(part) for part in inputs.split(ghost or 32)])
            updater.zero_grad()
            F.cross_entropy(outputs, labels).backward()
            updater.step()
        for layer in net:
            if isinstance(layer, torch.nn.BatchNorm1d):
                layer.momentum = 1.0
        with torch.no_grad():
            net(torch.tensor(digits.inputs[own]))
            for layer in net:
                if isinstance(layer, torch.nn.BatchNorm1d):
                    layer.running_var *= (size - 1) / size
            wanted = net.eval()(torch.tensor(digits.test_inputs)).numpy()
        np.testing.assert_allclose(fit.predict(digits.test_inputs)[row], wanted, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("ghost", [None, 8])
def test_batches_of_several_sizes_in_one_stack_do_not_touch_each_other(digits, ghost):
    model = MLP(width=16, depth=2, batch_norm=True, ghost=ghost)
    runs = [{"seed": seed, "batch_size": size, "learning_rate": 0.05} for seed, size in enumerate((32, 20, 9, 4))]
    runs += [{"seed": 4, "examples": 13}]
    together = training.fit_many(model, digits, runs, steps=20, snapshots=[5])
    for row, run in enumerate(runs):
        alone = training.fit_many(model, digits, [run], steps=20, snapshots=[5])
        for step in (None, 5):
            found, wanted = (fit.predict(digits.test_inputs, step=step) for fit in (together, alone))
            np.testing.assert_allclose(found[row], wanted[0], rtol=1e-4, atol=1e-4)
        assert together.table["test_loss"][row] == pytest.approx(alone.table["test_loss"][0], rel=1e-4)


@pytest.mark.parametrize(
    ("sizes", "ghost", "parts"), [((32, 32), 8, (4, 4)), ((20, 32), 8, (2, 4)), ((7, 32), 30, (1, 1))]
)
def test_a_virtual_batch_is_a_batch_of_its_own(sizes, ghost, parts):
    model, plain = (MLP(width=10, depth=2, batch_norm=True, ghost=size) for size in (ghost, None))
    start = model.initialise(ENDS, [0, 1])
    inputs, targets = given_batch(2, 32)
    inside = torch.arange(32) < torch.tensor(sizes).view(-1, 1)
    scale = (inside / torch.tensor(sizes).view(-1, 1)).unsqueeze(1)
    beside = start if min(sizes) == 32 else {**start, "inside": inside}
    found, _ = gradient(model, beside, inputs, targets, scale)
    for run, size in enumerate(sizes):
        alone = {name: value[run : run + 1] for name, value in start.items()}
        wanted = dict.fromkeys(found, 0.0)
        for places in np.array_split(np.arange(size), parts[run]):
            part = inputs[run : run + 1, places], targets[run : run + 1, places]
            each, _ = gradient(plain, alone, *part, torch.full((1, 1, 1), 1 / size))
            wanted = {name: wanted[name] + each[name] for name in wanted}
        for name in found:
            torch.testing.assert_close(found[name][run], wanted[name][0], rtol=1e-4, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(st.integers(1, 17), min_size=1, max_size=4), ghost=st.none() | st.integers(2, 20))
def test_virtual_batches_are_even_whole_and_normal(sizes, ghost):
    inside = torch.arange(17) < torch.tensor(sizes).view(-1, 1)
    features = torch.randn(len(sizes), 3, 17, generator=torch.Generator().manual_seed(0)) * 5 + 2
    cut = Virtual(17, ghost, inside)
    normal = cut.normalise(features).features
    for run, size in enumerate(sizes):
        assert not normal[run, :, size:].any()
        parts = np.array_split(np.arange(size), max(1, size // ghost) if ghost else 1)
        lengths = sorted(len(part) for part in parts)
        firsts = torch.unique_consecutive(cut.mean(features)[run, 0, :size], return_counts=True)[1]
        assert sorted(firsts.tolist()) == lengths
        assert lengths[0] >= min(size, ghost or 1)
        assert normal[run, :, :size].mean(1).abs().max() < 1e-4


@pytest.mark.parametrize("model", [
    MLP(width=8, batch_norm=True),
    MLP(width=8, depth=2, batch_norm=True, ghost=5),
    MLP(width=8, depth=2, batch_norm=True, dropout=0.5),
    MLP(width=96, depth=2, batch_norm=True, mup="sgd"),
], ids=repr)  # fmt: skip
def test_the_way_back_is_that_of_autograd_in_padded_batches(model):
    start = model.initialise(ENDS, [0, 1])
    inputs, targets = given_batch(2, 12)
    inside = torch.arange(12) < torch.tensor([[12], [7]])
    parameters = {**start, "inside": inside}
    if model.dropout:
        masks = torch.randint(2, (2, 8, 12), generator=torch.Generator().manual_seed(1)) * 2.0
        parameters |= {"mask_1": masks, "mask_2": masks.flip(2)}
    found, losses = gradient(model, parameters, inputs, targets, inside.unsqueeze(1) / 7)
    wanted, values = gradient(model, parameters, inputs, targets, inside.unsqueeze(1) / 7, Model)
    for name in found:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(losses, values)


def test_measured_statistics_are_those_of_the_runs_own_training_examples(digits):
    model = MLP(width=9, batch_norm=True)
    chosen = np.arange(300, 340)
    fit = training.fit_many(model, digits, [{"indices": chosen}, {"seed": 1}], steps=12)
    part = fit.parts[0]
    for run, inputs in enumerate((digits.inputs[chosen], digits.inputs)):
        row = list(part.rows).index(run)
        raw = inputs.astype(float) @ part.parameters["weight_0"][row].numpy().T
        np.testing.assert_allclose(part.parameters["mean_0"][row, :, 0], raw.mean(0), atol=1e-5)
        np.testing.assert_allclose(part.parameters["inverse_0"][row, :, 0], (raw.var(0) + 1e-5) ** -0.5, rtol=1e-4)


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(digits):
    fit = training.fit_many(MLP(width=16, batch_norm=True, ghost=4), digits, [{"seed": 0}], steps=10)
    together = fit.predict(digits.test_inputs)
    for place in (0, 7):
        alone = fit.predict(digits.test_inputs[place : place + 1])
        np.testing.assert_allclose(alone[0, 0], together[0, place], rtol=1e-5, atol=1e-5)


def test_gradient_norms_are_those_of_a_loop_with_the_statistics_held():
    model = MLP(width=7, depth=2, batch_norm=True, mup="adam")
    start = model.initialise(ENDS, [0, 1])
    inputs, targets = given_batch(2, 5)
    with pytest.raises(ValueError, match="no statistics of batch norm"):
        training.gradient_norms(model, start, inputs, targets, model.loss(ENDS))
    settled = {**start, **model.settle(start, *given_batch(2, 50, seed=1)[:1], torch.ones(2, 50, dtype=torch.bool))}
    found = training.gradient_norms(model, settled, inputs, targets, model.loss(ENDS))
    for run in range(2):
        for place in range(5):
            each = {name: value[run : run + 1].clone() for name, value in settled.items()}
            leaves = {name: each[name].requires_grad_() for name in model.shapes(ENDS)}
            example = inputs[run : run + 1, place : place + 1], targets[run : run + 1, place : place + 1]
            model.losses({**each, **leaves}, *example, model.loss(ENDS)).sum().backward()
            wanted = sum(leaf.grad.square().sum() for leaf in leaves.values()).sqrt()
            assert float(found[run, place]) == pytest.approx(float(wanted), rel=1e-4)


def test_what_is_logged_is_what_is_predicted(digits):
    fit = training.fit_many(
        MLP(width=8, batch_norm=True), digits, [{"seed": 3}], steps=10,
        record=["loss"], record_at=[10], record_examples=[0, 5, 9],
    )  # fmt: skip
    logits = torch.tensor(fit.predict(digits.inputs[[0, 5, 9]])[0])
    wanted = F.cross_entropy(logits, torch.tensor(digits.targets[[0, 5, 9]]), reduction="none")
    np.testing.assert_allclose(fit.dynamics["loss"][0, 0], wanted, rtol=1e-3, atol=1e-4)


def test_counts_have_a_gain_for_every_hidden_unit():
    plain, normed = (models.build("mlp", width=8, depth=3, batch_norm=flag) for flag in (False, True))
    assert normed.parameter_count(ENDS) == plain.parameter_count(ENDS) + 3 * 8
    assert normed.flops_per_example(ENDS) == plain.flops_per_example(ENDS)


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        ({"ghost": 8}, "give batch_norm=True too"),
        ({"batch_norm": True, "ghost": 1}, "at least 2"),
        ({"batch_norm": "yes"}, "expected True or False"),
        ({"mup": "adm"}, "did you mean 'adam'"),
    ],
)
def test_dials_that_cannot_be_are_refused(dials, words):
    with pytest.raises((ValueError, TypeError), match=words):
        models.build("mlp", **dials)


def test_a_batch_of_one_is_refused(digits):
    model = MLP(batch_norm=True)
    for run in ({"batch_size": 1}, {"examples": 1}):
        with pytest.raises(ValueError, match=r"run 1: a batch of MLP.*needs 2 examples or more"):
            training.fit_many(model, digits, [{}, run], steps=1)


def test_a_diverging_run_leaves_the_others_alone(digits):
    runs = [{"seed": 0}, {"seed": 1, "learning_rate": 1e30, "batch_size": 5}]
    together = training.fit_many(MLP(width=8, batch_norm=True), digits, runs, steps=20)
    alone = training.fit_many(MLP(width=8, batch_norm=True), digits, runs[:1], steps=20)
    assert together.table["diverged"].tolist() == [False, True]
    assert together.table["test_loss"][0] == pytest.approx(alone.table["test_loss"][0], rel=1e-4)
