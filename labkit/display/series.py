"""Telling several series apart: colour with shape and dash, named beside the lines or in a legend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np

from labkit.display.axes import Axis
from labkit.display.describe import short
from labkit.display.theme import COLOURS, DASHES, SHAPES, WIDTH

MAX_SERIES = 12
_DIRECT, _BESIDE = 4, 19  # series, and characters of a name, that find room beside the lines
_LINE_HEIGHT = 15


@dataclass(frozen=True)
class Series:
    """The series of a chart in their order; ``direct`` says that each is named beside its line."""

    names: tuple[str, ...]
    title: str = ""
    direct: bool = True
    width: int = WIDTH

    @property
    def legend(self):
        """The legend, or None where there is nothing to tell apart or names stand beside the lines."""
        import altair as alt

        if self.direct or len(self.names) < 2:
            return None
        widest = 30 + 7 * max(map(len, self.names))
        look = {"orient": "top", "direction": "horizontal", "symbolOpacity": 1}
        return alt.Legend(title=self.title or None, columns=max(1, self.width // widest), **look)

    def colour(self, **options):
        """The colour of a mark by series."""
        import altair as alt

        scale = alt.Scale(domain=list(self.names), range=self._range(COLOURS))
        return alt.Color("series:N", scale=scale, legend=self.legend, **options)

    def shape(self):
        """The shape of a point by series."""
        import altair as alt

        # One further in each round, lest colour and shape repeat together.
        rounds = range(0, len(self.names), len(SHAPES))
        shapes = [
            shape for start in rounds for shape in SHAPES[start // len(SHAPES) :] + SHAPES[: start // len(SHAPES)]
        ]
        scale = alt.Scale(domain=list(self.names), range=shapes[: len(self.names)])
        return alt.Shape("series:N", scale=scale, legend=self.legend)

    def dash(self, *, in_legend: bool):
        """The dash of a line by series.

        Beside points of another shape it must stay out of the legend, where it would fringe the symbols. Vega-Lite
        merges whatever has the same domain, so the dash is then read from a column ``dash`` holding `codes`.
        """
        import altair as alt

        dashes = [list(dash) for dash in self._range(DASHES)]
        if in_legend:
            scale = alt.Scale(domain=list(self.names), range=dashes)
            return alt.StrokeDash("series:N", scale=scale, legend=self.legend)
        scale = alt.Scale(domain=list(self.codes.values()), range=dashes)
        return alt.StrokeDash("dash:N", scale=scale, legend=None)

    @property
    def codes(self) -> dict[str, str]:
        """A second name of each series, for channels that shall not be merged into its legend."""
        return {name: f"series {index}" for index, name in enumerate(self.names)}

    def _range(self, values: tuple) -> list:
        return [values[index % len(values)] for index in range(len(self.names))]


def series_of(values: Iterable, title: str, *, direct: bool = True) -> tuple[Series, dict]:
    """The series for the distinct values of a column, and the label of each value.

    Numbers are sorted and carry the title; names keep their order. Raises ``ValueError`` above 12 series.

    >>> series, labels = series_of([64, 16, 64], "width")
    >>> series.names
    ('width 16', 'width 64')
    """
    distinct = list(dict.fromkeys(values))
    if any(value is None or value != value for value in distinct):
        raise ValueError(f"some rows have no {title or 'series'!r}: drop them or give them a name")
    numeric = all(isinstance(value, Real) for value in distinct)
    if numeric:
        distinct.sort()
    if len(distinct) > MAX_SERIES:
        raise ValueError(
            f"{len(distinct)} series by {title!r}, at most {MAX_SERIES} can be told apart: "
            "select some, or draw several charts"
        )
    labels = distinct_labels(distinct, 24, f"{title} " if numeric else "")
    beside = len(distinct) <= _DIRECT and max(map(len, labels.values()), default=0) <= _BESIDE
    return Series(tuple(labels.values()), title, direct and beside), labels


def distinct_labels(values: Iterable, limit: int, prefix: str = "") -> dict:
    """A label of at most about ``limit`` characters for each distinct value, never the same for two.

    Labels that were cut to the same text are numbered, lest two series become one line.

    >>> distinct_labels(["epsilon", "epsilon squared", "epsilon cubed"], limit=8)
    {'epsilon': 'epsilon', 'epsilon squared': 'epsilon…', 'epsilon cubed': 'epsilon… (2)'}
    """
    seen: dict[str, int] = {}
    labels = {}
    for value in dict.fromkeys(values):
        label = short(f"{prefix}{_plain(value)}" if prefix else value, limit)
        seen[label] = seen.get(label, 0) + 1
        labels[value] = label if seen[label] == 1 else f"{label} ({seen[label]})"
    return labels


def _plain(value: Real) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value)
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def direct_labels(series: Series, ends: Mapping[str, float], y: Axis, width: int) -> list:
    """Layers that name each series at the right edge, level with the end of its line but never overlapping.

    ``ends`` gives the last value of each series.
    """
    import altair as alt
    import pandas

    if not series.direct or len(series.names) < 2:
        return []
    names = sorted(ends, key=lambda name: y.pixel(ends[name]))
    at = spread([y.pixel(ends[name]) for name in names], _LINE_HEIGHT, y.length)
    frame = pandas.DataFrame({"series": names, "across": float(width), "down": at})
    base = alt.Chart(frame).encode(x=alt.X("across:Q", scale=None, axis=None), y=alt.Y("down:Q", scale=None, axis=None))
    text = base.mark_text(align="left", baseline="middle", dx=17, clip=False).encode(text="series:N")
    symbol = base.mark_point(xOffset=9, size=45, clip=False).encode(color=series.colour(), shape=series.shape())
    return [text.properties(name="labels"), symbol.properties(name="label_symbols")]


def spread(wanted: list[float], gap: float, length: float) -> list[float]:
    """Positions in the given order, at least ``gap`` apart, inside 0 to ``length``, close to the wanted ones.

    >>> spread([10, 12, 14], gap=15, length=100)
    [0.0, 15.0, 30.0]
    >>> spread([50, 52], gap=15, length=100)
    [43.5, 58.5]
    """
    blocks: list[list[float]] = []
    for position in wanted:
        blocks.append([position])
        while len(blocks) > 1 and _start(blocks[-2], gap, length) + gap * len(blocks[-2]) > _start(
            blocks[-1], gap, length
        ):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [_start(block, gap, length) + gap * i for block in blocks for i in range(len(block))]


def _start(block: list[float], gap: float, length: float) -> float:
    centre = sum(block) / len(block) - gap * (len(block) - 1) / 2
    return max(0.0, min(centre, length - gap * (len(block) - 1)))
