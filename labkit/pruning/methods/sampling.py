"""Repeated random sampling: a fresh random part of the examples in every round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.datasets.faults import number
from labkit.pruning.methods.entry import Dynamic, register_dynamic
from labkit.training import Moment, Selection


def part_of(share: float, count: int) -> int:
    """``round(share * count)``, but at least one."""
    return max(1, round(share * count))


@dataclass(frozen=True)
class RepeatedRandom(Selection):
    """A random part of the examples in every round: the baseline that any way of choosing has to beat.

    Fields:
        share: of the examples in a round, above 0 to 1.
        replacement: True draws every round from all examples; False works through all of them in a random order
            before any comes again.

    Source: Okanovic et al. (2024).
    """

    share: float = 0.1
    replacement: bool = False

    def __post_init__(self) -> None:
        if number("share", self.share) == 0:
            raise ValueError("share=0 shows nothing; expected a share above 0, to 1")

    def choose(self, moment: Moment) -> np.ndarray:
        total = len(moment.examples)
        count = part_of(self.share, total)
        if self.replacement:
            return moment.random.choice(total, count, replace=False)
        waiting = moment.memory.get("waiting", np.empty(0, dtype=np.int64))
        if len(waiting) < count:
            # What is left comes first; the new order leaves it out, so that no round shows an example twice.
            fresh = moment.random.permutation(total)
            fresh = np.concatenate([fresh[~np.isin(fresh, waiting)], moment.random.permutation(waiting)])
            waiting = np.concatenate([waiting, fresh])
        moment.memory["waiting"] = waiting[count:]
        return waiting[:count]


register_dynamic(
    Dynamic(
        "repeated_random",
        RepeatedRandom,
        "a fresh random part of the examples in every round",
        at=lambda share: {"share": share},
        source="Okanovic et al. (2024)",
        aliases=("rs2",),
    )
)
