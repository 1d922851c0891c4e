"""Runs: the same table whoever computes it, nothing computed twice, nothing lost to a kill."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from labkit import sweeps
from labkit.progress import Progress
from labkit.registry import UnknownName

GRID = sweeps.grid(examples=[8, 16, 32], seed=[0, 1])
PATIENCE = 60  # seconds before a test gives up on another process


def measure(examples, seed):
    draw = np.random.default_rng([examples, seed])
    return {"error": draw.random(), "steps": int(draw.integers(100)), "name": f"run {seed}", "odd": float("nan")}


def curve(examples, seed):
    draw = np.random.default_rng([examples, seed])
    return pd.DataFrame({"step": np.arange(3, dtype="int32"), "loss": draw.random(3).astype("float32"), "ok": True})


def broken(examples, seed, folder):
    """Fails at one point, once three others are stored: a worker that is slow to start may take a while."""
    if (examples, seed) == (16, 1):
        end = time.monotonic() + PATIENCE
        while len(list(Path(folder).rglob("*.json"))) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        raise ValueError("no such luck")
    return examples


class Calls:
    """Counts the calls of a function, where they happen in this process."""

    def __init__(self, function):
        self.function, self.points = function, []
        self.fingerprint = "counts calls"
        self.__name__ = self.__qualname__ = "counted"

    def __call__(self, examples, seed):
        self.points.append((examples, seed))
        return self.function(examples, seed)


def installed(name):
    return pytest.param(name, marks=pytest.mark.skipif(not _has(name), reason=f"{name} is not installed"))


def _has(name):
    import importlib.util

    return importlib.util.find_spec({"dask": "distributed"}.get(name, name)) is not None


@pytest.fixture(scope="module")
def cluster():
    """Two workers of dask, started once."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


@pytest.fixture
def serving(backend, request):
    """What a backend needs around it."""
    if backend != "dask":
        yield
        return
    from distributed import Client

    with Client(request.getfixturevalue("cluster")):
        yield


@pytest.mark.parametrize("function", [measure, curve])
@pytest.mark.parametrize("backend", ["loky", "threading", "sequential", installed("dask"), installed("ray")])
@pytest.mark.usefixtures("serving")
def test_every_backend_and_the_store_give_the_same_table(function, backend, tmp_path):
    expected = sweeps.run(function, GRID, store=tmp_path / "here", backend="sequential")
    fresh = sweeps.run(function, GRID, store=tmp_path / "there", jobs=2, backend=backend)
    again = sweeps.run(function, GRID, store=tmp_path / "there", backend="sequential")
    pd.testing.assert_frame_equal(fresh, expected, check_exact=True)
    pd.testing.assert_frame_equal(again, expected, check_exact=True)
    assert (fresh.attrs["sweep"]["computed"], again.attrs["sweep"]["computed"]) == (6, 0)


def test_rows_follow_the_grid_and_types_are_kept():
    table = sweeps.run(curve, list(reversed(GRID)), store="memory://order")
    assert list(table.columns) == ["examples", "seed", "step", "loss", "ok"]
    assert table["examples"].tolist() == [32] * 6 + [16] * 6 + [8] * 6
    assert table.dtypes.astype(str).to_dict() == {
        "examples": "int64",
        "seed": "int64",
        "step": "int32",
        "loss": "float32",
        "ok": "bool",
    }


def test_only_what_is_missing_is_computed():
    calls = Calls(measure)
    sweeps.run(calls, GRID[:2], store="memory://missing")
    table = sweeps.run(calls, [*GRID, GRID[0], GRID[5]], store="memory://missing")
    assert len(calls.points) == len(set(calls.points)) == 6
    assert table.attrs["sweep"] == {"stored": 2, "computed": 4, "misses": {"new configuration": 4}}
    pd.testing.assert_series_equal(table.iloc[0], table.iloc[6], check_names=False)


def test_a_damaged_point_is_computed_again_and_said_so(tmp_path):
    whole = sweeps.run(measure, GRID, store=tmp_path)
    damaged = sorted(tmp_path.rglob("*.json"))[2]
    damaged.write_bytes(damaged.read_bytes()[:100])
    table = sweeps.run(measure, GRID, store=tmp_path)
    assert table.attrs["sweep"]["misses"] == {
        "the stored point cannot be used: it is truncated or not a stored point": 1
    }
    pd.testing.assert_frame_equal(table, whole)
    assert sweeps.run(measure, GRID, store=tmp_path).attrs["sweep"]["computed"] == 0


