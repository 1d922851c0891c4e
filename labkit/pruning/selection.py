"""Select a fraction of the examples by features, labels or gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.pruning.features import features as features_of
from labkit.pruning.keeping import kept_count
from labkit.pruning.log import Log
from labkit.pruning.pool import Pool, content_order, gather
from labkit.pruning.quotas import allocate
from labkit.pruning.rules import policies
from labkit.pruning.selectors.entry import Selector, registry, split_answer
from labkit.registry import UnknownName
from labkit.seeds import generator

_HINTS = {
    "scores": "pass scores=, such as pruning.score('el2n', log)",
    "features": "pass a dataset of numbers, or features= (n, d)",
    "groups": "pass a dataset with classes, or groups= (n,)",
    "gradients": "pass the log of pruning.observe(data), or features=pruning.last_layer_gradients(p, targets)",
}


def select(
    selector: str | Selector,
    data: Any = None,
    fraction: float = 0.2,
    scores: Any = None,
    features: Any = None,
    groups: Any = None,
    seed: int = 0,
    *,
    return_weights: bool = False,
    **options: Any,
) -> Any:
    """Choose the examples to keep by more than scores: exactly ``round(fraction * n)`` of them.

    The set that is kept does not depend on the order of the examples. Where several are equally good, a hash of what
    was given of each (inputs, targets, features, scores, groups), keyed by the seed, decides; between examples alike
    in all of that, chance.

    Arguments:
        selector: one of those that ``pruning.available("selector")`` lists, or one of your own.
        data: a dataset, whose training examples are chosen from; the log of ``pruning.observe``, where the selector
            goes by gradients or by recall; or features (n, d). None where features, scores or groups are given.
        fraction: share to keep, from 0 (an empty answer) to 1; the count is Python's ``round``.
        scores: (n,) finite numbers, larger is harder, for selectors that need them.
        features: (n, d) finite numbers, or with a log a kind of ``pruning.features`` such as ``"hidden"``; a dataset's
            inputs by default, and with a log ``"errors"`` for selectors that go by gradients.
        groups: (n,) labels; the classes by default where a selector needs groups. Set selectors, such as
            ``k_centre``, work on the whole by default, and inside each of the groups that are given here, with
            budgets in proportion to their sizes.
        seed: of ties and of selectors that draw at random.
        return_weights: whether to return weights too: how many examples of the pool each kept one stands for; they
            add up to n. Selectors that do not weigh give each kept one the same. To train with them, put them at the
            kept positions of an array of n numbers: a run of ``fit_many`` takes it as ``weights`` beside ``indices``.
        options: those of the selector, such as ``neighbours=5`` for ``d2``, and of the policy inside classes; unknown
            ones are refused. ``pruning.selector(name).choose`` says what they mean, and what the selector costs.

    Returns the positions of the kept examples, sorted, int64; with ``return_weights`` the tuple (positions, weights).

    Raises ``ValueError`` for an unknown selector, a fraction outside 0 to 1, lengths that differ, numbers that are not
    finite, or something missing that the selector needs; ``TypeError`` for an unknown option.

    >>> from labkit import pruning
    >>> pruning.select("k_centre", [[0.0], [1.0], [2.0], [9.0], [4.0]], fraction=0.6)
    array([0, 3, 4])
    """
    entry = _find(selector)
    entry.refuse_unknown(options)
    if isinstance(data, Log):
        if features is None and "gradients" in entry.needs:
            features = "errors"
        if isinstance(features, str):
            features = features_of(data, features)
    pool, contents = gather(data, scores, features, groups)
    for need in entry.needs:
        missing = features is None if need == "gradients" else getattr(pool, need) is None
        if missing:
            raise ValueError(f"selector {entry.name!r} needs {need}: {_HINTS[need]}")
    budget = kept_count(fraction, pool.n)
    order = content_order(contents, seed)
    places, weights = _choose(entry, pool[order], budget, generator(seed, "select"), options)
    if places.shape != (budget,) or len(np.unique(places)) != budget:
        raise ValueError(f"selector {entry.name!r} kept {len(np.unique(places))} examples; expected {budget}")
    kept = order[places]
    ascending = np.argsort(kept)
    if not return_weights:
        return kept[ascending]
    if weights is None:
        weights = np.full(budget, pool.n / max(1, budget))
    return kept[ascending], weights[ascending]


def _find(name: str | Selector) -> Selector:
    if isinstance(name, Selector):
        return name
    try:
        return registry[name]
    except UnknownName:
        if name in set(policies()["name"]):
            raise UnknownName(
                f"{name!r} needs scores alone: call pruning.keep(scores, fraction, policy={name!r}), or "
                f"pruning.select('class_balanced', data, fraction, scores=scores, policy={name!r})"
            ) from None
        raise


def _choose(
    entry: Selector, pool: Pool, budget: int, rng: np.random.Generator, options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray | None]:
    if not (entry.inside_groups and pool.groups is not None and (pool.grouped or "groups" in entry.needs)):
        return _some(entry, pool, budget, rng, options)
    members = pool.members()
    parts = [
        _some(entry, pool[own], int(share), rng, options)
        for own, share in zip(members, allocate(budget, pool.sizes()), strict=True)
    ]
    places = np.concatenate([own[part] for own, (part, _) in zip(members, parts, strict=True)])
    if all(weights is None for _, weights in parts):
        return places, None
    weights = np.concatenate([np.ones(len(part)) if w is None else w for part, w in parts])
    # Groups too small to have one kept are stood for by the others.
    return places, weights * pool.n / weights.sum()


def _some(
    entry: Selector, pool: Pool, budget: int, rng: np.random.Generator, options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray | None]:
    """The selector's answer, unless it is nothing or all."""
    if budget in (0, pool.n):
        return np.arange(budget), None
    return split_answer(entry.choose(pool, budget, rng, **options))
