"""Stacks side by side in processes of their own, where the interpreter's lock would hold threads up."""

from __future__ import annotations

import os
import pickle
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from labkit.training.ensemble import quick_arithmetic
from labkit.training.memory import Memory, keep_freed
from labkit.training.runs import Run
from labkit.training.source import sources
from labkit.training.stop import Stopped, Watch

if TYPE_CHECKING:
    from labkit.training.job import Fitted, Job

_IDLE_SECONDS = 60  # how long workers outlive their last stack; sweeps use workers of the same kind
_POLL_SECONDS = 0.05


_last = [float("-inf")]  # when workers were last used


def started() -> bool:
    """Whether workers of an earlier call are waiting for more."""
    return time.monotonic() - _last[0] < _IDLE_SECONDS / 2


def available(wanted: int) -> int:
    """How many workers there may be: none inside a worker, or where joblib is told to use anything but processes."""
    import multiprocessing

    from joblib import cpu_count
    from joblib.parallel import get_active_backend

    if multiprocessing.parent_process() is not None or type(get_active_backend()[0]).__name__ != "LokyBackend":
        return 0
    return min(wanted, cpu_count())


def fit_all(job: Job, stacks: Sequence[list[Run]], order: Sequence[int], watch: Watch, workers: int) -> list | None:
    """Fit every stack, begun in some order, and return them as they were given; None where they cannot be sent.

    What all stacks share is written to a file once, and read once by each worker; a worker tells how far it is, and
    is told to stop, on a small board in shared memory. It stops as well when this process is gone.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True) as folder:
        try:
            Path(folder, "job").write_bytes(_pickler().dumps((_bare(job), list(stacks), os.getpid())))
        except Exception:  # whatever a model or a method of the user's own raises
            return None
        board = np.memmap(Path(folder, "board"), dtype=np.int64, mode="w+", shape=len(stacks) + 1)
        outcomes = _outcomes(folder, board, order, watch, workers)
    if not outcomes:
        return None
    fitted: dict[int, Fitted] = {}
    peaks: dict[int, int] = {}
    for place, outcome in zip(order, outcomes, strict=True):
        found, recorder, worker, peak = pickle.loads(outcome)
        fitted[place] = replace(found, runs=stacks[place])
        peaks[worker] = max(peak, peaks.get(worker, 0))
        if job.recorder is not None:
            job.recorder.take(recorder)
    _last[0] = time.monotonic()
    watch.took(sum(peaks.values()))
    return [fitted[place] for place in range(len(stacks))]


def _outcomes(folder: str, board: np.ndarray, order: Sequence[int], watch: Watch, workers: int) -> list[Any]:
    """What the workers send back, nothing where one cannot read its work, or the first of their errors.

    Meanwhile this thread asks and tells.
    """
    from joblib import Parallel, delayed, parallel_config

    found: list[Any] = []
    broken: list[BaseException] = []

    def parallel() -> None:
        try:
            with parallel_config("loky", inner_max_num_threads=1, idle_worker_timeout=_IDLE_SECONDS):
                tasks = (delayed(_work)(folder, place, len(board)) for place in order)
                found.extend(Parallel(workers, batch_size=1, pre_dispatch="all")(tasks))
        except BaseException as error:
            broken.append(error)

    thread = threading.Thread(target=parallel, name="training-workers", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            watch.step = int(board[:-1].sum())
            watch.poll()
    finally:
        board[-1] = 1
        thread.join()
    if not broken and any(each is None for each in found):
        return []
    errors = broken + [each for each in found if isinstance(each, Exception)]
    if errors:
        raise next((error for error in errors if not isinstance(error, Stopped)), errors[0])
    return found


def _bare(job: Job) -> Job:
    """The job without what a worker makes anew."""
    return replace(job, sources={}, recorder=None if job.recorder is None else job.recorder.part([]))


@lru_cache(maxsize=1)
def _read(folder: str) -> tuple[Job, list[list[Run]], int]:
    job, stacks, driver = pickle.loads(Path(folder, "job").read_bytes())
    return replace(job, sources=sources(job.data, job.device)), stacks, driver


def _work(folder: str, place: int, size: int) -> bytes | Exception | None:
    """One stack in a worker: what came of it, pickled; the error that ended it; or None where it cannot be read."""
    board = np.memmap(Path(folder, "board"), dtype=np.int64, mode="r+", shape=size)
    memory = Memory("cpu")
    try:
        job, stacks, driver = _read(folder)
    except Exception:  # code that only the driver can import, for one
        board[-1] = 1
        return None
    if job.recorder is not None:
        job = replace(job, recorder=job.recorder.part([run.row for run in stacks[place]]))
    torch.set_num_threads(1)
    keep_freed()
    try:
        with quick_arithmetic():
            fitted = job.fit(stacks[place], _Distant(board, place, driver, memory))
        return _pickler().dumps((replace(fitted, runs=[]), job.recorder, os.getpid(), memory.peak))
    except Exception as error:
        board[-1] = 1
        return _sendable(error)


def _sendable(error: Exception) -> Exception:
    import traceback

    error.add_note(f"In a worker:\n{''.join(traceback.format_tb(error.__traceback__))}")
    try:
        pickle.loads(_pickler().dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _pickler() -> Any:
    """Pickles functions and classes of a notebook by value."""
    try:
        from joblib.externals import cloudpickle
    except ImportError:  # since joblib 1.6 it is a package of its own
        import cloudpickle

    return cloudpickle


class _Distant:
    """A `Watch` in a worker: counts on the board, and gives way when told to there or when the driver is gone."""

    def __init__(self, board: np.ndarray, place: int, driver: int, memory: Memory) -> None:
        self._board, self._place, self._driver, self._memory = board, place, driver, memory
        self._next = 0.0

    def advance(self, count: int = 1) -> None:
        self._board[self._place] += count
        if time.monotonic() >= self._next:
            self.poll()

    def poll(self) -> None:
        self._memory.look()
        if self._board[-1] or os.getppid() != self._driver:
            raise Stopped("training ended in another process")
        self._next = time.monotonic() + _POLL_SECONDS
