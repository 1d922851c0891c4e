"""Designs: the list of configurations a sweep goes through."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.seeds import generator


def grid(**axes: Any) -> list[dict[str, Any]]:
    """Every combination of the values of the axes, the last axis moving fastest.

    A text, a mapping or anything that cannot be looped over is an axis of one value. To pass a list as one value, wrap
    it: ``examples=[[32, 64]]``. Raises ``ValueError`` for an axis without values.

    >>> grid(model="mlp", width=[8, 16], seed=range(2))[1:3]
    [{'model': 'mlp', 'width': 8, 'seed': 1}, {'model': 'mlp', 'width': 16, 'seed': 0}]
    """
    values = [_values(name, axis) for name, axis in axes.items()]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*values)]


@dataclass(frozen=True)
class Span:
    """An axis of a random design: numbers between two ends, evenly spread on a plain or a logarithmic scale.

    ``whole`` draws whole numbers, both ends included.

    >>> Span(1e-4, 1e-1, log=True)
    Span(low=0.0001, high=0.1, log=True, whole=False)
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"a span goes from a lower to a higher finite number, not from {self.low} to {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic span starts above 0, not at {self.low}")
        if self.whole and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ValueError(f"a span of whole numbers has whole ends, not {self.low} and {self.high}")

    def at(self, share: float) -> float | int:
        """The number at a share of the way, 0 to 1; a whole span gives its ends as much room as the rest."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)
        number = low * (high / low) ** share if self.log else low + share * (high - low)
        number = min(max(number, self.low), self.high)
        return round(number) if self.whole else float(number)


def random_design(
    points: int, axes: Mapping[str, Any] | None = None, /, *, seed: int, **more: Any
) -> list[dict[str, Any]]:
    """Configurations drawn at random: a ``Span`` is drawn from evenly, a list is chosen from, anything else stays.

    Axes are given by keyword, or as a mapping where one is called ``seed``, as the seed of the draw itself is.
    Each axis has a stream of its own, so an axis added later leaves the others' draws as they were, and a longer design
    starts with the shorter one.

    >>> random_design(2, seed=0, rate=Span(1e-3, 1e-1, log=True), width=[8, 16], model="mlp")[0]["model"]
    'mlp'
    """
    if points < 1:
        raise ValueError(f"a design has at least 1 point, not {points}")
    columns = {}
    for name, axis in {**(axes or {}), **more}.items():
        shares = generator(seed, "design", name).random(points)
        if isinstance(axis, Span):
            columns[name] = [axis.at(float(share)) for share in shares]
        else:
            values = _values(name, axis)
            columns[name] = [values[int(share * len(values))] for share in shares]
    return [{name: column[place] for name, column in columns.items()} for place in range(points)]


def points_of(design: Any) -> list[dict[str, Any]]:
    """A design given as a list of mappings, a frame, or a mapping of axes, as a list of configurations."""
    if hasattr(design, "to_dict") and hasattr(design, "columns"):
        points = design.to_dict("records")
    elif isinstance(design, Mapping):
        points = grid(**design)
    elif isinstance(design, Iterable) and not isinstance(design, str):
        points = list(design)
    else:
        raise TypeError(f"a grid is a list of mappings, a frame or a mapping of axes, not {type(design).__name__}")
    for place, point in enumerate(points):
        if not isinstance(point, Mapping) or not all(isinstance(name, str) for name in point):
            raise TypeError(
                f"point {place} of the grid is {point!r}; expected a mapping from parameter names to values"
            )
    if not points:
        raise ValueError("the grid is empty: give at least one point")
    return [dict(point) for point in points]


def _values(name: str, axis: Any) -> list[Any]:
    single = isinstance(axis, (str, bytes, Mapping)) or not isinstance(axis, Iterable) or getattr(axis, "ndim", 1) == 0
    values = [axis] if single else list(axis)
    if not values:
        raise ValueError(f"the axis {name!r} has no values")
    return values
