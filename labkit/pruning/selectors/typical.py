"""Moderate: examples neither typical nor odd for their class."""

from __future__ import annotations

import numpy as np

from labkit.pruning.pool import Pool
from labkit.pruning.rules import middle
from labkit.pruning.selectors.entry import Selector, register_selector


def moderate(pool: Pool, budget: int, rng: np.random.Generator) -> np.ndarray:
    """Those in the middle of the ranks of the Euclidean distance to the median of the own class."""
    distances = np.empty(pool.n)
    for own in pool.members():
        features = pool.features[own].astype(np.float64)
        distances[own] = np.linalg.norm(features - np.median(features, axis=0), axis=1)
    order = np.argsort(distances, kind="stable")
    return order[middle(distances[order], budget, rng)]


register_selector(
    Selector(
        "moderate",
        "those at a middling distance from the median of their class",
        moderate,
        ("features", "groups"),
        source="Xia et al. 2023",
    )
)
