"""One learning curve, cleaned: sorted, finite, repeats joined, and what had to be done to it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from labkit.laws import points


@dataclass(frozen=True)
class Curve:
    """A curve ready to fit: distinct ascending x (n,), y (n,), standard errors or None, repeats (n,), and notes."""

    x: np.ndarray
    y: np.ndarray
    se: np.ndarray | None
    repeats: np.ndarray
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.x)

    def first(self, count: int) -> Curve:
        """The curve as it stood when only its first ``count`` points were known."""
        return Curve(self.x[:count], self.y[:count], _some(self.se, slice(count)), self.repeats[:count], self.notes)


def clean(x, y, se=None, bounds=(0, None)) -> Curve:
    """Sort by x, drop what is not a finite point with x > 0 inside the bounds, and average points with the same x.

    Raises ``ValueError`` for text, for lengths that differ, for negative standard errors and when nothing is left.

    >>> curve = clean([2, 1, 1, float("nan")], [0.5, 1.0, 0.8, 0.3])
    >>> curve.x.tolist(), curve.y.tolist(), curve.notes
    ([1.0, 2.0], [0.9, 0.5], ('1 point without a finite x and y dropped', 'y averaged at 1 repeated x'))
    """
    x, y = points.numbers(x, "x").ravel(), points.numbers(y, "y").ravel()
    if len(x) != len(y):
        raise ValueError(f"x and y must be of one length; got {len(x)} and {len(y)}")
    if se is not None:
        se = points.numbers(se, "se").ravel()
        if len(se) != len(y):
            raise ValueError(f"se must be of the length of y; got {len(se)} and {len(y)}")
        if (se < 0).any():
            raise ValueError(f"standard errors must be zero or above; the smallest se is {np.nanmin(se):g}")
    low, high = limits(bounds)
    notes: list[str] = []
    finite, inside = np.isfinite(x) & np.isfinite(y), (y >= low) & (y <= high)
    left = np.ones(len(x), bool)
    for good, why in (
        (finite, "without a finite x and y"),
        (x > 0, "with x at or below zero"),
        (inside, f"outside the bounds {low:g} to {high:g}"),
    ):
        count = int((left & ~good).sum())
        if count:
            notes.append(f"{count} point{'s' if count > 1 else ''} {why} dropped")
        left &= good
    x, y, se = x[left], y[left], _some(se, left)
    if len(x) == 0:
        raise ValueError(f"no usable point left ({'; '.join(notes) or 'x is empty'}); a curve needs finite x > 0 and y")
    return _joined(x, y, se, notes)


def _some(se: np.ndarray | None, which) -> np.ndarray | None:
    """The standard errors of some points; None where not one of them is known."""
    return None if se is None or not np.isfinite(se[which]).any() else se[which]


def _joined(x, y, se, notes) -> Curve:
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    distinct, place, repeats = np.unique(x, return_inverse=True, return_counts=True)
    mean = np.bincount(place, y) / repeats
    if se is not None:
        se = se[order]
        known = np.isfinite(se)
        unit = max(se[known].max(), np.finfo(float).tiny)  # squares of standard errors may overflow
        squares = np.bincount(place, np.where(known, se / unit, 0.0) ** 2)
        counts = np.bincount(place, known)
        with np.errstate(invalid="ignore", divide="ignore"):
            se = np.where(counts > 0, unit * np.sqrt(squares) / np.maximum(counts, 1), np.nan)
    if len(distinct) < len(x):
        repeated = int((repeats > 1).sum())
        notes = [*notes, f"y averaged at {repeated} repeated x"]
    return Curve(distinct, mean, se, repeats, tuple(notes))


def limits(bounds) -> tuple[float, float]:
    """(low, high) of the metric's range, None meaning no limit; raises ``ValueError`` unless low < high."""
    try:
        low, high = bounds if bounds is not None else (None, None)
    except (TypeError, ValueError):
        raise ValueError(f"bounds is a pair (low, high) with None for no limit; got {bounds!r}") from None
    low = -np.inf if low is None else float(low)
    high = np.inf if high is None else float(high)
    if not low < high:
        raise ValueError(f"bounds must be (low, high) with low < high; got {bounds!r}")
    return low, high
