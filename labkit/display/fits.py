"""Fitted laws: measured points, the line through them, how sure it is, and where nothing was measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labkit.display.assemble import assemble, columns, level
from labkit.display.axes import Axis, drawable, span
from labkit.display.describe import count, listing, number, quantity, sentence, title_of, words_of
from labkit.display.dials import target_dial
from labkit.display.series import direct_labels, series_of
from labkit.display.theme import HEIGHT, NEUTRAL, WIDTH

_GRID = 80
_MANY = 20  # held-out points
_FORECAST = "forecast"  # the name of a curve that is no single fitted law


def law_fit(
    law,
    x,
    y,
    *,
    to: float | None = None,
    interval: float | None = 0.9,
    se=None,
    held_out=None,
    names: tuple[str, str] = ("examples", "test_error"),
    log_y: bool = True,
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """Measured points with the fitted law, its interval, and the range beyond the points marked "not measured".

    ``law`` has ``predict(X)`` and ``predict(X, interval=...)`` (as `labkit.laws.ScalingLaw` has), or is a mapping
    of names to several such laws. ``x`` and ``y`` are the fitted points, arrays of shape ``(n,)``; ``se`` their
    standard errors; ``to`` the size up to which the law is drawn; ``held_out`` a pair of arrays of points that
    were measured but not fitted. ``names`` are the columns' names for the axes. With ``interval=None`` no band is
    drawn. Raises ``ValueError`` for shapes that do not agree and when nothing can be drawn.

    >>> class Halving:
    ...     def predict(self, X):
    ...         return 1 / X
    >>> chart = law_fit(Halving(), [1, 2, 4], [1.0, 0.5, 0.25], to=8, interval=None)
    >>> chart.to_dict()["title"]["text"]
    ['The law fitted to 3 points reaches', '0.125 at 8 training examples']
    """
    import pandas

    level(interval)
    points = _points(x, y, se, held_out)
    several = isinstance(law, Mapping)
    laws = dict(law) if several else {getattr(law, "form", None) or "law": law}
    if not laws:
        raise ValueError("no law given: the mapping is empty")
    sizes = points["x"][np.isfinite(points["x"]) & (points["x"] > 0)]
    if sizes.empty or not np.isfinite(to or 0):
        raise ValueError(f"a law is drawn between positive sizes, got sizes up to {points['x'].max()} and to={to!r}")
    grid = np.geomspace(sizes.min(), max(to or 0, sizes.max()), _GRID)
    curves = []
    for name, one in laws.items():
        predicted = one.predict(grid) if interval is None else one.predict(grid, interval=interval)
        middle, low, high = (predicted, np.nan, np.nan) if interval is None else predicted
        curves.append(pandas.DataFrame({"series": str(name), "x": grid, "y": middle, "low": low, "high": high}))
    frame = pandas.concat(curves, ignore_index=True)
    return forecast(points, frame, interval=interval, names=names, log_y=log_y, title=title, preset=preset, data=data)


def forecast(
    points,
    curve,
    *,
    interval: float | None = 0.9,
    names: tuple[str, str] = ("examples", "test_error"),
    log_y: bool = True,
    dial: bool = False,
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """Measured points and forecast curves that are known as numbers; `law_fit` draws a law this way.

    ``points`` is a frame with columns ``x`` and ``y`` and optionally ``se`` and ``role`` (``fitted`` or
    ``held out``); ``curve`` a frame with columns ``x`` and ``y`` and optionally ``low``, ``high`` and ``series``, the
    names of fitted laws; without it, and where it says ``forecast``, the curve need not be that of a single law.
    Whatever lies beyond the largest fitted point is shaded and labelled. ``dial`` adds a slider for a target, which
    works in a page without a kernel: the chart then says how large x must be for the curve to reach it.

    Raises ``ValueError`` for a missing column, when nothing can be drawn, and for a dial on several curves.

    >>> import pandas
    >>> points = pandas.DataFrame({"x": [10, 100], "y": [0.5, 0.2]})
    >>> curve = pandas.DataFrame({"x": [10, 1000], "y": [0.5, 0.08], "low": [0.4, 0.05], "high": [0.6, 0.1]})
    >>> forecast(points, curve).description
    'Test error against training examples ...: the forecast from 2 points reaches 0.08 (90% interval 0.05 to 0.1) ...'
    """

    level(interval)
    points, curve = columns(points, "x", "y"), columns(curve, "x", "y")
    points = points if "role" in points else points.assign(role="fitted")
    curve = curve if "series" in curve else curve.assign(series=_FORECAST)
    curve = curve.assign(**{end: np.nan for end in ("low", "high") if end not in curve})
    points, note = drawable(points, ["x", "y"] if log_y else ["x"], [] if log_y else ["y"])
    fitted = points[points["role"] == "fitted"]
    if not len(fitted):
        raise ValueError("no fitted point can be drawn: all are missing or not positive")
    curve, _ = drawable(curve, ["x", "y"] if log_y else ["x"], [] if log_y else ["y"])
    kinds, labels = series_of(curve["series"], "law")
    curve = curve.assign(series=curve["series"].map(labels))
    across = span("x", title_of(names[0]), [*points["x"], *curve["x"]], log=True, length=WIDTH, pad=0.03)
    up = span("y", title_of(names[1]), _heights(points, curve, log_y), log=log_y, length=HEIGHT)
    # One band says how sure one law is; several overlapping ones say nothing, so they stay with the tooltip.
    banded = len(kinds.names) == 1 and curve["low"].notna().any()
    layers = [
        *_unmeasured(float(fitted["x"].max()), across, points),
        *_curves(curve, kinds, across, up, banded),
        *_measured(points, across, up),
    ]
    ends = curve.sort_values("x").groupby("series", sort=False)["y"].last().to_dict()
    layers += direct_labels(kinds, ends, up, WIDTH)
    turned = []
    if dial:
        if len(ends) > 1:
            raise ValueError(f"a dial reads one curve, not {len(ends)}: {listing(kinds.names)}")
        turn, more = target_dial(curve, across, up, names)
        layers, turned = [*layers, *more], [turn]
    finding = _finding(curve, fitted, names, interval if banded else None)
    subtitle = [
        "points: measured" + (", hollow: held out" if (points["role"] != "fitted").any() else ""),
        f"line: {kinds.names[0]}" if len(kinds.names) == 1 and kinds.names[0] != "law" else "",
        f"band: {interval:.0%} interval" if banded and interval else "",
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    described = sentence(
        f"{words_of(names[1]).capitalize()} against {words_of(names[0])} with {_drawn(kinds.names)}",
        count(len(fitted), "fitted point"),
        count(len(points) - len(fitted), "held-out point") if len(points) > len(fitted) else "",
        finding=finding,
    )
    size = {"width": WIDTH, "height": HEIGHT}
    return assemble(
        layers, title=title or finding, subtitle=subtitle, description=described, zoom="law", params=turned, **size
    )


def _points(x, y, se, held_out):
    import pandas

    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or not x.size:
        raise ValueError(f"x and y must be one-dimensional, equally long and not empty, got {x.shape} and {y.shape}")
    points = pandas.DataFrame({"x": x, "y": y, "role": "fitted"})
    if se is not None:
        points["se"] = np.broadcast_to(np.asarray(se, dtype=float), x.shape)
    if held_out is not None:
        later = pandas.DataFrame({"x": np.asarray(held_out[0], float), "y": np.asarray(held_out[1], float)})
        points = pandas.concat([points, later.assign(role="held out")], ignore_index=True)
    return points


def _heights(points, curve, log_y: bool) -> np.ndarray:
    """What the vertical axis must show: points and lines whole, bands as far as they stay within reach of them."""
    core = np.concatenate([points["y"], curve["y"]])
    edges = np.concatenate([curve["low"].dropna(), curve["high"].dropna()])
    if log_y:
        return np.concatenate([core, np.clip(edges, core.min() / 3, core.max() * 3)])
    room = (core.max() - core.min()) or abs(core.max())
    return np.concatenate([core, np.clip(edges, core.min() - room, core.max() + room)])


def _unmeasured(start: float, across: Axis, points) -> list:
    import altair as alt
    import pandas

    left, right = across.pixel(start), across.pixel(across.high)
    measured = (points["x"] > start).any()
    if right - left < across.length * 0.045:
        return []
    frame = pandas.DataFrame(
        {"from": [start], "to": [across.high], "words": ["held out" if measured else "not measured"]}
    )
    area = alt.Chart(frame, name="not_measured").mark_rect(color=NEUTRAL, opacity=0.12, clip=True)
    area = area.encode(x=alt.X("from:Q"), x2="to:Q", y=alt.value(0), y2=alt.value(HEIGHT))
    # Upright where the words would not fit across.
    turn = {"angle": 270, "align": "right", "dx": -6, "dy": 12} if right - left < 90 else {"dx": 6, "dy": 14}
    words = alt.Chart(frame, name="not_measured_label").mark_text(**{"align": "left", "fontStyle": "italic", **turn})
    return [area, words.encode(x=alt.X("from:Q"), y=alt.value(0), text="words:N")]


def _curves(curve, kinds, across: Axis, up: Axis, banded: bool) -> list:
    import altair as alt

    base = alt.Chart(curve.assign(bottom=curve["low"].clip(lower=up.low))).encode(
        x=alt.X("x:Q", scale=across.scale(), axis=across.axis()),
        y=alt.Y("y:Q", scale=up.scale(), axis=up.axis()),
        color=kinds.colour(),
    )
    tooltip = [alt.Tooltip("series:N", title="line"), alt.Tooltip("x:Q", title=across.title, format=",.4~r")]
    tooltip += [alt.Tooltip(f"{end}:Q", title=name, format=".4~g") for end, name in
                (("y", up.title), ("low", "low"), ("high", "high"))]  # fmt: skip
    band = base.mark_area(opacity=0.2, clip=True).encode(y=alt.Y("bottom:Q", scale=up.scale()), y2="high:Q")
    line = base.mark_line(clip=True).encode(strokeDash=kinds.dash(in_legend=True), tooltip=tooltip)
    return [*([band.properties(name="interval")] if banded else []), line.properties(name="law")]


def _hollow(points) -> dict[str, float]:
    """Smaller where there are many, lest they hide the line that they are held against."""
    many = (points["role"] == "held out").sum() > _MANY
    return {"size": 24, "strokeWidth": 1.2} if many else {"size": 70, "strokeWidth": 2}


def _measured(points, across: Axis, up: Axis) -> list:
    import altair as alt

    tooltip = [
        alt.Tooltip("role:N"),
        alt.Tooltip("x:Q", title=across.title, format=","),
        alt.Tooltip("y:Q", title=up.title, format=".4~g"),
    ]
    layers = []
    if "se" in points:
        bars = points.assign(low=(points["y"] - points["se"]).clip(lower=up.low), high=points["y"] + points["se"])
        base = alt.Chart(bars, name="standard_errors").mark_rule(clip=True)
        layers.append(base.encode(x="x:Q", y=alt.Y("low:Q"), y2="high:Q"))
    for role, name, look in (
        ("fitted", "points", {"filled": True}),
        ("held out", "held_out", {"filled": False, "shape": "diamond", **_hollow(points)}),
    ):
        own = points[points["role"] == role]
        if len(own):
            mark = alt.Chart(own, name=name).mark_point(**{"size": 50, "style": "measured", "clip": True, **look})
            layers.append(mark.encode(x="x:Q", y=alt.Y("y:Q"), tooltip=tooltip))
    return layers


def _drawn(names: tuple[str, ...]) -> str:
    return f"a {_FORECAST}" if names == (_FORECAST,) else f"fitted {listing(names)}"


def _finding(curve, fitted, names: tuple[str, str], interval: float | None) -> str:
    ends = curve.sort_values("x").groupby("series", sort=False).last()
    end = ends.iloc[0]
    place = f"at {quantity(words_of(names[0]), ends['x'].max())}"
    if len(ends) > 1:
        kind = "curve" if _FORECAST in ends.index else "law"
        return f"{count(len(ends), kind)} reach {number(ends['y'].min())} to {number(ends['y'].max())} {place}"
    law = {"law": "law fitted to", _FORECAST: "forecast from"}.get(ends.index[0], f"{ends.index[0]} law fitted to")
    sure = f" ({interval:.0%} interval {number(end['low'])} to {number(end['high'])})" if interval else ""
    return f"The {law} {count(len(fitted), 'point')} reaches {number(end['y'])}{sure} {place}"
