"""InfoBatch: examples that are learnt are shown less often, and count for more when they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.datasets.faults import number
from labkit.pruning.methods.entry import Dynamic, register_dynamic
from labkit.training import Moment, Round, Selection


@dataclass(frozen=True)
class InfoBatch(Selection):
    """Of the examples whose loss is below the mean, drops the share ``rate`` at random and scales up the rest.

    Fields:
        rate: share of the examples below the mean that a round leaves out, 0 to below 1. Those it shows weigh
            1 / (1 - rate), so that the gradient of a round is that of all examples, on average.
        last: share of the training at the end in which all are shown, unweighted.

    An example counts by its loss when it was last shown; one that never was is shown.
    Source: Qin et al. (2024).
    """

    rate: float = 0.5
    last: float = 0.125

    def __post_init__(self) -> None:
        number("last", self.last)
        if number("rate", self.rate) == 1:
            raise ValueError("rate=1 never shows what is learnt; expected a rate from 0 to below 1")

    def choose(self, moment: Moment) -> Round | np.ndarray:
        known = ~np.isnan(moment.losses)
        everything = np.arange(len(moment.examples))
        if moment.progress >= 1 - self.last or not known.any():
            return everything
        mean = moment.losses[known].mean(dtype=np.float64)
        learnt = np.flatnonzero(known & (moment.losses < mean))
        kept = moment.random.choice(learnt, len(learnt) - round(self.rate * len(learnt)), replace=False)
        if not len(kept):
            return everything
        weights = np.ones(len(everything), dtype=np.float32)
        # By the counts, which are whole numbers, rather than by the rate: then the sum is exact.
        weights[kept] = len(learnt) / len(kept)
        places = np.setdiff1d(everything, np.setdiff1d(learnt, kept))
        return Round(places, weights[places])


register_dynamic(
    Dynamic(
        "infobatch",
        InfoBatch,
        "all but a random part of those with a loss below the mean, the rest of which weigh more",
        at=lambda share: {"rate": 1 - share},
        source="Qin et al. (2024)",
    )
)
