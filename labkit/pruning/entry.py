"""What a score is, ours or a reader's own: a function of an observed training, with what is to be known about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.registry import Registry, UnknownName, nearest

if TYPE_CHECKING:
    from labkit.pruning.log import Log


GROUPS = ("baseline", "outputs", "dynamics", "gradients", "features", "labels", "subsets", "own")


@dataclass(frozen=True)
class Score:
    """A number for every training example; larger is harder, always.

    Fields:
        name: what ``pruning.score`` is called with.
        function: called with a `Log` and the options; returns (n,). Its other parameters, which all need defaults,
            are the options; one called ``seed`` gets the seed.
        purpose, aliases, source, leaves_out: what it measures in one sentence, other names, author and year, and what
            it does not cover.
        group: what it goes by: ``baseline``, ``outputs``, ``dynamics``, ``gradients``, ``features``, ``labels``,
            ``subsets`` or ``own``.
        needs: what it reads of the log: names of what was recorded, ``logits``, ``snapshots`` or ``classes``. With
            nothing, or classes alone, a dataset will do.
        direction: which examples get large values, in words.
        ties: which examples get equal values, in words; empty where none do but by chance.
        trains: whether it trains further models, which takes time.
        order_free: whether examples in another order get the same values: True unless something is drawn by place.
        finds_flips: whether flipped labels get large values.

    Raises ``TypeError`` where an option has no default or the function takes no log, ``UnknownName`` for an unknown
    group.

    >>> from labkit import pruning
    >>> def ink(log):
    ...     return log.data.inputs.mean(1)
    >>> pruning.Score("ink", ink, "share of dark pixels").options
    {}
    """

    name: str
    function: Callable[..., np.ndarray]
    purpose: str = ""
    aliases: tuple[str, ...] = ()
    source: str = ""
    leaves_out: str = ""
    group: str = "own"
    needs: tuple[str, ...] = ()
    direction: str = ""
    ties: str = ""
    trains: bool = False
    order_free: bool = True
    finds_flips: bool = False

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function of score {self.name!r} is a {type(self.function).__name__}; expected a function")
        if self.group not in GROUPS:
            raise UnknownName(f"score {self.name!r} is of group {self.group!r}: {nearest(self.group, GROUPS)}")
        for name in ("needs", "aliases"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} of score {self.name!r} is a str; expected a tuple of names")
        if not inspect.signature(self.function).parameters:
            raise TypeError(f"function of score {self.name!r} takes nothing; expected a function of the log")
        _, *rest = inspect.signature(self.function).parameters.values()
        bare = [p.name for p in rest if p.default is p.empty]
        if bare:
            raise TypeError(f"options of score {self.name!r} without a default: {', '.join(bare)}; give each one")

    @property
    def options(self) -> dict[str, Any]:
        """The options and their defaults."""
        _, *rest = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in rest}

    def __call__(self, log: Log, **options: Any) -> np.ndarray:
        return self.function(log, **options)


_registry: Registry[Score] = Registry("score")


def register_score(entry: Score, *, replace: bool = False) -> Score:
    """Add a score and return it; a taken name raises ``ValueError`` unless ``replace``."""
    return _registry.register(entry, replace=replace)


def unregister_score(name: str) -> None:
    """Forget a score."""
    _registry.unregister(name)


def find_score(name: str) -> Score:
    """The score of that name or alias; an unknown one is refused with the nearest match.

    >>> from labkit import pruning
    >>> pruning.find_score("error_l2_norm").name
    'el2n'
    """
    return _registry[name]


def all_scores() -> list[Score]:
    """Every score, by group."""
    return sorted(_registry, key=lambda entry: GROUPS.index(entry.group))
