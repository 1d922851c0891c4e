"""The chart of the phase diagram: the map of the best rule, and below it the three curves at the chosen fraction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.panels import vega
from labkit.lessons.panels.vega import WIDTH, Spec, layer, number, told
from labkit.theory.perceptron import KEEPS

_MAP, _CURVES = 200, 220
_LEAST, _MOST = 0.0015, 0.6  # errors that the lower picture shows
_KEY = ["colour: the rule with the lowest error · cross: this setting", "below: curves computed, points simulated"]
_ACROSS = number(
    "x",
    scale=vega.log(0.5, 50, clamp=True),
    axis={"title": "examples in the pool per dimension", "values": [0.5, 1, 2, 5, 10, 20, 50], "format": "~g"},
)
_COLOUR, _DASH, _SHAPE = vega.kinds(KEEPS, "keep")
_ERRORS = vega.log(_LEAST, _MOST, clamp=True)


def draw(record: Any) -> Spec:
    """The chart of a ``PhaseDiagram`` record; axes and colours never depend on the settings."""
    sentence = (
        f"{record.fraction:.0%} of {record.pool:.3g} per dimension, probe {record.probe_angle:g}° off: "
        f"keep the {record.best}"
    )
    sentence = sentence.replace("keep the random", "keep random ones")
    cells = record.map.rename(columns={"pool_per_dimension": "x", "fraction": "y", "best": "keep"})
    cells = cells[["x", "y", "keep", *KEEPS]]
    factor, half = _steps(cells)
    ends = [float(cells["y"].min() - half), float(cells["y"].max() + half)]
    share = number("y", title="fraction kept", scale={"domain": ends, "nice": False})
    parts = [
        {
            "layer": [_map(share, factor, half), _cross(share)],
            "width": WIDTH,
            "height": _MAP,
            "title": {"text": sentence, "subtitle": _KEY},
        },
        {"layer": _lines(), "width": WIDTH, "height": _CURVES},
    ]
    described = f"Which rule has the lowest test error by pool and fraction, and the three curves: {sentence}."
    # Else the legend of the cells would show the shapes of the points as well.
    apart = {"scale": dict.fromkeys(("color", "fill", "stroke", "shape"), "independent")}
    names = {"pool_per_dimension": "x", "error": "y"}
    dots = record.simulated.rename(columns=names)
    data = {
        "cells": cells,
        "here": pd.DataFrame({"x": [record.pool], "y": [record.fraction]}),
        "curves": record.curves.rename(columns=names),
        "dots": dots.assign(low=(dots["y"] - dots["se"]).clip(lower=_LEAST), high=dots["y"] + dots["se"]),
    }
    return vega.chart(described, data, vconcat=parts, resolve=apart)


def _steps(cells: pd.DataFrame) -> tuple[float, float]:
    """Half of what lies between neighbouring cells: a factor across, and a difference up."""
    across, up = np.unique(cells["x"]), np.unique(cells["y"])
    return float(np.sqrt(across[1] / across[0])), float((up[1] - up[0]) / 2)


def _map(share: Spec, factor: float, half: float) -> Spec:
    """A rectangle for each cell; the page works out its edges, which would double the size of the chart."""
    tips = [told("x", "pool per dimension", ".3~g"), told("y", "fraction kept", ".2~f")]
    tips += [told(rule, format=".4f") for rule in KEEPS]
    legend = {"title": None, "orient": "top", "direction": "horizontal"}
    edges = {
        "x_low": f"datum.x / {factor}",
        "x_high": f"datum.x * {factor}",
        "y_low": f"datum.y - {half}",
        "y_high": f"datum.y + {half}",
    }
    drawn = layer(
        "cells",
        "rect",
        {"clip": True, "strokeWidth": 0.6},
        x={**_ACROSS, "field": "x_low"},
        x2={"field": "x_high"},
        y={**share, "field": "y_low"},
        y2={"field": "y_high"},
        fill={**_COLOUR, "legend": legend},
        stroke={**_COLOUR, "legend": legend},
        tooltip=tips,
    )
    return {**drawn, "transform": [{"calculate": how, "as": name} for name, how in edges.items()]}


def _cross(share: Spec) -> Spec:
    """Where the controls stand: white under black, so that it is seen on every colour."""
    look = {"shape": "cross", "filled": True, "stroke": "white", "fill": "black", "size": 180, "strokeWidth": 2}
    look["clip"] = True  # at an edge, what sticks out would change the size of the picture
    return layer("here", "point", look, x=_ACROSS, y=share)


def _lines() -> list[Spec]:
    values = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    axis = {"title": "test error (fraction wrong)", "values": values, "format": "~g"}
    place = {"x": _ACROSS, "y": number("y", scale=_ERRORS, axis=axis), "color": _COLOUR}
    tips = [told("keep"), told("x", "pool per dimension", ".3~g"), told("y", "test error", ".4f")]
    low = {**place["y"], "field": "low"}
    return [
        layer("here", "rule", {"strokeDash": [4, 3], "color": "#7f7f7f"}, x=_ACROSS),
        layer("curves", "line", {"strokeWidth": 2, "clip": True}, **place, strokeDash=_DASH, tooltip=tips),
        layer("dots", "rule", {"clip": True}, x=_ACROSS, y=low, y2={"field": "high"}, color=_COLOUR),
        layer("dots", "point", {"filled": True, "size": 45, "clip": True}, **place, shape=_SHAPE, tooltip=tips),
    ]
