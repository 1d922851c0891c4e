"""The frame around every chart: title, subtitle, description, what reacts, and checks of what comes in."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.display.describe import filled, lines, one_line
from labkit.display.theme import WIDTH
from labkit.registry import nearest

_TITLE_CHARACTER, _SUBTITLE_CHARACTER = 7.4, 5.6


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

    # A part is kept whole on its line, and the separator stays with the part before it.
    parts = "\u00a0· ".join(one_line(part).replace(" ", "\u00a0") for part in subtitle if part)
    heading = alt.TitleParams(
        lines(title, int(max(width, WIDTH) / _TITLE_CHARACTER)),
        subtitle=filled(parts, int(max(width, WIDTH) / _SUBTITLE_CHARACTER)) if parts else alt.Undefined,
    )
    chart = chart.properties(title=heading, description=one_line(description))
    if zoom:
        chart = chart.add_params(alt.selection_interval(name="zoom", bind="scales", zoom="wheel![event.shiftKey]"))
    return chart


def panels_across(panels: int) -> int:
    """How many panels of a faceted chart stand side by side, at most three.

    >>> panels_across(1), panels_across(4), panels_across(5)
    (1, 2, 3)
    """
    return 2 if panels == 4 else min(panels, 3)
