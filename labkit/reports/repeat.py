"""The same notebook with other seeds, again and again: what a baseline is made of."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat

from labkit import places

from . import parameters
from .outcome import Reason, ReportError
from .runner import MEMORY_BYTES, Request, execute, find, time_limit

SEED = "seed"
_APART = 1000  # more than any notebook's repeats, so that no seed is used twice


def repeat(
    notebook: str | os.PathLike,
    *,
    preset: str = "lesson",
    repeats: int = 20,
    jobs: int = 1,
    out: str | os.PathLike | None = None,
    progress: bool = True,
) -> list[Path]:
    """Run a notebook several times, each with other seeds, and return the folders of the runs.

    The notebook must have a parameter ``seed``, the first of its seeds; it is set to 1000, 2000 and so on. ``out``:
    folder of the runs (default: ``.labkit/repeats``). Raises ``ReportError`` where the parameter is missing or a run
    does not end well.

    >>> from labkit import reports
    >>> folders = reports.repeat("00_start_here", preset="smoke", repeats=3)  # doctest: +SKIP
    """
    path = find(notebook)
    if SEED not in parameters.read(nbformat.reads(path.read_text("utf-8"), as_version=4)):
        raise ReportError(f"{path.name} has no parameter {SEED!r}: without it every repeat would be the same")
    root = Path(out) if out else places.work() / ".labkit" / "repeats"
    requests = [
        Request(
            notebook=path,
            directory=root.resolve() / path.stem / preset / f"{number:03d}",
            preset=preset,
            given={SEED: _APART * number},
            wall_seconds=time_limit(preset),
            memory_bytes=MEMORY_BYTES,
        )
        for number in range(1, repeats + 1)
    ]
    outcomes = execute(requests, jobs, progress)
    for outcome in outcomes:
        if outcome.reason is not Reason.OK:
            raise ReportError(f"{outcome.directory.name} of {repeats} repeats ended early. {outcome.sentence}")
    return [outcome.directory for outcome in outcomes]
