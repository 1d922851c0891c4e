"""Vega-Lite charts as plain dictionaries, for charts that are drawn again at every move of a control.

Building one with Altair takes 50 to 200 ms, most of what a reader would wait for; a dictionary takes one or two.
Rows stand under ``datasets`` by name, and layers refer to them, so that two layers share one frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from labkit.display.theme import COLOURS, DASHES, SHAPES

Spec = dict[str, Any]
WIDTH = 460
_LONG = 1e6  # larger sizes are written 2M, not 2,000,000
_EXACT = 2.0**53  # whole numbers below are exact
_FEW, _SOME = 1000.0, 3000.0  # ranges of an axis that has room for two ticks between the powers of ten, and for one
# drawn as SVG in the page too: sharp at any zoom, and its text can be read and searched
USERMETA = {"embedOptions": {"renderer": "svg"}}


def number(field: str, **more: Any) -> Spec:
    """A channel that reads numbers from a column."""
    return {"field": field, "type": "quantitative", **more}


def words(field: str, **more: Any) -> Spec:
    """A channel that reads names from a column."""
    return {"field": field, "type": "nominal", **more}


def told(field: str, title: str | None = None, format: str | None = None) -> Spec:
    """One line of a tooltip: a number where it has a format, else words."""
    named = {} if title is None else {"title": title}
    return number(field, format=format, **named) if format else words(field, **named)


def log(low: float, high: float, **more: Any) -> Spec:
    """A logarithmic scale between two ends."""
    return {"type": "log", "domain": [low, high], "nice": False, **more}


def log_channel(field: str, low: float, high: float, title: str) -> Spec:
    """A channel on a logarithmic axis between two ends, with few and round ticks that leave room for their labels."""
    axis = {"values": ticks(low, high), "format": "~s" if high > _LONG else ",~r", "title": title}
    axis["labelSeparation"] = 6
    return number(field, scale=log(low, high), axis=axis)


def ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two ends, with their two- and fivefold where they are few, or their threefold.

    >>> ticks(20, 300), ticks(1, 1e4)
    ([20.0, 50.0, 100.0, 200.0], [1.0, 10.0, 100.0, 1000.0, 10000.0])
    >>> ticks(32, 7e4)
    [100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0]
    """
    steps = (1, 2, 5) if high / low < _FEW else (1, 3) if high / low < _SOME else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for power in powers for step in steps if low <= (tick := float(f"{step}e{power}")) <= high]


def layer(data: str, mark: str, look: Mapping[str, Any] | None = None, **channels: Any) -> Spec:
    """A mark with its channels, drawn from the rows of this name."""
    return {"data": {"name": data}, "mark": {"type": mark, **(look or {})}, "encoding": channels}


def rows(frame: pd.DataFrame) -> list[Spec]:
    """The rows of a frame: whole numbers as they are, five digits of others, null where there is no number.

    A small chart is a fast one: page and kernel read all of it at every move.

    >>> rows(pd.DataFrame({"x": [1234567.0, 1 / 3, float("nan")], "name": ["a", "b", "c"]}))
    [{'x': 1234567, 'name': 'a'}, {'x': 0.33333, 'name': 'b'}, {'x': None, 'name': 'c'}]
    """
    columns = [_plain(frame[name]) for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(column: pd.Series) -> list[Any]:
    values = column.tolist()
    if not pd.api.types.is_float_dtype(column):
        return values
    return [_short(value) if math.isfinite(value) else None for value in values]


def _short(value: float) -> float:
    return int(value) if value.is_integer() and abs(value) < _EXACT else float(f"{value:.5g}")


def kinds(names: Sequence[str], field: str) -> tuple[Spec, Spec, Spec]:
    """Colour, dash and shape by name, without legends; a name looks the same whichever others are shown."""
    names = list(names)

    def of(looks: Sequence[Any]) -> Spec:
        chosen = [looks[place % len(looks)] for place in range(len(names))]
        return words(field, scale={"domain": names, "range": chosen}, legend=None)

    return of(COLOURS), of([list(dash) for dash in DASHES]), of(SHAPES)


def chart(sentence: str, data: Mapping[str, pd.DataFrame], **parts: Any) -> Spec:
    """The whole: parts such as ``layer`` or ``vconcat``, what it says without being seen, and its rows."""
    datasets = {name: rows(frame) for name, frame in data.items()}
    return {"description": sentence, "usermeta": USERMETA, "datasets": datasets, **parts}
