"""The chart of the phase diagram: the map of the best rule, and below it the three curves at the chosen fraction."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from labkit.display.heat import edges
from labkit.display.theme import COLOURS, DASHES, SHAPES
from labkit.lessons.panels.charts import USERMETA
from labkit.theory.perceptron import KEEPS

_WIDTH, _MAP, _CURVES = 460, 200, 220
_LEAST, _MOST = 0.0015, 0.6  # errors that the lower picture shows
_KEY = "colour: the rule with the lowest error · cross: this setting · below: curves computed, points simulated"


def draw(record: Any) -> alt.VConcatChart:
    """The chart of a ``PhaseDiagram`` record; axes and colours never depend on the settings."""
    sentence = (
        f"{record.fraction:.0%} of {record.pool:.3g} per dimension, probe {record.probe_angle:g}° off: "
        f"keep the {record.best}"
    )
    sentence = sentence.replace("keep the random", "keep random ones")
    title = alt.TitleParams(sentence, subtitle=_KEY)
    # All is given at once: Altair copies the whole chart at every further step.
    upper = alt.LayerChart(layer=[_cells(record.map), _cross(record)], width=_WIDTH, height=_MAP, title=title)
    lower = alt.LayerChart(layer=_lines(record), width=_WIDTH, height=_CURVES)
    described = f"Which rule has the lowest test error by pool and fraction, and the three curves: {sentence}."
    # Else the legend of the cells would show the shapes of the points as well.
    apart = alt.ScaleResolveMap(**dict.fromkeys(("color", "fill", "stroke", "shape"), "independent"))
    resolve = alt.Resolve(scale=apart)
    return alt.VConcatChart(vconcat=[upper, lower], resolve=resolve, description=described, usermeta=USERMETA)


def _across(field: str = "x") -> alt.X:
    scale = alt.Scale(type="log", domain=[0.5, 50], nice=False, clamp=True)
    axis = alt.Axis(title="examples in the pool per dimension", values=[0.5, 1, 2, 5, 10, 20, 50], format="~g")
    return alt.X(f"{field}:Q", scale=scale, axis=axis)


def _paint() -> alt.Scale:
    return alt.Scale(domain=list(KEEPS), range=list(COLOURS[: len(KEEPS)]))


def _cells(cells: pd.DataFrame) -> alt.Chart:
    drawn = cells.rename(columns={"pool_per_dimension": "x", "fraction": "y", "best": "keep"})
    for name, log in (("x", True), ("y", False)):
        places = np.unique(drawn[name])
        low, high = edges(places, log)
        at = np.searchsorted(places, drawn[name])
        drawn[f"{name}_low"], drawn[f"{name}_high"] = low[at], high[at]
    share = alt.Scale(domain=[drawn["y_low"].min(), drawn["y_high"].max()], nice=False)
    tips = [alt.Tooltip("x:Q", title="pool per dimension", format=".3~g"), alt.Tooltip("y:Q", title="fraction kept")]
    tips += [alt.Tooltip(f"{rule}:Q", format=".4f") for rule in KEEPS]
    legend = alt.Legend(title=None, orient="top", direction="horizontal")
    scale = _paint()
    return (
        alt.Chart(drawn.round(5))
        .mark_rect(clip=True, strokeWidth=0.6)
        .encode(
            x=_across("x_low"),
            x2="x_high:Q",
            y=alt.Y("y_low:Q", scale=share, title="fraction kept"),
            y2="y_high:Q",
            fill=alt.Fill("keep:N", scale=scale, legend=legend),
            stroke=alt.Stroke("keep:N", scale=scale, legend=None),
            tooltip=tips,
        )
    )


def _cross(record: Any) -> alt.Chart:
    """Where the controls stand: white under black, so that it is seen on every colour."""
    base = alt.Chart(pd.DataFrame({"x": [record.pool], "y": [record.fraction]}))
    place = {"x": _across(), "y": alt.Y("y:Q", title="fraction kept")}
    look = {"shape": "cross", "filled": True, "stroke": "white", "fill": "black"}
    return base.mark_point(size=180, strokeWidth=2, **look).encode(**place)


def _lines(record: Any) -> list[alt.Chart]:
    scale = alt.Scale(type="log", domain=[_LEAST, _MOST], nice=False, clamp=True)
    values = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    up = alt.Y("y:Q", scale=scale, axis=alt.Axis(title="test error (fraction wrong)", values=values, format="~g"))
    names = {"pool_per_dimension": "x", "error": "y"}
    across, colour = _across(), alt.Color("keep:N", scale=_paint(), legend=None)
    tips = [
        "keep:N",
        alt.Tooltip("x:Q", title="pool per dimension", format=".3~g"),
        alt.Tooltip("y:Q", title="test error", format=".4f"),
    ]
    dash = alt.StrokeDash(
        "keep:N", scale=alt.Scale(domain=list(KEEPS), range=[list(one) for one in DASHES[: len(KEEPS)]]), legend=None
    )
    shape = alt.Shape("keep:N", scale=alt.Scale(domain=list(KEEPS), range=list(SHAPES[: len(KEEPS)])), legend=None)
    lines = alt.Chart(record.curves.rename(columns=names).round(6)).mark_line(strokeWidth=2, clip=True)
    here = alt.Chart(pd.DataFrame({"x": [record.pool]})).mark_rule(strokeDash=[4, 3], color="#7f7f7f").encode(x=across)
    layers = [here, lines.encode(x=across, y=up, color=colour, strokeDash=dash, tooltip=tips)]
    if len(record.simulated):
        dots = record.simulated.rename(columns=names)
        dots = dots.assign(low=(dots["y"] - dots["se"]).clip(lower=_LEAST), high=dots["y"] + dots["se"])
        bars = alt.Chart(dots).mark_rule(clip=True)
        layers.append(bars.encode(x=across, y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour))
        points = alt.Chart(dots).mark_point(filled=True, size=45, clip=True)
        layers.append(points.encode(x=across, y=up, color=colour, shape=shape, tooltip=tips))
    return layers
