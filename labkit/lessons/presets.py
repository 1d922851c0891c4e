"""Presets: the parameter values of a lesson for a smoke test, a class and a full study.

``presets/<notebook>.toml`` holds one table per preset; keys above the first table are defaults that every
preset shares. A lesson is named by its number, so a notebook can be retitled without touching its cells.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit import places
from labkit.registry import UnknownName, nearest

BUDGET_SECONDS = {"smoke": 15, "lesson": 90, "full": 1200}


@dataclass(frozen=True)
class Presets:
    """The parameter values of one notebook: shared defaults and one table per preset."""

    notebook: str
    path: Path
    defaults: dict[str, Any]
    tables: dict[str, dict[str, Any]]

    def values(self, preset: str) -> dict[str, Any]:
        """The values of one preset over the defaults; raises UnknownName for a preset that is not there."""
        if preset not in self.tables:
            raise UnknownName(f"{self.path.name} has no preset {preset!r}: {nearest(preset, self.tables)}")
        return {**self.defaults, **self.tables[preset]}

    def having(self, name: str) -> list[str]:
        """The presets that give this parameter a value."""
        return [preset for preset in self.tables if name in self.values(preset)]


def folder() -> Path:
    """The folder of the notebooks: the one a report run names, or the nearest one."""
    return Path(os.environ.get("LABKIT_NOTEBOOKS") or places.notebooks())


def load(number: str) -> Presets:
    """Read the presets of the lesson with this number (``"01"`` finds ``presets/01_*.toml``).

    Raises ``FileNotFoundError`` when there is no such file, ``ValueError`` when there are several, when the file is
    not TOML, or when it holds no preset.
    """
    presets = folder() / "presets"
    number = str(number)
    found = sorted(path for path in presets.glob("*.toml") if path.stem == number or path.stem.startswith(f"{number}_"))
    if not found:
        there = ", ".join(sorted(path.name for path in presets.glob("*.toml"))) or "no file at all"
        raise FileNotFoundError(
            f"lesson {number!r} has no presets: expected {presets / (number + '_<title>.toml')}, found {there}. "
            "Set LABKIT_NOTEBOOKS to the folder of the notebooks if they live elsewhere"
        )
    if len(found) > 1:
        raise ValueError(
            f"lesson {number!r} is ambiguous: {', '.join(path.name for path in found)}; rename one of them"
        )
    path = found[0]
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    if not tables:
        raise ValueError(f"{path} holds no preset: write a table such as [lesson] with one line per parameter")
    defaults = {name: value for name, value in content.items() if not isinstance(value, dict)}
    return Presets(notebook=path.stem, path=path, defaults=defaults, tables=tables)
