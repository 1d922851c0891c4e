"""What a run gives depends on that run alone, and what cannot be trained is refused in plain words."""

import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import datasets, models, training
from labkit.datasets import Dataset
from labkit.registry import UnknownName
from labkit.training import batches, dynamics, ensemble, evaluate, job

METRICS = [f"{split}_{what}" for split in ("train", "validation", "test") for what in ("loss", "error", "calibration")]


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def mixed_runs(count):
    """Runs that differ in everything a run may differ in."""
    return [
        {
            "seed": seed,
            "examples": [17, 100, 1024][seed % 3],
            "learning_rate": [0.02, 0.1][seed % 2],
            "momentum": [0.0, 0.9, 0.5][seed % 3],
            "weight_decay": [0.0, 1e-3][seed % 2],
            "label_noise": [0.0, 0.2][seed % 2],
            "width": [8, 16][seed // 2 % 2],
        }
        for seed in range(count)
    ]


@pytest.mark.parametrize("budget", [{"steps": 40}, {"epochs": 2, "schedule": "cosine"}], ids=str)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_run_alone_and_among_64_agree(digits, optimizer, budget):
    runs = [
        {**run, "learning_rate": run["learning_rate"] / (1 if optimizer == "sgd" else 20)} for run in mixed_runs(64)
    ]
    together = training.fit_many("mlp", digits, runs, optimizer=optimizer, **budget)
    logits = together.predict(digits.test_inputs)
    for row in (0, 1, 2, 31, 63):
        alone = training.fit_many("mlp", digits, [runs[row]], optimizer=optimizer, **budget)
        np.testing.assert_allclose(alone.predict(digits.test_inputs)[0], logits[row], rtol=1e-5, atol=1e-5)
        for metric in METRICS:
            assert alone.table[metric][0] == pytest.approx(together.table[metric][row], rel=1e-5, abs=1e-6)
        own = together.history.query("run == @row")["value"]
        np.testing.assert_allclose(alone.history["value"], own, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "random_features"])
def test_results_do_not_depend_on_how_work_is_cut(digits, name, monkeypatch):
    runs = [{key: value for key, value in run.items() if key != "width"} for run in mixed_runs(12)]
    model = models.build(name, width=20)
    whole = training.fit_many(model, digits, runs, steps=40, evaluate_every=20)
    monkeypatch.setitem(job._STACK_NUMBERS, "cpu", 1)
    monkeypatch.setattr(batches, "_PLACES", 100)
    monkeypatch.setattr(evaluate, "_NUMBERS", 10_000)
    cut = training.fit_many(model, digits, runs, steps=40, evaluate_every=20)
    assert len(cut.parts) == 12 > len(whole.parts)
    np.testing.assert_allclose(cut.predict(digits.test_inputs), whole.predict(digits.test_inputs), atol=1e-5)
    pd.testing.assert_frame_equal(cut.table.drop(columns="seconds"), whole.table.drop(columns="seconds"), rtol=1e-5)
    pd.testing.assert_frame_equal(cut.history, whole.history, rtol=1e-4)


def test_the_same_call_gives_the_same_numbers(digits):
    first, second = (training.fit_many("mlp", digits, mixed_runs(6), steps=30) for _ in range(2))
    assert np.array_equal(first.predict(digits.test_inputs), second.predict(digits.test_inputs))
    pd.testing.assert_frame_equal(first.table.drop(columns="seconds"), second.table.drop(columns="seconds"))


@pytest.mark.parametrize("name", ["softmax", "mlp", "random_features"])
def test_the_table_is_what_predictions_say(digits, name):
    result = training.fit_many(name, digits, [{"seed": 0}, {"seed": 1, "examples": 64}], steps=30)
    logits = result.predict(digits.test_inputs)
    wrong = (logits.argmax(-1) != digits.test_targets).mean(1)
    np.testing.assert_allclose(result.table["test_error"], wrong)
    if name != "random_features":
        loss = torch.nn.functional.cross_entropy(
            torch.from_numpy(logits[1]), torch.from_numpy(digits.test_targets.copy())
        )
        assert result.table["test_loss"][1] == pytest.approx(float(loss), rel=1e-5)


