"""Run notebooks headless and strictly, several at a time, and write a page for each."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat

from labkit import places
from labkit.progress import duration
from labkit.registry import nearest

from . import drift, files, parameters
from .outcome import Outcome, Reason, ReportError
from .page import build, prepare
from .status import Job, Status
from .supervise import supervise

# What a notebook should need at most, by preset; it is stopped at a multiple, since machines differ and are shared.
BUDGET_SECONDS = {"smoke": 15, "lesson": 90, "full": 1200}
_PATIENCE, _LEAST_SECONDS = 4, 120
MEMORY_BYTES = 4 * 2**30
_PREPARE_SECONDS = 6.0  # what ends sooner has few charts, if any
_PAGES = threading.Lock()


@dataclass(frozen=True)
class Request:
    """One run that is asked for; its parameters are as given, not checked yet."""

    notebook: Path
    directory: Path
    preset: str
    given: dict[str, Any]
    wall_seconds: float
    memory_bytes: int
    page: Path | None = None
    check: bool = False
    baselines: Path | None = None


def run(
    notebooks: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    preset: str = "lesson",
    parameters: Mapping[str, Any] | None = None,
    out: str | os.PathLike = "reports",
    jobs: int = 1,
    wall_seconds: float | None = None,
    memory_bytes: int | None = None,
    page: bool = True,
    check: bool = False,
    baselines: str | os.PathLike | None = None,
    progress: bool = True,
) -> list[Outcome]:
    """Execute notebooks, each in a process and a kernel of its own, and write a page for each.

    ``notebooks``: paths, or names of lessons. ``parameters``: values by name, as Python values or as text; text is
    cast by the annotation in the parameters cell. ``out``: pages go there, and into ``runs/<notebook>`` below it
    ``run.json``, ``records.json``, ``claims.json`` and ``executed.ipynb``. ``jobs``: notebooks at a time.
    ``wall_seconds`` and ``memory_bytes``: hard limits per notebook (default: four times the preset's budget, at
    least two minutes; 4 GiB in the kernel and all its children). ``check``: numbers that left their baseline fail
    the run (the page says so in any case). ``baselines``: their folder (``data/baselines``). ``progress``: tell on
    standard error.

    Returns one ``Outcome`` per notebook, in their order; failures are outcomes, not exceptions. An interrupt (Ctrl-C
    or SIGTERM) ends every run within seconds and is an outcome too. Raises ``ReportError`` where nothing can be
    run: no such notebook, no such preset, two notebooks of one name.

    >>> from labkit import reports
    >>> outcomes = reports.run("01_learning_curves", preset="smoke", parameters={"seeds": "5"})  # doctest: +SKIP
    >>> outcomes[0].reason.value, outcomes[0].exit_code  # doctest: +SKIP
    ('ok', 0)
    """
    if isinstance(notebooks, str | os.PathLike):
        notebooks = [notebooks]
    paths = [find(notebook) for notebook in notebooks]
    names = [path.stem for path in paths]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ReportError(f"two notebooks of one name ({', '.join(sorted(twice))}) would write the same page")
    out = Path(out).resolve()
    requests = [
        Request(
            notebook=path,
            directory=out / "runs" / path.stem,
            preset=preset,
            given=dict(parameters or {}),
            wall_seconds=wall_seconds or time_limit(preset),
            memory_bytes=memory_bytes or MEMORY_BYTES,
            page=out / f"{path.stem}.html" if page else None,
            check=check,
            baselines=Path(baselines) if baselines else None,
        )
        for path in paths
    ]
    return execute(requests, jobs, progress)


def execute(requests: Sequence[Request], jobs: int = 1, progress: bool = True) -> list[Outcome]:
    """Run the requests, ``jobs`` at a time; one outcome each, in their order."""
    if jobs < 1:
        raise ReportError(f"jobs={jobs}: expected at least 1")
    threads = max(1, places.cores() // jobs) if jobs > 1 else None
    tell, stop = _teller(progress), threading.Event()
    with _interrupts(stop), ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_one, request, threads, stop, tell) for request in requests]
        _await(futures, stop)
    return [future.result() for future in futures]


def find(notebook: str | os.PathLike) -> Path:
    """The notebook at a path, or of that name among the lessons; raises ``ReportError`` with the nearest name."""
    given = Path(notebook)
    for path in (given, places.notebooks() / given, places.notebooks() / f"{given}.ipynb"):
        if path.is_file():
            return path.resolve()
    known = [path.name for path in (given.parent if given.parent.is_dir() else Path()).glob("*.ipynb")]
    known += [path.name for path in places.notebooks().glob("*.ipynb")]
    raise ReportError(f"no notebook {os.fspath(notebook)!r}: {nearest(given.name, set(known))}")


def time_limit(preset: str) -> float:
    """Seconds after which a run of this preset is ended."""
    return max(_LEAST_SECONDS, _PATIENCE * BUDGET_SECONDS.get(preset, BUDGET_SECONDS["lesson"]))


def _teller(progress: bool) -> Callable[[str], None]:
    def tell(line: str) -> None:
        sys.stderr.write(line + "\n")  # one write, so that lines of parallel runs do not mix
        sys.stderr.flush()

    return tell if progress else lambda line: None


@contextlib.contextmanager
def _interrupts(stop: threading.Event) -> Iterator[None]:
    """Take SIGTERM, which is how CI cancels, as an interrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _await(futures: list[Future[Outcome]], stop: threading.Event) -> None:
    pending: set[Future[Outcome]] = set(futures)
    while pending:
        try:
            pending = wait(pending, timeout=0.2).not_done
        except KeyboardInterrupt:
            stop.set()


