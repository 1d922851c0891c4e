"""Long work on large models goes to processes: the same numbers, the same log, the same ways to end it."""

import sys
import threading
import types

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import datasets, models, training
from labkit.training import job, parallel, processes

RUNS = [{"seed": 0, "learning_rate": 0.1}, {"seed": 1, "learning_rate": 1e30}, {"seed": 2, "width": 24}]
OPTIONS = {
    "steps": 6, "batch_size": 8, "record": ["loss", "margin"], "record_examples": [3, 1, 4], "record_at": 3,
    "snapshots": [2], "evaluate_every": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.fixture
def apart(monkeypatch):
    """One model to a stack and two threads, so that models train side by side."""
    monkeypatch.setitem(job._STACK_NUMBERS, "cpu", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield monkeypatch
    torch.set_num_threads(before)


@pytest.fixture
def sent(apart):
    """Every work is long enough for processes; what comes back from them, for a look at whether they were used."""
    apart.setattr(parallel, "_WORTH_PROCESSES", {False: 0.0, True: 0.0})
    apart.setattr(processes, "available", lambda wanted: wanted)
    seen, fit_all = [], processes.fit_all
    apart.setattr(processes, "fit_all", lambda *given: seen.append(fit_all(*given)) or seen[-1])
    return seen


def test_processes_give_what_threads_give(digits, apart, request):
    model = models.build("mlp", width=16)
    threads = training.fit_many(model, digits, RUNS, **OPTIONS)
    seen, told = request.getfixturevalue("sent"), []
    found = training.fit_many(model, digits, RUNS, progress=lambda *now: told.append(now), **OPTIONS)
    assert [each is None for each in seen] == [False]
    pd.testing.assert_frame_equal(found.table.drop(columns="seconds"), threads.table.drop(columns="seconds"))
    pd.testing.assert_frame_equal(found.history, threads.history)
    assert found.table.diverged.tolist() == [False, True, False]
    for name in ("loss", "margin"):
        np.testing.assert_array_equal(found.dynamics[name], threads.dynamics[name])
    for step in (2, None):
        inputs = digits.test_inputs[:50]
        np.testing.assert_array_equal(found.predict(inputs, step=step), threads.predict(inputs, step=step))
    assert told[-1][1] == 18
    assert found.memory > 0


def test_processes_stop_when_asked_and_tell_of_errors(digits, sent):
    seen = []
    with pytest.raises(training.Stopped, match="was stopped after"):
        training.fit_many(
            "mlp", digits, RUNS[::2], steps=10**7,
            progress=lambda step, steps: seen.append(step), should_stop=lambda: bool(seen) and seen[-1] > 5,
        )  # fmt: skip
    with pytest.raises(ZeroDivisionError):
        training.fit_many("mlp", digits, [{}, {}], steps=10**7, progress=lambda step, steps: step and 1 // 0)


def test_an_interrupt_ends_the_workers_and_their_own_errors_are_told(digits, sent):
    def interrupt(step, steps):
        if step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit_many("mlp", digits, [{}, {}], steps=10**7, progress=interrupt)
    odd = {"indices": np.arange(1, 101, 2), "mixture": {0: 1.0}}
    with pytest.raises(ValueError, match="run 1: mixture gives 0 a share of 1 and its examples have none"):
        training.fit_many("mlp", digits, [{}, odd], steps=10**7, groups=np.arange(1024) % 2)


def test_what_no_worker_can_read_trains_in_threads(digits, sent):
    lock = threading.Lock()

    def make(ends):
        assert lock is not None
        return torch.nn.Linear(ends.inputs, ends.outputs)

    fit = training.fit_many(models.Module(make), digits, [{"seed": 0}, {"seed": 1}], steps=3)
    assert sent == [None]
    assert np.isfinite(fit.table.test_loss).all()


def test_what_only_this_process_can_import_trains_in_threads(digits, sent, monkeypatch):
    module = types.ModuleType("only_here")
    exec("import torch\ndef make(ends):\n    return torch.nn.Linear(ends.inputs, ends.outputs)\n", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    told = []
    fit = training.fit_many(
        models.Module(module.make), digits, [{"seed": seed} for seed in range(3)], steps=3,
        progress=lambda *now: told.append(now),
    )  # fmt: skip
    assert sent == [None]
    assert np.isfinite(fit.table.test_loss).all()
    assert told[-1] == (9, 9)


def test_no_processes_where_joblib_is_told_otherwise():
    import joblib

    assert processes.available(1) == 1
    with joblib.parallel_config("threading", n_jobs=2):
        assert processes.available(2) == 0
    with joblib.parallel_config("loky", inner_max_num_threads=1, idle_worker_timeout=60):
        assert joblib.Parallel(2)(joblib.delayed(processes.available)(2) for _ in range(2)) == [0, 0]
