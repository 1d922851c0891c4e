"""Reading a Vega-Lite specification: its rows, what it would load, and what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from labkit.display.describe import count, listing, one_line, sentence

_OUTSIDE = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)


def rows_of(spec: dict[str, Any]) -> list[Any]:
    """All data rows a specification carries, in all its parts together.

    >>> rows_of({"layer": [{"data": {"values": [1, 2]}}], "datasets": {"named": [3]}})
    [3, 1, 2]
    """
    rows = [row for values in spec.get("datasets", {}).values() if isinstance(values, list) for row in values]
    for part in _parts(spec):
        values = part.get("data", {}).get("values") if isinstance(part.get("data"), dict) else None
        rows.extend(values if isinstance(values, list) else ())
    return rows


def addresses(spec: dict[str, Any]) -> Iterator[str]:
    """What the chart would fetch: data by address, and pictures, whose addresses may stand in the rows."""
    parts = list(_parts(spec))
    for part in parts:
        if isinstance(part.get("url"), str) and not part["url"].startswith("data:"):
            yield part["url"]
    if any(part.get("mark") == "image" or part.get("type") == "image" for part in parts):
        for row in rows_of(spec):
            values = row.values() if isinstance(row, dict) else (row,)
            yield from (value for value in values if isinstance(value, str) and _OUTSIDE.match(value))


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, list):
        for one in part:
            yield from _parts(one)
    elif isinstance(part, dict):
        yield part
        for key, value in part.items():
            if key not in {"values", "datasets", "config", "usermeta"}:
                yield from _parts(value)


def description(spec: Mapping[str, Any]) -> str:
    """The description of a chart that brings none: its title or kind, its axes and how many rows it draws.

    >>> description({"mark": "bar", "encoding": {"x": {"field": "a"}, "y": {"field": "b"}}, "title": "Costs"})
    'Costs, bar chart of a and b, 0 rows.'
    """
    marks, axes = [], []
    _collect(spec, marks, axes)
    title = spec.get("title", "")
    title = title.get("text", "") if isinstance(title, Mapping) else title
    title = " ".join(title) if isinstance(title, list) else title
    kind = f"{listing(dict.fromkeys(marks))} chart" if marks else "chart"
    what = f"{kind} of {listing(dict.fromkeys(axes))}" if axes else kind
    what = what if title else what[:1].upper() + what[1:]
    return sentence(one_line(title, 200), what, count(len(rows_of(spec)), "row"))


def _collect(part: Any, marks: list[str], axes: list[str]) -> None:
    if not isinstance(part, Mapping):
        return
    mark = part.get("mark")
    mark = mark.get("type") if isinstance(mark, Mapping) else mark
    if mark:
        marks.append(mark)
        for channel in ("x", "y"):
            encoding = part.get("encoding", {}).get(channel, {})
            name = encoding.get("title") or encoding.get("field")
            if isinstance(name, str):
                axes.append(name)
    for key in ("layer", "concat", "hconcat", "vconcat"):
        for child in part.get(key, ()):
            _collect(child, marks, axes)
    _collect(part.get("spec"), marks, axes)
