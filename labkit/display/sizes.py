"""The best model size for each amount of data."""

from __future__ import annotations

import numpy as np

from labkit.display.assemble import assemble, columns
from labkit.display.axes import drawable, span
from labkit.display.describe import count, number, sentence, title_of, words_of
from labkit.display.theme import COLOURS, HEIGHT, NEUTRAL, WIDTH


def best_size(
    frame,
    *,
    y: str = "validation_error",
    size: str = "parameters",
    x: str = "examples",
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """The size with the lowest mean for each amount of data, with every size that cannot be told from it.

    ``frame`` has one row per size, amount of data and seed; ``y`` is what is compared, lower is better (use a
    validation measure: choosing on test data is no choice). The small points are the sizes tried; the bar spans
    the sizes whose mean lies within two standard errors of the difference to the best; a hollow point stands at
    the smallest or largest size tried, so the best may lie beyond.

    Raises ``ValueError`` when a column is missing or nothing can be drawn.

    >>> import pandas
    >>> frame = pandas.DataFrame({"parameters": [10, 100, 1000] * 2, "examples": [50] * 3 + [500] * 3,
    ...                           "validation_error": [0.3, 0.2, 0.4, 0.2, 0.15, 0.1]})
    >>> best_size(frame).to_dict()["title"]["text"]
    ['The best of 3 sizes grows from 100 to 1,000', 'parameters between 50 and 500 training examples']
    """
    import altair as alt

    frame, note = drawable(columns(frame, x, y, size), [x, size], [y])
    cells = frame.groupby([x, size])[y].agg(mean="mean", variance="var", n="count").reset_index()
    cells = cells.rename(columns={x: "x", size: "size"})
    tried = np.sort(cells["size"].unique())
    best = _best(cells, tried)
    across = span("x", title_of(x), cells["x"], log=True, length=WIDTH)
    up = span("y", title_of(size), tried, log=True, length=HEIGHT)
    horizontal = alt.X("x:Q", scale=across.scale(), axis=across.axis())
    vertical = alt.Y("size:Q", scale=up.scale(), axis=up.axis())
    tooltip = [
        alt.Tooltip("x:Q", title=across.title, format=","),
        alt.Tooltip("size:Q", title=up.title, format=","),
        alt.Tooltip("mean:Q", title=title_of(y), format=".4~g"),
    ]
    everything = alt.Chart(cells[["x", "size", "mean"]], name="tried")
    chosen = alt.Chart(best)
    layers = [
        everything.mark_point(size=12, color=NEUTRAL, opacity=0.6, clip=True),
        chosen.mark_rule(strokeWidth=5, color=COLOURS[0], opacity=0.3, clip=True)
        .encode(y=alt.Y("low:Q"), y2="high:Q")
        .properties(name="not_told_apart"),
        chosen.mark_line(color=COLOURS[0], clip=True).properties(name="best_line"),
        chosen.transform_filter("!datum.edge").mark_point(size=70, color=COLOURS[0]).properties(name="best"),
        chosen.transform_filter("datum.edge")
        .mark_point(size=70, color=COLOURS[0], filled=False, strokeWidth=2)
        .properties(name="best_at_edge"),
    ]
    drawn = [layer.encode(x=horizontal, tooltip=tooltip) for layer in layers]
    drawn = [layer if index == 1 else layer.encode(y=vertical) for index, layer in enumerate(drawn)]
    finding = _finding(best, tried, words_of(size), words_of(x))
    seeds = frame["seed"].nunique() if "seed" in frame else 0
    edges = int(best["edge"].sum())
    subtitle = [
        count(seeds, "seed") if seeds else "",
        f"by {words_of(y)}",
        "bar: sizes not told apart from the best" if (best["low"] < best["high"]).any() else "",
        f"hollow: best at the edge of the sizes tried ({edges} of {len(best)})" if edges else "",
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    described = sentence(
        f"Best model size in {words_of(size)} against {words_of(x)} by {words_of(y)}",
        count(len(best), "amount") + " of data",
        count(seeds, "seed") if seeds else "",
        finding=finding,
    )
    size = {"width": WIDTH, "height": HEIGHT}
    return assemble(drawn, title=title or finding, subtitle=subtitle, description=described, zoom="tried", **size)


def _best(cells, tried: np.ndarray):
    import pandas

    rows = []
    for x, group in cells.groupby("x"):
        best = group.loc[group["mean"].idxmin()]
        error = np.sqrt((group["variance"] / group["n"] + best["variance"] / best["n"]).fillna(0.0))
        alike = group["size"][(group["mean"] - best["mean"] <= 2 * error) | (group["size"] == best["size"])]
        own = group["size"]
        edge = len(tried) > 1 and best["size"] in (own.min(), own.max())
        rows.append({"x": x, "size": best["size"], "mean": best["mean"], "low": alike.min(), "high": alike.max(),
                     "edge": bool(edge)})  # fmt: skip
    return pandas.DataFrame(rows)


def _finding(best, tried: np.ndarray, size: str, x: str) -> str:
    first, last = best.iloc[0], best.iloc[-1]
    if len(best) == 1:
        return f"The best of {count(len(tried), 'size')} at {number(last['x'])} {x} has {number(last['size'])} {size}"
    between = f"between {number(first['x'])} and {number(last['x'])} {x}"
    if first["size"] == last["size"]:
        return f"The best of {count(len(tried), 'size')} is {number(last['size'])} {size} at both ends, {between}"
    move = "grows" if last["size"] > first["size"] else "shrinks"
    return (
        f"The best of {count(len(tried), 'size')} {move} from {number(first['size'])} to {number(last['size'])} "
        f"{size} {between}"
    )
