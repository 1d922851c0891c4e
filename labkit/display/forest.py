"""Estimates side by side, each with its interval: exponents, offsets, effects."""

from __future__ import annotations

import numpy as np

from labkit.display.assemble import assemble, columns, level
from labkit.display.axes import drawable, span
from labkit.display.describe import count, listing, number, one_line, sentence, short
from labkit.display.series import distinct_labels, series_of
from labkit.display.theme import NEUTRAL, WIDTH

_ROW = 26
_DODGE = 9


def forest(
    frame,
    *,
    value: str = "value",
    label: str = "name",
    se: str = "se",
    low: str = "low",
    high: str = "high",
    series: str | None = None,
    reference: float | None = None,
    reference_label: str = "",
    axis: str | None = None,
    interval: float = 0.9,
    log: bool = False,
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """One row per estimate, in the order given: a dot for the value and a bar for its interval.

    ``frame`` has the columns ``label`` and ``value``, and either ``low`` and ``high`` or ``se`` (from which the
    normal interval is made); without them dots stand alone. ``series`` is a column told apart by colour and shape
    within a row. ``reference`` draws a dashed line, such as a published value, named ``reference_label``. ``axis``
    is the axis title with its unit. Raises ``ValueError`` when columns are missing or nothing can be drawn.

    >>> import pandas
    >>> frame = pandas.DataFrame({"name": ["mlp", "softmax"], "value": [0.5, 0.3], "se": [0.02, 0.01]})
    >>> forest(frame, axis="exponent", reference=0.5).description
    'Exponent of mlp and softmax with 90% intervals: 1 of 2 intervals contains 0.5.'
    """
    import altair as alt
    import pandas

    frame = columns(frame, label, value, *([series] if series else []))
    level(interval)
    frame, note = drawable(frame, [value] if log else [], [] if log else [value])
    kinds, groups = series_of(frame[series] if series else ["estimate"], (series or "").replace("_", " "), direct=False)
    names = distinct_labels(frame[label], 34)
    ends = _ends(frame, value, se, low, high, interval)
    rows = pandas.DataFrame(
        {
            "label": [names[one] for one in frame[label]],
            "full": [one_line(one, 120) for one in frame[label]],
            "value": frame[value].to_numpy(dtype=float),
            "low": ends[0],
            "high": ends[1],
            "series": [groups[one] for one in frame[series]] if series else "estimate",
        }
    )
    order = list(dict.fromkeys(rows["label"]))
    words = one_line(axis or value.replace("_", " "))
    shown = [*rows["value"], *rows["low"], *rows["high"], *([] if reference is None else [reference])]
    across = span("x", words, shown, log=log, length=WIDTH)
    rows["low_drawn"] = rows["low"].clip(lower=across.low) if log else rows["low"]
    step = max(_ROW, _DODGE * len(kinds.names) + 12)
    height = step * len(order)
    slots = {name: (index - (len(kinds.names) - 1) / 2) * _DODGE for index, name in enumerate(kinds.names)}
    tooltip = [
        alt.Tooltip("full:N", title=label.replace("_", " ")),
        *([alt.Tooltip("series:N", title=kinds.title)] if series else []),
        alt.Tooltip("value:Q", title=words, format=".4~g"),
        alt.Tooltip("low:Q", format=".4~g"),
        alt.Tooltip("high:Q", format=".4~g"),
    ]
    layers = _reference(reference, reference_label, height)
    row_axis = alt.Axis(title=None, grid=False, labelLimit=240, domain=False, ticks=False)
    for name, offset in slots.items():
        own = rows[rows["series"] == name]
        base = alt.Chart(own).encode(
            y=alt.Y("label:N", sort=order, axis=row_axis), color=kinds.colour(), tooltip=tooltip
        )
        x = alt.X("value:Q", scale=across.scale(), axis=across.axis(zooms=False))
        if own["low"].notna().any():
            bars = base.mark_rule(strokeWidth=2.5, opacity=0.8, yOffset=offset)
            layers.append(bars.encode(x=alt.X("low_drawn:Q", scale=across.scale()), x2="high:Q"))
        layers.append(base.mark_point(size=60, yOffset=offset).encode(x=x, shape=kinds.shape()))
    layers = [layer.properties(name=_name(layer, index)) for index, layer in enumerate(layers)]
    finding = _finding(rows, words, reference, reference_label)
    with_interval = rows["low"].notna().any()
    subtitle = [
        f"bar: {interval:.0%} interval" if with_interval else "no intervals given",
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    bars = f" with {interval:.0%} intervals" if with_interval else ""
    described = sentence(
        f"{words[:1].upper()}{words[1:]} of {listing(order)}{bars}",
        count(len(kinds.names), "series") if series else "",
        finding=finding,
    )
    size = {"width": WIDTH, "height": height}
    return assemble(layers, title=title or finding, subtitle=subtitle, description=described, **size)


def _ends(frame, value: str, se: str, low: str, high: str, interval: float) -> tuple[np.ndarray, np.ndarray]:
    if low in frame and high in frame:
        return frame[low].to_numpy(dtype=float), frame[high].to_numpy(dtype=float)
    if se in frame:
        from scipy.special import ndtri

        middle, reach = frame[value].to_numpy(dtype=float), frame[se].to_numpy(dtype=float) * ndtri((1 + interval) / 2)
        return middle - reach, middle + reach
    nothing = np.full(len(frame), np.nan)
    return nothing, nothing


def _reference(reference: float | None, words: str, height: int) -> list:
    import altair as alt
    import pandas

    if reference is None:
        return []
    base = alt.Chart(pandas.DataFrame({"at": [float(reference)], "words": [short(words, 40)]})).encode(x=alt.X("at:Q"))
    rule = base.mark_rule(strokeDash=[4, 3], color=NEUTRAL)
    if not words:
        return [rule]
    return [rule, base.mark_text(baseline="bottom", dy=-4, clip=False).encode(y=alt.value(0), text="words:N")]


def _name(layer, index: int) -> str:
    return f"{layer.mark.type}_{index}"


def _finding(rows, words: str, reference: float | None, named: str) -> str:
    if reference is not None and rows["low"].notna().any():
        known = rows[rows["low"].notna()]
        inside = int(((known["low"] <= reference) & (known["high"] >= reference)).sum())
        verb = "contains" if inside == 1 else "contain"
        whose = f" ({one_line(named, 40)})" if named else ""
        return f"{inside} of {count(len(known), 'interval')} {verb} {number(reference)}{whose}"
    least, most = rows.loc[rows["value"].idxmin()], rows.loc[rows["value"].idxmax()]
    subject = f"{words[:1].upper()}{words[1:]}".partition(" (")[0]
    if len(rows) == 1:
        return f"{subject} of {least['label']} is {number(least['value'])}"
    return f"{subject} from {number(least['value'])} ({least['label']}) to {number(most['value'])} ({most['label']})"