def test_table_tells_counts_and_keeps_the_runs_columns(digits):
    frame = pd.DataFrame({"seed": [4, 5], "examples": [40.0, np.nan], "width": [8, 16], "batch_size": [10, 50]})
    table = training.fit_many("mlp", digits, frame, steps=20).table
    assert table["width"].tolist() == [8, 16]
    assert table["examples"].tolist() == [40, 1024]
    assert table["parameters"].tolist() == [64 * 8 + 8 + 80 + 10, 64 * 16 + 16 + 160 + 10]
    assert table["flops"].tolist() == [20 * 10 * 6 * 8 * 74, 20 * 50 * 6 * 16 * 74]
    assert not table["diverged"].any()
    assert table["diverged_step"].isna().all()


def test_zero_steps_measure_the_start(digits):
    table = training.fit_many("softmax", digits, [{}], steps=0).table
    assert table["test_loss"][0] == pytest.approx(np.log(10), rel=1e-5)


def test_a_diverging_run_is_marked_with_its_step_and_the_others_go_on(digits):
    fine = {"seed": 0, "learning_rate": 0.1}
    runs = [fine, {"seed": 1, "learning_rate": 1e12}, fine]
    result = training.fit_many("mlp", digits, runs, steps=60, evaluate_every=30)
    assert result.table["diverged"].tolist() == [False, True, False]
    assert 2 <= result.table["diverged_step"][1] <= 10
    assert result.table.loc[1, METRICS].isna().all()
    alone = training.fit_many("mlp", digits, [fine], steps=60)
    assert result.table["test_loss"][2] == pytest.approx(alone.table["test_loss"][0], rel=1e-6)


def test_the_step_of_divergence_is_the_first_loss_that_is_no_number(digits):
    run = {"seed": 1, "learning_rate": 1e12}
    at = training.fit_many("mlp", digits, [run], steps=60).table["diverged_step"][0]
    before = training.fit_many("mlp", digits, [run], steps=int(at) - 2).table
    assert not before["diverged"][0]


def test_small_training_sets_are_nested_and_chosen_by_the_seed(digits):
    size = 12
    small = training.fit_many("mlp", digits, [{"seed": 3, "examples": size}], steps=300)
    assert small.table["train_error"][0] == 0
    by_hand = batches.subset(1024, 3, np.arange(size))
    run = {"seed": 3, "indices": by_hand}
    pointed = training.fit_many("mlp", digits, [run], steps=300)
    np.testing.assert_allclose(pointed.predict(digits.test_inputs), small.predict(digits.test_inputs), atol=1e-5)
    assert "indices" not in pointed.table


def test_a_selection_is_all_that_is_seen(digits):
    zeros_and_ones = np.flatnonzero(digits.targets < 2)
    runs = [{"seed": 0}, {"seed": 1, "examples": 20}, {"indices": np.flatnonzero(digits.targets == 7)}]
    result = training.fit_many("softmax", digits, runs, steps=50, selection=zeros_and_ones)
    guesses = result.predict(digits.test_inputs).argmax(-1)
    assert set(guesses[:2].reshape(-1)) <= {0, 1}
    assert set(guesses[2]) == {7}
    assert result.table["examples"].tolist() == [len(zeros_and_ones), 20, (digits.targets == 7).sum()]


def test_seeds_can_be_varied_apart(digits):
    runs = [{"seed": 0}, {"seed": 0, "order_seed": 1}, {"seed": 0, "init_seed": 1}, {"seed": 5, "init_seed": 0}]
    result = training.fit_many("mlp", digits, runs, steps=0)
    logits = result.predict(digits.test_inputs)
    assert np.array_equal(logits[0], logits[1])
    assert np.array_equal(logits[0], logits[3])
    assert not np.array_equal(logits[0], logits[2])
    losses = training.fit_many("mlp", digits, runs, steps=20).table["test_loss"]
    assert losses.nunique() == 4


