"""Computed curves, with measured points on them: for what a theory says and an experiment finds."""

from __future__ import annotations

from labkit.display.assemble import assemble, columns
from labkit.display.axes import drawable, span
from labkit.display.choice_dial import NAME, choice_dial
from labkit.display.describe import count, listing, sentence, title_of, words_of
from labkit.display.series import direct_labels, series_of
from labkit.display.theme import HEIGHT, WIDTH

_KEY = {True: "points: measured, with standard errors", False: "points: measured"}
_ROOM_AROUND = 1.0
"""Standard errors of a point that the vertical axis must show."""


def curves(
    frame,
    *,
    x: str,
    y: str,
    series: str,
    points=None,
    dial: str | None = None,
    dial_value: float | None = None,
    log_x: bool = True,
    log_y: bool = True,
    lines: str = "computed",
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """A line per series, and measured points with their standard errors in the same colours.

    Arguments:
        frame: columns ``x``, ``y``, ``series`` and, if asked for, ``dial``: the curves.
        points: frame with the same columns and optionally ``se``, the standard error of y; None draws none.
        dial: column of numbers of which one is shown at a time; a slider in the page chooses it, without a kernel.
        dial_value: where the dial starts; None is its middle value.
        log_x, log_y: whether the axes are logarithmic. Their ranges hold all values of the dial, so lines move
            against fixed axes.
        lines: what the lines are, for the line below the headline; "means of 3 seeds", say.
        title, preset, data: the headline (what is drawn unless told), and what the line below it says.

    Raises ``ValueError`` for a missing column, series of points that have no curve, and when nothing can be drawn.

    >>> import pandas
    >>> frame = pandas.DataFrame({"pool": [1, 10, 1, 10], "error": [0.5, 0.1, 0.4, 0.2], "keep": ["a", "a", "b", "b"]})
    >>> curves(frame, x="pool", y="error", series="keep").description
    'Error against pool for a and b, 4 values (computed).'
    """

    turned = [dial] if dial else []
    frame = columns(frame, x, y, series, *turned)[[x, y, series, *turned]]
    kinds, labels = series_of(frame[series], series.replace("_", " "), direct=dial is None)
    measured = None
    if points is not None:
        measured = columns(points, x, y, series, *turned)
        unknown = [name for name in measured[series].unique() if name not in labels]
        if unknown:
            raise ValueError(f"points of {listing(unknown)} have no curve; the curves are {listing(labels)}")
    positive = [c for c, log in ((x, log_x), (y, log_y)) if log]
    finite = [c for c, log in ((x, log_x), (y, log_y)) if not log]
    frame, note = drawable(frame, positive, [*finite, *turned])
    frame = _named(frame, x, y, series, labels, dial, kinds)
    reach = list(frame["y"])
    if measured is not None:
        measured, missed = drawable(measured, positive, [*finite, *turned])
        measured, note = _named(measured, x, y, series, labels, dial, kinds), note or missed
        if "se" not in measured:
            measured["se"] = float("nan")
        reach += [*measured["y"], *(measured["y"] + _ROOM_AROUND * measured["se"].fillna(0))]
    across = span("x", title_of(x), frame["x"], log=log_x, length=WIDTH, pad=0.03, each=log_x)
    up = span("y", title_of(y), reach, log=log_y, length=HEIGHT)
    turn, condition = choice_dial(frame[NAME].unique(), dial, dial_value) if dial else (None, None)
    layers = _lines(frame, kinds, across, up, measured is not None)
    layers += _points(measured, kinds, across, up) if measured is not None else []
    if condition:
        layers = [layer.transform_filter(condition) for layer in layers]
    ends = frame.sort_values("x").groupby("series", sort=False)["y"].last().to_dict()
    layers += direct_labels(kinds, ends, up, WIDTH)
    what = f"{words_of(y).capitalize()} against {words_of(x)}"
    subtitle = [
        f"lines: {lines}",
        _KEY[bool(measured["se"].notna().any())] if measured is not None else "",
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    described = sentence(
        f"{what} for {listing(kinds.names)}",
        f"{count(len(frame), 'value')} ({lines})",
        count(len(measured), "measured point") if measured is not None else "",
        f"with a dial for {words_of(dial)}" if dial else "",
        finding=title or "",
    )
    return assemble(
        layers,
        title=title or what,
        subtitle=subtitle,
        description=described,
        width=WIDTH,
        height=HEIGHT,
        zoom="curves",
        params=[turn] if turn is not None else [],
    )


def _named(frame, x, y, series, labels, dial, kinds):
    named = frame.rename(columns={x: "x", y: "y", **({dial: NAME} if dial else {})})
    named["series"] = frame[series].map(labels)
    named["dash"] = named["series"].map(kinds.codes)
    kept = ["x", "y", "series", "dash", *([NAME] if dial else []), *(["se"] if "se" in named else [])]
    return named[kept].sort_values([*([NAME] if dial else []), "series", "x"], ignore_index=True)


def _encoded(chart, kinds, across, up):
    import altair as alt

    return chart.encode(
        x=alt.X("x:Q", scale=across.scale(), axis=across.axis()),
        y=alt.Y("y:Q", scale=up.scale(), axis=up.axis()),
        color=kinds.colour(),
    )


def _tooltip(kinds, across, up):
    import altair as alt

    return [
        alt.Tooltip("series:N", title=kinds.title),
        alt.Tooltip("x:Q", title=across.title, format=",.4~r"),
        alt.Tooltip("y:Q", title=up.title, format=".4~g"),
    ]


def _lines(frame, kinds, across, up, pointed: bool) -> list:
    import altair as alt

    lines = _encoded(alt.Chart(frame, name="curves").mark_line(clip=True), kinds, across, up)
    return [lines.encode(strokeDash=kinds.dash(in_legend=not pointed), tooltip=_tooltip(kinds, across, up))]


def _points(measured, kinds, across, up) -> list:
    import altair as alt

    tips = _tooltip(kinds, across, up)
    dots = _encoded(alt.Chart(measured, name="points").mark_point(size=50, clip=True), kinds, across, up)
    dots = dots.encode(shape=kinds.shape(), tooltip=tips)
    if measured["se"].isna().all():
        return [dots]
    bars = measured.assign(low=(measured["y"] - measured["se"]).clip(lower=up.low), y=measured["y"] + measured["se"])
    bars = _encoded(alt.Chart(bars, name="standard_errors").mark_rule(clip=True), kinds, across, up)
    return [bars.encode(y2="low:Q"), dots]
