"""The charts of the panels: pure functions from records to charts of a fixed size.

Axes are fixed by the data, not by the settings, so a curve moves against the points and never the points.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

_WIDTH, _HEIGHT = 460, 300
# drawn as SVG in the page too: sharp at any zoom, and its text can be read and searched
_USERMETA = {"embedOptions": {"renderer": "svg"}}
_MOST_POINTS = 1500  # more are drawn as one mean per size, so that a chart stays small
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#7f7f7f"


def log_scale(low: float, high: float, room: float = 1.25) -> alt.Scale:
    """A logarithmic scale from a little below to a little above."""
    return alt.Scale(type="log", domain=[low / room, high * room], nice=False)


def thinned(points: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The points, or their mean at every x where there are too many to draw."""
    if len(points) <= _MOST_POINTS:
        return points
    groups = [x, *(name for name in ("part",) if name in points)]
    means = points.groupby(groups, as_index=False)[y].mean()
    return means.iloc[:: max(1, len(means) // _MOST_POINTS)]


def by_hand(points: pd.DataFrame, line: pd.DataFrame, x: str, y: str, sentence: str) -> alt.Chart:
    """Points, a curve set by hand, and a stick from every point to the curve."""
    low, high = min(points[y].min(), line[y].min()), points[y].max()
    low = max(low, points[y].min() / 10)
    across = alt.X(f"{x}:Q", scale=log_scale(line[x].min(), line[x].max(), 1.0), title=x)
    scale = alt.Scale(type="log", domain=[low_decade(points[y].min()), high * 2], nice=False)
    up = alt.Y(f"{y}:Q", scale=scale, title=y)
    shown = thinned(points, x, y).copy()
    shown["curve"] = np.interp(np.log(shown[x]), np.log(line[x]), line[y])
    sticks = alt.Chart(shown).mark_rule(color=_GREY, opacity=0.6, clip=True).encode(x=across, y=up, y2="curve:Q")
    dots = (
        alt.Chart(shown)
        .mark_point(filled=True, size=45, color=_BLUE)
        .encode(x=across, y=up, tooltip=[alt.Tooltip(f"{x}:Q", format=","), alt.Tooltip(f"{y}:Q", format=".4f")])
    )
    curve = alt.Chart(line).mark_line(color=_ORANGE, strokeWidth=2, clip=True).encode(x=across, y=up)
    return alt.layer(sticks, curve, dots).properties(
        width=_WIDTH, height=_HEIGHT, title=sentence, description=sentence, usermeta=_USERMETA
    )


def low_decade(value: float) -> float:
    """A lower end for a log axis that leaves a curve half a decade below the lowest point in sight."""
    return float(10 ** (np.floor(2 * np.log10(value)) / 2 - 0.5))


def fit(fit: Any, x: str, y: str, sentence: str) -> alt.VConcatChart:
    """A fitted curve with its interval over fitted and held-out points, and the residuals below."""
    points = thinned(fit.points, x, y)
    across = alt.X(f"{x}:Q", scale=log_scale(fit.line[x].min(), fit.line[x].max(), 1.0), title=x)
    scale = log_scale(low_decade(fit.points[y].min()), fit.points[y].max())
    up = alt.Y(f"{y}:Q", scale=scale, title=y)
    band = (
        alt.Chart(fit.line)
        .mark_area(color=_ORANGE, opacity=0.2, clip=True)
        .encode(x=across, y=alt.Y("low:Q", scale=scale, title=y), y2="high:Q")
    )
    curve = alt.Chart(fit.line).mark_line(color=_ORANGE, strokeWidth=2, clip=True).encode(x=across, y=up)
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=["fitted", "held out"], range=[_BLUE, _ORANGE]),
        legend=alt.Legend(title=None, orient="top-right"),
    )
    shape = alt.Shape("part:N", scale=alt.Scale(domain=["fitted", "held out"], range=["circle", "diamond"]))
    tip = [alt.Tooltip(f"{x}:Q", format=","), alt.Tooltip(f"{y}:Q", format=".4f"), "part:N"]
    dots = (
        alt.Chart(points)
        .mark_point(filled=True, size=45)
        .encode(x=across, y=up, color=colour, shape=shape, tooltip=tip)
    )
    upper = alt.layer(band, curve, dots).properties(width=_WIDTH, height=_HEIGHT, title=sentence)
    left_over = alt.Y(
        "residual:Q", title="measured / fitted − 1", axis=alt.Axis(format="+.0%", tickCount=4, minExtent=40)
    )
    zero = alt.Chart(pd.DataFrame({"residual": [0.0]})).mark_rule(color=_GREY).encode(y=left_over)
    bits = (
        alt.Chart(points)
        .mark_point(filled=True, size=35)
        .encode(x=across, y=left_over, color=colour, shape=shape, tooltip=tip)
    )
    lower = alt.layer(zero, bits).properties(width=_WIDTH, height=90)
    return alt.vconcat(upper, lower).properties(description=sentence, usermeta=_USERMETA)


def learning_curves(means: pd.DataFrame, points: pd.DataFrame, sizes: list[int], sentence: str) -> alt.LayerChart:
    """Mean error against training examples, one line per width, with every seed as a point."""
    across = alt.X("examples:Q", scale=log_scale(min(sizes), max(sizes)), title="training examples")
    # errors are shares, so one axis fits every dataset and a curve never jumps while it grows
    up = alt.Y("error:Q", scale=alt.Scale(type="log", domain=[0.005, 1.0], clamp=True), title="validation error")
    widths = sorted(points["width"].unique().tolist())
    colour = alt.Color("width:N", sort=widths, legend=alt.Legend(title="width", orient="top-right"))
    shape = alt.Shape("width:N", sort=widths, legend=None)
    tip = [alt.Tooltip("examples:Q", format=","), "width:N", alt.Tooltip("error:Q", format=".4f")]
    dots = (
        alt.Chart(points)
        .mark_point(filled=True, size=25, opacity=0.5)
        .encode(x=across, y=up, color=colour, shape=shape, tooltip=tip)
    )
    lines = alt.Chart(means).mark_line(strokeWidth=2).encode(x=across, y=up, color=colour)
    return alt.layer(dots, lines).properties(
        width=_WIDTH, height=_HEIGHT, title=sentence, description=sentence, usermeta=_USERMETA
    )
