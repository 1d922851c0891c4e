"""Run a function over a grid, keep every finished point, and never compute one twice."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from labkit.progress import Progress
from labkit.registry import UnknownName, nearest
from labkit.sweeps.code import function_module, name_of
from labkit.sweeps.grid import points_of
from labkit.sweeps.modules import importable, is_own
from labkit.sweeps.plan import NEW, Plan, plan
from labkit.sweeps.point import Failure, Point, Signal, compute
from labkit.sweeps.values import assemble

if TYPE_CHECKING:
    import pandas as pd

_WATCH_SECONDS = 0.25
_IDLE_SECONDS = 60  # how long workers outlive their last point, or a driver that was killed


class Stopped(Exception):
    """A sweep was asked to stop; its finished points are stored, and the same call goes on from there."""


class PointFailed(RuntimeError):
    """The function raised at one point; the message names the point, ``configuration`` holds it."""

    def __init__(self, message: str, configuration: dict[str, Any]) -> None:
        super().__init__(message)
        self.configuration = configuration


def run(
    function: Callable,
    grid: Any,
    *,
    store: str | os.PathLike | None = None,
    jobs: int = 1,
    backend: str | None = None,
    fingerprint: str | None = None,
    progress: bool | Progress = True,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Call a function at every point of a grid and return one table, its rows in the order of the grid.

    Arguments:
        function: called with each point's values by keyword; returns a number, a mapping (one row) or a frame (several
            rows) of values that JSON can carry. It may take ``should_stop``, to be polled during long points.
        grid: a list of mappings, a frame, or a mapping of axes; see ``sweeps.grid``.
        store: folder or fsspec URL of the point store; default ``LABKIT_STORE``, else ``.labkit/points``.
        jobs: workers; -1 is one per core. 1 computes in this process.
        backend: any backend of joblib (loky, threading, dask, ray); default loky, or what ``joblib.parallel_config``
            says. Workers on other machines need a store that they reach too.
        fingerprint: of the data, and of anything else that decides the results and that code does not show.
        progress: whether to tell how far it is, or a ``labkit.progress.Progress`` to tell it to.
        should_stop: polled while the sweep runs; when it says yes, points under way end and ``Stopped`` is raised.

    Every finished point is stored by the worker that computed it, so a sweep that was interrupted or killed goes on
    where it stood. ``table.attrs["sweep"]`` counts the points found and computed, and why these were not found. A
    returned column takes the place of the grid's column of that name.

    Raises ``PointFailed`` for the first point whose function raised (no new points are begun after it), ``TypeError``
    for parameters the function does not have and for values that cannot be stored, ``Stopped``.

    >>> def error(examples, seed):
    ...     return {"error": round(1 / examples + seed / 1000, 3)}
    >>> run(error, {"examples": [10, 100], "seed": [0, 1]}, store="memory://doctest")
       examples  seed  error
    0        10     0  0.100
    1        10     1  0.101
    2       100     0  0.010
    3       100     1  0.011
    """
    points = points_of(grid)
    _check_parameters(function, points)
    planned = plan(function, points, store, fingerprint)
    workers = _Workers(jobs, backend)
    if workers.elsewhere and planned.missing and not planned.store.shared:
        raise ValueError(f"the store {planned.store.url!r} is in this process's memory; other processes need a folder")
    bar = _bar(function, planned, progress)
    bar.advance(len(planned.points) - len(planned.missing), skipped=True)
    try:
        found = _compute(function, planned, workers, bar, should_stop)
    finally:
        bar.close()
    results = {**planned.results, **found}
    table = assemble(
        [point.configuration for point in planned.points], [results[point.name] for point in planned.points]
    )
    reasons = dict(Counter(planned.misses.values()))
    table.attrs["sweep"] = {"stored": len(planned.results), "computed": len(planned.misses), "misses": reasons}
    return table


