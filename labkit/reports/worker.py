"""The process that executes one notebook: papermill, with a client that notices what papermill lets pass.

Started by ``supervise`` as ``python -m labkit.reports.worker JOB.json``. It writes events as JSON lines on standard
output, takes ``interrupt`` on standard input, and ends with its kernel when that input closes, so that no kernel
outlives a killed caller. It judges nothing about budgets: the caller does.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook, remove_error_markers
from papermill.models import Parameter as PapermillParameter
from papermill.translators import PythonTranslator, papermill_translators
from traitlets import default

from . import files, parameters

STOP = "LessonStopped"  # an exception of this name ends a lesson early, and well
_SAVE_SECONDS = 2.0
_STARTS = 3  # times a kernel is started that dies before its first word
_THREAD_RAISED = "Exception in thread "


class _OwnKernel(AsyncKernelManager):
    """Starts ``python3`` as this very interpreter, whatever kernels the user has installed under that name."""

    @default("kernel_spec_manager")
    def _only_native(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])

    # Of kernels that start at one moment two may choose the same port, and one of them never says a word. Linux has
    # sockets with names of their own, which are no files and go with their process.
    @default("transport")
    def _named_sockets(self) -> str:
        return "ipc" if sys.platform == "linux" else "tcp"

    @default("ip")
    def _own_name(self) -> str:
        return f"@labkit-{os.getpid()}-{secrets.token_hex(8)}" if self.transport == "ipc" else "127.0.0.1"


class _Literals(PythonTranslator):
    """Parameters arrive as Python source; papermill's own translation turns tuples and dictionary keys into text."""

    @classmethod
    def translate(cls, val: str) -> str:
        return val

    @classmethod
    def inspect(cls, parameters_cell: NotebookNode) -> list[PapermillParameter]:
        declared = parameters.read({"cells": [parameters_cell]}).values()
        return [PapermillParameter(p.name, p.annotation, repr(p.default), p.help) for p in declared]


