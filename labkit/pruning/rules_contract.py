"""What every policy and selector must satisfy, ours and a reader's own: one suite, each failure a plain sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.pruning.contract import planted
from labkit.pruning.keeping import keep
from labkit.pruning.log import Log
from labkit.pruning.rules import Policy
from labkit.pruning.selection import select
from labkit.pruning.selectors import Selector
from labkit.seeds import generator

_FRACTIONS = (0.0, 0.02, 0.1, 0.35, 0.5, 0.9, 1.0)


def check(entry: Policy | Selector, **options: Any) -> None:
    """Raise ``AssertionError`` with a plain sentence unless the policy or selector keeps its promises.

    Arguments:
        entry: the policy or selector; it need not be registered.
        options: its options, where it cannot do without.

    Checked: exactly the budget, from nothing to all and down to one example, with scores that differ, that are tied and
    that are all the same, and with examples that are copies; the same again for the same seed; the same set for
    examples in another order; what it was given left as it was; no use of global random state.

    >>> from labkit import pruning
    >>> check(pruning.policy("hardest"))
    >>> check(pruning.Policy("first", "one too few", lambda scores, budget, rng: range(budget - 1)))
    Traceback (most recent call last):
    AssertionError: first: policy 'first' answered with ...
    """
    _require(entry.name and entry.keeps, f"{entry.name}: what it keeps is not told")
    before = np.random.get_state()[1].tobytes()
    (_check_policy if isinstance(entry, Policy) else _check_selector)(entry, options)
    _require(
        np.random.get_state()[1].tobytes() == before,
        f"{entry.name}: draws from the global random state; use the generator it is given",
    )


def _check_policy(entry: Policy, options: dict[str, Any]) -> None:
    random = generator(0, "policy contract")
    for scores in (random.normal(size=97), random.integers(3, size=40).astype(float), np.ones(30), np.ones(1)):
        order = random.permutation(len(scores))
        copy = scores.copy()
        for fraction in _FRACTIONS:
            kept = _attempt(entry, lambda f=fraction, s=scores: keep(s, f, entry, 1, **options))
            again = keep(scores, fraction, entry, 1, **options)
            _require(np.array_equal(kept, again), f"{entry.name}: keeps something else the second time")
            moved = keep(scores[order], fraction, entry, 1, **options)
            same = np.array_equal(np.sort(scores[kept]), np.sort(scores[order][moved]))
            _require(same, f"{entry.name}: keeps other scores when the examples are in another order")
        _require(np.array_equal(copy, scores), f"{entry.name}: changes the scores that it was given")


def _check_selector(entry: Selector, options: dict[str, Any]) -> None:
    log, _ = planted()
    random = generator(0, "selector contract")
    scores = random.normal(size=len(log))
    copies = log.take(np.sort(random.integers(len(log) // 4, size=len(log))))
    for source, own in ((log, scores), (log, np.ones(len(log))), (copies, np.ones(len(log)))):
        order = random.permutation(len(own))
        for fraction in _FRACTIONS:
            first = _attempt(entry, lambda f=fraction, s=source, o=own: _weighed(entry, s, f, o, options))
            again = _weighed(entry, source, fraction, own, options)
            same = all(map(np.array_equal, first, again))
            _require(same, f"{entry.name}: keeps something else the second time")
            kept, weights = first
            _require(len(weights) == len(kept), f"{entry.name}: gives {len(weights)} weights for {len(kept)} examples")
            valid = np.isfinite(weights).all() and (weights >= 0).all()
            _require(valid, f"{entry.name}: gives weights that are negative or not finite")
            moved, _ = _weighed(entry, source.take(order), fraction, own[order], options)
            here, there = _contents(source, own, kept), _contents(source, own, order[moved])
            _require(here == there, f"{entry.name}: keeps other examples when they are in another order")


def _weighed(
    entry: Selector, source: Log, fraction: float, scores: np.ndarray, options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    return select(entry, source, fraction, scores, seed=1, return_weights=True, **options)


def _contents(source: Log, scores: np.ndarray, kept: np.ndarray) -> list[tuple[float, ...]]:
    inputs, targets = source.data.inputs[kept], source.data.targets[kept]
    return sorted(map(tuple, np.column_stack([inputs, targets, scores[kept]]).tolist()))


def _attempt(entry: Policy | Selector, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ValueError as error:
        raise AssertionError(f"{entry.name}: {error}") from error


def _require(holds: Any, otherwise: str) -> None:
    """An assertion that also stands under ``python -O``."""
    if not holds:
        raise AssertionError(otherwise)
