"""D2: hard examples that are not each other's neighbours."""

from __future__ import annotations

import numpy as np

from labkit.pruning.neighbours import neighbours as nearest
from labkit.pruning.pool import Pool
from labkit.pruning.selectors.entry import Selector, register_selector


def d2(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    neighbours: int = 10,
    gamma: float = 1.0,
    cutoff: float = 0.0,
) -> np.ndarray:
    """Spread scores over a graph of nearest neighbours, then keep the largest, lowering those around each kept one.

    Scores are first scaled to 0 to 1 and distances by their mean. Each example gains exp(-distance) times the score of
    every neighbour; each kept one takes exp(-gamma * distance) times its score from its neighbours. The hardest share
    ``cutoff`` is never kept, as far as the budget allows. Time of the search for neighbours O(n^2 d), memory
    O(n neighbours).
    """
    if isinstance(neighbours, bool) or neighbours != int(neighbours) or neighbours < 1:
        raise ValueError(f"neighbours {neighbours!r} is not a whole number of at least 1")
    if not np.isfinite(gamma) or gamma < 0:
        raise ValueError(f"gamma {gamma!r} is not a finite number of at least 0")
    if not 0 <= cutoff < 1:
        raise ValueError(f"cutoff {cutoff!r} is not the share of hardest examples to drop: expected 0 <= cutoff < 1")
    near = nearest(pool.features, min(int(neighbours), pool.n - 1))
    distances = _lengths(pool.features, near)
    mean = distances.mean()
    distances = distances / mean if mean > 0 else distances
    low, high = pool.scores.min() / 2, pool.scores.max() / 2
    scores = (pool.scores / 2 - low) / (high - low) if high > low else np.ones(pool.n)
    spread = scores + (np.exp(-distances) * scores[near]).sum(axis=1)
    dropped = pool.n - max(pool.n - round(cutoff * pool.n), budget)
    spread[np.argsort(-pool.scores, kind="stable")[:dropped]] = -np.inf
    fade = np.exp(-gamma * distances)
    kept = np.empty(budget, np.int64)
    for i in range(budget):
        kept[i] = np.argmax(spread)
        spread[near[kept[i]]] -= fade[kept[i]] * spread[kept[i]]
        spread[kept[i]] = -np.inf
    return kept


def _lengths(features: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Euclidean distances (n, neighbours) of each example to its neighbours, one neighbour after another."""
    features = features.astype(np.float64)
    return np.stack([np.linalg.norm(features - features[column], axis=1) for column in near.T], axis=1)


register_selector(
    Selector(
        "d2",
        "the hardest, counted with their neighbours, and not next to each other",
        d2,
        ("scores", "features"),
        inside_groups=True,
        source="Maharana et al. 2024",
    )
)
