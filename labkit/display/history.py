"""How training went: a measured value against the step, one line per run."""

from __future__ import annotations

import numpy as np

from labkit.display.assemble import assemble, columns
from labkit.display.axes import drawable, span
from labkit.display.describe import change, count, listing, number, sentence, title_of, words_of
from labkit.display.render import MAX_ROWS
from labkit.display.series import direct_labels, series_of
from labkit.display.theme import HEIGHT, WIDTH

_MARKED_RUNS = 25


def history(
    frame,
    *,
    metric: str | None = None,
    series: str = "run",
    x: str = "step",
    log_x: bool = False,
    log_y: bool = True,
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """A line per run of one metric against the step, as ``fit_many`` records it.

    ``frame`` has the columns run, step, metric and value (`runs.history`), and any further column to colour by:
    ``series`` names it (by default each run; above 12 runs all share one colour). ``metric`` chooses one of
    several. Long histories are thinned to evenly chosen steps, which the subtitle says. Values that a logarithm
    cannot show are left out and counted. Raises ``ValueError`` for a missing column or metric, and when even
    eight steps of every run are too many rows.

    >>> import pandas
    >>> frame = pandas.DataFrame({"run": 0, "step": [0, 1, 2], "metric": "train_loss", "value": [2.0, 1.0, 0.5]})
    >>> history(frame).description
    'Train loss against step, 1 run: train loss falls from 2 to 0.5 by step 2.'
    """
    import altair as alt

    frame = columns(frame, "run", x, "value")
    frame, metric = _one_metric(frame, metric)
    frame = frame[["run", x, "value", *([series] if series != "run" else [])]].copy()
    frame = columns(frame, series)
    runs = frame["run"].nunique()
    told_apart = series != "run" or runs <= 12
    kinds, labels = series_of(frame[series] if told_apart else ["run"], series.replace("_", " "))
    frame["series"] = frame[series].map(labels) if told_apart else "run"
    frame, note = drawable(frame, [c for c, log in ((x, log_x), ("value", log_y)) if log],
                           [c for c, log in ((x, log_x), ("value", log_y)) if not log])  # fmt: skip
    frame, thinned = _thin(frame, x, log_x)
    rows = frame.rename(columns={x: "x", "value": "y"})[["run", "series", "x", "y"]].sort_values(["run", "x"])
    across = span("x", title_of(x), rows["x"], log=log_x, length=WIDTH, pad=0.03)
    up = span("y", title_of(metric), rows["y"], log=log_y, length=HEIGHT)
    lines = (
        alt.Chart(rows, name="runs")
        .mark_line(strokeWidth=1.5 if runs <= 12 else 0.8, opacity=0.9 if runs <= 12 else 0.45, clip=True)
        .encode(
            x=alt.X("x:Q", scale=across.scale(), axis=across.axis()),
            y=alt.Y("y:Q", scale=up.scale(), axis=up.axis()),
            color=kinds.colour(),
            detail="run:N",
            tooltip=[
                alt.Tooltip("run:N"),
                *([alt.Tooltip("series:N", title=kinds.title)] if series != "run" else []),
                alt.Tooltip("x:Q", title=across.title, format=","),
                alt.Tooltip("y:Q", title=up.title, format=".4~g"),
            ],
        )
    )
    layers = [lines, *(_markers(rows, kinds) if runs <= _MARKED_RUNS else [])]
    last = rows.groupby(["series", "run"], sort=False)["y"].last()
    ends = last.groupby("series", sort=False).median().to_dict()
    layers += direct_labels(kinds, ends, up, WIDTH)
    finding = _finding(rows, words_of(metric))
    subtitle = [
        count(runs, "run"),
        thinned,
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    described = sentence(
        f"{words_of(metric).capitalize()} against {words_of(x)}",
        count(runs, "run"),
        listing(kinds.names) if len(kinds.names) > 1 else "",
        finding=finding,
    )
    size = {"width": WIDTH, "height": HEIGHT}
    return assemble(layers, title=title or finding, subtitle=subtitle, description=described, zoom="runs", **size)


def _one_metric(frame, metric: str | None):
    from labkit.registry import nearest

    if "metric" not in frame:
        return frame, metric or "value"
    known = list(dict.fromkeys(frame["metric"]))
    metric = metric or known[0]
    if metric not in known:
        raise ValueError(f"no metric {metric!r}: {nearest(metric, known)}")
    return frame[frame["metric"] == metric], metric


def _markers(rows, kinds) -> list:
    """A few points on each line in its series' shape: a dash would drown in the noise of a loss curve."""
    import altair as alt

    if len(kinds.names) < 2:
        return []
    place = rows.groupby("run")["x"].rank(method="first")
    length = rows.groupby("run")["x"].transform("size")
    every = (length / 7).clip(lower=1).astype(int)
    marked = rows[((place - 1) % every == every // 2) | (length < 3)]
    mark = alt.Chart(marked, name="markers").mark_point(size=40, clip=True)
    return [mark.encode(x="x:Q", y=alt.Y("y:Q"), color=kinds.colour(), shape=kinds.shape())]


def _thin(frame, x: str, log_x: bool):
    """At most the rows that a chart may carry, at steps chosen evenly on the axis, first and last kept."""
    limit = MAX_ROWS - 8 * _MARKED_RUNS
    steps = np.sort(frame[x].unique())
    if len(frame) <= limit and len(steps) <= WIDTH:
        return frame, ""
    # More steps than pixels only thicken the line.
    keep = min(WIDTH // 2, int(len(steps) * limit / len(frame)))
    while keep >= 8:
        positions = np.geomspace(1, len(steps), keep) - 1 if log_x else np.linspace(0, len(steps) - 1, keep)
        chosen = frame[frame[x].isin(steps[np.unique(positions.round().astype(int))])]
        if len(chosen) <= limit:
            return chosen, f"{count(chosen[x].nunique(), 'step')} of {len(steps):,} drawn"
        keep = int(keep * 0.9)
    runs = frame["run"].nunique()
    raise ValueError(f"{runs:,} runs are too many for one chart: select some, or aggregate them to mean and band")


def _finding(rows, metric: str) -> str:
    ends = rows.groupby("run", sort=False)["y"].agg(["first", "last"]).median()
    whose = "Median " + metric if rows["run"].nunique() > 1 else metric.capitalize()
    return f"{whose} {change(ends['first'], ends['last'])} by step {number(rows['x'].max())}"
