"""The chart of a training: losses, noise of the gradient and learning rate, one above the other, over the steps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.lessons.panels import vega
from labkit.lessons.panels.vega import WIDTH, Spec, layer, number, told, words

_HEIGHTS = {"loss": 170, "noise": 90, "rate": 70}
_SIDE = 48  # pixels for the numbers beside an axis, so that charts stay in line and never change their size
_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
_LOSSES = {"batch_loss": "training, by batch", "validation_loss": "validation"}


def draw(history: pd.DataFrame, steps: int, batch: int, sentence: str) -> Spec:
    """Three charts over the same steps.

    Arguments:
        history: frame with columns run, step, metric, value; metrics batch_loss, validation_loss, noise_scale and
            learning_rate. Values that a logarithm cannot show are left out.
        steps: of the whole training: the axis does not move while it goes on.
        batch: examples per step, a line to hold the noise to.
        sentence: title and description.
    """
    history = history[np.isfinite(history["value"]) & (history["value"] > 0)]
    losses = history[history["metric"].isin(_LOSSES)]
    losses = losses.assign(what=losses["metric"].map(_LOSSES))
    noise, rate = (history[history["metric"] == metric] for metric in ("noise_scale", "learning_rate"))
    noise_ends = _decades(pd.concat([noise["value"], pd.Series([float(batch)])]), 1, 1000)
    top = float(rate["value"].max()) * 1.1 if len(rate) else 1.0
    curves = {
        "loss": _line(steps, "loss", "loss (nats or squared)", _decades(losses["value"], 0.1, 10), **_losses()),
        "noise": _line(steps, "noise", "noise scale (examples)", noise_ends, color={"value": _GREEN}),
        "rate": _line(steps, "rate", "learning rate", [0, top], log=False, color={"value": _PURPLE}),
    }
    layers = {name: [curve] for name, curve in curves.items()}
    layers["noise"] += [
        layer("batch", "rule", {"strokeDash": [4, 3]}, y=number("value")),
        layer("batch", "text", {"align": "right", "dy": -6}, y=number("value"), x={"value": WIDTH - 4},
              text=words("words")),
    ]  # fmt: skip
    kept = ["run", "step", "value"]
    data = {"loss": losses[[*kept, "what"]], "noise": noise[kept], "rate": rate[kept]}
    data["batch"] = pd.DataFrame({"value": [batch], "words": [f"batch of {batch:,}"]})
    parts = [{"layer": each, "width": WIDTH, "height": _HEIGHTS[name]} for name, each in layers.items()]
    return vega.chart(sentence, data, vconcat=parts, spacing=14, bounds="flush", title=sentence)


def _losses() -> Spec:
    """How the two losses are told apart."""
    names = list(_LOSSES.values())
    legend = {"title": None, "orient": "top-right", "symbolType": "stroke", "symbolOpacity": 1}
    return {
        "color": words("what", scale={"domain": names, "range": [_BLUE, _ORANGE]}, legend=legend),
        "strokeDash": words("what", scale={"domain": names, "range": [[1, 0], [6, 3]]}, legend=legend),
    }


def _line(steps: int, name: str, title: str, domain: list[float], *, log: bool = True, **looks: Spec) -> Spec:
    """A line per run; the axes are fixed by the training, not by how far it is."""
    last = name == "rate"
    axis = {"minExtent": _SIDE, "maxExtent": _SIDE, "format": ",.1~r" if log else ".3~g", "tickCount": 4}
    axis |= {"title": title.split(" (")[0], **_ticks(domain, log)}
    across = {"labels": last, "ticks": last, "format": ",~d", "title": "steps" if last else None}
    across |= {"tickCount": 6, "labelFlush": True}
    return layer(
        name,
        "line",
        {"strokeWidth": 1.6, "opacity": 0.85, "clip": True},
        x=number("step", scale={"domain": [0, steps], "nice": False}, axis=across),
        y=number("value", scale={"type": "log" if log else "linear", "domain": domain, "nice": False}, axis=axis),
        detail=words("run"),
        tooltip=[told("run"), told("step", format=","), told("value", title, ".4~g")],
        **looks,
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
