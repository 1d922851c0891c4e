"""The charts of the panels: pure functions from records to charts of a fixed size.

Axes are fixed by the data, not by the settings, so a curve moves against the points and never the points.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit import display
from labkit.display.theme import COLOURS, NEUTRAL, SHAPES
from labkit.lessons.panels import vega
from labkit.lessons.panels.points import SE
from labkit.lessons.panels.vega import WIDTH, Spec, layer, words

HEIGHT = 300
_LEAST_ERROR = 0.005
_MOST_POINTS = 1500  # more are drawn as one mean per size, so that a chart stays small
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#7f7f7f"


def prepared(frame: pd.DataFrame, x: str, y: str, by: tuple[str, ...] = ("part",)) -> pd.DataFrame:
    """The frame with its columns named x and y, which no chart grammar reads as a path; few enough rows to draw.

    ``by``: columns of text; where there are too many points, one mean per size and value of these is left.
    """
    frame = frame.rename(columns={x: "x", y: "y"})
    if len(frame) > _MOST_POINTS:
        frame = frame.groupby(["x", *frame.columns.intersection(by)], as_index=False).mean()
        frame = frame.iloc[:: len(frame) // _MOST_POINTS + 1]
    return frame


def with_bars(points: pd.DataFrame, floor: float = -np.inf) -> pd.DataFrame:
    """Points with the ends of their error bars, where they have standard errors; none lower than ``floor``."""
    if SE not in points:
        return points
    return points.assign(low=(points["y"] - points[SE]).clip(lower=floor), high=points["y"] + points[SE])


def bars(points: pd.DataFrame, place: Spec) -> list[Spec]:
    """The layer of the error bars, if there are any."""
    look = {"color": NEUTRAL, "strokeWidth": 1.5, "clip": True}
    ends = {"y": {**place["y"], "field": "low"}, "y2": {"field": "high"}}
    return [layer("points", "rule", look, x=place["x"], **ends)] if SE in points else []


def tips(x: str, y: str) -> list[Spec]:
    """What a point says when it is pointed at."""
    return [vega.told("x", x, ","), vega.told("y", y, ".4f")]


def by_hand(points: pd.DataFrame, line: pd.DataFrame, x: str, y: str, sentence: str) -> Spec:
    """Points, a curve set by hand, and a stick from every point to the curve."""
    shown, line = prepared(points, x, y), prepared(line, x, y)
    across = vega.log_channel("x", line["x"].min(), line["x"].max(), display.title_of(x))
    up = vega.log_channel("y", low_decade(shown["y"].min()), shown["y"].max() * 2, display.title_of(y))
    place = {"x": across, "y": up}
    curve = np.exp(np.interp(np.log(shown["x"]), np.log(line["x"]), np.log(line["y"])))
    layers = [
        layer("points", "rule", {"color": _GREY, "opacity": 0.6, "clip": True}, **place, y2={"field": "curve"}),
        layer("line", "line", {"color": _ORANGE, "strokeWidth": 2, "clip": True}, **place),
        layer("points", "point", {"filled": True, "size": 45, "color": _BLUE}, **place, tooltip=tips(x, y)),
    ]
    data = {"points": shown.assign(curve=curve), "line": line}
    return vega.chart(sentence, data, layer=layers, title=sentence, width=WIDTH, height=HEIGHT)


def low_decade(value: float) -> float:
    """A lower end for a log axis that leaves a curve half a decade below the lowest point in sight."""
    return float(10 ** (np.floor(2 * np.log10(value)) / 2 - 0.5))


def learning_curves(means: pd.DataFrame, points: pd.DataFrame, sizes: list[int], sentence: str) -> Spec:
    """Mean error against training examples with its standard error, one line per width, every seed as a point."""
    across = vega.log_channel("examples", min(sizes) / 1.25, max(sizes) * 1.25, display.title_of("examples"))
    # errors are shares, so one axis fits every dataset and a curve never jumps while it grows
    up = vega.log_channel("error", _LEAST_ERROR, 1.0, display.title_of("validation_error"))
    up["scale"] |= {"clamp": True}
    widths = sorted(points["width"].unique().tolist(), key=lambda width: (len(width), width))
    looks = [{"domain": widths, "range": list(range_[: len(widths)])} for range_ in (COLOURS, SHAPES)]
    # before the first point there is nothing to explain
    legend = {"title": "width", "orient": "top-right", "symbolOpacity": 1} if widths else None
    colour, shape = (words("width", scale=scale, legend=legend) for scale in looks)
    tip = [vega.told("examples", format=","), vega.told("width"), vega.told("error", format=".4f")]
    spread = means.assign(
        low=(means["error"] - means["se"]).clip(lower=_LEAST_ERROR), high=means["error"] + means["se"]
    )
    low, high = {**up, "field": "low"}, {"field": "high"}
    dots = {"filled": True, "size": 25, "opacity": 0.6}
    layers = [
        layer("means", "area", {"opacity": 0.2}, x=across, y=low, y2=high, color=colour),
        layer("points", "point", dots, x=across, y=up, color=colour, shape=shape, tooltip=tip),
        layer("means", "line", {"strokeWidth": 2}, x=across, y=up, color=colour),
    ]
    data = {"means": spread, "points": points}
    return vega.chart(sentence, data, layer=layers, title=sentence, width=WIDTH, height=HEIGHT)
