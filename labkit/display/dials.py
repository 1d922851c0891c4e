"""Dials that Vega itself turns: they work in a page without a kernel and without a network."""

from __future__ import annotations

import math

from labkit.display.axes import Axis
from labkit.display.describe import plural, words_of

STEPS = 200  # of a slider, evenly spread over its range


def target_dial(curve, across: Axis, up: Axis, names: tuple[str, str]) -> tuple[object, list]:
    """A slider for a target, and the layers that show where a falling curve reaches it: the parameter and the layers.

    ``curve`` is a frame with columns x and y, of one series. The place is found between the curve's points, straight in
    logarithms of x and, where the axis is logarithmic, of y.

    >>> import pandas
    >>> from labkit.display.axes import span
    >>> axes = [span(name, name, [1, 100], log=True, length=100) for name in "xy"]
    >>> curve = pandas.DataFrame({"x": [1, 100], "y": [1.0, 0.1]})
    >>> dial, layers = target_dial(curve, *axes, ("examples", "test_error"))
    >>> dial.bind.name, round(dial.value, 3), len(layers)
    ('target test error ', 0.315, 3)
    """
    import altair as alt

    low, high = float(curve["y"].min()), float(curve["y"].max())
    middle = math.sqrt(low * high) if up.base and low > 0 else (low + high) / 2
    step = float(f"{(high - low) / STEPS:.1g}") or 1.0
    first = math.ceil(low / step) * step
    value = round(first + round((middle - first) / step) * step, 12)
    dial = alt.VariableParameter(
        name="target",
        value=value,
        bind=alt.BindRange(input="range", min=first, max=high, step=step, name=f"target {words_of(names[1])} "),
    )
    one = {"values": [{}]}
    level = alt.Chart(alt.Data(**one), name="target_level").transform_calculate(y="target")
    rule = level.mark_rule(strokeDash=[4, 3], clip=True).encode(y=alt.Y("y:Q"))
    scaled = (lambda name: f"log({name})") if up.base else (lambda name: f"({name})")
    share = f"({scaled('datum.y')} - {scaled('target')}) / ({scaled('datum.y')} - {scaled('datum.next_y')})"
    between = f"exp(log(datum.x) + ({share}) * (log(datum.next_x) - log(datum.x)))"
    crossing = (
        alt.Chart(curve[["x", "y"]].sort_values("x"), name="target_crossing")
        .transform_window(next_x="lead(x)", next_y="lead(y)", sort=[alt.SortField("x")])
        .transform_filter(
            "datum.next_y != null && datum.y >= target && datum.next_y <= target && datum.y > datum.next_y"
        )
        .transform_calculate(needed=between)
        .transform_aggregate(needed="min(needed)")
    )
    words = f"format(target, '.3~g') + ' needs ' + format(datum.needed, ',.3~r') + ' {plural(words_of(names[0]))}'"
    down = crossing.mark_rule(strokeDash=[4, 3], clip=True).encode(x=alt.X("needed:Q"))
    said = crossing.transform_calculate(words=words).mark_text(align="left", dx=6, baseline="bottom", dy=-6)
    left = alt.value(8)
    bottom = alt.value(up.length)
    layers = [
        rule,
        down.properties(name="target_needed"),
        said.encode(x=left, y=bottom, text="words:N").properties(name="target_words"),
    ]
    return dial, layers
