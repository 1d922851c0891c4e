"""The set-up call of a lesson: one object that holds its parameters, its store of results and its records.

Not covered: casting of parameters given as text; a report does that before the notebook starts.
"""

from __future__ import annotations

import html
import json
import os
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from labkit import display, places, results
from labkit.lessons import presets as preset_files

_SHOWN_VERSIONS = ("labkit", "torch", "numpy", "scikit-learn", "altair")


class LessonStopped(Exception):
    """Raised by ``lab.stop``: the notebook ends here on purpose, which a report counts as success."""

    def _render_traceback_(self) -> list[str]:
        return [f"The lesson stops here: {self}"]


class Lab:
    """What the cells of a lesson talk to: ``lab.<parameter>``, ``lab.run``, ``lab.found``, ``lab.show``.

    Made by ``lesson``. Parameters are read as attributes; they never change after the set-up cell.
    """

    def __init__(self, presets: preset_files.Presets, preset: str, parameters: Mapping[str, Any]) -> None:
        self._presets = presets
        self._parameters = dict(parameters)
        self.notebook = presets.notebook
        self.preset = preset
        self.headless = display.headless()
        self.interactive = not self.headless
        self.show = display.show

    def __getattr__(self, name: str) -> Any:
        parameters = self.__dict__.get("_parameters", {})
        if name in parameters:
            return parameters[name]
        if name.startswith("_") or "_presets" not in self.__dict__:
            raise AttributeError(name)
        having = self._presets.having(name)
        where = (
            f"; presets {', '.join(having)} have it" if having else f"; no preset in {self._presets.path.name} has it"
        )
        known = ", ".join(sorted(parameters)) or "none"
        raise AttributeError(f"preset {self.preset!r} has no parameter {name!r}{where}. Parameters here: {known}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters})

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with the value this run uses."""
        return dict(self._parameters)

    @property
    def budget_seconds(self) -> int | None:
        """Seconds the preset may take on two cores, None for a preset of your own."""
        return preset_files.BUDGET_SECONDS.get(self.preset)

    @cached_property
    def device(self) -> str:
        """Where training happens: ``"cuda"`` when torch finds one, else ``"cpu"``."""
        if metadata.version("torch").endswith("+cpu"):  # built without CUDA: not worth two seconds of loading it
            return "cpu"
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    @cached_property
    def versions(self) -> dict[str, str]:
        """Public versions of Python and of the packages that decide the numbers."""
        installed = {"python": platform.python_version()}
        for name in _SHOWN_VERSIONS:
            try:
                installed[name] = metadata.version(name).split("+")[0]
            except metadata.PackageNotFoundError:
                installed[name] = "not installed"
        return installed

    @property
    def store(self) -> str:
        """Where finished points are kept, so that a second run only reads them."""
        return os.environ.get("LABKIT_STORE") or str(places.work() / ".labkit" / "points")

    def run(self, function: Callable[..., Any], grid: Any, **options: Any) -> Any:
        """Evaluate the function at every point of the grid; finished points come from the lesson's store.

        ``options`` go to ``labkit.sweeps.run``; the result is its frame.
        """
        from labkit import sweeps

        return sweeps.run(function, grid, **{"store": self.store, **options})

    def found(self) -> Any:
        """The records of this lesson so far, as a frame with one row per record that is shown rounded."""
        from labkit.lessons.found import Found

        return Found(results.table())

    def stop(self, reason: str) -> None:
        """End the notebook here without calling it a failure, for example where the data is not available."""
        self._write({"stopped": str(reason)})
        raise LessonStopped(reason)

    def _write(self, more: Mapping[str, Any] | None = None) -> None:
        directory = os.environ.get("LABKIT_RUN_DIR")
        if not directory:
            return
        path = Path(directory) / "lesson.json"
        content = {
            "notebook": self.notebook,
            "preset": self.preset,
            "parameters": self._parameters,
            "seeds": self._parameters.get("seeds"),
            "versions": self.versions,
            "device": self.device,
            "started": self._started,
            **(more or {}),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
        partial.replace(path)

    @cached_property
    def _started(self) -> str:
        return datetime.now(UTC).isoformat(timespec="seconds")

    def __repr__(self) -> str:
        budget = f", about {self.budget_seconds} s at most" if self.budget_seconds else ""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.notebook}: preset {self.preset}{budget}; {self.device}; {versions}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(repr(value))}</td></tr>"
            for name, value in self._parameters.items()
        )
        return (
            f"<p>{html.escape(repr(self))}</p>"
            f"<details><summary>{len(self._parameters)} parameters</summary><table>{rows}</table></details>"
        )


def lesson(number: str, *, preset: str | None = None, **given: Any) -> Lab:
    """Set up a lesson: fill its parameters from the preset, start its records, and return the object its cells use.

    Arguments:
        number: the lesson's number as text, ``"01"``; finds ``presets/01_*.toml`` in the folder of the notebooks.
        preset: ``"smoke"``, ``"lesson"``, ``"full"`` or a table of your own; None: LABKIT_PRESET, else ``"lesson"``.
        given: the notebook's parameters. None means: from the preset. Anything else wins over the preset.

    Raises ``UnknownName`` for a preset that is not there, ``ValueError`` for a parameter without a value,
    ``TypeError`` for a value of another kind than the preset's, ``FileNotFoundError`` without a file of presets.

    >>> import os, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "presets").mkdir()
    >>> _ = (folder / "presets" / "07_example.toml").write_text("seeds = 3\\n[lesson]\\nsizes = [64, 128]\\n")
    >>> os.environ["LABKIT_NOTEBOOKS"] = str(folder)
    >>> lab = lesson("07", sizes=None, seeds=5)
    >>> lab.sizes, lab.seeds, lab.preset
    ([64, 128], 5, 'lesson')
    >>> del os.environ["LABKIT_NOTEBOOKS"]
    """
    presets = preset_files.load(number)
    preset = preset or os.environ.get("LABKIT_PRESET") or "lesson"
    values = presets.values(preset)
    missing = [name for name, value in given.items() if value is None and name not in values]
    if missing:
        raise ValueError(
            f"no value for {', '.join(missing)}: neither given nor in preset {preset!r} of {presets.path.name}; "
            "give a value in the parameters cell, or add a line to the preset"
        )
    explicit = {name: value for name, value in given.items() if value is not None}
    for name, value in explicit.items():
        _check_kind(name, value, values.get(name))
    lab = Lab(presets, preset, {**values, **explicit})
    results.start(notebook=presets.notebook, preset=preset, directory=os.environ.get("LABKIT_RUN_DIR"))
    lab._write()
    return lab


def _check_kind(name: str, value: Any, usual: Any) -> None:
    """Refuse a value of another kind than the preset's; a list may be a tuple, a float may be an integer."""
    if usual is None:
        return
    allowed = {bool: (bool,), int: (int,), float: (int, float), str: (str,), list: (list, tuple)}.get(type(usual))
    wrong = allowed is not None and not isinstance(value, allowed)
    if wrong or (isinstance(value, bool) and not isinstance(usual, bool)):
        raise TypeError(f"parameter {name} is {value!r}, expected {type(usual).__name__} such as {usual!r}")
