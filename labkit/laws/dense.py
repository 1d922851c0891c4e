"""A curve of very many points as fewer of more weight, for fits whose time would be that of the points."""

from __future__ import annotations

import numpy as np

from labkit.laws.objectives import Objective

MANY = 4000  # points from which on a curve is gathered
WIDTH = 1 / 2000  # of the range of ln x: what neighbours in a block span at most,
SHARE = 1 / 500  # and the share of the points that they are at most


def sampled(count: int) -> np.ndarray:
    """Ranks of about 4,000 of so many points, evenly spread, the last one among them.

    >>> sampled(12_000)[[0, 1, -1]].tolist(), len(sampled(12_000))
    ([2, 5, 11999], 4000)
    """
    every = -(-count // MANY)
    return np.arange(count - 1, -1, -every)[::-1]


def gathered(x, y, weights, cuts, objective: Objective):
    """Blocks (b,) of neighbours among the points (n,): x, y and weights, and how many blocks lie before each cut.

    ``x`` ascends; no block reaches over one of the ``cuts`` (numbers of points). The y of a block is its mean, in
    logarithms where the objective is, so that least squares of blocks are about those of their points. Curves of at
    most 4,000 points come back as they are, and so do all for a robust objective, to which a mean says too little.

    >>> x = np.geomspace(1, 1e6, 100_000)
    >>> few, y, weights, cuts = gathered(x, x**-0.5, np.ones(100_000), [55_000], Objective("log_squared"))
    >>> len(few) < 2010, round(weights[: cuts[0]].sum()), bool(abs(y * few**0.5 - 1).max() < 1e-4)
    (True, 55000, True)
    """
    count = len(x)
    if count <= MANY or objective.robust:
        return x, y, weights, list(cuts)
    log, rank = np.log(x), np.arange(count)
    part = np.searchsorted(cuts, rank, side="right")
    width = WIDTH * (log[-1] - log[0])
    keys = np.stack([np.floor((log - log[0]) / width), np.floor(rank / (SHARE * count)), part])
    place = np.concatenate([[0], np.cumsum((np.diff(keys, axis=1) != 0).any(0))])
    total = np.bincount(place, weights)
    middle = np.exp(np.bincount(place, weights * log) / total)
    before = [int(place[cut]) if cut < count else len(total) for cut in cuts]
    level = np.bincount(place, weights * (np.log(y) if objective.logarithmic else y)) / total
    return middle, np.exp(level) if objective.logarithmic else level, total, before
