"""Axes: which range is drawn, which ticks are labelled, and what a logarithm cannot show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EXPONENTS = (-15, 30)
_MOST_TICKS = 9
_PLAIN = 3e6  # of axes that end below it all numbers are written out


@dataclass(frozen=True)
class Axis:
    """One axis of a chart: its range in data units, its length in pixels and its title.

    ``base`` is 10 or 2 for a logarithmic axis and 0 for a linear one; ``name`` is the channel. ``ticks`` are the
    values that are labelled on one of base 10, () the round ones.
    """

    name: str
    title: str
    low: float
    high: float
    base: int = 0
    length: int = 460
    ticks: tuple[float, ...] = ()

    def pixel(self, value: float) -> float:
        """Where a value stands, in pixels from the left or from the top.

        >>> Axis("x", "", 1, 100, base=10, length=200).pixel(10)
        100.0
        """
        low, high, value = (math.log(v) for v in (self.low, self.high, value)) if self.base else (
            self.low, self.high, value)  # fmt: skip
        share = (value - low) / (high - low)
        return self.length * (share if self.name == "x" else 1 - share)

    def scale(self):
        """The Altair scale, with the range fixed so that panels and redraws agree."""
        import altair as alt

        kind = {"type": "log", "base": self.base} if self.base else {"type": "linear"}
        return alt.Scale(domain=[self.low, self.high], nice=False, **kind)

    def axis(self, *, zooms: bool = True, **options):
        """The Altair axis: powers of two, decades with 2 and 5 between when there are few, or plain numbers.

        ``zooms`` says that the range can change on the page, so labels follow what is in view.
        """
        import altair as alt

        count = options.pop("tickCount", 6 if self.length > 200 else 4)
        if not self.base:
            return alt.Axis(title=self.title, tickCount=count, **options)
        if self.base == 2 or self.ticks:
            words, main = self._label(), "true"
            options.setdefault("labelOverlap", "parity")
            options |= {"values": list(self.ticks)} if self.ticks else {}
        else:
            main = _chosen(f"domain('{self.name}')" if zooms else f"[{self.low},{self.high}]", self._room())
            words = f"({main}) ? {self._label()} : ''"
            options.setdefault("labelOverlap", "parity" if zooms else False)
        # Multiplied with the theme's own opacity of grid lines.
        opacity = alt.condition(main, alt.value(1), alt.value(0))
        return alt.Axis(title=self.title, labelExpr=words, gridOpacity=opacity, **options)

    def _label(self) -> str:
        """The words at a tick, all of a kind: powers of ten from 10,000 on only where the axis goes far beyond."""
        wide = self.length > 300 or self.name == "y"
        if self.high < _PLAIN:
            return label("datum.value", 9_999_999 if wide else 99_999)
        return label("datum.value", 9_999)

    def _room(self) -> float:
        """How many labels fit, to those that fit on 300 pixels across: one above the other they need less."""
        return self.length / (300 if self.name == "x" else 220)


def span(
    name: str, title: str, values: Iterable[float], *, log: bool, length: int, pad: float = 0.05, each: bool = False
) -> Axis:
    """The axis that shows all given values, with a margin of ``pad`` of its length on both sides.

    With ``each`` a logarithmic axis labels the values themselves where they are few and stand apart.

    Raises ``ValueError`` when no value can be shown: all are missing or, on a logarithmic axis, not positive.

    >>> axis = span("x", "examples", [32, 64, 1024], log=True, length=460)
    >>> axis.base, axis.low < 32 < 1024 < axis.high
    (2, True)
    """
    values = np.asarray(list(values), dtype=float)
    values = np.unique(values[np.isfinite(values) & ((values > 0) | (not log))])
    if not values.size:
        raise ValueError(f"nothing to draw on the axis {title!r}: no value is {'positive' if log else 'finite'}")
    low, high = (math.log(values[0]), math.log(values[-1])) if log else (float(values[0]), float(values[-1]))
    if high - low <= 1e-6 * (1 if log else max(abs(low), abs(high))):
        room = math.log(2) if log else (abs(low) or 1) / 2
        low, high = low - room, high + room
    margin = pad * (high - low)
    low, high = low - margin, high + margin
    if log:
        low, high = math.exp(low), math.exp(high)
    axis = Axis(name, title, float(f"{low:.9g}"), float(f"{high:.9g}"), _base(values) if log else 0, length)
    return replace(axis, ticks=tuple(values.tolist())) if each and axis.base == 10 and _apart(values, axis) else axis


def drawable(frame, positive: Iterable[str], finite: Iterable[str] = ()):
    """The rows that can be drawn, and a note for the subtitle about those that cannot.

    ``positive`` names the columns on logarithmic axes, ``finite`` those on linear ones. Raises ``ValueError`` when
    they do not hold numbers, or when no row is left.

    >>> import pandas
    >>> kept, note = drawable(pandas.DataFrame({"y": [0.1, 0.0, float("nan")]}), ["y"])
    >>> len(kept), note
    (1, '1 value ≤ 0 and 1 missing not drawn')
    """
    positive, finite = list(positive), list(finite)
    try:
        numbers = frame[[*positive, *finite]].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the columns {', '.join([*positive, *finite])} must hold numbers: {error}") from error
    missing = ~np.isfinite(numbers).all(axis=1)
    below = ~missing & (numbers[:, : len(positive)] <= 0).any(axis=1)
    notes = []
    if below.any():
        notes.append(f"{below.sum():,} value{'s' if below.sum() > 1 else ''} ≤ 0")
    if missing.any():
        notes.append(f"{missing.sum():,} missing")
    kept = frame[~(missing | below)]
    if not len(kept):
        raise ValueError(f"nothing to draw in {', '.join([*positive, *finite])}: {' and '.join(notes) or 'no rows'}")
    return kept, f"{' and '.join(notes)} not drawn" if notes else ""


def _apart(values: np.ndarray, axis: Axis) -> bool:
    room = 6 * max(len(f"{value:,g}") for value in values) + 8
    return values.size <= _MOST_TICKS and bool((np.diff([axis.pixel(value) for value in values]) >= room).all())


def _base(values: np.ndarray) -> int:
    powers = np.log2(values)
    return 2 if values.size > 1 and values[0] >= 1 and np.allclose(powers, np.round(powers), atol=1e-9) else 10


def _chosen(domain: str, room: float) -> str:
    """A Vega expression: whether this tick of a base-10 axis is labelled and carries a grid line."""
    decades = f"(log({domain}[1]/{domain}[0])/LN10)"
    digit = "round(datum.value/pow(10,floor(log(datum.value)/LN10+1e-9))*1e6)/1e6"
    wanted = f"({digit}===2 || {digit}===5)"
    return (
        f"{digit}===1 || {decades}<{0.4 * room:.2f} || ({decades}<{2.4 * room:.2f} && {wanted})"
        f" || ({decades}<{1.6 * room:.2f} && {digit}===3) || ({decades}<{0.9 * room:.2f} && {digit}===7)"
    )


def label(value: str, plain: int) -> str:
    """A Vega expression for a tick's text: 1,000 and 0.05 as they are, above ``plain`` powers of ten as 10⁶."""
    powers = ",".join(f"'10{str(e).translate(SUPERSCRIPTS)}'" for e in range(*_EXPONENTS))
    exponent = f"floor(log({value})/LN10+1e-9)"
    power = f"[{powers}][{exponent}-({_EXPONENTS[0]})]"
    digit = f"{value}/pow(10,{exponent})"
    far = f"(abs({digit}-1)<1e-9 ? {power} : format({digit},'.3~f')+'×'+{power})"
    return f"({value}>={plain} || {value}<9.99e-4) ? {far} : format({value},',.6~f')"
