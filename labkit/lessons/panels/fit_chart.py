"""The chart of the fit and forecast explorer: points, lines with intervals, the target, and residuals below.

Axes are fixed by the measured points, not by the settings, so lines move against the points and never the points.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from labkit import display
from labkit.display.theme import COLOURS, DASHES, NEUTRAL
from labkit.lessons.panels.charts import USERMETA, log_scale, low_decade, prepared, tips

_WIDTH, _HEIGHT, _BELOW = 460, 300, 90
_AHEAD = 10.0  # how many times the largest size the lines are drawn to
_STEPS = 80
_LONG = 1e6  # larger sizes are written 2M, not 2,000,000
_PARTS = {"fitted": "circle", "held out": "diamond"}
_KEY = "full circles: fitted · hollow diamonds: held out · dashed: the target · bands: intervals"


def grid(sizes: np.ndarray) -> np.ndarray:
    """The sizes at which a line is drawn."""
    return np.geomspace(sizes[0], sizes[-1] * _AHEAD, _STEPS)


def draw(record: Any, offered: list[str], measured: pd.DataFrame) -> alt.VConcatChart:
    """The chart of a ``Fit`` record; ``offered`` fixes the colour of each form, ``measured`` the axes."""
    x, y = record.names
    sizes = np.unique(measured[x])
    axis = alt.Axis(format="~s" if sizes[-1] * _AHEAD > _LONG else ",~r")
    across = alt.X("x:Q", scale=log_scale(sizes[0], sizes[-1] * _AHEAD, 1.0), title=display.title_of(x), axis=axis)
    heights = log_scale(low_decade(measured[y].min()), measured[y].max())
    look = _Look(offered)
    points, lines = prepared(record.points, "x", "y"), record.lines
    sentence = f"{record.curve}: {_finding(record)}"
    upper = alt.layer(
        *_unseen(points, across, heights, record.target),
        *_lines(lines, across, heights, look, display.title_of(y)),
        _dots(points, across, heights, x, y),
    ).properties(width=_WIDTH, height=_HEIGHT, title=alt.TitleParams(sentence, subtitle=_KEY))
    lower = _residuals(record.residuals, across, look, x)
    return alt.vconcat(upper, lower).properties(description=_described(record, x, y), usermeta=USERMETA)


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


class _Look:
    """Colour and dash of each form, the same whichever of them are shown."""

    def __init__(self, offered: list[str]) -> None:
        self.names = offered
        self.colours = [COLOURS[i % len(COLOURS)] for i in range(len(offered))]
        self.dashes = [list(DASHES[i % len(DASHES)]) for i in range(len(offered))]

    def colour(self, shown: list[str]) -> alt.Color:
        legend = alt.Legend(title=None, orient="top-right", values=shown, symbolOpacity=1)
        return alt.Color("form:N", scale=alt.Scale(domain=self.names, range=self.colours), legend=legend)

    def dash(self) -> alt.StrokeDash:
        return alt.StrokeDash("form:N", scale=alt.Scale(domain=self.names, range=self.dashes), legend=None)


def _unseen(points: pd.DataFrame, across: alt.X, heights: alt.Scale, target: float) -> list[alt.Chart]:
    """Where the fit sees nothing any more, and the target."""
    fitted = points[points["part"] == "fitted"]["x"].max()
    edge = alt.Chart(pd.DataFrame({"x": [fitted]})).mark_rule(color=NEUTRAL, strokeDash=[2, 2])
    goal = alt.Chart(pd.DataFrame({"y": [target]})).mark_rule(color=NEUTRAL, strokeDash=[6, 3], clip=True)
    return [edge.encode(x=across), goal.encode(y=alt.Y("y:Q", scale=heights))]


def _lines(lines: pd.DataFrame, across: alt.X, heights: alt.Scale, look: _Look, title: str) -> list[alt.Chart]:
    if lines.empty:
        return []
    floor = heights.domain[0] / 10  # a logarithm has no place for a limit of zero
    base = alt.Chart(lines.assign(low=lines["low"].clip(lower=floor), y=lines["y"].clip(lower=floor)))
    colour = look.colour(lines["form"].unique().tolist())
    band = base.mark_area(opacity=0.13, clip=True).encode(
        x=across, y=alt.Y("low:Q", scale=heights, title=title), y2="high:Q", color=colour
    )
    tooltip = ["form:N", alt.Tooltip("x:Q", format=",.0f"), *(alt.Tooltip(f"{n}:Q", format=".4f") for n in _ENDS)]
    line = base.mark_line(strokeWidth=2, clip=True).encode(
        x=across, y=alt.Y("y:Q", scale=heights, title=title), color=colour, strokeDash=look.dash(), tooltip=tooltip
    )
    return [band, line]


_ENDS = ("y", "low", "high")


def _dots(points: pd.DataFrame, across: alt.X, heights: alt.Scale, x: str, y: str) -> alt.Chart:
    full = alt.FillOpacity("part:N", scale=alt.Scale(domain=list(_PARTS), range=[1, 0]), legend=None)
    base = alt.Chart(points).mark_point(size=45, filled=False, stroke=NEUTRAL, fill=NEUTRAL, strokeWidth=1.5)
    up = alt.Y("y:Q", scale=heights, title=display.title_of(y))
    return base.encode(x=across, y=up, shape=_shape(), fillOpacity=full, tooltip=[*tips(x, y), "part:N"])


def _shape() -> alt.Shape:
    return alt.Shape("part:N", scale=alt.Scale(domain=list(_PARTS), range=list(_PARTS.values())), legend=None)


def _residuals(residuals: pd.DataFrame, across: alt.X, look: _Look, x: str) -> alt.LayerChart:
    axis = alt.Axis(format="+.0%", tickCount=4, minExtent=40)
    up = alt.Y("y:Q", title="measured / fitted − 1", axis=axis)
    shown = [alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(color=NEUTRAL).encode(y=up)]
    if not residuals.empty:
        frame = prepared(residuals, "x", "residual", by=("form", "part"))
        colour = alt.Color("form:N", scale=alt.Scale(domain=look.names, range=look.colours), legend=None)
        share = alt.Tooltip("y:Q", title="measured / fitted − 1", format="+.1%")
        tooltip = ["form:N", alt.Tooltip("x:Q", title=x, format=","), share, "part:N"]
        dots = alt.Chart(frame).mark_point(filled=True, size=35)
        shown.append(dots.encode(x=across, y=up, color=colour, shape=_shape(), tooltip=tooltip))
    return alt.layer(*shown).properties(width=_WIDTH, height=_BELOW)
