"""The look of every chart: sizes, colours, and how text keeps its contrast on light and dark pages.

The theme is applied to one chart at a time and never switched on globally. It names no colour for titles and
axes, so a viewer that follows a dark theme (JupyterLab does for Vega-Lite output) keeps choosing them; the few
neutral marks use a mid-tone that reads on both. Where the page is known, `ink` gives all text one colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WIDTH, HEIGHT = 460, 300
FACET_WIDTH, FACET_HEIGHT = 220, 180

# Okabe and Ito (2008), the ones that keep a contrast on white and on near-black first; black and yellow are left
# out because each vanishes on one of the two.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#808080")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")
DASHES = ((1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (12, 4))
NEUTRAL = "#767676"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    # The description speaks for the whole chart; a label on each of thousands of marks helps nobody.
    "aria": False,
    "font": FONT,
    "view": {"continuousWidth": WIDTH, "continuousHeight": HEIGHT, "discreteHeight": {"step": 26}, "stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "fontSize": 14,
        "fontWeight": 600,
        "subtitleFontSize": 11.5,
        "subtitleLineHeight": 15,
        "subtitlePadding": 4,
        "lineHeight": 18,
        "offset": 12,
    },
    "axis": {
        "gridColor": "#888888",
        "gridOpacity": 0.22,
        "gridWidth": 1,
        "domainOpacity": 0.6,
        "tickOpacity": 0.6,
        "tickSize": 4,
        "labelFontSize": 11,
        "labelPadding": 4,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "header": {"labelFontSize": 12, "labelFontWeight": 600, "titleFontSize": 12, "labelPadding": 6},
    "legend": {
        "labelFontSize": 11.5,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "symbolSize": 70,
        "symbolStrokeWidth": 2,
        "labelLimit": 220,
    },
    "range": {"category": list(COLOURS)},
    "mark": {"color": COLOURS[0]},
    "line": {"strokeWidth": 2},
    "point": {"filled": True, "opacity": 1},
    "text": {"color": NEUTRAL, "fontSize": 11.5},
    "rule": {"color": NEUTRAL},
    "style": {"measured": {"color": NEUTRAL}},
}


def theme(chart):
    """A copy of a chart with the workbook's look; what the chart itself configures wins.

    ``chart`` is any top-level Altair chart. Applying it twice changes nothing; `bundle`, `svg` and `show` apply it
    by themselves, so charts stay free to be layered and concatenated until they are shown.

    >>> import altair as alt
    >>> chart = theme(alt.Chart(alt.Data(values=[])).mark_point().configure_view(continuousWidth=200))
    >>> chart.to_dict()["config"]["view"]["continuousWidth"], chart.to_dict()["config"]["view"]["continuousHeight"]
    (200, 300)
    """
    own = chart.config
    own = own.to_dict() if hasattr(own, "to_dict") else own
    themed = chart.copy(deep=False)
    # A plain dictionary: checking the same constants against the schema on every redraw would cost 40 ms.
    themed.config = _merge(_CONFIG, own if isinstance(own, Mapping) else {})
    return themed


def themed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a Vega-Lite specification with the workbook's look; what it configures itself wins.

    >>> themed({"mark": "point", "config": {"font": "serif"}})["config"]["font"]
    'serif'
    """
    return {"$schema": _SCHEMA, **spec, "config": _merge(_CONFIG, spec.get("config", {}))}


def ink(colour: str) -> dict[str, Any]:
    """The Vega-Lite configuration that draws all text, axes and neutral marks in one colour.

    ``colour`` is any CSS colour. Merge it over the ``config`` of a chart's specification where the page's own text
    colour is known.

    >>> ink("black")["text"]
    {'color': 'black'}
    """
    return {
        "title": {"color": colour, "subtitleColor": colour},
        "style": {"guide-label": {"fill": colour}, "guide-title": {"fill": colour}, "measured": {"color": colour}},
        "axis": {"domainColor": colour, "tickColor": colour, "gridColor": colour, "gridOpacity": 0.12},
        "text": {"color": colour},
        "rule": {"color": colour},
    }


def ink_on(paper: str) -> str:
    """Black or white, whichever reads better on a colour given as ``#rrggbb``: at least 4.5 to 1 on ``COLOURS``.

    >>> ink_on("#0072B2"), ink_on("#E69F00")
    ('white', 'black')
    """
    parts = [int(paper[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "black"


def with_ink(spec: Mapping[str, Any], colour: str) -> dict[str, Any]:
    """A specification whose text, axes and neutral marks have one colour.

    >>> with_ink({"mark": "point", "config": {"text": {"fontSize": 9}}}, "black")["config"]["text"]
    {'fontSize': 9, 'color': 'black'}
    """
    return {**spec, "config": _merge(spec.get("config", {}), ink(colour))}


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
