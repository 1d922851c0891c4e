"""The nearest neighbours of points, exactly, in pieces of bounded memory."""

from __future__ import annotations

import numpy as np

_NUMBERS = 1 << 22


def neighbours(points: np.ndarray, count: int, queries: np.ndarray | None = None) -> np.ndarray:
    """The numbers of the nearest points by Euclidean distance, nearest first, int64 (q, count).

    Arguments:
        points: (n, d).
        count: how many; at most n, or n - 1 where points are asked about themselves.
        queries: (q, d); None asks about the points themselves, of which none is its own neighbour.

    Equally far points come in the order of their numbers, but for rounding. Memory is that of the answer and of
    distances in pieces of 32 MiB.

    >>> neighbours(np.array([[0.0], [1.0], [3.0]]), 1)[:, 0]
    array([1, 0, 1])
    """
    points = np.asarray(points, dtype=np.float64)
    own = queries is None
    most = len(points) - own
    if not 1 <= count <= most:
        raise ValueError(f"{count} neighbours asked of {len(points)} points; expected from 1 to {most}")
    middle = points.mean(0)
    points = points - middle
    asked = points if own else np.asarray(queries, dtype=np.float64) - middle
    squares = np.einsum("nd,nd->n", points, points)
    found = np.empty((len(asked), count), dtype=np.int64)
    step = max(1, _NUMBERS // len(points))
    for first in range(0, len(asked), step):
        part = asked[first : first + step]
        # Without the square of the query, which is the same for all of its row.
        apart = squares - 2 * part @ points.T
        if own:
            apart[np.arange(len(part)), np.arange(first, first + len(part))] = np.inf
        found[first : first + step] = _smallest(apart, count)
    return found


def _smallest(apart: np.ndarray, count: int) -> np.ndarray:
    """Columns of the smallest entries of each row in rising order, equal ones by their number."""
    if count < apart.shape[1]:
        edge = np.partition(apart, count - 1, axis=1)[:, count - 1 : count]
        inside = apart <= edge
        crowded = np.flatnonzero(inside.sum(1) > count)
        if len(crowded):
            # More than fit are exactly at the edge: the first of them.
            level = apart[crowded] == edge[crowded]
            left = count - (apart[crowded] < edge[crowded]).sum(1, keepdims=True)
            inside[crowded] &= ~level | (np.cumsum(level, axis=1) <= left)
        columns = np.nonzero(inside)[1].reshape(len(apart), count)
    else:
        columns = np.broadcast_to(np.arange(count), apart.shape)
    order = np.argsort(np.take_along_axis(apart, columns, 1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, 1)
