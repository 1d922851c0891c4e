"""The frame around every chart: title, subtitle, description, what reacts, and checks of what comes in."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.display.describe import lines, one_line
from labkit.display.theme import FACET_WIDTH, WIDTH
from labkit.registry import nearest

_TITLE_CHARACTER, _SUBTITLE_CHARACTER = 7.6, 5.9


def columns(frame, *names: str):
    """The frame itself, once it is known to be one with the columns a chart needs and at least one row.

    >>> import pandas
    >>> columns(pandas.DataFrame({"examples": [1]}), "example")
    Traceback (most recent call last):
    ValueError: no column 'example': did you mean 'examples'? Known: examples
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "groupby"):
        raise TypeError(f"expected a pandas frame, got {type(frame).__name__}")
    for name in names:
        if name not in frame.columns:
            raise ValueError(f"no column {name!r}: {nearest(name, map(str, frame.columns))}")
    if not len(frame):
        raise ValueError("the frame has no rows; nothing can be drawn")
    return frame


def assemble(chart, *, title: str, subtitle: Iterable[str], description: str, zoom: bool = False, width: int = WIDTH):
    """A finished chart: wrapped title and subtitle, description, and one named parameter on the outside.

    ``subtitle`` holds the parts, empty ones are left out. With ``zoom`` the axes follow dragging and, with the
    shift key, the wheel (a bare wheel keeps scrolling the page); a double click goes back.
    """
    import altair as alt

    parts = " · ".join(one_line(part) for part in subtitle if part)
    heading = alt.TitleParams(
        lines(title, int(width / _TITLE_CHARACTER)),
        subtitle=lines(parts, int(width / _SUBTITLE_CHARACTER)) if parts else alt.Undefined,
    )
    chart = chart.properties(title=heading, description=one_line(description))
    if zoom:
        chart = chart.add_params(alt.selection_interval(name="zoom", bind="scales", zoom="wheel![event.shiftKey]"))
    return chart


def facet_width(panels: int, across: int = 3) -> int:
    """The width that the title of a faceted chart may take, in pixels.

    >>> facet_width(1), facet_width(5)
    (460, 740)
    """
    return max(WIDTH, min(panels, across) * (FACET_WIDTH + 26))
