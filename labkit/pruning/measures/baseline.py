"""A score that knows nothing, to compare with."""

from __future__ import annotations

import numpy as np

from labkit.pruning.entry import Score, register_score
from labkit.pruning.log import Log
from labkit.seeds import generator


def random(log: Log, *, seed: int = 0) -> np.ndarray:
    """Evenly from 0 to 1, by the seed alone."""
    return generator(seed, "random score").random(len(log))


register_score(
    Score(
        name="random",
        purpose="the baseline that every score has to beat",
        function=random,
        group="baseline",
        direction="none: nothing is harder",
        order_free=False,
        leaves_out="everything",
    )
)
