"""What every test gets: one thread per process (the suite itself runs in parallel) and folders of its own."""

from __future__ import annotations

import gc
import os
import signal

# A runner in the background ignores Ctrl-C, and so would every program a test starts, and never end when told to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports numpy or torch: parallel test workers must not fight over the cores.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import hypothesis
import pytest

from labkit import places

places.settle()

# In CI the same examples every time, so that a change is judged by what it changed; elsewhere new ones.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One worker more than cores: browsers, kernels and what waits on purpose leave a core idle every fifth second."""
    return places.cores() + 1


def pytest_collection_modifyitems(items):
    """What takes longest begins first: browsers in the first worker's share, whole notebooks in the second's."""
    kinds = {"browser": [], "notebooks": [], "other": []}
    for item in items:
        kinds[next((kind for kind in kinds if kind in item.keywords), "other")].append(item)
    browsers, notebooks, others = kinds.values()
    share = len(items) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    rest = max(0, share - len(browsers))
    items[:] = [*browsers, *others[:rest], *notebooks, *others[rest:]]


def pytest_collection_finish():
    """What is loaded by now stays: looking through it for garbage again and again would find none.

    The rest is looked through less often: each time costs a call of hypothesis, which counts the time it takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture(autouse=True)
def _no_run_variables(monkeypatch):
    """Tests start outside any notebook run, whatever started them."""
    for name in ("LABKIT_RUN_DIR", "LABKIT_HEADLESS", "LABKIT_STORE", "LABKIT_NOTEBOOKS", "LABKIT_PRESET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def shared_points(tmp_path_factory):
    """A store of points for all workers of a run: a lesson that runs several times computes its points once."""
    root = tmp_path_factory.getbasetemp()
    return (root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root) / "shared-points"


@pytest.fixture
def headless(monkeypatch):
    """Nobody is looking, as in a report."""
    monkeypatch.setenv("LABKIT_HEADLESS", "1")