def _one(request: Request, threads: int | None, stop: threading.Event, tell: Callable[[str], None]) -> Outcome:
    if request.preset == "smoke":
        threads = 1  # its products are so small that threads only wait for one another
    path = request.notebook
    budgets = (request.wall_seconds, request.memory_bytes, threads)
    job = Job(path, path.stem, request.directory, request.preset, {}, *budgets)
    try:
        notebook = nbformat.reads(path.read_text("utf-8"), as_version=4)
        job = replace(job, title=title(notebook) or path.stem)
        declared = parameters.read(notebook)
        given = request.given
        shelf, presets = _presets(path)
        if "preset" in declared:
            given = {"preset": request.preset, **given}
            _check_preset(given["preset"], shelf, presets)
        in_presets = {name for table in presets.values() for name in table}
        job = replace(job, parameters=parameters.resolve(declared, given, in_presets, shelf))
    except parameters.ParameterError as error:
        return _refused(job, error.reason, f"Refused: {error}.")
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, KeyError):
        return _refused(job, Reason.WRONG_TYPE, f"Refused: {path.name} is not a notebook of format 4.")
    if stop.is_set():
        return _refused(job, Reason.INTERRUPTED, "Interrupted before it began.")
    tell(f"{job.name}: {request.preset}, at most {duration(job.wall_seconds)}")
    # While a lesson runs this process has little to do.
    preparing = threading.Timer(_PREPARE_SECONDS, _prepare)
    if request.page is not None:
        preparing.start()
    try:
        outcome = supervise(job, stop, tell)
    finally:
        preparing.cancel()
    if outcome.reason is Reason.OK:
        outcome = _compared(outcome, request)
    tell(f"{job.name}: {outcome.sentence}")
    if request.page is None or outcome.reason is Reason.INTERRUPTED:
        return outcome
    with _PAGES:  # built one at a time: the work is this process's own
        build(request.directory, request.page, path.parent)
        files.update_run(request.directory, page=request.page.name)
    return replace(outcome, page=request.page)


def _prepare() -> None:
    with _PAGES, contextlib.suppress(Exception):  # what fails here fails again when the page is built
        prepare()


def _presets(path: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """The name of the notebook's file of presets, if it has one, and its tables with the values that all share."""
    shelf = path.parent / "presets" / f"{path.stem}.toml"
    if not shelf.is_file():
        return "", {}
    try:
        content = tomllib.loads(shelf.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise parameters.ParameterError(f"{shelf.name} is not valid TOML: {error}", Reason.WRONG_TYPE) from None
    shared = {name: value for name, value in content.items() if not isinstance(value, dict)}
    return shelf.name, {name: {**shared, **table} for name, table in content.items() if isinstance(table, dict)}


def _check_preset(preset: str | None, shelf: str, presets: Mapping[str, Any]) -> None:
    """Refuse a preset that the notebook's own file of presets does not have."""
    if preset is not None and shelf and preset not in presets:
        message = f"no preset {preset!r} in {shelf}: {nearest(preset, presets)}"
        raise parameters.ParameterError(message, Reason.UNKNOWN_PARAMETER)


def _compared(outcome: Outcome, request: Request) -> Outcome:
    """The outcome after its numbers were held to their baseline; values given by hand have none."""
    found = drift.verdict(request.directory, request.baselines, bool(request.given))
    if found is None:
        return outcome
    files.update_run(request.directory, drift=found)
    if not (request.check and found["drifted"]):
        return outcome
    reason = Reason.DRIFTED
    sentence = f"It ran to its end, but {found['sentence']}."
    changes = {"status": reason.status, "reason": reason.value, "exit_code": reason.exit_code, "sentence": sentence}
    files.update_run(request.directory, **changes)
    return replace(outcome, reason=reason, sentence=sentence)


def _refused(job: Job, reason: Reason, sentence: str) -> Outcome:
    """A run that never began, written down like any other."""
    Status(job).write(reason, sentence)
    return Outcome(job.name, reason, sentence, job.directory)


def title(notebook: nbformat.NotebookNode) -> str:
    """The text of the first heading."""
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("#"):
                return line.lstrip("#").strip()
    return ""
