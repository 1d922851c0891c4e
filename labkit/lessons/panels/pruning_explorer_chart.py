"""The chart of the pruning explorer: examples kept, dropped and suspicious, and the error of training below them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit import display
from labkit.display.gallery import addresses
from labkit.display.theme import COLOURS
from labkit.lessons.panels import vega
from labkit.lessons.panels.vega import Spec, layer, number, told, words

ACROSS, TILE = 7, 44
_ROOM, _DOWN, _HEIGHT = TILE + 14, TILE + 24, 90
_WIDTH = ACROSS * _ROOM


def draw(record: Any) -> Spec:
    """The chart of a ``Pruned`` record."""
    shown = {title: places for title, places in record.shown.items() if len(places)}
    data = {title: _tiles(record, places) for title, places in shown.items()} | _error_rows(record.errors)
    parts = [*map(_row, shown), _errors(data["errors"]["error"], list(record.errors))]
    return vega.chart(str(record), data, vconcat=parts)


def _tiles(record: Any, places: np.ndarray) -> pd.DataFrame:
    """Pictures with their captions, side by side."""
    return pd.DataFrame(
        {
            "picture": addresses(record.data.inputs[places], record.data.image_shape, TILE),
            "caption": [_caption(record, place) for place in places],
            "x": [(column + 0.5) * _ROOM for column in range(len(places))],
        }
    )


def _row(title: str) -> Spec:
    """One row of pictures."""
    across = number("x", scale={"domain": [0, _WIDTH], "nice": False}, axis=None)
    look = {"baseline": "top", "fontSize": 10.5}
    pictures = layer(title, "image", {"width": TILE, "height": TILE}, x=across, y={"value": TILE / 2},
                     url=words("picture"))  # fmt: skip
    captions = layer(title, "text", look, x=across, y={"value": TILE + 4}, text=words("caption"))
    return {"layer": [pictures, captions], "width": _WIDTH, "height": _DOWN, "title": title}


def _caption(record: Any, place: int) -> str:
    """The label, and the true one where it is known to be another."""
    labels, data = record.data.labels, record.data
    label = data.targets[place] if labels is None else labels[data.targets[place]]
    if not record.wrong[place]:
        return str(label)
    true = data.faults["true_label"].iloc[place]
    return f"{label} (is {true if labels is None else labels[true]})"


def _error_rows(errors: dict[str, list[float]]) -> dict[str, pd.DataFrame]:
    rows = [{"choice": name, "error": float(value)} for name, values in errors.items() for value in values]
    frame = pd.DataFrame(rows, columns=["choice", "error"]).astype({"error": float})
    return {"errors": frame, "means": frame.groupby("choice", as_index=False)["error"].mean()}


def _errors(errors: pd.Series, names: list[str]) -> Spec:
    """Test errors, a row for each way to choose: a point for each seed, a tick for the mean."""
    top = max(0.2, float(np.ceil(10 * errors.max()) / 10)) if len(errors) else 1.0
    axis = {"title": display.title_of("test_error"), "tickCount": 5, "format": "~g", "labelFlush": False}
    x = number("error", scale={"domain": [0, top]}, axis=axis)
    y = words("choice", sort=names, scale={"domain": names}, title=None)
    tips = [told("choice"), told("error", format=".4f")]
    layers = [
        layer("errors", "point", {"color": COLOURS[0], "size": 30}, x=x, y=y, tooltip=tips),
        layer("means", "tick", {"color": COLOURS[1], "thickness": 3, "size": 18}, x=x, y=y),
    ]
    title = "Test error (circles: seeds; ticks: means)"
    return {"layer": layers, "width": _WIDTH, "height": _HEIGHT, "title": title}
