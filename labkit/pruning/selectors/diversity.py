"""Selectors that trade being typical against being unlike those kept already, by the cosine of the features."""

from __future__ import annotations

import numpy as np

from labkit.pruning.pool import Pool
from labkit.pruning.selectors.entry import Selector, register_selector


def graph_cut(pool: Pool, budget: int, rng: np.random.Generator, *, redundancy: float | None = None) -> np.ndarray:
    """Greedily raise (similarity of kept to all) - redundancy * (similarity of kept to kept), s = (1 + cosine) / 2.

    By default the redundancy is n / (2 budget), which weighs the two alike at the end: the kept ones are then as like
    each other as they are like all. Up to 0.5 an example more never lowers the sum and the result is within 1 - 1/e
    of the best, but for small budgets it is the densest part alone. Sums over pairs count both orders and each with
    itself. Time O(n k d), memory O(n d): no table of similarities is made.
    """
    if redundancy is None:
        redundancy = pool.n / (2 * budget)
    if not np.isfinite(redundancy) or redundancy < 0:
        raise ValueError(f"redundancy {redundancy!r} is not a finite number of at least 0")
    unit = _unit(pool.features)
    total = unit.sum(axis=0, dtype=np.float64)
    gain = (pool.n + unit @ total) / 2 - redundancy * (1 + _squares(unit)) / 2
    kept = np.empty(budget, np.int64)
    for i in range(budget):
        kept[i] = np.argmax(gain)
        # The 1 of (1 + cosine) is the same for all and decides nothing.
        gain -= unit @ (unit.dtype.type(redundancy) * unit[kept[i]])
        gain[kept[i]] = -np.inf
    return kept


def log_determinant(pool: Pool, budget: int, rng: np.random.Generator, *, noise: float = 0.1) -> np.ndarray:
    """Greedily raise log det(I + G / noise), G the cosines of the kept ones: what a linear model would learn of them.

    An example more never lowers it, and the result is within 1 - 1/e of the best. Time O(n k d + k^2 d), memory
    O(n d + k d).
    """
    if not np.isfinite(noise) or noise <= 0:
        raise ValueError(f"noise {noise!r} is not a finite number above 0")
    unit = _unit(pool.features)
    # What is still unknown of each: x' (I + sum of kept x x' / noise)^-1 x, the inverse kept as I - steps' steps.
    unknown = _squares(unit)
    steps = np.zeros((budget, unit.shape[1]))
    kept = np.empty(budget, np.int64)
    for i in range(budget):
        kept[i] = np.argmax(unknown)
        one = unit[kept[i]].astype(np.float64)
        direction = one - (steps[:i] @ one) @ steps[:i]
        steps[i] = direction / np.sqrt(noise + one @ direction)
        unknown -= (unit @ steps[i].astype(unit.dtype)) ** 2
        unknown[kept[i]] = -np.inf
    return kept


def _unit(features: np.ndarray) -> np.ndarray:
    """Rows of length 1, columns contiguous; a row of zeros stays, and is at a right angle to all."""
    features = features / (np.abs(features).max() or 1)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asfortranarray(features / np.where(lengths > 0, lengths, 1))


def _squares(unit: np.ndarray) -> np.ndarray:
    """Squared lengths, float64: 1, or 0 for a row of zeros."""
    return np.einsum("nd,nd->n", unit, unit, dtype=np.float64)


register_selector(
    Selector(
        "graph_cut",
        "those most like all others and least like each other",
        graph_cut,
        ("features",),
        inside_groups=True,
        source="Iyer et al. 2021",
    )
)
register_selector(
    Selector(
        "log_determinant",
        "those that span the most directions",
        log_determinant,
        ("features",),
        inside_groups=True,
        source="Kulesza & Taskar 2012",
        aliases=("logdet",),
    )
)
