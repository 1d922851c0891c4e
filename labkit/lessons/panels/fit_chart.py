"""The chart of the fit and forecast explorer: points, lines with intervals, the target, and residuals below.

Axes are fixed by the measured points, not by the settings, so lines move against the points and never the points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit import display
from labkit.display.theme import NEUTRAL
from labkit.lessons.panels import vega
from labkit.lessons.panels.charts import HEIGHT, bars, low_decade, prepared, tips, with_bars
from labkit.lessons.panels.vega import WIDTH, Spec, layer, number, told, words

_BELOW = 90
_AHEAD = 10.0  # how many times the largest size the lines are drawn to
_STEPS = 60
_PARTS = {"fitted": "circle", "held out": "diamond"}
_KEY = ["full circles: fitted · hollow diamonds: held out", "dashed: the target · bands: intervals"]
_BARS = " · bars: ± 1 standard error"
_RESIDUAL = "measured / fitted − 1"


def grid(sizes: np.ndarray) -> np.ndarray:
    """The sizes at which a line is drawn."""
    return np.geomspace(sizes[0], sizes[-1] * _AHEAD, _STEPS)


def draw(record: Any, offered: list[str], measured: pd.DataFrame) -> Spec:
    """The chart of a ``Fit`` record; ``offered`` fixes the colour of each form, ``measured`` the axes."""
    x, y = record.names
    sizes = np.unique(measured[x])
    across = vega.log_channel("x", sizes[0], sizes[-1] * _AHEAD, display.title_of(x))
    up = vega.log_channel("y", low_decade(measured[y].min()), measured[y].max() * 1.25, display.title_of(y))
    residuals = prepared(record.residuals, "x", "residual", by=("form", "part"))
    floor = up["scale"]["domain"][0] / 10  # a logarithm has no place for a limit of zero
    points = prepared(record.points, "x", "y")
    if len(points) < len(record.points):  # means of many points, whose errors are others
        points = points.drop(columns="se", errors="ignore")
    points, sure = with_bars(points, floor), "se" in points
    shown = record.lines.assign(low=record.lines["low"].clip(lower=floor), y=record.lines["y"].clip(lower=floor))
    fitted = points[points["part"] == "fitted"]["x"].max()
    place, looks = {"x": across, "y": up}, vega.kinds(offered, "form")
    upper = [
        *_unseen(place),
        *_lines(place, looks, record.table["form"].tolist()),
        *bars(points, place),
        _dots(place, [*tips(x, y), *([told("se", "standard error", ".2~g")] if sure else [])]),
    ]
    key = [f"{record.curve} · {_KEY[0]}", _KEY[1] + (_BARS if sure else "")]
    title = {"text": _finding(record), "subtitle": key}
    parts = [
        {"layer": upper, "width": WIDTH, "height": HEIGHT, "title": title},
        {"layer": _residuals(across, looks[0], x), "width": WIDTH, "height": _BELOW},
    ]
    data = {"lines": shown, "points": points, "residuals": residuals}
    data |= {"edge": pd.DataFrame({"x": [fitted]}), "goal": pd.DataFrame({"y": [record.target]})}
    data["zero"] = pd.DataFrame({"y": [0.0]})
    return vega.chart(_described(record, x, y), data, vconcat=parts, resolve={"legend": {"color": "independent"}})


def _finding(record: Any) -> str:
    if not record.holdout:
        return "nothing held out"
    best = record.table.dropna(subset="miss").sort_values("miss", kind="stable")
    if best.empty:
        return "no form can be fitted"
    return f"{best['form'].iloc[0]} misses the held-out points least, by {best['miss'].iloc[0]:.1%}"


def _described(record: Any, x: str, y: str) -> str:
    forms = ", ".join(record.table["form"]) or "no form"
    return f"{y} against {x} with {forms}, their intervals and residuals: {_finding(record)}."


def _unseen(place: Spec) -> list[Spec]:
    """Where the fit sees nothing any more, and the target."""
    return [
        layer("edge", "rule", {"color": NEUTRAL, "strokeDash": [2, 2]}, x=place["x"]),
        layer("goal", "rule", {"color": NEUTRAL, "strokeDash": [6, 3], "clip": True}, y=place["y"]),
    ]


def _lines(place: Spec, looks: tuple[Spec, Spec, Spec], shown: list[str]) -> list[Spec]:
    # without a form there is nothing to explain, and an empty legend has no size
    legend = {"title": None, "orient": "top-right", "values": shown, "symbolOpacity": 1} if shown else None
    colour = {**looks[0], "legend": legend}
    tooltip = [told("form"), told("x", format=",.0f"), *(told(end, format=".4f") for end in ("y", "low", "high"))]
    low = {**place["y"], "field": "low"}
    band = layer("lines", "area", {"opacity": 0.13, "clip": True}, x=place["x"], y=low, y2={"field": "high"},
                 color=colour)  # fmt: skip
    look = {"strokeWidth": 2, "clip": True}
    return [band, layer("lines", "line", look, **place, color=colour, strokeDash=looks[1], tooltip=tooltip)]


def _dots(place: Spec, tooltip: list[Spec]) -> Spec:
    full = {**words("part", scale={"domain": list(_PARTS), "range": [1, 0]}, legend=None), "type": "ordinal"}
    look = {"size": 45, "filled": False, "stroke": NEUTRAL, "fill": NEUTRAL, "strokeWidth": 1.5}
    return layer("points", "point", look, **place, shape=_shape(), fillOpacity=full, tooltip=[*tooltip, told("part")])


def _shape() -> Spec:
    return words("part", scale={"domain": list(_PARTS), "range": list(_PARTS.values())}, legend=None)


def _residuals(across: Spec, colour: Spec, x: str) -> list[Spec]:
    up = number("y", title=_RESIDUAL, axis={"format": "+.0%", "tickCount": 4, "minExtent": 40})
    tooltip = [told("form"), told("x", x, ","), told("y", _RESIDUAL, "+.1%"), told("part")]
    dots = {"filled": True, "size": 35}
    return [
        layer("zero", "rule", {"color": NEUTRAL}, y=up),
        layer("residuals", "point", dots, x=across, y=up, color=colour, shape=_shape(), tooltip=tooltip),
    ]
