"""The frame around every chart: title, subtitle, description, what reacts, and checks of what comes in."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable

from labkit.display.describe import filled, lines, one_line
from labkit.display.render import bundle
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


def level(interval: float | None) -> None:
    """Refuse an interval that is not a probability.

    >>> level(90)
    Traceback (most recent call last):
    ValueError: interval is a probability between 0 and 1, such as 0.9, got 90
    """
    if interval is not None and not 0 < interval < 1:
        raise ValueError(f"interval is a probability between 0 and 1, such as 0.9, got {interval!r}")


def assemble(
    layers: list,
    *,
    title: str,
    subtitle: Iterable[str],
    description: str,
    width: int,
    height: int,
    data=None,
    facet=None,
    panels: int = 1,
    zoom: str | None = None,
    params: Iterable = (),
):
    """A finished chart of layers: wrapped title and subtitle, description, and one named parameter on the outside.

    ``subtitle`` holds the parts, empty ones are left out. ``data`` is the frame of the layers without one of their
    own; ``facet`` the column definition that makes ``panels`` panels of ``width`` × ``height`` pixels. ``zoom`` names
    the layer whose two axes follow dragging and, with the shift key, the wheel (a bare wheel keeps scrolling the
    page); a double click goes back. ``params`` are dials that Vega turns itself. All is given at once: Altair copies
    the whole chart at every further step.
    """
    import altair as alt

    layers, mark = _named(layers, data, title)
    across = panels_across(panels)
    room = max(WIDTH, across * (width + 26) if facet is not None else width)
    # A part is kept whole on its line, and the separator stays with the part before it.
    parts = "\u00a0· ".join(one_line(part, 80).replace(" ", "\u00a0") for part in subtitle if part)
    around = {
        "title": alt.TitleParams(
            lines(title, int(room / _TITLE_CHARACTER)),
            subtitle=filled(parts, int(room / _SUBTITLE_CHARACTER)) if parts else alt.Undefined,
        ),
        "description": one_line(description),
        "data": alt.Undefined if data is None else data,
    }
    if facet is not None:
        # Without a full grid the shared axis would stand under empty places.
        around["resolve"] = alt.Undefined if panels % across == 0 else {"axis": {"x": "independent"}}
        spec = alt.LayerChart(layer=layers, width=width, height=height)
        return _kinds()[1](spec=spec, facet=facet, columns=across, **around)
    named = list(params)
    if zoom:
        drag = {"type": "interval", "zoom": "wheel![event.shiftKey]"}
        named.append(alt.TopLevelSelectionParameter(name="zoom", select=drag, bind="scales", views=[f"{zoom}_{mark}"]))
    if named:
        around["params"] = named
    return _kinds()[0](layer=layers, width=width, height=height, **around)


@functools.cache
def _kinds() -> tuple[type, type]:
    """Layered and faceted charts that any notebook draws, offline too; Altair's own ask another machine for Vega."""
    import altair as alt

    class LayerChart(alt.LayerChart):
        def _repr_mimebundle_(self, *_include, **_exclude):
            return bundle(self)

    class FacetChart(alt.FacetChart):
        def _repr_mimebundle_(self, *_include, **_exclude):
            return bundle(self)

    return LayerChart, FacetChart


def _named(layers: list, data, title: str) -> tuple[list, str]:
    """The layers with names that belong to their rows, and what was added to the names.

    Put side by side, charts whose layers share a name would all show the rows of one of them.
    """
    import altair as alt
    import pandas

    frames = [data, *(layer.data for layer in layers)]
    told = [frame.to_csv() if isinstance(frame, pandas.DataFrame) else repr(frame) for frame in frames]
    mark = hashlib.sha256("".join([title, *told]).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    for layer in layers:
        if layer.name is not alt.Undefined:
            layer.name = f"{layer.name}_{mark}"
    return layers, mark


def panels_across(panels: int) -> int:
    """How many panels of a faceted chart stand side by side, at most three.

    >>> panels_across(1), panels_across(4), panels_across(5)
    (1, 2, 3)
    """
    return 2 if panels == 4 else min(panels, 3)
