"""The stacked program gives what a plain loop over torch modules gives, and what linear algebra gives."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labkit import datasets, models, training
from labkit.datasets import Dataset
from labkit.training.order import Order, noisy, subset


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.fixture(scope="module")
def text():
    """A small text in which the next id follows from the last two, with some noise."""
    random = np.random.default_rng(0)
    ids = [1, 2]
    for _ in range(5000):
        ids.append((3 * ids[-1] + ids[-2] + (random.random() < 0.1)) % 13)
    return text_dataset(np.array(ids, dtype=np.uint8), context=5, vocabulary=13)


def text_dataset(ids, context, vocabulary):
    parts = {}
    for prefix, line in zip(("", "validation_", "test_"), np.split(ids, [4000, 4500]), strict=True):
        parts[f"{prefix}inputs"] = np.lib.stride_tricks.sliding_window_view(line[:-1], context)
        parts[f"{prefix}targets"] = line[context:]
    return Dataset(name="small text", kind="text", vocabulary=vocabulary, context=context, **parts)


class Net(torch.nn.Module):
    """The plain module of a specification."""

    def __init__(self, model, data, seed):
        super().__init__()
        start = {name: value[0] for name, value in model.initialise(data, [seed]).items()}
        self.table = torch.nn.Parameter(start["embedding"].clone()) if "embedding" in start else None
        self.layers = torch.nn.ModuleList()
        for layer in range(sum(name.startswith("weight_") for name in start)):
            weight = start[f"weight_{layer}"]
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
            linear.weight.data.copy_(weight)
            linear.bias.data.copy_(start[f"bias_{layer}"].squeeze(1))
            self.layers.append(linear)

    def forward(self, x):
        x = x if self.table is None else self.table[x].flatten(1)
        for linear in self.layers[:-1]:
            x = linear(x).relu()
        return self.layers[-1](x)


# Rounding in another order is all that may differ; Adam divides by it where a pixel hardly has a gradient.
TOLERANCE = {"sgd": 5e-5, "adam": 5e-4, "adamw": 5e-4}
FACTORS = {"constant": lambda p: 1.0, "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2}


def loop(model, data, run, steps, batch_size, optimizer, schedule):
    """Logits on the test examples of one model trained in the usual way, and its batch losses."""
    seed, size = run["seed"], run.get("examples", len(data.inputs))
    batch = min(batch_size, size)
    net = Net(model, data, seed)
    rate, decay = run["learning_rate"], run.get("weight_decay", 0.0)
    if optimizer == "sgd":
        updater = torch.optim.SGD(net.parameters(), lr=rate, momentum=run.get("momentum", 0.0), weight_decay=decay)
    else:
        kind = torch.optim.Adam if optimizer == "adam" else torch.optim.AdamW
        updater = kind(net.parameters(), lr=rate, weight_decay=decay)
    places = Order(size, seed).take(steps * batch)
    if size < len(data.inputs):
        places = subset(len(data.inputs), seed, places)
    labels = data.targets[places].astype(np.int64)
    classes = data.classes or data.vocabulary
    labels = torch.from_numpy(noisy(labels, places, run.get("label_noise", 0.0), classes, seed)).view(steps, batch)
    inputs = torch.tensor(data.inputs[places]).view(steps, batch, -1)
    inputs = inputs if inputs.is_floating_point() else inputs.long()
    losses = []
    for step in range(steps):
        for group in updater.param_groups:
            group["lr"] = rate * FACTORS[schedule]((step + 0.5) / steps)
        loss = F.cross_entropy(net(inputs[step]), labels[step])
        updater.zero_grad()
        loss.backward()
        updater.step()
        losses.append(loss.item())
    held = torch.tensor(data.test_inputs)
    with torch.no_grad():
        return net(held if held.is_floating_point() else held.long()).numpy(), losses


DIGIT_RUNS = {
    "sgd": [
        {"seed": 0, "learning_rate": 0.1},
        {"seed": 1, "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 1e-3, "examples": 100},
        {"seed": 2, "learning_rate": 0.2, "momentum": 0.5, "label_noise": 0.3, "examples": 20},
        {"seed": 3, "learning_rate": 0.1, "examples": 1},
    ],
    "adam": [
        {"seed": 0, "learning_rate": 1e-3},
        {"seed": 1, "learning_rate": 3e-3, "weight_decay": 1e-2, "examples": 50},
    ],
    "adamw": [
        {"seed": 0, "learning_rate": 1e-3, "weight_decay": 0.1},
        {"seed": 1, "learning_rate": 1e-3, "examples": 300},
    ],
}


# Softmax regression starts at zero, where some gradients are exactly 0 but for rounding, and Adam makes whole steps
# of the sign of that; so it is compared under SGD alone.
CASES = [
    (models.Softmax(), "sgd"),
    *[(m, o) for m in (models.MLP(width=24), models.MLP(width=8, depth=3)) for o in ("sgd", "adam", "adamw")],
]


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(("model", "optimizer"), CASES, ids=repr)
def test_stacked_training_is_the_loop_over_modules(digits, model, optimizer, schedule):
    runs = DIGIT_RUNS[optimizer]
    fit = training.fit_many(model, digits, runs, steps=30, batch_size=32, optimizer=optimizer, schedule=schedule)
    found = fit.predict(digits.test_inputs)
    for row, run in enumerate(runs):
        wanted, losses = loop(model, digits, run, 30, 32, optimizer, schedule)
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5, atol=TOLERANCE[optimizer])
        history = fit.history.query("run == @row and metric == 'batch_loss'")
        np.testing.assert_allclose(history["value"], losses, rtol=1e-4, atol=TOLERANCE[optimizer])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_runs_that_share_all_rates_take_the_same_steps_as_the_loop(digits, optimizer):
    run = {"learning_rate": 0.02, "momentum": 0.9, "weight_decay": 1e-3}
    runs = [{"seed": seed, **run} for seed in range(3)]
    fit = training.fit_many("mlp", digits, runs, steps=40, optimizer=optimizer, schedule="cosine")
    for row, each in enumerate(runs):
        wanted, _ = loop(models.build("mlp"), digits, each, 40, 32, optimizer, "cosine")
        np.testing.assert_allclose(fit.predict(digits.test_inputs)[row], wanted, rtol=1e-5, atol=TOLERANCE[optimizer])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_text_training_is_the_loop_over_modules(text, optimizer):
    model = models.ContextMLP(width=16, depth=2, embedding=4)
    runs = [
        {"seed": 0, "learning_rate": 0.02, "momentum": 0.9},
        {"seed": 1, "learning_rate": 0.01, "momentum": 0.9, "examples": 200, "label_noise": 0.2},
    ]
    fit = training.fit_many(model, text, runs, steps=60, optimizer=optimizer)
    for row, run in enumerate(runs):
        wanted, _ = loop(model, text, run, 60, 32, optimizer, "constant")
        np.testing.assert_allclose(fit.predict(text.test_inputs)[row], wanted, rtol=1e-5, atol=TOLERANCE[optimizer])


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_equal_epochs_give_every_size_its_own_number_of_steps(digits, optimizer, schedule):
    runs = [
        {"seed": seed, "examples": size, "learning_rate": 0.01, "momentum": 0.9}
        for seed, size in enumerate((300, 40, 7))
    ]
    options = {"optimizer": optimizer, "schedule": schedule}
    fit = training.fit_many("mlp", digits, runs, epochs=5, **options)
    assert fit.table["steps"].tolist() == [math.ceil(5 * 300 / 32), math.ceil(5 * 40 / 32), 5]
    for row, run in enumerate(runs):
        wanted, _ = loop(models.build("mlp"), digits, run, int(fit.table["steps"][row]), 32, optimizer, schedule)
        np.testing.assert_allclose(fit.predict(digits.test_inputs)[row], wanted, rtol=1e-5, atol=TOLERANCE[optimizer])


def test_regression_falls_to_the_least_squares_solution():
    random = np.random.default_rng(0)
    inputs = random.standard_normal((200, 6)).astype(np.float32)
    targets = (inputs @ np.arange(6) + 0.1 * random.standard_normal(200)).astype(np.float32)
    split = {
        f"{name}_{what}": array[:50]
        for name in ("validation", "test")
        for what, array in (("inputs", inputs), ("targets", targets))
    }
    data = Dataset(name="line", kind="regression", inputs=inputs, targets=targets, **split)
    fit = training.fit_many("softmax", data, [{"learning_rate": 0.1}], steps=400, batch_size=200)
    design = np.c_[inputs, np.ones(200)]
    solution = np.linalg.lstsq(design, targets, rcond=None)[0]
    np.testing.assert_allclose(fit.predict(inputs)[0, :, 0], design @ solution, atol=1e-3)
    assert fit.table["train_loss"][0] == pytest.approx(np.mean((design @ solution - targets) ** 2), rel=1e-3)


@pytest.mark.parametrize("sizes", [(1024, 40), (40, 25)], ids=["more and fewer than features", "fewer"])
@pytest.mark.parametrize("ridge", [1e-2, 0.0])
@pytest.mark.parametrize("features", ["relu", "fourier"])
def test_random_features_are_the_ridge_solution_of_numpy(digits, features, ridge, sizes):
    model = models.RandomFeatures(width=60, features=features)
    runs = [{"seed": seed, "examples": size, "weight_decay": ridge} for seed, size in enumerate(sizes)]
    runs[1]["label_noise"] = 0.2
    fit = training.fit_many(model, digits, runs)
    for row, (run, size) in enumerate(zip(runs, sizes, strict=True)):
        places = np.arange(size) if size == 1024 else subset(1024, row, np.arange(size))
        labels = noisy(digits.targets[places], places, run.get("label_noise", 0.0), 10, row)
        start = {name: value[0].double().numpy() for name, value in model.initialise(digits, [row]).items()}

        def hidden(inputs, start=start):
            raw = inputs @ start["projection"].T + start["offset"].T
            return (np.maximum(raw, 0) if features == "relu" else np.cos(raw)) * np.sqrt(2 / 60)

        phi, wanted = hidden(digits.inputs[places].astype(float)), np.eye(10)[labels]
        if ridge:
            weight = np.linalg.solve(phi.T @ phi + ridge * size * np.eye(60), phi.T @ wanted)
        else:
            weight = np.linalg.pinv(phi) @ wanted
        outputs = hidden(digits.test_inputs.astype(float)) @ weight
        np.testing.assert_allclose(fit.predict(digits.test_inputs)[row], outputs, atol=2e-4 * np.abs(weight).max())
    assert fit.table["steps"].tolist() == [0, 0]
    assert not fit.table["test_loss"].isna().any()
