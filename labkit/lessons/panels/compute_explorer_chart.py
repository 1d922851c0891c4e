"""The chart of the compute-optimal explorer: best sizes over all budgets, and how flat each law's valley is."""

from __future__ import annotations

from typing import Any

import pandas as pd

from labkit.display.axes import label
from labkit.display.describe import about
from labkit.lessons.panels import vega
from labkit.lessons.panels.vega import WIDTH, Spec, layer, number, told

_UPPER, _LOWER = 220, 160
_MOST_EXCESS = 0.25
LAWS = ("hoffmann-2022", "epoch-2024", "kaplan-2020", "muennighoff-2023", "ours")
_PLAIN, _DASH, _SHAPE = vega.kinds(LAWS, "law")
_LEGEND = {"title": None, "orient": "top", "direction": "horizontal", "columns": 3, "columnPadding": 24}


def draw(record: Any) -> Spec:
    """The chart of a ``ComputeOptimal`` record; axes and colours never depend on the settings."""
    first, found = record.table.iloc[0], record.table.params.dropna()
    budget = f"{about(record.compute)} FLOPs"
    sentence = f"{budget}: {about(first.params)} parameters by {first.law}"
    if not len(found):
        sentence = f"{budget} do not suffice"
    elif len(found) > 1:
        sentence = f"{budget}: {about(found.min())} to {about(found.max())} parameters, by {len(found)} laws"
    key = ["above: best size by budget, bar: interval of our law", "below: loss of other sizes, above the best"]
    parts = [
        {
            "layer": _lines(record.frontier.law.unique().tolist()),
            "width": WIDTH,
            "height": _UPPER,
            "title": {"text": sentence, "subtitle": key},
        },
        {"layer": _valleys(), "width": WIDTH, "height": _LOWER},
    ]
    described = f"The best model size against the budget by law, and the valley of each law at this budget: {sentence}."
    chosen = record.table.dropna(subset="params").assign(compute=record.compute)
    data = {
        "here": pd.DataFrame({"compute": [record.compute]}),
        "frontier": record.frontier,
        "chosen": chosen,
        "limited": chosen.dropna(subset="params_low"),
        "valley": record.valley,
    }
    return vega.chart(described, data, vconcat=parts, resolve={"legend": {"color": "independent"}})


def _lines(shown: list[str]) -> list[Spec]:
    # an empty legend has no size
    colour = {**_PLAIN, "legend": {**_LEGEND, "values": shown} if shown else None}
    decades = [10.0**power for power in range(9, 27, 3)]
    powers = {"labelExpr": label("datum.value", 9_999), "labelFlush": False}
    axis = {"title": "compute (FLOPs)", "values": decades, **powers}
    across = number("compute", scale=vega.log(1e9, 1e26), axis=axis)
    ticks = {"title": "best size (parameters)", "values": [1e2, 1e5, 1e8, 1e11, 1e14], **powers}
    up = number("params", scale=vega.log(10, 1e14, clamp=True), axis=ticks)
    tips = [told("law"), *(told(name, format=".3~g") for name in ("compute", "params", "tokens", "loss"))]
    place, low = {"x": across, "y": up}, {**up, "field": "params_low"}
    bar, dot = {"strokeWidth": 5, "opacity": 0.4}, {"filled": True, "size": 70}
    return [
        layer("here", "rule", {"strokeDash": [4, 3], "color": "#7f7f7f"}, x=across),
        layer("frontier", "line", {"clip": True}, **place, color=colour, strokeDash=_DASH),
        layer("limited", "rule", bar, x=across, y=low, y2={"field": "params_high"}),
        layer("chosen", "point", dot, **place, color=colour, shape=_SHAPE, tooltip=tips),
    ]


def _valleys() -> list[Spec]:
    parts = "datum.value < 1 ? '1/' + format(1 / datum.value, 'd') : format(datum.value, 'd')"
    axis = {"title": "size, as a multiple of the best", "values": [1 / 32, 1 / 8, 0.5, 1, 2, 8, 32]}
    axis |= {"labelExpr": parts, "labelFlush": False}
    across = number("factor", scale=vega.log(1 / 32, 32), axis=axis)
    ticks = {"title": "loss above the best", "format": "%"}
    up = number("excess", scale={"domain": [0, _MOST_EXCESS]}, axis=ticks)
    tips = [told("law"), told("factor", format=".3~g"), told("excess", format=".1%")]
    return [layer("valley", "line", {"clip": True}, x=across, y=up, color=_PLAIN, strokeDash=_DASH, tooltip=tips)]
