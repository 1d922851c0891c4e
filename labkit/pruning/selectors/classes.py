"""Quotas for classes or clusters, and a policy inside each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.pruning.pool import Pool
from labkit.pruning.quotas import allocate
from labkit.pruning.recall import validation_recall
from labkit.pruning.rules import Policy, policy, ranked, refuse_unknown
from labkit.pruning.selectors.clusters import assign
from labkit.pruning.selectors.entry import Selector, register_selector


def class_proportional(
    pool: Pool, budget: int, rng: np.random.Generator, *, policy: str | None = None, **options: Any
) -> np.ndarray:
    """The same share of every group, by a policy inside each: ``hardest`` with scores, ``random`` without."""
    return _inside(pool, allocate(budget, pool.sizes()), _policy(policy, pool, options), rng, options)


def class_balanced(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    policy: str | None = None,
    floor: float = 1.0,
    **options: Any,
) -> np.ndarray:
    """The same number of every group, as far as it has them, by a policy inside each.

    With a ``floor`` below 1 each group is only sure of that part of an equal share, and gets the rest by how many the
    policy keeps of it when it is let loose on all.
    """
    if not 0 <= floor <= 1:
        raise ValueError(f"floor {floor!r} is not a part of an equal share: expected 0 <= floor <= 1")
    sizes = pool.sizes()
    rule = _policy(policy, pool, options)
    if floor == 1:
        counts = allocate(budget, sizes, np.ones(len(sizes)))
    else:
        free = ranked(rule, _scores(pool), budget, rng, options)
        natural = np.bincount(pool.groups[free], minlength=len(sizes))
        least = np.minimum(allocate(round(floor * budget), sizes, np.ones(len(sizes))), sizes)
        counts = allocate(budget, sizes, np.maximum(natural - least, 0), minimum=least)
    return _inside(pool, counts, rule, rng, options)


def recall_based(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    recall: Any = None,
    policy: str = "random",
    **options: Any,
) -> np.ndarray:
    """More of the classes that are recognised less: counts in proportion to 1 - recall, at random inside each.

    ``recall``, (classes,) from 0 to 1 in the order of the labels, or a mapping from label to recall, comes from
    held-out examples that are not the test; with a log it is ``pruning.validation_recall(log)``. Where all are
    recognised, every class keeps the same share.
    """
    if recall is None and pool.log is not None and not pool.grouped:
        # By label, since a class may have no training example.
        recall = dict(enumerate(validation_recall(pool.log)))
    recall = _recall(recall, pool.group_names)
    counts = allocate(budget, pool.sizes(), 1 - recall)
    return _inside(pool, counts, _policy(policy, pool, options), rng, options)


def clustered(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    clusters: int | None = None,
    policy: str | None = None,
    **options: Any,
) -> np.ndarray:
    """The same share of every cluster of features (k-means; by default the square root of n clusters)."""
    rule = _policy(policy, pool, options)
    labels, names = assign(pool.features, clusters, rng)
    split = Pool(pool.n, scores=pool.scores, groups=labels, group_names=names)
    return _inside(split, allocate(budget, split.sizes()), rule, rng, options)


def _policy(name: str | None, pool: Pool, options: dict[str, Any]) -> Policy:
    entry = policy(name or ("random" if pool.scores is None else "hardest"))
    refuse_unknown(f"policy {entry.name!r}", options, entry.options)
    if pool.scores is None and entry.name != "random":
        raise ValueError(f"policy {entry.name!r} needs scores: pass scores=, such as pruning.score('el2n', log)")
    return entry


def _scores(pool: Pool) -> np.ndarray:
    return np.zeros(pool.n) if pool.scores is None else pool.scores


def _inside(
    pool: Pool, counts: np.ndarray, rule: Policy, rng: np.random.Generator, options: dict[str, Any]
) -> np.ndarray:
    scores = _scores(pool)
    parts = [
        own[ranked(rule, scores[own], int(count), rng, options)]
        for own, count in zip(pool.members(), counts, strict=True)
    ]
    return np.concatenate(parts)


def _recall(recall: Any, names: tuple[Any, ...]) -> np.ndarray:
    if recall is None:
        raise ValueError("recall_based needs recall=, or the log of pruning.observe(data)")
    if isinstance(recall, Mapping):
        missing = [name for name in names if name not in recall]
        if missing:
            raise ValueError(f"recall has no entry for {', '.join(map(repr, missing))}")
        recall = [recall[name] for name in names]
    recall = np.asarray(recall, float)
    if recall.shape != (len(names),) or not ((recall >= 0) & (recall <= 1)).all():
        raise ValueError(f"recall {recall} is not one number from 0 to 1 for each of the {len(names)} classes")
    return recall


for _entry in (
    Selector("class_proportional", "the same share of every class, by a policy", class_proportional, ("groups",)),
    Selector("class_balanced", "the same number of every class, by a policy", class_balanced, ("groups",)),
    Selector(
        "recall_based",
        "more of the classes that are recognised less",
        recall_based,
        ("groups",),
        source="Vysogorets et al. 2024",
        aliases=("drop",),
    ),
    Selector("clustered", "the same share of every cluster of features, by a policy", clustered, ("features",)),
):
    register_selector(_entry)
