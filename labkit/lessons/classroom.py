"""Copies for a class: notebooks without their folded solutions, and the key with every exercise answered."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labkit.lessons import solutions
from labkit.lessons.notebook_files import read, stripped, to_text

_FOLD = re.compile(r"<details>\s*<summary>\s*Solution\s*</summary>(.*?)</details>\n?", flags=re.DOTALL)
STUDENTS, ANSWERS = "students", "answers"


def student_copy(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without its folded solutions; stubs, hints and the answers to *Think* questions stay.

    >>> cell = {"cell_type": "markdown", "source": "<details><summary>Solution</summary>\\n4\\n</details>"}
    >>> student_copy({"cells": [cell]})["cells"]
    []
    """
    copied = copy.deepcopy(notebook)
    for cell in copied["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _FOLD.sub("", cell["source"])
    copied["cells"] = [cell for cell in copied["cells"] if cell["source"].strip() or cell["cell_type"] == "code"]
    return copied


def answer_key(notebook: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    """The notebook with every stub answered and every solution unfolded; raises ``ValueError`` where one is missing."""
    solved = solutions.inject(notebook, answers)
    for cell in solved["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _FOLD.sub(lambda fold: f"**Solution.** {fold[1].strip()}\n", cell["source"])
    return solved


def build(notebooks: Iterable[str | Path], out: str | Path) -> list[Path]:
    """Write ``students/`` and ``answers/`` below ``out``, each with the notebooks and the presets they read.

    Everything is made before anything is written. Returns the notebooks written. Raises ``ValueError`` for a file that
    is no notebook, and for an exercise without a solution.
    """
    made: dict[Path, str] = {}
    folders = set()
    for path in map(Path, notebooks):
        notebook = stripped(read(path))
        answers = solutions.load(path)
        made[Path(STUDENTS) / path.name] = to_text(student_copy(notebook))
        made[Path(ANSWERS) / path.name] = to_text(answer_key(notebook, answers))
        folders.add(path.parent)
    out = Path(out)
    for name, text in made.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    for folder in folders:
        if (folder / "presets").is_dir():
            for kind in (STUDENTS, ANSWERS):
                shutil.copytree(folder / "presets", out / kind / "presets", dirs_exist_ok=True)
        if (folder / "instructor").is_dir():
            shutil.copytree(folder / "instructor", out / ANSWERS / "instructor", dirs_exist_ok=True)
    return [out / name for name in made]
