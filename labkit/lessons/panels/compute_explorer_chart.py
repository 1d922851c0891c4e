"""The chart of the compute-optimal explorer: best sizes over all budgets, and how flat each law's valley is."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from labkit.display.theme import COLOURS, DASHES, SHAPES
from labkit.lessons.panels.charts import USERMETA

_WIDTH, _UPPER, _LOWER = 460, 220, 160
_MOST_EXCESS = 0.25
LAWS = ("hoffmann-2022", "epoch-2024", "kaplan-2020", "muennighoff-2023", "ours")


def draw(record: Any) -> alt.VConcatChart:
    """The chart of a ``ComputeOptimal`` record; axes and colours never depend on the settings."""
    first, found = record.table.iloc[0], record.table.params.dropna()
    sentence = f"{record.compute:.2g} FLOPs: {first.params:.2g} parameters by {first.law}"
    if not len(found):
        sentence = f"{record.compute:.2g} FLOPs do not suffice"
    elif len(found) > 1:
        sentence = (
            f"{record.compute:.2g} FLOPs: {found.min():.2g} to {found.max():.2g} parameters, by {len(found)} laws"
        )
    key = "above: best size by budget, bar: interval of our law · below: loss of other sizes, above the best"
    upper = alt.LayerChart(
        layer=_lines(record), width=_WIDTH, height=_UPPER, title=alt.TitleParams(sentence, subtitle=key)
    )
    lower = alt.LayerChart(layer=_valleys(record), width=_WIDTH, height=_LOWER)
    described = f"The best model size against the budget by law, and the valley of each law at this budget: {sentence}."
    return alt.VConcatChart(vconcat=[upper, lower], description=described, usermeta=USERMETA)


def _colour() -> alt.Color:
    legend = alt.Legend(title=None, orient="top", direction="horizontal", columns=3)
    return alt.Color("law:N", scale=alt.Scale(domain=list(LAWS), range=list(COLOURS[: len(LAWS)])), legend=legend)


def _dash() -> alt.StrokeDash:
    scale = alt.Scale(domain=list(LAWS), range=[list(dash) for dash in DASHES[: len(LAWS)]])
    return alt.StrokeDash("law:N", scale=scale, legend=None)


def _shape() -> alt.Shape:
    return alt.Shape("law:N", scale=alt.Scale(domain=list(LAWS), range=list(SHAPES[: len(LAWS)])), legend=None)


def _lines(record: Any) -> list[alt.Chart]:
    decades = [10.0**power for power in range(9, 27, 3)]
    across = alt.X(
        "compute:Q",
        scale=alt.Scale(type="log", domain=[1e9, 1e26], nice=False),
        axis=alt.Axis(title="compute (FLOPs)", values=decades, format=".0e"),
    )
    sizes = alt.Scale(type="log", domain=[10, 1e14], nice=False, clamp=True)
    ticks = alt.Axis(title="best size (parameters)", values=[1e2, 1e5, 1e8, 1e11, 1e14], format=".0e")
    up = alt.Y("params:Q", scale=sizes, axis=ticks)
    here = alt.Chart(pd.DataFrame({"compute": [record.compute]})).mark_rule(strokeDash=[4, 3], color="#7f7f7f")
    tips = ["law:N", *(alt.Tooltip(f"{name}:Q", format=".3~g") for name in ("compute", "params", "tokens", "loss"))]
    chosen = alt.Chart(record.table.dropna(subset="params").assign(compute=record.compute))
    lines = alt.Chart(record.frontier).mark_line(clip=True)
    layers = [here.encode(x=across), lines.encode(x=across, y=up, color=_colour(), strokeDash=_dash())]
    if record.table.params_low.notna().any():
        bar = alt.Chart(record.table.dropna(subset="params_low").assign(compute=record.compute))
        low = alt.Y("params_low:Q", scale=sizes, axis=ticks)
        layers.append(bar.mark_rule(strokeWidth=5, opacity=0.4).encode(x=across, y=low, y2="params_high:Q"))
    points = chosen.mark_point(filled=True, size=70)
    return [*layers, points.encode(x=across, y=up, color=_colour(), shape=_shape(), tooltip=tips)]


def _valleys(record: Any) -> list[alt.Chart]:
    factors = [1 / 32, 1 / 8, 0.5, 1, 2, 8, 32]
    across = alt.X(
        "factor:Q",
        scale=alt.Scale(type="log", domain=[1 / 32, 32], nice=False),
        axis=alt.Axis(title="size, as a multiple of the best", values=factors, format="~g"),
    )
    up = alt.Y(
        "excess:Q",
        scale=alt.Scale(domain=[0, _MOST_EXCESS], clamp=True),
        axis=alt.Axis(title="loss above the best", format="%"),
    )
    tips = ["law:N", alt.Tooltip("factor:Q", format=".3~g"), alt.Tooltip("excess:Q", format=".1%")]
    lines = alt.Chart(record.valley.round(6)).mark_line(clip=True)
    return [lines.encode(x=across, y=up, color=_colour(), strokeDash=_dash(), tooltip=tips)]
