"""A run that is interrupted or killed leaves a truthful run.json, no half-written page, and points to go on from."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from labkit.reports import files

pytestmark = [
    pytest.mark.notebooks,
    pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them"),
]

FIXTURE = Path(__file__).parent / "notebooks" / "fixtures" / "sweeps.ipynb"
DRIVER = (
    "import sys; from labkit import reports;"
    "sys.exit(reports.exit_code(reports.run(sys.argv[1], preset='smoke', out=sys.argv[2], progress=False)))"
)
PATIENCE = 60


@pytest.fixture
def start(tmp_path):
    """Starts a report run in a process of its own; none outlives its test."""
    environment = os.environ | {"LABKIT_STORE": str(tmp_path / "points")}
    command = [sys.executable, "-c", DRIVER, str(FIXTURE), str(tmp_path)]
    drivers = []

    def start():
        drivers.append(subprocess.Popen(command, env=environment))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()
        driver.wait()


def _points(out):
    return [path for path in (out / "points").rglob("*.json") if not path.name.startswith(".")]


def _until(holds, what):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {what}"
        time.sleep(0.05)


def _nothing_half_written(out):
    return not list(out.rglob("*.tmp")) and not (out / "sweeps.html").exists()


def test_an_interrupted_run_says_so_and_the_next_one_goes_on(start, tmp_path):
    directory = tmp_path / "runs" / "sweeps"
    driver = start()
    _until(lambda: len(_points(tmp_path)) >= 2, "two points in the store")
    assert files.read_run(directory)["reason"] == "running"
    driver.send_signal(signal.SIGINT)
    assert driver.wait(PATIENCE) == 5
    run = files.read_json(directory / files.RUN)
    assert (run["status"], run["reason"], run["exit_code"]) == ("interrupted", "interrupted", 5)
    assert _nothing_half_written(tmp_path)
    kept = len(_points(tmp_path))
    assert 2 <= kept < 8
    (tmp_path / "runs" / "may_go_on").touch()
    assert start().wait(PATIENCE) == 0
    assert files.read_json(directory / files.RUN)["reason"] == "ok"
    assert (tmp_path / "sweeps.html").is_file()
    assert f"'stored': {kept}, 'computed': {8 - kept}" in (tmp_path / "runs" / "computed.txt").read_text()


def test_a_kernel_killed_from_outside_is_told_apart(start, tmp_path):
    driver = start()
    _until(lambda: _points(tmp_path), "a point in the store")
    (worker,) = psutil.Process(driver.pid).children()
    (kernel,) = worker.children()
    kernel.kill()
    assert driver.wait(PATIENCE) == 138
    run = files.read_json(tmp_path / "runs" / "sweeps" / files.RUN)
    assert run["reason"] == "kernel-killed"
    assert "SIGKILL" in run["sentence"]


def test_a_killed_driver_leaves_no_kernel_and_its_run_counts_as_interrupted(start, tmp_path):
    directory = tmp_path / "runs" / "sweeps"
    driver = start()
    _until(lambda: _points(tmp_path), "a point in the store")
    below = psutil.Process(driver.pid).children(recursive=True)
    assert len(below) >= 2
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(below, timeout=PATIENCE)
    assert alive == []
    assert files.read_json(directory / files.RUN)["reason"] == "running"
    run = files.read_run(directory)
    assert (run["reason"], run["exit_code"]) == ("interrupted", 5)
    assert _nothing_half_written(tmp_path)