@pytest.mark.parametrize("backend", [None, "threading", "loky", installed("dask")])
@pytest.mark.usefixtures("serving")
def test_a_point_that_raises_is_named_and_the_finished_ones_are_kept(backend, tmp_path):
    grid = sweeps.grid(examples=[8, 16, 32], seed=[0, 1], folder=[str(tmp_path)])
    message = r"point 4 of 6 \(examples=16, seed=1, folder=.*\) failed: ValueError: no such luck"
    with pytest.raises(sweeps.PointFailed, match=message) as caught:
        sweeps.run(broken, grid, store=tmp_path, jobs=2 if backend else 1, backend=backend)
    assert caught.value.configuration == {"examples": 16, "seed": 1, "folder": str(tmp_path)}
    assert "in broken" in "".join([*getattr(caught.value, "__notes__", []), _trace(caught.value.__cause__)])
    stored = sweeps.explain(broken, grid, store=tmp_path)["stored"].tolist()
    assert sum(stored) >= 3
    assert stored[:3] == [True] * 3 or backend == "dask"  # dask begins where it likes
    assert not stored[3]


def _trace(error):
    import traceback

    return "".join(traceback.format_exception(error)) if error else ""


def test_a_function_of_a_notebook_runs_in_workers(tmp_path):
    cell = """
from labkit import sweeps
SCALE = 3
def inner(x):
    return SCALE * x
def outer(x):
    return {"y": inner(x)}
print(sweeps.run(outer, {"x": [1, 2]}, store=STORE, jobs=2)["y"].tolist())
"""
    answer = _python(f"STORE = {str(tmp_path)!r}\nexec(compile({cell!r}, '<cell>', 'exec'))")
    assert answer.split() == ["[3,", "6]"]


def test_workers_keep_to_one_inner_thread(tmp_path):
    def threads(x):
        import torch

        return torch.get_num_threads()

    table = sweeps.run(threads, {"x": [1]}, store=tmp_path, jobs=2)
    assert table["value"].tolist() == [1]


def test_a_store_in_memory_is_not_for_other_processes():
    with pytest.raises(ValueError, match="this process's memory"):
        sweeps.run(measure, GRID, store="memory://alone", jobs=2)


def test_the_callers_joblib_configuration_is_used(tmp_path):
    def where(x):
        return threading.current_thread() is threading.main_thread()

    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert not sweeps.run(where, {"x": [1, 2, 3]}, store="memory://configured")["value"].any()
    assert sweeps.run(where, {"x": [4]}, store="memory://configured")["value"].all()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"backend": "lokki", "jobs": 2}, UnknownName, "did you mean 'loky'"),
        ({"jobs": 0}, ValueError, "number of workers"),
        ({"jobs": 1.5}, ValueError, "number of workers"),
        ({"grid": [{"examples": 1, "sed": 2}]}, TypeError, r"point 0 .*'sed': did you mean 'seed'"),
        ({"grid": [{"examples": 1}]}, TypeError, "missing a required argument: 'seed'"),
        ({"grid": [{"examples": object(), "seed": 0}]}, TypeError, r"point 0 of the grid, 'examples': a object cannot"),
    ],
)
def test_bad_calls_are_refused_before_anything_is_computed(given, error, message):
    calls = Calls(measure)
    with pytest.raises(error, match=message):
        sweeps.run(measure, **{"grid": GRID, "store": "memory://refused", **given})
    assert calls.points == []


def test_a_result_that_cannot_be_stored_names_the_point():
    def odd(x):
        return {"it": {1, 2}}

    with pytest.raises(sweeps.PointFailed, match=r"\(x=1\) failed: TypeError: a set cannot be stored"):
        sweeps.run(odd, {"x": [1]}, store="memory://odd")


@pytest.mark.parametrize("backend", [None, "threading", "loky", installed("dask")])
@pytest.mark.usefixtures("serving")
def test_a_stop_ends_long_points_soon_and_keeps_the_finished(backend, tmp_path):
    def patient(x, should_stop=None):
        end = time.monotonic() + (0 if x < 2 else PATIENCE)
        while time.monotonic() < end:
            if should_stop():
                raise RuntimeError("stopped within")
            time.sleep(0.01)
        return x

    def enough():
        return len(list(tmp_path.rglob("*.json"))) >= 2

    start = time.monotonic()
    with pytest.raises(sweeps.Stopped, match="2 of 20 points stored"):
        sweeps.run(
            patient, {"x": range(20)}, store=tmp_path, jobs=2 if backend else 1, backend=backend, should_stop=enough
        )
    assert time.monotonic() - start < PATIENCE / 2
    assert sweeps.explain(patient, {"x": range(20)}, store=tmp_path)["stored"].sum() == 2
    assert list(tmp_path.rglob("*.flag")) == []


