"""Reading, stripping and writing notebook files: what a session leaves behind never reaches a commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_METADATA = ("tags", "jupyter", "editable", "deletable", "slideshow")


def read(path: str | Path) -> dict[str, Any]:
    """The notebook as plain data, each source joined to one string.

    Raises ``ValueError`` for a file that is not a version 4 notebook.
    """
    return parse(Path(path).read_text(encoding="utf-8"), str(path))


def parse(text: str, name: str = "the notebook") -> dict[str, Any]:
    """The same from text; ``name`` is for messages."""
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is not JSON: {error}") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise ValueError(f"{name} is not a notebook of format 4; open it in JupyterLab and save it again")
    for cell in notebook["cells"]:
        if isinstance(cell.get("source"), list):
            cell["source"] = "".join(cell["source"])
    return notebook


def stripped(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without outputs, counts, widget state and personal metadata; ids and tags stay."""
    cells = []
    for cell in notebook["cells"]:
        metadata = {key: value for key, value in cell.get("metadata", {}).items() if key in CELL_METADATA}
        clean = {**cell, "metadata": metadata}
        if cell["cell_type"] == "code":
            clean |= {"outputs": [], "execution_count": None}
        cells.append(clean)
    metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    return {**notebook, "cells": cells, "metadata": metadata}


def to_text(notebook: dict[str, Any]) -> str:
    """The notebook as Jupyter writes it: keys sorted, one blank indent, sources as lists of lines."""
    cells = [{**cell, "source": cell.get("source", "").splitlines(keepends=True)} for cell in notebook["cells"]]
    return json.dumps({**notebook, "cells": cells}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def strip_text(text: str) -> str:
    """The text of a notebook file as it may be committed; suits a git filter."""
    return to_text(stripped(parse(text)))


def strip(path: str | Path) -> bool:
    """Rewrite the file without what a session left in it; False when there was nothing to remove."""
    path = Path(path)
    before = path.read_text(encoding="utf-8")
    after = to_text(stripped(parse(before, str(path))))
    if after == before:
        return False
    path.write_text(after, encoding="utf-8")
    return True
