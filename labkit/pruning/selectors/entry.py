"""The registry of selectors: rules that need more than scores."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.pruning.rules import keyword_options, policy, refuse_unknown
from labkit.registry import Registry

NEEDS = ("scores", "features", "groups", "gradients")


@dataclass(frozen=True)
class Selector:
    """A rule that keeps a number of examples by features, groups or gradients.

    Arguments:
        name: what ``select`` is called with.
        keeps: which examples it keeps, in a few words.
        choose: called with a `Pool`, the number to keep (at least 1, fewer than there are), a numpy generator, and its
            options by keyword; answers with that many different places, or with places and a weight for each. It may
            take the first of equally good examples: the pool comes in an order that depends on contents alone.
        needs: what it cannot do without: ``scores``, ``features`` (a dataset's inputs by default), ``groups`` (its
            classes by default), ``gradients`` (features without a default).
        inside_groups: whether, where groups are given, it works inside each group, with budgets in proportion to
            their sizes, rather than on the whole.
        source: author and year, if any.
        aliases: other names.

    Raises ``TypeError`` where an option has no default, ``ValueError`` for an unknown need.

    >>> import numpy as np
    >>> from labkit import pruning
    >>> longest = pruning.Selector("longest", "the longest vectors", lambda pool, budget, rng: np.argsort(
    ...     -np.linalg.norm(pool.features, axis=1), kind="stable")[:budget], needs=("features",))
    >>> longest.options
    {}
    """

    name: str
    keeps: str
    choose: Callable[..., Any]
    needs: tuple[str, ...] = ()
    inside_groups: bool = False
    source: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        bare = [option for option, default in self.options.items() if default is inspect.Parameter.empty]
        if bare:
            raise TypeError(f"options of selector {self.name!r} without a default: {', '.join(bare)}; give each one")
        for need in self.needs:
            if need not in NEEDS:
                raise ValueError(f"selector {self.name!r} needs {need!r}; expected some of {', '.join(NEEDS)}")

    @property
    def options(self) -> dict[str, Any]:
        """The options with their defaults."""
        return keyword_options(self.choose)

    def refuse_unknown(self, options: dict[str, Any]) -> None:
        """Raise ``TypeError`` for the first option it does not have."""
        known = self.options
        kinds = {p.kind for p in inspect.signature(self.choose).parameters.values()}
        if inspect.Parameter.VAR_KEYWORD in kinds:
            # It passes what it does not know on to a policy.
            known = known | policy(options.get("policy") or "hardest").options
        refuse_unknown(f"selector {self.name!r}", options, known)


registry: Registry[Selector] = Registry("selector")


def register_selector(entry: Selector, *, replace: bool = False) -> Selector:
    """Add a selector and return it; a taken name raises ``ValueError`` unless ``replace``.

    >>> from labkit import pruning
    >>> pruning.register_selector(pruning.selector("k_centre"))
    Traceback (most recent call last):
    ValueError: a selector named 'k_centre' exists already; pass replace=True to replace it
    """
    return registry.register(entry, replace=replace)


def unregister_selector(name: str) -> None:
    """Forget a selector."""
    registry.unregister(name)


def selector(name: str) -> Selector:
    """The selector of that name; an unknown one is refused with the nearest match.

    >>> from labkit import pruning
    >>> pruning.selector("k_center").name
    'k_centre'
    """
    return registry[name]


def split_answer(answer: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """The places and, where it gives them, the weights of a selector's answer."""
    places, weights = answer if isinstance(answer, tuple) else (answer, None)
    return np.asarray(places, np.int64), None if weights is None else np.asarray(weights, float)