def explain(
    function: Callable, grid: Any, *, store: str | os.PathLike | None = None, fingerprint: str | None = None
) -> pd.DataFrame:
    """Which points a run would find and why it would compute the others: the grid with ``stored`` and ``reason``.

    >>> explain(abs, [{"x": 1}], store="memory://doctest").to_dict("records")
    [{'x': 1, 'stored': False, 'reason': 'new configuration'}]
    """
    import pandas as pd

    planned = plan(function, grid, store, fingerprint)
    rows = [
        {**point.configuration, "stored": point.name in planned.results, "reason": planned.misses.get(point.name, "")}
        for point in planned.points
    ]
    return pd.DataFrame(rows)


class _Workers:
    """Where the points are computed: in this process (``here``), in others (``elsewhere``), or ``far``, on machines
    that may not have the reader's files.
    """

    def __init__(self, jobs: int, backend: str | None) -> None:
        if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0:
            raise ValueError(f"jobs is a number of workers from 1, or -1 for one per core, not {jobs!r}")
        self.jobs, self.backend = jobs, backend
        self.here = backend in (None, "sequential") and jobs == 1
        self.configured = False
        if backend is None:
            from joblib.parallel import get_active_backend

            active, workers = get_active_backend()
            name = type(active).__name__
            self.configured = workers is not None or name != "LokyBackend"
            self.here = self.here and (not self.configured or name == "SequentialBackend")
            self.elsewhere = not self.here and name != "ThreadingBackend"
            self.far = name not in ("LokyBackend", "MultiprocessingBackend", "ThreadingBackend", "SequentialBackend")
        else:
            _register(backend)
            self.elsewhere = not self.here and backend != "threading"
            self.far = backend not in ("loky", "multiprocessing", "threading", "sequential")

    @contextlib.contextmanager
    def parallel(self) -> Iterator[Any]:
        """joblib's Parallel under the chosen backend; loky's workers keep to one inner thread each."""
        import joblib

        if self.configured:
            yield joblib.Parallel(n_jobs=None if self.jobs == 1 else self.jobs)
            return
        own = (
            {"inner_max_num_threads": 1, "idle_worker_timeout": _IDLE_SECONDS} if self.backend in (None, "loky") else {}
        )
        with joblib.parallel_config(backend=self.backend or "loky", **own):
            yield joblib.Parallel(n_jobs=self.jobs)


def _register(backend: str) -> None:
    from joblib.parallel import BACKENDS, EXTERNAL_BACKENDS

    known = {*BACKENDS, *EXTERNAL_BACKENDS, "ray"}
    if backend not in known:
        raise UnknownName(f"unknown backend {backend!r}: {nearest(backend, known)}")
    if backend == "ray" and backend not in BACKENDS:
        from ray.util.joblib import register_ray

        register_ray()


def _compute(
    function: Callable, planned: Plan, workers: _Workers, bar: Progress, should_stop: Callable[[], bool] | None
) -> dict[str, dict[str, Any]]:
    """Compute what is missing; the results by name."""
    todo = planned.missing
    if not todo:
        return {}
    signal = Signal(planned.store if workers.elsewhere else None, uuid.uuid4().hex)
    with _watching(planned, todo, signal, None if workers.here else bar, should_stop):
        try:
            outcomes = _outcomes(function, planned, workers, signal, bar)
        except BaseException:
            signal.set()
            raise
    found: dict[str, dict[str, Any]] = {}
    for point, outcome in zip(todo, outcomes, strict=True):
        if isinstance(outcome, Failure):
            _raise(point, outcome, len(planned.points))
        if outcome is not None:
            found[point.name] = outcome
    if len(found) < len(todo):
        done = len(planned.points) - (len(todo) - len(found))
        total = len(planned.points)
        points = "point" if total == 1 else "points"
        raise Stopped(f"stopped with {done} of {total} {points} stored; the same call goes on from there")
    return found


