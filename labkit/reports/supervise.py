"""One run from start to end: a worker process, its budgets, and a ``run.json`` that is true at every moment."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from labkit import places
from labkit.progress import duration

from . import casting, files
from .outcome import Outcome, Reason
from .status import Job, Status

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TICK = 0.1
_SAMPLE_SECONDS = 0.25
_TELL_SECONDS = 5.0
_GRACE_SECONDS = 5.0  # from an interrupt to a kill


class Worker:
    """The worker process of one job: its events, its memory, and the ways to end it."""

    def __init__(self, job: Job) -> None:
        order = job.directory / "job.json"
        self.log = job.directory / "log.txt"
        files.write_json(
            order,
            {
                "notebook": str(job.notebook),
                "cwd": str(job.notebook.parent),
                "executed": str(job.directory / files.EXECUTED),
                "parameters": {name: casting.source(value) for name, value in job.parameters.items()},
            },
        )
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "labkit.reports.worker", str(order)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(job),
                text=True,
                encoding="utf-8",
                # Ctrl-C in a terminal reaches the whole group; the caller alone decides what it means.
                **({"start_new_session": True} if os.name == "posix" else {"creationflags": 0x200}),
            )
        self._seen: set[psutil.Process] = set()
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # Closed here alone: closed while this thread has lines left, on a busy machine, it would end in an exception.
        with self._process.stdout as lines:
            for line in lines:
                self._events.put(json.loads(line))

    def events(self) -> Iterator[dict[str, Any]]:
        """The events that came since the last call; waits one tick for the first."""
        wait = _TICK
        while True:
            try:
                yield self._events.get(timeout=wait) if wait else self._events.get_nowait()
            except queue.Empty:
                return
            wait = 0

    @property
    def over(self) -> bool:
        """Whether the process ended and said all it had to say."""
        return self._process.poll() is not None and not self._reader.is_alive() and self._events.empty()

    def memory(self) -> int:
        """Bytes resident in the kernel and everything below it."""
        total = 0
        try:
            below = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.Error:
            return 0
        for process in below:
            try:
                total += process.memory_info().rss
                self._seen.add(process)
            except psutil.Error:
                continue
        return total

    def interrupt(self) -> None:
        """Ask the kernel to stop, as the Stop button of a notebook does."""
        try:
            self._process.stdin.write("interrupt\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it ended in the meantime

    def close(self) -> None:
        """End the process and everything it ever started."""
        self.memory()
        for process in (self._process, *self._seen):
            try:
                process.kill()
            except (psutil.Error, OSError):
                continue
        self._process.wait()
        self._reader.join(timeout=5)
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def _environment(job: Job) -> dict[str, str]:
    beside = job.notebook.parent
    lessons = beside if (beside / "presets").is_dir() else places.notebooks()
    own = {
        "LABKIT_RUN_DIR": str(job.directory),
        "LABKIT_HEADLESS": "1",
        "LABKIT_STORE": os.environ.get("LABKIT_STORE", str(places.work() / ".labkit" / "points")),
        "LABKIT_NOTEBOOKS": str(lessons),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    threads = {} if job.threads is None else {"OMP_NUM_THREADS": str(job.threads)}
    return places.environment() | threads | os.environ | own


def supervise(job: Job, stop: threading.Event, tell: Callable[[str], None]) -> Outcome:
    """Run one job to its end and say how it ended.

    ``stop``: set by the caller to interrupt the run; ``tell``: takes progress lines. Whatever happens, the worker
    and its kernel are gone and ``run.json`` is true on return.
    """
    status = Status(job)
    status.write()
    worker = Worker(job)
    try:
        order, end = _watch(job, worker, status, stop, tell)
    finally:
        worker.close()
    status.end_cell()
    reason, sentence, details = _judge(status, order, end, worker.log)
    lesson = files.read_json(job.directory / files.LESSON) or {}
    status.content["seeds"] = lesson.get("seeds", status.content["seeds"])
    status.content["versions"] = status.content["versions"] | (lesson.get("versions") or {})
    stopped = end["fault"]["evalue"] if end.get("end") == "stopped" else None
    status.write(reason, sentence, details=details, stopped=stopped)
    return Outcome(job.name, reason, sentence, job.directory, None, status.seconds, details)


def _watch(
    job: Job, worker: Worker, status: Status, stop: threading.Event, tell: Callable[[str], None]
) -> tuple[Reason | None, dict[str, Any]]:
    """Follow a worker; return the order that ended it, if one did, and what it said of its end."""
    order: Reason | None = None
    end: dict[str, Any] = {}
    ordered = sampled = 0.0
    told = time.monotonic()
    while not worker.over:
        for event in worker.events():
            if event["event"] == "cell":
                status.next_cell(event["cell"], event["cells"])
                status.write()
            else:
                end |= event
        now = time.monotonic()
        if now - sampled < _SAMPLE_SECONDS:
            continue
        sampled, memory = now, worker.memory()
        status.peak_bytes = max(status.peak_bytes, memory)
        if now - told > _TELL_SECONDS:
            told = now
            status.write()
            tell(status.line())
        if order is None:
            order = _order(job, status, memory, stop)
            ordered = now
        if order is not None:
            worker.interrupt()
            if now - ordered > _GRACE_SECONDS:
                break
    return order, end


def _order(job: Job, status: Status, memory: int, stop: threading.Event) -> Reason | None:
    if stop.is_set():
        return Reason.INTERRUPTED
    if status.seconds > job.wall_seconds:
        return Reason.OVER_TIME
    return Reason.OVER_MEMORY if memory > job.memory_bytes else None


def _judge(status: Status, order: Reason | None, end: dict[str, Any], log: Path) -> tuple[Reason, str, str]:
    job, fault = status.job, end.get("fault") or {}
    number = fault.get("number", status.cell)
    where = f"in cell {number} of {status.cells}" if number else "before its first cell"
    kind = end.get("end")
    details = _COLOUR.sub("", "\n".join(fault.get("traceback") or ()))
    if order is Reason.OVER_TIME:
        budget, needed = duration(job.wall_seconds), duration(status.seconds)
        return order, f"Over its time budget of {budget}: stopped after {needed}, {where}.", ""
    if order is Reason.OVER_MEMORY:
        return order, f"Over its memory budget of {_size(job.memory_bytes)}: {_size(status.peak_bytes)} {where}.", ""
    if kind in ("ok", "stopped"):
        early = f" It stopped early, as it means to: {fault['evalue']}" if kind == "stopped" else ""
        return Reason.OK, f"Ran to its end in {duration(status.seconds)}.{early}", ""
    if order is Reason.INTERRUPTED or fault.get("ename") == "KeyboardInterrupt":
        return Reason.INTERRUPTED, f"Interrupted {where}; run it again, and finished points are not computed again.", ""
    what = f"{fault.get('ename')}: {fault.get('evalue')}".strip().rstrip(":")
    if kind == "raised":
        return Reason.NOTEBOOK_RAISED, f"The notebook raised an exception {where}: {what}", details
    if kind == "widget":
        return Reason.WIDGET_RAISED, f"A widget or a thread swallowed an exception, {where}: {what}", details
    return Reason.KERNEL_KILLED, _kernel_sentence(status, end, where), _tail(log)


def _kernel_sentence(status: Status, end: dict[str, Any], where: str) -> str:
    code = end.get("returncode")
    held = f"it held {_size(status.peak_bytes)} at most, within its budget of {_size(status.job.memory_bytes)}"
    if code is None:
        return f"The kernel's process is gone {where}, and left no word; {held}."
    if code >= 0:
        return f"The kernel left by itself {where}, with exit code {code}; {held}."
    name = signal.Signals(-code).name
    advice = "; the system may have run out of memory" if name == "SIGKILL" else ""
    return f"The kernel was killed by {name} from outside or by its own code, {where}; {held}{advice}."


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-20:])


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
