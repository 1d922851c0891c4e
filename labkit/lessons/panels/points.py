"""The measured points a panel works on: two columns of positive numbers, sorted by size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit import places
from labkit.registry import nearest


def shipped() -> dict[str, pd.DataFrame]:
    """The learning curves that ship with labkit, by name: columns examples, error, one row per size and seed."""
    table = pd.read_csv(places.data() / "learning_curves.csv", comment="#")
    return {name: curve[["examples", "error"]] for name, curve in table.groupby("curve", sort=False)}


def tidy(points: Any, x: str, y: str, *, sizes: int = 3) -> pd.DataFrame:
    """The points as a frame with columns x and y, sorted by x.

    Arguments:
        points: a frame that has these columns, or a pair of arrays of equal length.
        x, y: names of the columns; with a pair of arrays, the names they get.
        sizes: how many different x there must be.

    Raises ``ValueError`` for a missing column, lengths that differ, numbers that are not positive, or too few sizes.

    >>> tidy(([4, 2, 8], [0.2, 0.4, 0.1]), "examples", "error").examples.tolist()
    [2.0, 4.0, 8.0]
    """
    if hasattr(points, "columns"):
        for name in (x, y):
            if name not in points.columns:
                raise ValueError(f"the points have no column {name!r}: {nearest(name, map(str, points.columns))}")
        columns = points[x], points[y]
    else:
        try:
            first, second = points
        except (TypeError, ValueError):
            raise ValueError(f"expected a frame or a pair of arrays (x, y), got {type(points).__name__}") from None
        columns = np.ravel(first), np.ravel(second)
        if len(columns[0]) != len(columns[1]):
            raise ValueError(f"x has {len(columns[0])} values and y has {len(columns[1])}; expected as many")
    try:
        frame = pd.DataFrame({x: np.asarray(columns[0], float), y: np.asarray(columns[1], float)})
    except (TypeError, ValueError) as error:
        raise ValueError(f"columns {x!r} and {y!r} must hold numbers: {error}") from None
    usable = np.isfinite(frame).all(axis=1) & (frame > 0).all(axis=1)
    if not usable.all():
        raise ValueError(
            f"{int((~usable).sum())} of {len(frame)} points are missing, infinite, zero or negative; "
            "logarithms need positive numbers, so leave them out or use a larger test set"
        )
    if frame[x].nunique() < sizes:
        raise ValueError(f"the points have {frame[x].nunique()} different values of {x!r}, expected at least {sizes}")
    return frame.sort_values([x, y], ignore_index=True)


def typical_miss(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Root mean square of the log error, as a share: 0.1 means that a typical prediction is off by 10 %.

    >>> round(typical_miss(np.array([1.1, 1.1]), np.array([1.0, 1.0])), 3)
    0.1
    """
    return float(np.expm1(np.sqrt(np.mean(np.log(predicted / measured) ** 2))))