def _outcomes(function: Callable, planned: Plan, workers: _Workers, signal: Signal, bar: Progress) -> list[Any]:
    if workers.here:
        outcomes = []
        for point in planned.missing:
            outcomes.append(compute(function, point, planned.store, signal))
            bar.advance()
        return outcomes
    import joblib

    with workers.parallel() as parallel, _by_value(function, workers.far):
        return parallel(joblib.delayed(compute)(function, point, planned.store, signal) for point in planned.missing)


@contextlib.contextmanager
def _watching(
    planned: Plan, todo: list[Point], signal: Signal, bar: Progress | None, should_stop: Callable[[], bool] | None
) -> Iterator[None]:
    """Beside the work: pass a wish to stop on to the workers, and read off the store how far they are."""
    over = threading.Event()
    trouble: list[BaseException] = []
    names = {point.name for point in todo}

    def watch() -> None:
        seen, next_look, over_now = 0, 0.0, False
        while not over_now:
            over_now = over.wait(_WATCH_SECONDS)
            try:
                if should_stop is not None and not signal.is_set() and should_stop():
                    signal.set()
                began = time.monotonic()
                if bar is not None and (began >= next_look or over_now):
                    done = len(names & planned.store.names())
                    bar.advance(done - seen)
                    seen = done
                    next_look = began + 20 * (time.monotonic() - began)  # a slow store is asked less often
            except Exception as error:
                trouble.append(error)
                signal.set()
                return

    thread = threading.Thread(target=watch, name="sweep-watch", daemon=True)
    if bar is not None or should_stop is not None:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()
        signal.clear()
    if trouble:
        raise trouble[0]


@contextlib.contextmanager
def _by_value(function: Callable, far: bool) -> Iterator[None]:
    """Send code by value where the workers could not import its module."""
    home = sys.modules.get(function_module(function))
    modules = [home] if home is not None and not importable(home.__name__) else []
    if far:
        modules = [module for name, module in list(sys.modules.items()) if name != "__main__" and is_own(name)]
    picklers = _picklers()
    for pickler, module in itertools.product(picklers, modules):
        pickler.register_pickle_by_value(module)
    try:
        yield
    finally:
        for pickler, module in itertools.product(picklers, modules):
            pickler.unregister_pickle_by_value(module)


def _picklers() -> list[Any]:
    """The picklers that backends use; each keeps its own list of what is sent by value."""
    try:
        from joblib.externals import cloudpickle
    except ImportError:  # since joblib 1.6 it is a package of its own
        import cloudpickle

    return [cloudpickle, *([sys.modules["ray.cloudpickle"]] if "ray.cloudpickle" in sys.modules else [])]


def _raise(point: Point, failure: Failure, total: int) -> None:
    values = ", ".join(f"{name}={value!r}" for name, value in point.configuration.items())
    message = f"point {point.place + 1} of {total} ({values}) failed: {failure.text}"
    error = PointFailed(message, point.configuration)
    if failure.error is None:
        error.add_note(f"In the worker:\n{failure.trace}")
    raise error from failure.error


def _check_parameters(function: Callable, points: list[dict[str, Any]]) -> None:
    """Refuse a grid whose columns are not the function's parameters, before anything is computed."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some compiled functions do not tell
        return
    parameters = signature.parameters
    for place, point in enumerate(points):
        try:
            signature.bind(**point)
        except TypeError as error:
            wrong = [name for name in point if name not in parameters]
            hint = f" ({wrong[0]!r}: {nearest(wrong[0], parameters)})" if wrong else ""
            raise TypeError(f"point {place} of the grid does not fit {name_of(function)}: {error}{hint}") from None


def _bar(function: Callable, planned: Plan, progress: bool | Progress) -> Progress:
    if not isinstance(progress, bool):
        return progress
    stream = sys.stderr if progress else None
    changed = Counter(reason for reason in planned.misses.values() if reason != NEW)
    if stream is not None:
        for reason, count in changed.most_common(3):
            points = "point" if count == 1 else "points"
            stream.write(f"{name_of(function)}: {count} {points} to compute again: {reason}\n")
    return Progress(len(planned.points), f"points of {getattr(function, '__name__', name_of(function))}", stream)
