"""Scale-efficient training: a window over groups of equal difficulty slides from easy to hard."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.datasets.faults import number, whole
from labkit.pruning.methods.entry import Dynamic, register_dynamic
from labkit.pruning.methods.sampling import part_of
from labkit.training import Moment, Selection

_TURNS = 50


@dataclass(frozen=True)
class SeTa(Selection):
    """Examples drawn at random and cut by their losses into groups; a window over these slides from easy to hard.

    Fields:
        rate: share of the examples that a round leaves out at random before grouping, 0 to below 1.
        groups: how many groups the losses are cut into, by k-means.
        window: share of the groups that a round shows; after the hardest the window is back at the easiest.
        last: share of the training at the end in which all groups are shown.

    An example counts by its loss when it was last shown; one that never was is among the hardest. The first round
    shows all groups. Groups are not of one size, so neither are rounds.
    Source: Zhou et al. (2025).
    """

    rate: float = 0.3
    groups: int = 10
    window: float = 0.5
    last: float = 0.125

    def __post_init__(self) -> None:
        number("last", self.last)
        whole("groups", self.groups, least=1)
        if number("rate", self.rate) == 1 or number("window", self.window) == 0:
            raise ValueError(f"rate={self.rate!r} and window={self.window!r} show nothing; expected a rate below 1, "
                             "a window above 0")  # fmt: skip

    def choose(self, moment: Moment) -> np.ndarray:
        total = len(moment.examples)
        drawn = moment.random.choice(total, part_of(1 - self.rate, total), replace=False)
        known = ~np.isnan(moment.losses)
        if moment.progress >= 1 - self.last or not known.any():
            return drawn
        losses = np.where(known, moment.losses, moment.losses[known].max())[drawn]
        group = grouped(losses, self.groups)
        wide = min(self.groups, part_of(self.window, self.groups))
        first = moment.round % (self.groups - wide + 1)
        shown = drawn[(group >= first) & (group < first + wide)]
        return shown if len(shown) else drawn


def grouped(values: np.ndarray, groups: int) -> np.ndarray:
    """The group of every value (n,), from 0, that of the smallest: k-means on a line, from centres evenly spaced.

    >>> grouped(np.array([0.0, 5.0, 0.1, 9.0]), 3).tolist()
    [0, 1, 0, 2]
    """
    values = np.asarray(values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    # Lists: a turn looks up ten numbers, which would cost an array more than the search.
    rising, sums = values[order].tolist(), [0.0, *np.cumsum(values[order]).tolist()]
    low, high = rising[0], rising[-1]
    centres = np.unique(low + (high - low) * (np.arange(groups) + 0.5) / groups).tolist()
    ends: list[int] = []
    for _ in range(_TURNS):
        edges = ((one + other) / 2 for one, other in itertools.pairwise(centres))
        before, ends = ends, [0, *(bisect.bisect_right(rising, edge) for edge in edges), len(rising)]
        if ends == before:
            break
        parts = list(itertools.pairwise(ends))
        centres = [
            (sums[last] - sums[first]) / (last - first) if last > first else centre
            for centre, (first, last) in zip(centres, parts, strict=True)
        ]
        sizes = [last - first for first, last in parts]
        if 0 in sizes:
            # A group that nothing is nearest to takes the value that is worst off.
            far = np.abs(np.array(rising) - np.repeat(centres, sizes))
            centres[sizes.index(0)] = rising[int(far.argmax())]
            centres.sort()
    found = np.empty(len(values), dtype=np.int64)
    found[order] = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    return found


def _at(share: float) -> Mapping[str, Any]:
    """A window of half the groups shows half of what was drawn, if groups are alike; a larger share widens it."""
    return {"rate": 1 - 2 * share} if share <= 0.5 else {"rate": 0.0, "window": share}


register_dynamic(
    Dynamic(
        "seta",
        SeTa,
        "a random part, and of its groups of equal loss a window that slides from easy to hard",
        at=_at,
        source="Zhou et al. (2025)",
        aliases=("scale_efficient_training",),
    )
)