def test_trouble_in_should_stop_is_not_swallowed(tmp_path):
    def slow(x, should_stop=None):
        while not should_stop():
            time.sleep(0.01)

    def trouble():
        raise LookupError("who asked?")

    with pytest.raises(LookupError, match="who asked"):
        sweeps.run(slow, {"x": [1]}, store=tmp_path, should_stop=trouble)


def test_progress_counts_found_and_computed_points(tmp_path):
    for jobs in (1, 2):
        bar = Progress(6, "points", stream=None)
        sweeps.run(measure, GRID, store=tmp_path / str(jobs), jobs=jobs, progress=bar)
        assert bar.done == 6
    bar = Progress(6, "points", stream=None)
    sweeps.run(measure, GRID, store=tmp_path / "1", progress=bar)
    assert bar.done == 6


def test_points_computed_again_are_told_with_the_reason(capsys):
    sweeps.run(measure, GRID, store="memory://told", fingerprint="a")
    assert capsys.readouterr().err == ""
    sweeps.run(measure, GRID, store="memory://told", fingerprint="b")
    assert "6 points to compute again: data fingerprint a → b" in capsys.readouterr().err
    sweeps.run(measure, GRID, store="memory://told", fingerprint="c", progress=False)
    assert capsys.readouterr().err == ""
    for fingerprint in "ab":
        sweeps.run(measure, GRID[:1], store="memory://alone", fingerprint=fingerprint)
    assert "1 point to compute again: data" in capsys.readouterr().err


STUDY = """
import sys, time
from pathlib import Path
from labkit import sweeps

def slow(x):
    with Path(LOG).open("a") as log:
        log.write(f"{x}\\n")
    time.sleep(0 if Path(HURRY).exists() else 0.3)
    return x * x

if __name__ == "__main__":
    table = sweeps.run(slow, {"x": list(range(12))}, store=STORE, jobs=JOBS, progress=False)
    print(table["value"].tolist(), table.attrs["sweep"]["computed"])
"""
SQUARES = [x * x for x in range(12)]


def study(folder, jobs):
    """The script of a slow study; it is quick where the folder has a file ``hurry``."""
    text = STUDY.replace("JOBS", str(jobs))
    for name in ("LOG", "STORE", "HURRY"):
        text = text.replace(name, repr(str(folder / name.lower())))
    return text


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_dies_loses_only_the_points_in_flight(jobs, death, tmp_path):
    store, log, script = tmp_path / "store", tmp_path / "log", tmp_path / "study.py"
    script.write_text(study(tmp_path, jobs))
    with (tmp_path / "errors").open("w") as errors:
        driver = subprocess.Popen([sys.executable, script], stderr=errors, start_new_session=True)
    try:
        _until(lambda: len(list(store.rglob("*.json"))) >= 3)
        driver.send_signal(death)
        assert driver.wait(timeout=PATIENCE) != 0
        _settled(log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)  # its workers wait a while for a driver that is gone
        driver.wait()
    assert ("KeyboardInterrupt" in (tmp_path / "errors").read_text()) == (death == signal.SIGINT)
    kept = len(list(store.rglob("*.json")))
    begun = len(log.read_text().split())
    assert kept >= 3
    assert begun - kept <= jobs
    (tmp_path / "hurry").touch()
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert answer.stdout.strip() == f"{SQUARES} {12 - kept}"
    assert len(log.read_text().split()) == begun + 12 - kept
    assert list(store.rglob("*.flag")) == []


def test_two_runs_at_once_share_their_points(tmp_path):
    store, script = tmp_path / "store", tmp_path / "study.py"
    script.write_text(study(tmp_path, 2))
    drivers = [subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [driver.communicate(timeout=PATIENCE)[0] for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0]
    assert all(answer.startswith(str(SQUARES)) for answer in answers)
    assert len(list(store.rglob("*.json"))) == 12
    assert list(store.rglob("*.tmp")) == []


def _until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _settled(log):
    """Wait until workers that outlive their driver for a moment are done."""
    size = -1
    while size != log.stat().st_size:
        size = log.stat().st_size
        time.sleep(1)


def _python(code):
    environment = {**os.environ, "PYTHONPATH": str(Path(sweeps.__file__).parents[2])}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, env=environment
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout
