"""The chart of a training: losses, noise of the gradient and learning rate, one above the other, over the steps."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

_WIDTH = 460
_HEIGHTS = {"loss": 170, "noise": 90, "rate": 70}
_SIDE = 48  # pixels for the numbers beside an axis, so that charts stay in line and never change their size
_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
_LOSSES = {"batch_loss": "training, by batch", "validation_loss": "validation"}
USERMETA = {"embedOptions": {"renderer": "svg"}}


def draw(history: pd.DataFrame, steps: int, batch: int, sentence: str) -> alt.VConcatChart:
    """Three charts over the same steps.

    Arguments:
        history: frame with columns run, step, metric, value; metrics batch_loss, validation_loss, noise_scale and
            learning_rate. Values that a logarithm cannot show are left out.
        steps: of the whole training: the axis does not move while it goes on.
        batch: examples per step, a line to hold the noise to.
        sentence: title and description.
    """
    history = history[np.isfinite(history["value"]) & (history["value"] > 0)]
    losses = history[history["metric"].isin(_LOSSES)].assign(what=lambda frame: frame["metric"].map(_LOSSES))
    noise, rate = (history[history["metric"] == metric] for metric in ("noise_scale", "learning_rate"))
    upper = _lines(losses, steps, "loss", "loss (nats or squared)", _decades(losses["value"], 0.1, 10))
    colour = alt.Color(
        "what:N",
        scale=alt.Scale(domain=list(_LOSSES.values()), range=[_BLUE, _ORANGE]),
        legend=alt.Legend(title=None, orient="top-right", symbolType="stroke", symbolOpacity=1),
    )
    dash = alt.StrokeDash("what:N", scale=alt.Scale(domain=list(_LOSSES.values()), range=[[1, 0], [6, 3]]), legend=None)
    upper = upper.encode(color=colour, strokeDash=dash)
    domain = _decades(pd.concat([noise["value"], pd.Series([float(batch)])]), 1, 1000)
    middle = _lines(noise, steps, "noise", "noise scale (examples)", domain).encode(color=alt.value(_GREEN))
    held = alt.Chart(pd.DataFrame({"value": [batch], "words": [f"batch of {batch:,}"]}))
    across = alt.value(_WIDTH - 4)
    level = held.mark_rule(strokeDash=[4, 3]).encode(y="value:Q")
    words = held.mark_text(align="right", dy=-6).encode(y="value:Q", x=across, text="words:N")
    top = float(rate["value"].max()) * 1.1 if len(rate) else 1.0
    lower = _lines(rate, steps, "rate", "learning rate", [0, top], log=False).encode(color=alt.value(_PURPLE))
    return alt.vconcat(upper, alt.layer(middle, level, words), lower, spacing=14, bounds="flush").properties(
        title=sentence, description=sentence, usermeta=USERMETA
    )


def _lines(frame: pd.DataFrame, steps: int, name: str, title: str, domain: list[float], *, log: bool = True):
    """A line per run; the axes are fixed by the training, not by how far it is."""
    last = name == "rate"
    scale = alt.Scale(type="log" if log else "linear", domain=domain, nice=False)
    axis = alt.Axis(
        minExtent=_SIDE, maxExtent=_SIDE, format=",.1~r" if log else ".3~g", tickCount=4, **_ticks(domain, log)
    )
    across = alt.Axis(
        labels=last, ticks=last, format=",~d", title="steps" if last else None, tickCount=6, labelFlush=True
    )
    return (
        alt.Chart(frame[["run", "step", "value", *frame.columns.intersection(["what"])]], name=name)
        .mark_line(strokeWidth=1.6, opacity=0.85, clip=True)
        .encode(
            x=alt.X("step:Q", scale=alt.Scale(domain=[0, steps], nice=False), axis=across),
            y=alt.Y("value:Q", scale=scale, axis=axis, title=title.split(" (")[0]),
            detail="run:N",
            tooltip=["run:N", alt.Tooltip("step:Q", format=","), alt.Tooltip("value:Q", title=title, format=".4~g")],
        )
        .properties(width=_WIDTH, height=_HEIGHTS[name])
    )


def _ticks(domain: list[float], log: bool) -> dict[str, list[float]]:
    """On a log axis, ticks at the powers of ten, and between where there are few."""
    if not log:
        return {}
    powers = range(int(np.floor(np.log10(domain[0]))), int(np.ceil(np.log10(domain[1]))) + 1)
    values = [factor * 10.0**power for power in powers for factor in ((1, 2, 5) if len(powers) < 5 else (1,))]
    # none at the very ends, where its label would change the size of the picture
    low, high = domain[0] * (domain[1] / domain[0]) ** 0.05, domain[1] / (domain[1] / domain[0]) ** 0.05
    return {"values": [value for value in values if low <= value <= high]}


def _decades(values: pd.Series, low: float, high: float) -> list[float]:
    """Ends of a log axis on half powers of ten, so that it seldom jumps while values come in."""
    if values.empty:
        return [low, high]
    ends = 2 * np.log10([values.min() / 1.05, values.max() * 1.05])
    return [float(10 ** (np.floor(ends[0]) / 2)), float(10 ** (np.ceil(ends[1]) / 2))]
