"""Stacks of small matrices, one for every fit of a batch: products, diagonals, solutions."""

from __future__ import annotations

import numpy as np


def products(lines: np.ndarray, bends: np.ndarray) -> np.ndarray:
    """Sums (B, k, m, m) over the points of lines (m, B, n) times lines, weighted by each of the bends (k, B, n)."""
    weighted = lines * bends[:, None]
    return weighted.transpose(2, 0, 1, 3) @ lines.transpose(1, 2, 0)[:, None]


def wide(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view of that shape, of what may be the same along some of it."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """A view of the diagonals (..., p) of matrices (..., p, p)."""
    size = matrices.shape[-1]
    return matrices.reshape(*matrices.shape[:-2], size * size)[..., :: size + 1]


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve many small positive systems; one that is singular is nudged, alone."""
    try:
        return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        nudged = matrix + 1e-10 * np.eye(matrix.shape[1])
        return np.stack([np.linalg.lstsq(m, r, rcond=None)[0] for m, r in zip(nudged, right, strict=True)])
