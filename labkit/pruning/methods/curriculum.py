"""Cyclical curriculum: the part of the examples that is shown grows to all and shrinks again, easy ones first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.datasets.faults import number
from labkit.pruning.methods.entry import Dynamic, register_dynamic
from labkit.pruning.methods.sampling import part_of
from labkit.training import Moment, Selection


@dataclass(frozen=True)
class CyclicalCurriculum(Selection):
    """Rounds whose size grows from ``start`` to ``end`` and shrinks back, over and over.

    Fields:
        start, end: shares of the examples in the smallest and in the largest round.
        growth: each round has 1 / ``growth`` times the examples of the one before, on the way back ``growth`` times.

    Examples are drawn without replacement with odds of the probability of their label, exp(-loss), as it was when
    they were last shown; one that never was counts as certain. The paper takes the probabilities of a model trained
    before.
    Source: Kesgin and Amasyali (2022).
    """

    start: float = 0.25
    end: float = 1.0
    growth: float = 0.5

    def __post_init__(self) -> None:
        number("start", self.start)
        number("end", self.end)
        number("growth", self.growth)
        if not 0 < self.start <= self.end or not 0 < self.growth < 1:
            raise ValueError(
                f"start={self.start!r}, end={self.end!r} and growth={self.growth!r}; expected 0 < start <= end <= 1 "
                "and a growth between 0 and 1"
            )

    def sizes(self) -> list[float]:
        """The shares of one cycle.

        >>> CyclicalCurriculum().sizes()
        [0.25, 0.5, 1.0, 0.5]
        """
        rising = [self.start]
        while rising[-1] < self.end:
            rising.append(min(self.end, rising[-1] / self.growth))
        return [*rising, *rising[-2:0:-1]]

    def choose(self, moment: Moment) -> np.ndarray:
        cycle = self.sizes()
        count = part_of(cycle[moment.round % len(cycle)], len(moment.examples))
        # The largest of logits plus Gumbel noise are a draw without replacement.
        noisy = moment.random.gumbel(size=len(moment.examples)) - np.nan_to_num(moment.losses, nan=0.0)
        return np.argsort(-noisy, kind="stable")[:count]


register_dynamic(
    Dynamic(
        "cyclical_curriculum",
        CyclicalCurriculum,
        "a part that grows to all and shrinks again, easy examples first",
        at=lambda share: {"start": share},
        source="Kesgin and Amasyali (2022)",
        aliases=("curriculum",),
    )
)
