"""A full offline page about a reader's own curve: lesson 02 without its lessons, run on the reader's file."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Sequence
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


def write(file: Path, parameters: dict[str, Any], out: Path, where: Sequence[str] = (), preset: str = "own"):
    """Run the template on the file and return the outcome; its page lies in ``out``.

    ``parameters`` are those of the notebook, by name; None means the notebook's own choice. With ``where`` the rows
    that meet it are written beside the notebook, which reads them there. Raises ``FileNotFoundError`` where there are
    no notebooks, as beside an installed wheel.
    """
    from labkit import curve_files, places, reports, several_curves
    from labkit.lessons import notebook_files

    template = places.notebooks() / TEMPLATE
    if not template.is_file():
        raise FileNotFoundError(f"there is no {template}: a report is made from the notebooks, so run from a checkout")
    about = ", ".join([file.name, *where])
    name = "own_" + (re.sub(r"[^A-Za-z0-9_-]+", "_", "_".join([file.stem, *where])).strip("_") or "points")
    notebook = out.resolve() / "notebooks" / f"{name}.ipynb"
    notebook.parent.mkdir(parents=True, exist_ok=True)
    points = file.resolve()
    if where:
        points = notebook.with_suffix(".csv")
        rows = several_curves.only(curve_files.read_table(file), where)
        comma = rows.attrs.get("decimal") == ","  # text among the numbers stays as it was written
        rows.to_csv(points, index=False, sep=";" if comma else ",", decimal="," if comma else ".")
    given = {"points": str(points), **{key: value for key, value in parameters.items() if value is not None}}
    shorter = without_lessons(notebook_files.read(template), f"Forecast of {about}: how far does it reach?")
    notebook.write_text(notebook_files.to_text(shorter), encoding="utf-8")
    (outcome,) = reports.run([notebook], preset=preset, parameters=given, out=out)
    return outcome


def without_lessons(notebook: dict[str, Any], title: str) -> dict[str, Any]:
    """A copy of the notebook under another title, without the cells that only a lesson needs."""
    kept = [cell for cell in notebook["cells"] if LESSON_ONLY not in cell["metadata"].get("tags", [])]
    safe = re.sub(r"([\\`*_{}\[\]<>#$|])", r"\\\1", title)
    heading = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {safe}"}
    return {**copy.deepcopy(notebook), "cells": [heading, *copy.deepcopy(kept)]}
