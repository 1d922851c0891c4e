"""Clusters of features, and what they are good for without labels: dropping near-copies."""

from __future__ import annotations

import numpy as np

from labkit.pruning.pool import Pool
from labkit.pruning.selectors.entry import Selector, register_selector

ROUNDS = 50
CHUNK = 2**22
"""Distances worked on at a time."""


def assign(features: np.ndarray, clusters: int | None, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, ...]]:
    """The cluster of each example by k-means, numbered without gaps, and the numbers; at most ``clusters`` of them.

    Lloyd's rounds from starting points drawn far from each other (k-means++). Written out because the result must
    depend on nothing but the examples and the generator, while sums over several threads depend on their order.
    """
    n = len(features)
    if clusters is None:
        clusters = max(1, round(n**0.5))
    if isinstance(clusters, bool) or clusters != int(clusters) or clusters < 1:
        raise ValueError(f"clusters {clusters!r} is not a whole number of at least 1")
    features = features - features.mean(axis=0)
    centres = _start(features, min(int(clusters), n), rng)
    labels = np.full(n, -1)
    for _ in range(ROUNDS):
        before, labels = labels, _nearest(features, centres)
        if np.array_equal(before, labels):
            break
        centres = _means(features, labels, centres)
    numbers, labels = np.unique(labels, return_inverse=True)
    return labels, tuple(range(len(numbers)))


def _start(features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    chosen = [int(rng.integers(len(features)))]
    nearest = np.full(len(features), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, ((features - features[chosen[-1]]) ** 2).sum(axis=1, dtype=np.float64))
        if not nearest.any():
            # No more different examples.
            break
        chosen.append(int(np.searchsorted(np.cumsum(nearest), rng.random() * nearest.sum(), side="right")))
        chosen[-1] = min(chosen[-1], len(features) - 1)
    return features[chosen]


def _nearest(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    lengths = np.einsum("kd,kd->k", centres, centres)
    step = max(1, CHUNK // len(centres))
    return np.concatenate(
        [
            np.argmin(lengths - 2 * features[start : start + step] @ centres.T, axis=1)
            for start in range(0, len(features), step)
        ]
    )


def _means(features: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The mean of each cluster; one that lost all its members stays where it is."""
    order = np.argsort(labels, kind="stable")
    present, first = np.unique(labels[order], return_index=True)
    sums = np.add.reduceat(features[order], first, axis=0)
    centres = centres.copy()
    centres[present] = sums / np.diff(np.append(first, len(labels)))[:, None]
    return centres


def semantic_dedup(pool: Pool, budget: int, rng: np.random.Generator, *, clusters: int | None = None) -> np.ndarray:
    """Drop near-copies: those with the largest cosine to another of their cluster that is farther from its centre.

    The threshold is the one that leaves exactly the budget. Clusters are k-means of the directions of the features, by
    default the square root of n of them. Time O(n^2 d / clusters), memory O(n d) and 16 MiB of cosines.
    """
    features = pool.features.astype(np.float64)
    features /= np.abs(features).max() or 1.0
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(lengths > 0, lengths, 1)
    labels, names = assign(unit, clusters, rng)
    # The first of each cluster is like none before it.
    likeness = np.full(pool.n, -np.inf)
    for own in Pool(pool.n, groups=labels, group_names=names).members():
        centre = unit[own].mean(axis=0)
        own = own[np.argsort(unit[own] @ centre, kind="stable")]
        step = max(1, CHUNK // len(own))
        for start in range(0, len(own), step):
            part = np.arange(start, min(start + step, len(own)))
            cosines = unit[own[part]] @ unit[own[: part[-1] + 1]].T
            cosines[np.arange(part[-1] + 1) >= part[:, None]] = -np.inf
            likeness[own[part]] = cosines.max(axis=1)
    return np.argsort(likeness, kind="stable")[:budget]


register_selector(
    Selector(
        "semantic_dedup",
        "all but those most like another one",
        semantic_dedup,
        ("features",),
        inside_groups=True,
        source="Abbas et al. 2023",
        aliases=("semdedup",),
    )
)
