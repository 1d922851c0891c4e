"""The chart of the repetition explorer: loss against epochs, and every size at the chosen compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit import display
from labkit.display.axes import label
from labkit.display.describe import about
from labkit.display.theme import COLOURS, SHAPES
from labkit.lessons.panels import vega

_UPPER, _LOWER = 250, 150
_LOSS, _EPOCHS, _SIZES, _EXCESS = (1.1, 3.6), (0.5, 64), (1e3, 1e7), (-0.2, 0.3)
_KINDS = ("text read again", "as if all were new")
_KEY = "points: runs · lines: the law with its interval · diamonds: where the budget ends"
_AGAIN, _NEW = COLOURS[4], COLOURS[5]
_ON_TOP = {"orient": "top", "direction": "horizontal"}
_DIAMOND = {"shape": "diamond", "filled": True, "size": 130, "opacity": 1, "clip": True}


def draw(record: Any) -> vega.Spec:
    """The chart of a ``Repetition`` record; axes and colours never depend on the settings."""
    best = record.best
    given = f"Best for {display.number(record.text)} letters and {about(record.compute)} FLOPs:"
    found = f"{about(best.params)} parameters, {about(best.epochs)} epochs"
    said = f"Loss against epochs by size, and against size at equal compute. {given} {found}, loss {best.loss:.3g}."
    data, upper = _by_epochs(record)
    more, lower = _by_size(record)
    title = {"text": [given, found], "subtitle": [_KEY]}
    charts = [
        {"width": vega.WIDTH, "height": _UPPER, "title": title, "layer": upper},
        {"width": vega.WIDTH, "height": _LOWER, "layer": lower},
    ]
    apart = {"scale": {"color": "independent", "shape": "independent", "strokeDash": "independent"}}
    return vega.chart(said, data | more, vconcat=charts, resolve=apart)


def _by_epochs(record: Any) -> tuple[dict[str, pd.DataFrame], list[vega.Spec]]:
    sizes = [display.number(size) for size in sorted(record.ends.params)]
    legend = {**_ON_TOP, "title": "parameters", "symbolOpacity": 1}
    looks = {"color": list(COLOURS[: len(sizes)]), "shape": list(SHAPES[: len(sizes)])}
    colour, shape = (
        vega.words("size", scale={"domain": sizes, "range": looks[of]}, legend=legend) for of in ("color", "shape")
    )
    ticks = {"title": "epochs over the text", "values": [2.0**power for power in range(-1, 7)], "format": "~g"}
    across = vega.number("epochs", scale=vega.log(*_EPOCHS), axis=ticks)
    ticks = {"title": "loss (nats per letter)", "values": [1.25, 1.5, 2, 2.5, 3, 3.5]}
    up = vega.number("loss", scale=vega.log(*_LOSS), axis=ticks)
    tips = [vega.told("size", "parameters"), vega.told("epochs", format=".3~g"), vega.told("loss", format=".3~f")]
    place = {"x": across, "y": up, "color": colour}
    band = {"x": across, "y": {**up, "field": "low"}, "y2": {"field": "high"}, "color": colour}
    cross = {"shape": "cross", "filled": True, "opacity": 1, "size": 90, "clip": True}
    layers = [
        vega.layer("lines", "area", {"opacity": 0.2, "clip": True}, **band),
        vega.layer("lines", "line", {"clip": True}, **place),
        vega.layer("runs", "point", {"size": 30, "clip": True}, **place, shape=shape, tooltip=tips),
        vega.layer("treated", "point", cross, **place, tooltip=[*tips, vega.told("remedy")]),
        vega.layer("ends", "point", _DIAMOND, **place, tooltip=tips),
    ]
    plain = record.points.remedy == "none"
    frames = {"lines": record.lines, "runs": record.points[plain], "treated": record.points[~plain]}
    frames["ends"] = record.ends[record.ends.epochs.between(*_EPOCHS)]
    return {name: part.assign(size=part.params.map(display.number)) for name, part in frames.items()}, layers


def _by_size(record: Any) -> tuple[dict[str, pd.DataFrame], list[vega.Spec]]:
    decades = [10.0**power for power in range(3, 8)]
    ticks = {"title": "parameters, at equal compute", "values": decades, "labelExpr": label("datum.value", 9_999)}
    across = vega.number("params", scale=vega.log(*_SIZES), axis=ticks)
    ticks = {"title": "loss, against the best", "format": "+.0%"}
    up = vega.number("apart", scale={"domain": list(_EXCESS), "nice": False}, axis=ticks)
    shown = record.valley[record.valley.params.between(*_SIZES)].set_index("params")
    apart = (shown[["loss", "low", "high", "fresh"]] / record.best.loss - 1).reset_index()
    names = dict(zip(("loss", "fresh"), _KINDS, strict=True))
    lines = apart.rename(columns=names).melt("params", list(_KINDS), "kind", "apart")
    legend = {**_ON_TOP, "title": None, "symbolType": "stroke"}
    looks = {"color": [_AGAIN, _NEW], "strokeDash": [[1, 0], [6, 3]]}
    kinds = {
        channel: vega.words("kind", scale={"domain": list(_KINDS), "range": look}, legend=legend)
        for channel, look in looks.items()
    }
    tips = [vega.told("kind", "text"), vega.told("params", "parameters", ",.3~r"), vega.told("apart", "loss", "+.1%")]
    band = {"x": across, "y": {**up, "field": "low"}, "y2": {"field": "high"}}
    bar = {"x": {**across, "field": "params_low"}, "x2": {"field": "params_high"}, "y": up}
    layers = [
        vega.layer("band", "area", {"opacity": 0.2, "clip": True, "color": _AGAIN}, **band),
        vega.layer("valley", "line", {"clip": True}, x=across, y=up, **kinds, tooltip=tips),
        vega.layer("best", "rule", {"strokeWidth": 5, "opacity": 0.5, "clip": True, "color": _AGAIN}, **bar),
        vega.layer("best", "point", {**_DIAMOND, "color": _AGAIN}, x=across, y=up),
    ]
    best = record.best[["params", "params_low", "params_high"]].to_frame().T.assign(apart=0.0)
    return {"band": apart[np.isfinite(apart.high)], "valley": lines[np.isfinite(lines.apart)], "best": best}, layers