def test_training_loss_is_on_the_labels_that_were_given(digits):
    runs = [{"seed": 0, "examples": 30, "label_noise": share} for share in (0.0, 0.5)]
    result = training.fit_many("mlp", digits, [{**run, "learning_rate": 0.2} for run in runs], steps=800)
    assert result.table["train_error"].tolist() == [0, 0]
    assert result.table["test_error"][1] > result.table["test_error"][0] + 0.1


def test_history_is_thinned_and_ends_where_the_run_ends(digits):
    runs = [{"seed": 0, "examples": 1000}, {"seed": 0, "examples": 50}]
    history = training.fit_many("softmax", digits, runs, epochs=20, evaluate_every=30).history
    losses = history[history["metric"] == "batch_loss"]
    assert losses.groupby("run").size().max() <= ensemble.POINTS
    assert losses.groupby("run")["step"].max().to_dict() == {0: 625, 1: 32}
    measured = history[history["metric"] == "validation_error"]
    assert measured.groupby("run")["step"].max().to_dict() == {0: 600, 1: 30}
    assert set(history["metric"]) == {"batch_loss", *METRICS}


def test_history_at_the_last_step_is_the_table(digits):
    result = training.fit_many("mlp", digits, [{"seed": 0}], steps=40, evaluate_every=20)
    last = result.history.query("step == 40 and metric != 'batch_loss'").set_index("metric")["value"]
    for metric in METRICS:
        assert last[metric] == result.table[metric][0]


def test_text_of_five_million_windows_is_learned_from_a_few():
    line = np.resize(np.arange(7, dtype=np.uint8), 5_000_000)
    windows = np.lib.stride_tricks.sliding_window_view(line[:-1], 4)
    held = {f"{split}_{what}": part[:100_000] for split in ("validation", "test")
            for what, part in (("inputs", windows), ("targets", line[4:]))}  # fmt: skip
    data = Dataset(name="cycle", kind="text", inputs=windows, targets=line[4:], vocabulary=7, context=4, **held)
    runs = [{"seed": 0, "learning_rate": 0.01}, {"seed": 1, "examples": 3_000_000, "learning_rate": 0.01}]
    result = training.fit_many(
        models.build("context_mlp", width=16, embedding=4), data, runs, steps=150, optimizer="adam"
    )
    assert result.table["test_error"].max() < 0.02
    assert result.predict(windows[:5]).shape == (2, 5, 7)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_stop_answers_at_once_and_returns_nothing(digits, optimizer):
    wanted = threading.Event()
    threading.Timer(0.3, wanted.set).start()
    with pytest.raises(training.Stopped, match="was stopped after"):
        training.fit_many("mlp", digits, mixed_runs(40), steps=10**7, optimizer=optimizer, should_stop=wanted.is_set)
    asked = time.monotonic()
    with pytest.raises(training.Stopped):
        training.fit_many("random_features", digits, [{}], should_stop=lambda: True)
    assert time.monotonic() - asked < 10


def test_progress_grows_to_the_end(digits):
    seen = []
    training.fit_many("mlp", digits, mixed_runs(8), epochs=3, progress=lambda step, steps: seen.append((step, steps)))
    steps = [step for step, _ in seen]
    assert steps == sorted(steps)
    assert seen[-1][0] == seen[-1][1] > 0
    assert len({total for _, total in seen}) == 1


def test_nothing_global_is_left_changed(digits):
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    training.fit_many("mlp", digits, [{}], steps=3)
    assert torch.equal(state, torch.random.get_rng_state())
    assert threads == torch.get_num_threads()
    assert float(torch.tensor(1e-30) * torch.tensor(1e-10)) > 0  # numbers that small are kept again


