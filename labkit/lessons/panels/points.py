"""The measured points a panel works on: two columns of positive numbers, sorted by size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit import places
from labkit.registry import nearest

SE = "se"
"""The column of the standard errors, whatever it was called."""


def shipped() -> dict[str, pd.DataFrame]:
    """The learning curves that ship with labkit, by name: columns examples, error, one row per size and seed."""
    table = pd.read_csv(places.data() / "learning_curves.csv", comment="#")
    return {name: curve[["examples", "error"]] for name, curve in table.groupby("curve", sort=False)}


def tidy(points: Any, x: str, y: str, *, se: str | None = None, sizes: int = 3) -> pd.DataFrame:
    """The points as a frame with columns x and y, and ``se`` if asked for, sorted by x.

    Arguments:
        points: a frame that has these columns, or arrays of equal length, (x, y) or (x, y, se).
        x, y: names of the columns; with arrays, the names they get.
        se: the column of the standard errors of y, "se" for that of arrays; None: they are not looked at.
        sizes: how many different x there must be.

    Raises ``ValueError`` for a missing column, lengths that differ, numbers that are not positive, or too few sizes.

    >>> tidy(([4, 2, 8], [0.2, 0.4, 0.1]), "examples", "error").examples.tolist()
    [2.0, 4.0, 8.0]
    """
    columns = _columns(points, x, y, se)
    try:
        frame = pd.DataFrame({name: np.asarray(column, float) for name, column in columns.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"columns {', '.join(map(repr, columns))} must hold numbers: {error}") from None
    unusable = _unusable(frame[[x, y]])
    if unusable:
        raise ValueError(
            f"{unusable} of {len(frame)} points are missing, infinite, zero or negative; "
            "logarithms need positive numbers, so leave them out or use a larger test set"
        )
    unsure = _unusable(frame[[SE]]) if se is not None else 0
    if unsure:
        raise ValueError(
            f"{unsure} of {len(frame)} standard errors in column {se!r} are missing, infinite, zero or negative; "
            "points are weighed by them, so give each its own, or leave the column out to count all alike"
        )
    if frame[x].nunique() < sizes:
        raise ValueError(f"the points have {frame[x].nunique()} different values of {x!r}, expected at least {sizes}")
    return frame.sort_values([x, y], ignore_index=True)


def errors_of(points: Any, x: str, y: str) -> str | None:
    """Where the points have standard errors: "se", if that is one of their columns or there is a third array.

    >>> errors_of(([1, 2], [0.4, 0.3], [0.1, 0.1]), "examples", "error")
    'se'
    """
    if hasattr(points, "columns"):
        return SE if SE in points.columns and SE not in (x, y) else None
    return SE if isinstance(points, tuple | list) and len(points) == 3 else None


def _columns(points: Any, x: str, y: str, se: str | None) -> dict[str, Any]:
    wanted = {x: x, y: y} if se is None else {x: x, y: y, SE: se}
    if hasattr(points, "columns"):
        for name in wanted.values():
            if name not in points.columns:
                raise ValueError(f"the points have no column {name!r}: {nearest(name, map(str, points.columns))}")
        return {name: points[column] for name, column in wanted.items()}
    try:
        given = [np.ravel(one) for one in points]
    except TypeError:
        given = []
    if len(given) != len(wanted):
        kind = "a pair of arrays (x, y)" if se is None else "arrays (x, y, se)"
        raise ValueError(f"expected a frame or {kind}, got {type(points).__name__}")
    if len({len(one) for one in given}) > 1:
        first, *others = (f"{name} has {len(one)}" for name, one in zip(("x", "y", SE), given, strict=False))
        raise ValueError(f"{first} values and {' and '.join(others)}; expected as many")
    return dict(zip(wanted, given, strict=True))


def _unusable(frame: pd.DataFrame) -> int:
    """How many rows have a number without a logarithm."""
    return int((~(np.isfinite(frame) & (frame > 0)).all(axis=1)).sum())


def typical_miss(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Root mean square of the log error, as a share: 0.1 means that a typical prediction is off by 10%.

    >>> round(typical_miss(np.array([1.1, 1.1]), np.array([1.0, 1.0])), 3)
    0.1
    """
    return float(np.expm1(np.sqrt(np.mean(np.log(predicted / measured) ** 2))))
