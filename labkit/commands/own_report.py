"""A full offline page about a reader's own curve: lesson 02 without its lessons, run on the reader's file."""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path
from typing import Any

import click

TEMPLATE = "02_fit_and_forecast.ipynb"
LESSON_ONLY = "lesson-only"  # the tag of cells that teach, train or judge
FEWEST = 4  # sizes: three to fit, one to hide


def refuse_short(file: Path, sizes: int) -> None:
    """End with code 6 where there are too few sizes to hide one and fit the rest."""
    if sizes < FEWEST:
        click.echo(
            f"No report: comparing forms needs at least {FEWEST} different sizes with a value above 0, "
            f"{file.name} has {sizes}.",
            err=True,
        )
        sys.exit(6)


def write(file: Path, parameters: dict[str, Any], out: Path, preset: str = "own"):
    """Run the template on the file and return the outcome; its page lies in ``out``.

    ``parameters`` are those of the notebook, by name; None means the notebook's own choice. Raises
    ``FileNotFoundError`` where there are no notebooks, as beside an installed wheel.
    """
    from labkit import places, reports
    from labkit.lessons import notebook_files

    template = places.notebooks() / TEMPLATE
    if not template.is_file():
        raise FileNotFoundError(f"there is no {template}: a report is made from the notebooks, so run from a checkout")
    name = "own_" + (re.sub(r"[^A-Za-z0-9_-]+", "_", file.stem).strip("_") or "points")
    given = {"points": str(file.resolve()), **{key: value for key, value in parameters.items() if value is not None}}
    notebook = out.resolve() / "notebooks" / f"{name}.ipynb"
    notebook.parent.mkdir(parents=True, exist_ok=True)
    shorter = without_lessons(notebook_files.read(template), f"Forecast of {file.name}: how far does it reach?")
    notebook.write_text(notebook_files.to_text(shorter), encoding="utf-8")
    (outcome,) = reports.run([notebook], preset=preset, parameters=given, out=out)
    return outcome


def without_lessons(notebook: dict[str, Any], title: str) -> dict[str, Any]:
    """A copy of the notebook under another title, without the cells that only a lesson needs."""
    kept = [cell for cell in notebook["cells"] if LESSON_ONLY not in cell["metadata"].get("tags", [])]
    safe = re.sub(r"([\\`*_{}\[\]<>#$|])", r"\\\1", title)
    heading = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {safe}"}
    return {**copy.deepcopy(notebook), "cells": [heading, *copy.deepcopy(kept)]}
