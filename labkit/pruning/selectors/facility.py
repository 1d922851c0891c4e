"""Facility location: keep the examples from which all others are nearest, as warehouses serve customers."""

from __future__ import annotations

import math

import numpy as np

from labkit.pruning.pool import Pool
from labkit.pruning.selectors.entry import Selector, register_selector

DENSE = 8192
"""Up to this many examples all distances are kept, as float32: 256 MiB."""
CHUNK = 2**22
"""Distances worked on at a time."""
BLOCK = 32
"""Candidates whose gains are brought up to date together."""
SHORTFALL = 0.1
"""How much of the optimum sampling candidates may cost, on average, beyond what being greedy costs."""
METHODS = ("auto", "lazy", "stochastic")


def facility_location(
    pool: Pool, budget: int, rng: np.random.Generator, *, method: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Greedily lower the sum of Euclidean distances from every example to the nearest kept one.

    In terms of the similarity (longest distance - distance) the result is within 1 - 1/e of the best. Weights are the
    numbers of examples nearest to each. ``method="lazy"`` gives exactly what trying every candidate would, and is the
    default up to 8,192 examples, in O(n^2) memory; beyond, distances are computed again when needed, in chunks of 16
    MiB, and ``"stochastic"``, which tries a random part of the candidates in each step, is the default, in O(n^2 d)
    time whatever the budget.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)}")
    distances = _Distances(pool.features)
    if method == "auto":
        method = "lazy" if pool.n <= DENSE else "stochastic"
    kept = _lazy(distances, budget) if method == "lazy" else _stochastic(distances, budget, rng)
    return kept, np.bincount(distances.nearest(kept), minlength=budget).astype(float)


class _Distances:
    """Rows of the table of distances, kept or computed when asked."""

    def __init__(self, features: np.ndarray) -> None:
        self.n = len(features)
        self.features = (features - features.mean(axis=0, dtype=np.float64)).astype(np.float32)
        self.lengths = np.einsum("nd,nd->n", self.features, self.features)
        self.table = None
        if self.n <= DENSE:
            self.table = np.empty((self.n, self.n), np.float32)
            for part in self.chunks():
                self.table[part] = self._rows(part)

    def chunks(self) -> list[np.ndarray]:
        """All places, in parts whose rows are small enough to be worked on."""
        return np.array_split(np.arange(self.n), -(-self.n * self.n // CHUNK))

    def rows(self, places: np.ndarray) -> np.ndarray:
        return self._rows(places) if self.table is None else self.table[places]

    def _rows(self, places: np.ndarray) -> np.ndarray:
        squared = self.features[places] @ (-2 * self.features.T)
        squared += self.lengths
        squared += self.lengths[places, None]
        # Rounding leaves equal points a little apart, or below 0.
        np.maximum(squared, 0, out=squared)
        squared[np.arange(len(places)), places] = 0
        return np.sqrt(squared, out=squared)

    def gains(self, places: np.ndarray, served: np.ndarray) -> np.ndarray:
        """By how much each would lower the sum of the distances ``served``."""
        saved = self.rows(places)
        np.subtract(served, saved, out=saved)
        np.maximum(saved, 0, out=saved)
        return saved.sum(axis=1, dtype=np.float64)

    def totals(self, places: np.ndarray) -> np.ndarray:
        return self.rows(places).sum(axis=1, dtype=np.float64)

    def nearest(self, kept: np.ndarray) -> np.ndarray:
        """For every example the number, in ``kept``, of the nearest kept one; a kept one is nearest to itself."""
        best = np.full(self.n, np.inf, np.float32)
        owner = np.zeros(self.n, np.int64)
        step = max(1, CHUNK // self.n)
        for start in range(0, len(kept), step):
            rows = self.rows(kept[start : start + step])
            first = rows.argmin(axis=0)
            low = rows[first, np.arange(self.n)]
            closer = low < best
            best[closer], owner[closer] = low[closer], first[closer] + start
        owner[kept] = np.arange(len(kept))
        return owner


def _lazy(distances: _Distances, budget: int) -> np.ndarray:
    """Exact greedy: gains only fall as more are kept, so an old gain bounds a new one (Minoux 1978)."""
    first = int(np.argmin(np.concatenate([distances.totals(part) for part in distances.chunks()])))
    kept = [first]
    served = distances.rows(np.array([first]))[0].copy()
    bound = np.concatenate([distances.gains(part, served) for part in distances.chunks()])
    fresh = np.ones(distances.n, bool)
    bound[first] = -np.inf
    while len(kept) < budget:
        best = _bring_up_to_date(distances, served, bound, fresh)
        kept.append(best)
        bound[best] = -np.inf
        np.minimum(served, distances.rows(np.array([best]))[0], out=served)
        fresh[:] = False
    return np.array(kept)


def _bring_up_to_date(distances: _Distances, served: np.ndarray, bound: np.ndarray, fresh: np.ndarray) -> int:
    """The first of the candidates of largest gain; bounds that could hide one as large are computed anew."""
    width = min(BLOCK, max(1, CHUNK // distances.n))
    best = bound.max(where=fresh, initial=-np.inf)
    while True:
        stale = np.flatnonzero(~fresh & (bound >= best) & (bound > -np.inf))
        if len(stale) == 0:
            return int(np.argmax(np.where(fresh, bound, -np.inf)))
        if len(stale) > width:
            stale = stale[np.argpartition(-bound[stale], width)[:width]]
        bound[stale] = distances.gains(stale, served)
        fresh[stale] = True
        best = max(best, bound[stale].max())


def _stochastic(distances: _Distances, budget: int, rng: np.random.Generator) -> np.ndarray:
    """Greedy over a random part of the candidates in each step (Mirzasoleiman et al. 2015)."""
    open_ = np.arange(distances.n)
    draws = max(1, math.ceil(distances.n / budget * math.log(1 / SHORTFALL)))
    step = max(1, CHUNK // distances.n)
    served, kept = None, []
    while len(kept) < budget:
        tried = rng.choice(len(open_), min(draws, len(open_)), replace=False)
        parts = [open_[tried[start : start + step]] for start in range(0, len(tried), step)]
        if served is None:
            gains = np.concatenate([-distances.totals(part) for part in parts])
        else:
            gains = np.concatenate([distances.gains(part, served) for part in parts])
        place = tried[int(np.argmax(gains))]
        row = distances.rows(open_[[place]])[0]
        served = row.copy() if served is None else np.minimum(served, row, out=served)
        kept.append(int(open_[place]))
        open_[place] = open_[-1]
        open_ = open_[:-1]
    return np.array(kept)


register_selector(
    Selector(
        "facility_location",
        "those from which all others are nearest, with the number each stands for as weight",
        facility_location,
        ("features",),
        inside_groups=True,
        source="Cornuejols et al. 1977",
    )
)
register_selector(
    Selector(
        "craig",
        "facility location on gradients inside each class, with the number each stands for as weight",
        facility_location,
        ("gradients", "groups"),
        inside_groups=True,
        source="Mirzasoleiman et al. 2020",
    )
)
