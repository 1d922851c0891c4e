"""The chart of a reader's own file: what was measured, and the forecast with its interval beyond it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit import display
from labkit.display.theme import COLOURS, NEUTRAL
from labkit.lessons.panels import vega
from labkit.lessons.panels.charts import HEIGHT, bars, with_bars
from labkit.lessons.panels.vega import WIDTH, Spec, layer, number, told

_DRAWN = 300  # points; more are averaged by size


def draw(record: Any) -> Spec:
    """The chart of an ``OwnFile`` record."""
    points, line, (x, y) = record.points, record.line, record.names
    if len(points) > _DRAWN:
        points = points.groupby("x", as_index=False).y.mean()
    across = vega.log_channel("x", points.x.min() / 1.1, float(line.x.max()) * 1.1, display.title_of(x))
    up = _height(points, line, display.title_of(y))
    place, low = {"x": across, "y": up}, {**up, "field": "low"}
    colour, rule = {"color": COLOURS[0]}, {"color": NEUTRAL, "strokeDash": [4, 3]}
    ends = [told(end, format=".4~g") for end in ("y", "low", "high")]
    key = [
        f"points: measured · line and band: the forecast and its {record.interval:.0%} interval",
        "dashed: the largest size measured",
    ]
    # a logarithm has no place for a limit of zero
    floor = up["scale"]["domain"][0] / 10 if up["scale"].get("type") == "log" else -np.inf
    points = with_bars(points, floor)
    tip = [told("x", x, ","), told("y", y, ".4~g")]
    if "se" in points:
        tip.append(told("se", "standard error", ".2~g"))
        key[0] = key[0].replace("measured", "measured, ± 1 standard error")
    layers = [
        layer("line", "area", {**colour, "opacity": 0.2, "clip": True}, x=across, y=low, y2={"field": "high"}),
        layer("edge", "rule", rule, x=across),
        *bars(points, place),
        layer("points", "point", {"color": NEUTRAL, "size": 45, "filled": True}, **place, tooltip=tip),
        layer("line", "line", {**colour, "clip": True}, **place, tooltip=[told("x", x, ",.4~r"), *ends]),
    ]  # fmt: skip
    end = line.iloc[-1]
    finding = f"{end.y:.3g} at {float(f'{end.x:.3g}'):,.12g} {x} ({end.low:.3g} to {end.high:.3g})"
    data = {
        "points": points,
        "line": line.assign(low=line.low.clip(lower=floor)),
        "edge": pd.DataFrame({"x": [points.x.max()]}),
    }
    described = f"{y} against {x}, with a forecast and its interval: {finding}."
    look = {"title": {"text": finding, "subtitle": key}, "width": WIDTH, "height": HEIGHT}
    return vega.chart(described, data, layer=layers, **look)


def _height(points: pd.DataFrame, line: pd.DataFrame, title: str) -> Spec:
    """The vertical axis, logarithmic where all is above zero; limits far from the line need not be in sight."""
    least, most = min(points.y.min(), line.y.min()), max(points.y.max(), line.y.max())
    low, high = min(line.low.min(), least), max(line.high.max(), most)
    if least > 0:
        return vega.log_channel("y", max(low, least / 5) / 1.1, min(high, most * 2) * 1.1, title)
    room = (most - least) or 1.0
    return number("y", scale={"domain": [max(low, least - room), min(high, most + room)]}, title=title)
