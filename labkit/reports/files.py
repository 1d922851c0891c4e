"""Files that are whole or absent, and ``run.json`` read as what it says now."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psutil

from .outcome import Reason

RUN, RECORDS, CLAIMS, LESSON, EXECUTED = "run.json", "records.json", "claims.json", "lesson.json", "executed.ipynb"
PICTURE = "picture.svg"


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, "utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, atomically."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """What a JSON file holds; None when it is missing or not JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def read_run(directory: Path) -> dict[str, Any] | None:
    """``run.json`` of a run's folder; a run that says it is running while its process is gone was interrupted."""
    run = read_json(directory / RUN)
    if not isinstance(run, dict):
        return None
    if run.get("reason") == Reason.RUNNING and not _alive(run.get("process")):
        reason = Reason.INTERRUPTED
        run |= {"reason": reason.value, "status": reason.status, "exit_code": reason.exit_code}
        run["sentence"] = "The run ended without a word: its process is gone. Run it again; finished points are kept."
    return run


def update_run(directory: Path, **changes: Any) -> None:
    """Change fields of a run that ended."""
    write_json(directory / RUN, read_json(directory / RUN) | changes)


def this_process() -> dict[str, Any]:
    """This process, in a form that another one can recognise it by."""
    return {"pid": os.getpid(), "started": psutil.Process().create_time()}


def _alive(process: dict[str, Any] | None) -> bool:
    try:
        return abs(psutil.Process(process["pid"]).create_time() - process["started"]) < 2
    except (psutil.Error, TypeError, KeyError):
        return False
