"""A map of cells over two numbers: which of several is best where, or how large a value is."""

from __future__ import annotations

import numpy as np

from labkit.display.assemble import assemble, columns
from labkit.display.axes import span
from labkit.display.choice_dial import NAME, choice_dial
from labkit.display.describe import count, listing, sentence, title_of, words_of
from labkit.display.series import series_of
from labkit.display.theme import COLOURS, HEIGHT, WIDTH, ink_on

_LEAST_LABELLED = 0.03
"""Share of the cells that a region needs for its name to be written into it."""


def heat(
    frame,
    *,
    x: str,
    y: str,
    value: str,
    dial: str | None = None,
    dial_value: float | None = None,
    log_x: bool = True,
    log_y: bool = False,
    log_value: bool = False,
    more: tuple[str, ...] = (),
    order: tuple[str, ...] = (),
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """A cell for every pair of x and y, coloured by a value.

    Arguments:
        frame: one row per cell with the columns ``x``, ``y`` (numbers) and ``value``: names make regions, each named
            where it lies; numbers make a scale of colours.
        dial: column of numbers of which one is shown at a time; a slider in the page chooses it, without a kernel.
        dial_value: where the dial starts; None is its middle value.
        log_x, log_y, log_value: which of the three are on logarithmic scales.
        more: further columns that a cell tells when it is pointed at.
        order: names in the order of their colours, those that no cell has included; () is the order of the rows.
        title, preset, data: the headline (what is drawn unless told), and what the line below it says.

    Raises ``ValueError`` for a missing column, values that cannot be drawn, or one cell given twice.

    >>> import pandas
    >>> frame = pandas.DataFrame({"pool": [1, 10, 1, 10], "fraction": [0.1, 0.1, 1, 1], "best": ["a", "b", "a", "a"]})
    >>> heat(frame, x="pool", y="fraction", value="best").description
    'Best by pool and fraction kept, 4 cells: a in 75% and b in 25% of the cells.'
    """
    import altair as alt
    import pandas

    turned = [dial] if dial else []
    frame = columns(frame, x, y, value, *turned, *more)
    # Under names of their own, for no column shall stand in the way of another.
    told = {f"more_{place}": name for place, name in enumerate(more)}
    source = {"x": x, "y": y, "value": value, **({NAME: dial} if dial else {}), **told}
    cells = pandas.DataFrame({name: np.asarray(frame[column]) for name, column in source.items()})
    cells = cells if dial else cells.assign(**{NAME: 0.0})
    for name, log in (("x", log_x), ("y", log_y), (NAME, False)):
        numbers = np.asarray(cells[name], dtype=float)
        if not np.isfinite(numbers).all() or (log and (numbers <= 0).any()):
            raise ValueError(
                f"the cells need {'positive' if log else 'finite'} numbers in { {'x': x, 'y': y}.get(name, dial)!r}"
            )
    if cells.duplicated([NAME, "x", "y"]).any():
        raise ValueError(f"some cells of {x}, {y}{f' and {dial}' if dial else ''} are given twice; aggregate first")
    named = not np.issubdtype(np.asarray(cells["value"]).dtype, np.number)
    for name, log in (("x", log_x), ("y", log_y)):
        low, high = edges(np.unique(cells[name]), log)
        at = np.searchsorted(np.unique(cells[name]), cells[name])
        cells[f"{name}_low"], cells[f"{name}_high"] = low[at], high[at]
    across = span("x", title_of(x), [*cells["x_low"], *cells["x_high"]], log=log_x, length=WIDTH, pad=0.0)
    up = span("y", title_of(y), [*cells["y_low"], *cells["y_high"]], log=log_y, length=HEIGHT, pad=0.0)
    turn, condition = choice_dial(cells[NAME].unique(), dial, dial_value) if dial else (None, None)
    if named:
        kinds, labels = series_of([*order, *cells["value"]], "", direct=False)
        cells["series"] = cells.pop("value").map(labels)
        finding = _shares(cells, kinds.names)
        colours = [COLOURS[index % len(COLOURS)] for index in range(len(kinds.names))]
        scale, legend = alt.Scale(domain=list(kinds.names), range=colours), kinds.legend
        if legend is not None:
            legend["symbolType"] = "square"
    else:
        finding = ""
        scale = alt.Scale(scheme="viridis", type="log" if log_value else "linear", reverse=True)
        legend = alt.Legend(title=title_of(value), orient="right")
    # A map has many cells: digits that no eye sees would be most of what a page carries.
    numeric = cells.select_dtypes("number").columns
    cells[numeric] = cells[numeric].map(lambda number: float(f"{number:.4g}"))
    # Outlined in its own colour, for where cells meet a page's pixels would show thin gaps.
    field = "series:N" if named else "value:Q"
    outlined = legend if named else None
    paint = {
        "fill": alt.Fill(field, scale=scale, legend=legend),
        "stroke": alt.Stroke(field, scale=scale, legend=outlined),
    }
    layers = [_rectangles(cells, across, up, paint, value, told)]
    layers += _names(cells, across, up, dict(zip(kinds.names, colours, strict=True))) if named else []
    if condition:
        layers = [layer.transform_filter(condition) for layer in layers]
    what = f"{words_of(value).capitalize()} by {words_of(x)} and {words_of(y)}"
    subtitle = [f"data: {data}" if data else "", f"preset {preset}" if preset else ""]
    described = sentence(
        what,
        count(len(cells), "cell"),
        f"with a dial for {words_of(dial)}" if dial else "",
        finding=title or finding,
    )
    return assemble(
        layers,
        title=title or what,
        subtitle=subtitle,
        description=described,
        width=WIDTH,
        height=HEIGHT,
        params=[turn] if turn is not None else [],
    )


def edges(places: np.ndarray, log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where the cell of each place begins and ends: half-way to its neighbours, and as far beyond the outer ones.

    ``places`` are sorted and distinct; half-way is meant in logarithms with ``log``.

    >>> [end.tolist() for end in edges(np.array([1.0, 2.0, 4.0]), log=False)]
    [[0.5, 1.5, 3.0], [1.5, 3.0, 5.0]]
    """
    at = np.log(places) if log else np.asarray(places, dtype=float)
    gaps = np.diff(at) if len(at) > 1 else np.array([1.0])
    between = at[:-1] + gaps[: len(at) - 1] / 2
    low, high = np.r_[at[0] - gaps[0] / 2, between], np.r_[between, at[-1] + gaps[-1] / 2]
    return (np.exp(low), np.exp(high)) if log else (low, high)


def _rectangles(cells, across, up, paint, value, told):
    import altair as alt

    tooltip = [
        alt.Tooltip("x:Q", title=across.title, format=",.4~r"),
        alt.Tooltip("y:Q", title=up.title, format=".4~g"),
        alt.Tooltip("series:N", title=words_of(value)) if "series" in cells else _number("value", words_of(value)),
        *(_number(name, words_of(column)) for name, column in told.items()),
    ]
    return (
        alt.Chart(cells, name="cells")
        .mark_rect(opacity=1, strokeWidth=0.6)
        .encode(
            x=alt.X("x_low:Q", scale=across.scale(), axis=across.axis(zooms=False)),
            x2="x_high:Q",
            y=alt.Y("y_low:Q", scale=up.scale(), axis=up.axis(zooms=False)),
            y2="y_high:Q",
            **paint,
            tooltip=tooltip,
        )
    )


def _number(name: str, title: str):
    import altair as alt

    return alt.Tooltip(f"{name}:Q", title=title, format=".4~g")


def _names(cells, across, up, colours):
    """The name of each region, in its cell that is nearest to its middle, as two layers."""
    import altair as alt
    import pandas

    rows = []
    for (turn, name), region in cells.groupby([NAME, "series"], sort=False):
        whole = (cells[NAME] == turn).sum()
        if len(region) >= _LEAST_LABELLED * whole:
            places = np.array([[across.pixel(a), up.pixel(b)] for a, b in zip(region["x"], region["y"], strict=True)])
            nearest = np.argmin(np.sum((places - places.mean(axis=0)) ** 2, axis=1))
            rows.append({NAME: turn, "words": name, "x": region["x"].iloc[nearest], "y": region["y"].iloc[nearest]})
    words = pandas.DataFrame(rows)
    words["paper"] = words["words"].map(colours)
    words["ink"] = words["paper"].map(ink_on)
    place = {"x": alt.X("x:Q", scale=across.scale()), "y": alt.Y("y:Q", scale=up.scale()), "text": "words:N"}
    base, look = alt.Chart(words).encode(**place), {"fontSize": 13, "fontWeight": 600}
    # On a ground of the region's own colour, for a name may be longer than its region is wide.
    ground = base.mark_text(**look, strokeWidth=5, strokeJoin="round").encode(
        color=alt.Color("paper:N", scale=None), stroke=alt.Stroke("paper:N", scale=None)
    )
    text = base.mark_text(**look).encode(color=alt.Color("ink:N", scale=None))
    return [ground.properties(name="names_ground"), text.properties(name="names")]


def _shares(cells, names) -> str:
    shares = cells["series"].value_counts(normalize=True)
    told = listing(f"{name} in {shares[name]:.0%}" for name in names if name in shares)
    return f"{told} of the cells"
