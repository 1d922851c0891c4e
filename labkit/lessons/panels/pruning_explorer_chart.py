"""The chart of the pruning explorer: examples kept, dropped and suspicious, and the error of training below them."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from labkit import display
from labkit.display.theme import COLOURS
from labkit.lessons.panels.charts import USERMETA

ACROSS, TILE = 7, 44
_HEIGHT = 90


def draw(record: Any) -> alt.VConcatChart:
    """The chart of a ``Pruned`` record."""
    pictures = [_row(record, title, places) for title, places in record.shown.items() if len(places)]
    sentence = str(record)
    return alt.vconcat(*pictures, _errors(record)).properties(title="", description=sentence, usermeta=USERMETA)


def _row(record: Any, title: str, places: np.ndarray) -> alt.LayerChart:
    """One row of pictures."""
    labels = [_caption(record, place) for place in places]
    look = {"image_shape": record.data.image_shape, "across": ACROSS, "tile": TILE, "title": title}
    row = display.gallery(record.data.inputs[places], labels=labels, **look)
    for layer in row.layer:
        # Rows have layers of one name, and of these a viewer draws the first everywhere.
        layer.name = alt.Undefined
    return row


def _caption(record: Any, place: int) -> str:
    """The label, and the true one where it is known to be another."""
    labels, data = record.data.labels, record.data
    told = data.targets[place] if labels is None else labels[data.targets[place]]
    if not record.wrong[place]:
        return str(told)
    true = data.faults["true_label"].iloc[place]
    return f"{told} (is {true if labels is None else labels[true]})"


def _errors(record: Any) -> alt.LayerChart:
    """Test errors, a row for each way to choose: a point for each seed, a tick for the mean."""
    names = list(record.errors)
    rows = [{"choice": name, "error": float(value)} for name in names for value in record.errors[name]]
    frame = pd.DataFrame(rows, columns=["choice", "error"])
    means = frame.groupby("choice", as_index=False)["error"].mean()
    top = max(0.2, float(np.ceil(10 * frame["error"].max()) / 10)) if len(frame) else 1.0
    x = alt.X("error:Q", scale=alt.Scale(domain=[0, top]), title=display.title_of("test_error"))
    y = alt.Y("choice:N", sort=names, scale=alt.Scale(domain=names), title=None)
    dots = alt.Chart(frame).mark_point(color=COLOURS[0], size=30).encode(
        x=x, y=y, tooltip=["choice:N", alt.Tooltip("error:Q", format=".4f")]
    )  # fmt: skip
    ticks = alt.Chart(means).mark_tick(color=COLOURS[1], thickness=3, size=18).encode(x=x, y=y)
    title = "Test error (circles: seeds; ticks: means)"
    return alt.layer(dots, ticks).properties(width=ACROSS * (TILE + 14), height=_HEIGHT, title=title)
