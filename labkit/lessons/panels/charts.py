"""The charts of the panels: pure functions from records to charts of a fixed size.

Axes are fixed by the data, not by the settings, so a curve moves against the points and never the points.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from labkit import display

_WIDTH, _HEIGHT = 460, 300
# drawn as SVG in the page too: sharp at any zoom, and its text can be read and searched
USERMETA = {"embedOptions": {"renderer": "svg"}}
_LEAST_ERROR = 0.005
_MOST_POINTS = 1500  # more are drawn as one mean per size, so that a chart stays small
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#7f7f7f"


def log_scale(low: float, high: float, room: float = 1.25) -> alt.Scale:
    """A logarithmic scale from a little below to a little above."""
    return alt.Scale(type="log", domain=[low / room, high * room], nice=False)


def prepared(frame: pd.DataFrame, x: str, y: str, by: tuple[str, ...] = ("part",)) -> pd.DataFrame:
    """The frame with its columns named x and y, which no chart grammar reads as a path; few enough rows to draw.

    ``by``: columns of text; where there are too many points, one mean per size and value of these is left.
    """
    frame = frame.rename(columns={x: "x", y: "y"})
    if len(frame) > _MOST_POINTS:
        frame = frame.groupby(["x", *frame.columns.intersection(by)], as_index=False).mean()
        frame = frame.iloc[:: len(frame) // _MOST_POINTS + 1]
    return frame


def tips(x: str, y: str) -> list[alt.Tooltip]:
    """What a point says when it is pointed at."""
    return [alt.Tooltip("x:Q", title=x, format=","), alt.Tooltip("y:Q", title=y, format=".4f")]


def by_hand(points: pd.DataFrame, line: pd.DataFrame, x: str, y: str, sentence: str) -> alt.LayerChart:
    """Points, a curve set by hand, and a stick from every point to the curve."""
    shown, line = prepared(points, x, y), prepared(line, x, y)
    across = alt.X("x:Q", scale=log_scale(line["x"].min(), line["x"].max(), 1.0), title=display.title_of(x))
    domain = [low_decade(shown["y"].min()), shown["y"].max() * 2]
    up = alt.Y("y:Q", scale=alt.Scale(type="log", domain=domain, nice=False), title=display.title_of(y))
    shown["curve"] = np.exp(np.interp(np.log(shown["x"]), np.log(line["x"]), np.log(line["y"])))
    base = alt.Chart(shown).encode(x=across, y=up)
    sticks = base.mark_rule(color=_GREY, opacity=0.6, clip=True).encode(y2="curve:Q")
    dots = base.mark_point(filled=True, size=45, color=_BLUE).encode(tooltip=tips(x, y))
    curve = alt.Chart(line).mark_line(color=_ORANGE, strokeWidth=2, clip=True).encode(x=across, y=up)
    return alt.layer(sticks, curve, dots).properties(
        width=_WIDTH, height=_HEIGHT, title=sentence, description=sentence, usermeta=USERMETA
    )


def low_decade(value: float) -> float:
    """A lower end for a log axis that leaves a curve half a decade below the lowest point in sight."""
    return float(10 ** (np.floor(2 * np.log10(value)) / 2 - 0.5))


def learning_curves(means: pd.DataFrame, points: pd.DataFrame, sizes: list[int], sentence: str) -> alt.LayerChart:
    """Mean error against training examples with its standard error, one line per width, every seed as a point."""
    across = alt.X("examples:Q", scale=log_scale(min(sizes), max(sizes)), title=display.title_of("examples"))
    # errors are shares, so one axis fits every dataset and a curve never jumps while it grows
    scale = alt.Scale(type="log", domain=[_LEAST_ERROR, 1.0], clamp=True)
    up = alt.Y("error:Q", scale=scale, title=display.title_of("validation_error"))
    widths = sorted(points["width"].unique().tolist(), key=lambda width: (len(width), width))
    colour = alt.Color("width:N", sort=widths, legend=alt.Legend(title="width", orient="top-right", symbolOpacity=1))
    shape = alt.Shape("width:N", sort=widths, legend=None)
    tip = [alt.Tooltip("examples:Q", format=","), "width:N", alt.Tooltip("error:Q", format=".4f")]
    dots = (
        alt.Chart(points)
        .mark_point(filled=True, size=25, opacity=0.6)
        .encode(x=across, y=up, color=colour, shape=shape, tooltip=tip)
    )
    spread = means.assign(
        low=(means["error"] - means["se"]).clip(lower=_LEAST_ERROR), high=means["error"] + means["se"]
    )
    drawn = alt.Chart(spread).encode(x=across, color=colour)
    band = drawn.mark_area(opacity=0.2).encode(
        y=alt.Y("low:Q", scale=scale, title=display.title_of("validation_error")), y2="high:Q"
    )
    lines = drawn.mark_line(strokeWidth=2).encode(y=up)
    return alt.layer(band, dots, lines).properties(
        width=_WIDTH, height=_HEIGHT, title=sentence, description=sentence, usermeta=USERMETA
    )