@pytest.mark.parametrize(
    ("run", "error", "words"),
    [
        ({"learning_rat": 0.1}, UnknownName, "run 0 has an unknown key 'learning_rat': did you mean 'learning_rate'"),
        ({"examples": 0}, ValueError, "run 0: examples=0 is outside its range; expected from 1 to 1,024"),
        ({"examples": 5000}, ValueError, "examples=5,000"),
        ({"examples": 2.5}, TypeError, "expected a whole number"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"seed": "a"}, TypeError, "seed='a' is a str"),
        ({"learning_rate": -0.1}, ValueError, "learning_rate"),
        ({"learning_rate": float("inf")}, ValueError, "learning_rate"),
        ({"momentum": 1.0}, ValueError, "expected a number from 0 below 1"),
        ({"label_noise": 1.5}, ValueError, "from 0 to 1"),
        ({"indices": []}, ValueError, "indices is empty"),
        ({"indices": [0, 1024]}, ValueError, "contains 1024; expected places from 0 to 1023"),
        ({"indices": [0.5]}, TypeError, "whole numbers"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"width": 0}, ValueError, "width=0"),
    ],
)
def test_a_run_that_cannot_be_is_refused(digits, run, error, words):
    with pytest.raises(error, match=words):
        training.fit_many("mlp", digits, [run], steps=5)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "neither of steps= and epochs="),
        ({"steps": 5, "epochs": 2}, ValueError, "both of steps="),
        ({"steps": -1}, ValueError, "steps=-1"),
        ({"steps": 2.5}, ValueError, "steps=2.5"),
        ({"epochs": 0}, ValueError, "epochs=0"),
        ({"steps": 5, "batch_size": 0}, ValueError, "batch_size=0"),
        ({"steps": 5, "evaluate_every": 0}, ValueError, "evaluate_every=0"),
        ({"steps": 5, "optimizer": "adm"}, UnknownName, "did you mean 'adam'"),
        ({"steps": 5, "schedule": "cosin"}, UnknownName, "did you mean 'cosine'"),
        ({"steps": 5, "device": "gpu"}, UnknownName, "unknown device 'gpu'"),
        ({"steps": 5, "selection": []}, ValueError, "selection is empty"),
        ({"steps": 5, "selection": [-1]}, ValueError, "contains -1"),
        ({"steps": 5, "runs": []}, ValueError, "runs is empty"),
        ({"steps": 5, "runs": {"seed": 0}}, TypeError, "runs is a dict"),
        ({"steps": 5, "runs": [3]}, TypeError, "run 0 is a int"),
        ({"steps": 5, "model": 3}, TypeError, "model is a int"),
        ({"steps": 5, "model": "context_mlp"}, ValueError, "takes text data"),
    ],
)
def test_a_call_that_cannot_be_is_refused(digits, arguments, error, words):
    model = arguments.pop("model", "mlp")
    runs = arguments.pop("runs", [{"seed": 0}])
    with pytest.raises(error, match=words):
        training.fit_many(model, digits, runs, **arguments)


def test_inputs_of_another_width_are_refused(digits):
    result = training.fit_many("softmax", digits, [{}], steps=1)
    with pytest.raises(ValueError, match=r"expected \(n, 64\)"):
        result.predict(digits.test_inputs[:, :10])
    assert result.predict(digits.test_inputs[:0]).shape == (1, 0, 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", ["softmax", "mlp", "convnet", "random_features"])
def test_devices_agree(digits, name):
    runs = [{"seed": seed, "examples": 300, "momentum": 0.5} for seed in range(4)]
    runs[1] |= {} if name == "random_features" else {"weights": np.arange(1024), "mixture": [0.3, 0.7]}
    runs[2] |= {"dropout": 0.2} if name == "mlp" else {}
    options = {} if name == "random_features" else {"record": list(dynamics.KNOWN), "record_at": [30]}
    cpu, gpu = (
        training.fit_many(name, digits, runs, steps=30, groups=digits.targets % 2, device=device, **options)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(cpu.predict(digits.test_inputs), gpu.predict(digits.test_inputs), atol=2e-3)
    for kind in set(dynamics.KNOWN) - {"correct"} if options else ():
        np.testing.assert_allclose(cpu.dynamics[kind], gpu.dynamics[kind], rtol=1e-2, atol=5e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", ["context_mlp", "transformer", "ngram"])
def test_devices_agree_on_text(name):
    text = datasets.load("python_source", context=16)
    runs = [{"seed": seed, "examples": 5000} for seed in range(3)]
    options = {"steps": 10, "optimizer": "adam"}
    cpu, gpu = (training.fit_many(name, text, runs, device=device, **options) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(cpu.predict(text.test_inputs[:99]), gpu.predict(text.test_inputs[:99]), atol=2e-3)
