"""A kernel that dies at its start is started again; one that dies later is not; what a worker said is read late."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from labkit.reports import worker
from labkit.reports.supervise import Worker


def engine(monkeypatch, failures: list[Exception]):
    """Run the engine with clients that fail so, one after the other, and count them."""
    made = []

    def client(nb_man, kernel_name, watch):
        made.append(nb_man)

        def execute():
            if failures:
                raise failures.pop(0)

        return SimpleNamespace(execute=execute)

    monkeypatch.setattr(worker, "_client", client)
    watch = SimpleNamespace(client=None, notebook=None)
    notebook = SimpleNamespace(metadata=SimpleNamespace(papermill={}))
    try:
        worker._engine(watch).execute_managed_notebook(SimpleNamespace(nb=notebook), "python3")
    finally:
        engine.started = len(made)


DIED = "Kernel died before replying to kernel_info"


def test_a_kernel_that_dies_before_its_first_word_is_started_again(monkeypatch):
    engine(monkeypatch, [RuntimeError(DIED)])
    assert engine.started == 2


def test_it_is_not_started_for_ever(monkeypatch):
    with pytest.raises(RuntimeError, match=DIED):
        engine(monkeypatch, [RuntimeError(DIED)] * 9)
    assert engine.started == worker._STARTS


def test_other_errors_are_not_tried_again(monkeypatch):
    with pytest.raises(RuntimeError, match="something else"):
        engine(monkeypatch, [RuntimeError("something else")])
    assert engine.started == 1


def test_a_reader_that_lags_behind_when_its_worker_is_closed_ends_in_no_exception():
    closed, gate = object.__new__(Worker), threading.Event()
    closed._process = subprocess.Popen(
        [sys.executable, "-c", "print('1\\n2')"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    heard = []
    closed._seen, closed._events = set(), SimpleNamespace(put=lambda event: (gate.wait(60), heard.append(event)))
    reader = threading.Thread(target=closed._read)
    reader.start()
    closed._process.wait(60)
    closed._reader = SimpleNamespace(join=lambda timeout: None)  # the time it is given is up
    closed.close()
    gate.set()
    reader.join(60)
    assert heard == [1, 2]
    assert closed._process.stdout.closed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has sockets with names of their own")
def test_kernels_that_start_at_one_moment_share_no_address_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    managers = [worker._OwnKernel(connection_file=str(tmp_path / f"{i}.json")) for i in range(2)]
    for manager in managers:
        manager.write_connection_file()
    addresses = [
        {manager._make_url(name) for name in ("shell", "iopub", "stdin", "hb", "control")} for manager in managers
    ]
    assert len(addresses[0] | addresses[1]) == 10
    assert all(address.startswith("ipc://@") for address in addresses[0] | addresses[1])
    assert {path.name for path in tmp_path.iterdir()} == {"0.json", "1.json"}
