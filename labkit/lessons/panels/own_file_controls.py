"""Controls of the panel for a reader's own file: typed text with suggestions, and an upload button with its limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from labkit import places
from labkit.lessons.panels.controls import _LABEL_WIDTH, Control

MOST_UPLOADED = 10 * 2**20
"""Bytes that reach the kernel through an upload button; Jupyter drops a larger message without a word."""


class Typed(Control):
    """A text that is typed, with suggestions; it takes effect on Enter or when the field is left."""

    def __init__(self, name: str, label: str, value: str, *, placeholder: str = "", note: str = "") -> None:
        super().__init__(name, label, note or label, self.accept(value))
        self.box = widgets.Combobox(
            value=self._value,
            description=label,
            placeholder=placeholder,
            continuous_update=False,
            ensure_option=False,
            style={"description_width": _LABEL_WIDTH},
            tooltip=f"{label}: type, then press Enter",
            layout=widgets.Layout(width="48em", max_width="100%"),
        )
        self.box.observe(self._moved, "value")

    def accept(self, value: Any) -> str:
        if value is not None and not isinstance(value, (str, Path)):
            raise TypeError(f"{type(value).__name__} {value!r} is no text")
        return str(value or "").strip()

    def suggest(self, options: Sequence[str]) -> None:
        """Offer these below the field."""
        self.box.options = tuple(options)

    def _write(self) -> None:
        self.box.value = self._value


def save_upload(name: str, content: bytes) -> Path:
    """Store an uploaded file below ``.labkit/uploads`` and return its path.

    Raises ``ValueError`` for a file over the limit of 10 MB.
    """
    if len(content) > MOST_UPLOADED:
        raise ValueError(
            f"{name} has {len(content) / 2**20:.0f} MB, more than an upload takes ({MOST_UPLOADED >> 20} MB): "
            "drag it into the file browser on the left and type its path"
        )
    folder = places.work() / ".labkit" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(name.replace("\\", "/")).name  # a browser may send a whole path
    path.write_bytes(content)
    return path


def upload_button(endings: Sequence[str], take: Callable[[str, bytes], None]) -> widgets.Widget:
    """A button that hands an uploaded file to ``take(name, content)``, beside a line that states its limit."""
    button = widgets.FileUpload(
        accept=",".join(endings),
        multiple=False,
        description=f"Upload (at most {MOST_UPLOADED >> 20} MB)",
        tooltip=f"Upload a file of at most {MOST_UPLOADED >> 20} MB",
        layout=widgets.Layout(width="auto"),
    )

    def uploaded(change: dict[str, Any]) -> None:
        for one in change["new"]:
            take(one["name"], bytes(one["content"]))

    button.observe(uploaded, "value")
    said = widgets.HTML("A larger file: drag it into the file browser on the left, and type its path above.")
    return widgets.HBox([button, said], layout=widgets.Layout(flex_flow="row wrap"))
