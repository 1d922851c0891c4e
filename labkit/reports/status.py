"""What a run is and how far it is: the content of ``run.json``."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit import places
from labkit.progress import duration

from . import files, provenance
from .outcome import Reason


@dataclass(frozen=True)
class Job:
    """What is to be run: a notebook, its values, its budgets, and where the results go."""

    notebook: Path
    title: str
    directory: Path
    preset: str
    parameters: dict[str, Any]
    wall_seconds: float
    memory_bytes: int
    threads: int | None = None

    @property
    def name(self) -> str:
        """The notebook's name without its suffix."""
        return self.notebook.stem


@dataclass
class Status:
    """The content of ``run.json`` while a job runs."""

    job: Job
    began: float = field(default_factory=time.monotonic)
    cell: int = 0
    cells: int = 0
    peak_bytes: int = 0
    cell_seconds: list[float] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        job = self.job
        before = files.read_json(job.directory / files.RUN) or {}
        same = before.get("preset") == job.preset and before.get("reason") in (Reason.OK, Reason.DRIFTED)
        self._before: list[float] = before.get("cell_seconds", []) if same else []
        self._cell_began = self.began
        for name in (files.RECORDS, files.CLAIMS, files.LESSON, files.EXECUTED, files.PICTURE):
            (job.directory / name).unlink(missing_ok=True)  # else a failed run would show an earlier one's numbers
        self.content = {
            "notebook": job.name,
            "title": job.title,
            "path": os.path.relpath(job.notebook, places.work()),
            "preset": job.preset,
            "parameters": json.loads(json.dumps(job.parameters, default=str)),
            "seeds": job.parameters.get("seeds"),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": provenance.versions(),
            "machine": provenance.machine(),
            "commit": provenance.commit(),
            "wall_seconds": job.wall_seconds,
            "memory_bytes": job.memory_bytes,
            "process": files.this_process(),
            "details": "",
            "stopped": None,
            "drift": None,
            "page": None,
        }

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.began

    @property
    def seconds_left(self) -> float | None:
        """Seconds this run is likely to need: by the last run's cells, or else by the rate so far."""
        if not self.cell:
            return sum(self._before) or None
        if len(self._before) == self.cells:
            running = time.monotonic() - self._cell_began
            return max(self._before[self.cell - 1] - running, 0) + sum(self._before[self.cell :])
        return self.seconds / self.cell * (self.cells - self.cell) if self.cell > 1 else None

    def next_cell(self, cell: int, cells: int) -> None:
        """Note that the next cell began."""
        self.end_cell()
        self.cell, self.cells = cell, cells

    def end_cell(self) -> None:
        """Note that a cell ended."""
        if self.cell:
            self.cell_seconds.append(round(time.monotonic() - self._cell_began, 3))
        self._cell_began = time.monotonic()

    def line(self) -> str:
        """Where the run is, for a reader who waits."""
        left = self.seconds_left
        tail = f", about {duration(left)} left" if left is not None else ""
        where = f"cell {self.cell} of {self.cells}" if self.cell else "starting"
        return f"{self.job.name}: {where}, {duration(self.seconds)} gone{tail}"

    def write(self, reason: Reason = Reason.RUNNING, sentence: str = "", **more: Any) -> None:
        """Write ``run.json``, whole."""
        left = self.seconds_left
        self.content |= {
            "status": reason.status,
            "reason": reason.value,
            "exit_code": reason.exit_code,
            "sentence": sentence or self.line(),
            "cell": self.cell,
            "cells": self.cells,
            "seconds": round(self.seconds, 2),
            "seconds_left": round(left, 1) if reason is Reason.RUNNING and left is not None else None,
            "peak_bytes": self.peak_bytes,
            "cell_seconds": self.cell_seconds,
            **more,
        }
        files.write_json(self.job.directory / files.RUN, self.content)
