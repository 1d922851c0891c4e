"""What there is to prune with, of every kind: one call to add to it and one to list it."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from labkit.pruning.entry import Score, all_scores, register_score
from labkit.pruning.methods import Dynamic, all_dynamic, register_dynamic
from labkit.pruning.rules import Policy, policies, register_policy
from labkit.pruning.selectors import Selector, register_selector, registry
from labkit.registry import UnknownName, nearest

Entry = TypeVar("Entry")

_REGISTER = {
    Score: register_score,
    Policy: register_policy,
    Selector: register_selector,
    Dynamic: register_dynamic,
}


def register(entry: Entry, *, replace: bool = False) -> Entry:
    """Add a score, a policy, a selector or a dynamic method of one's own and return it.

    Raises ``TypeError`` for anything else, ``ValueError`` when the name is taken and ``replace`` is not given.

    >>> from labkit import pruning
    >>> def ink(log):
    ...     return log.data.inputs.mean(1)
    >>> mine = pruning.register(pruning.Score("ink", ink, "share of dark pixels"))
    >>> "ink" in set(pruning.available("score")["name"])
    True
    >>> pruning.unregister_score("ink")
    """
    for kind, add in _REGISTER.items():
        if isinstance(entry, kind):
            return add(entry, replace=replace)
    known = " or ".join(f"pruning.{kind.__name__}(...)" for kind in _REGISTER)
    raise TypeError(f"{entry!r} is nothing to prune with; expected {known}")


def available(kind: str | None = None) -> pd.DataFrame:
    """What there is to prune with: a frame with one row each.

    Arguments:
        kind: ``score``, ``policy``, ``selector`` or ``dynamic``; None for all.

    Columns are kind, name, purpose, aliases, options, source; scores and selectors also have needs, scores alone
    group, direction, ties, trains (further models) and leaves_out: where a kind has no such thing the cell is empty.

    >>> from labkit import pruning
    >>> scores = pruning.available("score").set_index("name")
    >>> scores.loc["el2n", "aliases"]
    'error_l2_norm'
    """
    parts = {
        "score": lambda: pd.DataFrame([_score_row(entry) for entry in all_scores()]),
        "policy": lambda: policies().rename(columns={"keeps": "purpose"}),
        "selector": lambda: pd.DataFrame([_selector_row(entry) for entry in registry]),
        "dynamic": lambda: pd.DataFrame([_dynamic_row(entry) for entry in all_dynamic()]),
    }
    if kind is not None and kind not in parts:
        raise UnknownName(f"unknown kind {kind!r}: {nearest(kind, parts)}")
    frames = [make().assign(kind=name) for name, make in parts.items() if kind in (None, name)]
    found = pd.concat(frames, ignore_index=True).astype(object)
    first = ["kind", "name", "purpose"]
    return found[[*first, *(column for column in found if column not in first)]].fillna("")


def _score_row(entry: Score) -> dict[str, object]:
    return {
        "name": entry.name,
        "purpose": entry.purpose,
        "aliases": ", ".join(entry.aliases),
        "options": _options(entry),
        "source": entry.source,
        "group": entry.group,
        "needs": ", ".join(entry.needs),
        "direction": entry.direction,
        "ties": entry.ties,
        "trains": entry.trains,
        "leaves_out": entry.leaves_out,
    }


def _selector_row(entry: Selector) -> dict[str, object]:
    return {
        "name": entry.name,
        "purpose": entry.keeps,
        "aliases": ", ".join(entry.aliases),
        "options": _options(entry),
        "source": entry.source,
        "needs": ", ".join(entry.needs),
    }


def _dynamic_row(entry: Dynamic) -> dict[str, object]:
    return {
        "name": entry.name,
        "purpose": entry.purpose,
        "aliases": ", ".join(entry.aliases),
        "options": _options(entry),
        "source": entry.source,
    }


def _options(entry: Score | Selector | Dynamic) -> str:
    known = entry.options.items()
    return ", ".join(name if default is ... else f"{name}={default!r}" for name, default in known)