class Watch:
    """What happened during one execution, and the channel on which the caller hears of it."""

    def __init__(self, channel: Any, executed: Path) -> None:
        self._channel, self._executed = channel, executed
        self._saved = 0.0
        self.client: PapermillNotebookClient | None = None
        self.notebook: NotebookNode | None = None
        self.failure: dict[str, Any] | None = None  # the cell whose execution failed
        self.hidden: dict[str, Any] | None = None  # an exception shown somewhere while its cell went well

    def tell(self, **event: Any) -> None:
        """Send one event to the caller."""
        self._channel.write(json.dumps(event) + "\n")
        self._channel.flush()

    def save(self, at_least_every: float = _SAVE_SECONDS) -> None:
        """Write the notebook as executed so far, whole or not at all."""
        if self.notebook is not None and time.monotonic() - self._saved >= at_least_every:
            files.write_text(self._executed, nbformat.writes(self.notebook))
            self._saved = time.monotonic()

    def cell_started(self, cell: NotebookNode, cell_index: int) -> None:
        """Hook of the client: a code cell begins."""
        if cell.cell_type == "code":
            self.save()
            self.tell(event="cell", cell=self.number(cell_index), cells=self.number(len(self.notebook.cells)))

    def number(self, cell_index: int) -> int:
        """Which code cell this is, counted from 1."""
        return sum(cell.cell_type == "code" for cell in self.notebook.cells[: cell_index + 1])

    def cell_executed(self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        """Hook of the client: a code cell came to its end, well or not."""
        content = execute_reply["content"]
        allowed = "raises-exception" in cell.metadata.get("tags", [])
        if content["status"] == "error" and not allowed:
            self.failure = self._fault(cell_index, content)
            self.hidden = None
        elif allowed:
            self.hidden = self.hidden if self.hidden and self.hidden["cell"] != cell_index else None

    def message(self, msg: dict[str, Any], cell_index: int) -> None:
        """Notice every traceback the kernel shows, wherever a widget puts it."""
        content = msg["content"]
        if msg["msg_type"] == "error":
            self.hidden = self.hidden or self._fault(cell_index, content)
        elif msg["msg_type"] == "stream" and content["name"] == "stderr" and _THREAD_RAISED in content["text"]:
            last = content["text"].strip().splitlines()[-1]
            ename, _, evalue = last.partition(": ")
            fault = {"ename": ename, "evalue": evalue, "traceback": [content["text"]]}
            self.hidden = self.hidden or self._fault(cell_index, fault)

    def _fault(self, cell_index: int, content: dict[str, Any]) -> dict[str, Any]:
        return _exception(content) | {"cell": cell_index, "number": self.number(cell_index)}


def _exception(content: dict[str, Any]) -> dict[str, Any]:
    return {key: content.get(key) for key in ("ename", "evalue", "traceback")}


class _Client(PapermillNotebookClient):
    watch: Watch

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        self.watch.message(msg, cell_index)
        output = super().process_message(msg, cell, cell_index)
        # An Output widget answers on the socket on which the client waits for the cell's reply. A reply that comes in
        # during that is noticed by nobody, and the client waits forever; asking for the events looks again.
        self.kc.shell_channel.socket.get(zmq.EVENTS)
        return output

    def papermill_execute_cells(self) -> None:
        try:
            super().papermill_execute_cells()
        except DeadKernelError:
            process = self.km.provisioner.process
            self.watch.tell(event="died", returncode=process.poll() if process else None)
            raise


def _client(nb_man: Any, kernel_name: str, watch: Watch) -> _Client:
    client = _Client(
        nb_man,
        kernel_name=kernel_name,
        kernel_manager_class=_OwnKernel,
        startup_timeout=120,
        timeout=None,
        on_cell_start=watch.cell_started,
        on_cell_executed=watch.cell_executed,
    )
    client.watch = watch
    return client


def _engine(watch: Watch) -> type[Engine]:
    class Watched(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> None:
            watch.notebook = nb_man.nb
            nb_man.nb.metadata.papermill["input_path"] = None  # papermill puts the whole notebook there
            for left in reversed(range(_STARTS)):
                watch.client = _client(nb_man, kernel_name, watch)
                try:
                    return watch.client.execute()
                except RuntimeError as error:
                    # Kernels that start at one moment may choose the same port, and all but one of them end there.
                    if not left or "Kernel died before replying" not in str(error):
                        raise

    return Watched


def _obey(watch: Watch) -> None:
    """Take orders from the caller; when it is gone, leave nothing behind."""
    for order in sys.stdin:
        manager = watch.client.km if watch.client else None
        if order.strip() == "interrupt" and manager is not None and manager.has_kernel:
            asyncio.run(manager.interrupt_kernel())
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


def _widget_traceback(notebook: NotebookNode) -> dict[str, Any] | None:
    """The first exception that stands in the state of an Output widget."""
    for states in notebook.metadata.get("widgets", {}).values():
        for model in states.get("state", {}).values():
            for output in model.get("state", {}).get("outputs", ()):
                if output.get("output_type") == "error":
                    return _exception(output)
    return None


def _drop_error(notebook: NotebookNode, cell: int) -> None:
    outputs = notebook.cells[cell].outputs
    notebook.cells[cell].outputs = [output for output in outputs if output.output_type != "error"]


def execute(job: dict[str, Any], watch: Watch) -> None:
    """Execute the job's notebook and tell how it ended."""
    notebook = nbformat.reads(Path(job["notebook"]).read_text("utf-8"), as_version=4)
    papermill_engines.register("labkit", _engine(watch))
    papermill_translators.register("python3", _Literals)
    end = "ok"
    try:
        execute_notebook(
            notebook,  # not its path: papermill formats paths, and stumbles over a brace in them
            None,
            parameters=job["parameters"],
            engine_name="labkit",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=job["cwd"],
        )
    except PapermillExecutionError:
        pass  # it makes no difference between a cell, a widget and an exception that is allowed: the watch does
    except DeadKernelError:
        end = "died"
    remove_error_markers(watch.notebook)  # papermill's own red cells; the page has a header for this
    fault = watch.failure or watch.hidden or _widget_traceback(watch.notebook)
    if end == "ok" and fault:
        end = "raised" if watch.failure else "widget"
        if watch.failure and fault["ename"] == STOP:
            end = "stopped"
            _drop_error(watch.notebook, fault["cell"])
    watch.save(at_least_every=0)
    watch.tell(event="end", end=end, fault=fault)


def main(path: str) -> None:
    """Run the job written in a file."""
    # What the kernel's libraries write past Python goes to the log; the events keep the original descriptor.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    job = json.loads(Path(path).read_text("utf-8"))
    watch = Watch(channel, Path(job["executed"]))
    threading.Thread(target=_obey, args=(watch,), daemon=True).start()
    execute(job, watch)


if __name__ == "__main__":
    main(sys.argv[1])
