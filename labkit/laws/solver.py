"""The one solver: damped Gauss-Newton with box bounds, on any number of fits of one form at once.

Every row of the batch is one fit: a start, a resample, a curve, or all three. Rows share nothing but the arithmetic, so
a row's result does not depend on which others stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws.form import Form, Twin
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective
from labkit.laws.stepping import CALM, CREEPING, EXHAUSTED, IMPOSSIBLE, REACHED, STALLED, Rows

CHUNK = 200_000  # numbers per array of partial derivatives: small enough to stay in cache, and bounds the memory
PATIENCE = 30  # steps after which a fit that gained next to nothing is left


@dataclass
class Solution:
    """Parameters (B, p), cost (B,), status (B,) and iterations (B,) of a batch."""

    theta: np.ndarray
    cost: np.ndarray
    status: np.ndarray
    iterations: np.ndarray

    def rows(self, which: np.ndarray) -> Solution:
        """The solutions of some rows, in that order."""
        return Solution(self.theta[which], self.cost[which], self.status[which], self.iterations[which])

    def update(self, on: np.ndarray, later: Solution) -> None:
        """Put what later iterations found in the place of some rows."""
        self.theta[on], self.cost[on], self.status[on] = later.theta, later.cost, later.status
        self.iterations[on] += later.iterations


class Search:
    """Fits of a batch on their way: ``run`` takes them further, ``found`` is where they are, ``leave`` ends some.

    Every row begins at its start (B, p); ``which`` (B,) says which row of the data it is for; bounds are (B, p).
    ``prior`` adds precision·(parameter − centre)² to the cost: centre and precision (B, p), in the coordinates of the
    solver (logarithms of the parameters that are stepped in logarithms). With ``ridges`` amplitudes grow
    and shrink by factors where that helps: a ridge along which one trades with an exponent is then straight.
    ``damping`` is that of the first step; ``warm`` are steps of least squares before a robust objective.
    """

    def __init__(
        self,
        form: Form | Twin,
        objective: Objective,
        data: Data,
        start: np.ndarray,
        which: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        *,
        tolerance: float = 1e-12,
        prior: tuple[np.ndarray, np.ndarray] | None = None,
        ridges: bool = False,
        damping: float = CALM,
        warm: int = 0,
    ) -> None:
        theta = np.minimum(np.maximum(start, low), high).astype(float)
        count = len(theta)
        self.tolerance, self.done, self.low, self.high = np.array(tolerance), 0, low, high
        self.found = Solution(theta, np.empty(count), np.full(count, EXHAUSTED), np.zeros(count, int))
        self.parts = []
        size = max(1, CHUNK // (data.y.shape[1] * max(theta.shape[1], 1)))
        with np.errstate(all="ignore"):
            for first in range(0, count, size):
                s = slice(first, first + size)
                some = None if prior is None else (prior[0][s], prior[1][s])
                rows = Rows(form, objective, data, theta[s], which[s], low[s], high[s], some, ridges, damping)
                rows.index += first
                self.parts.append(rows)
                self.found.cost[s] = rows.value
                possible = np.isfinite(rows.value)
                self.found.status[s][~possible] = IMPOSSIBLE
                rows.keep(possible)
                if warm and objective.robust and len(rows.index):
                    rows.approach(warm)
                    self._put(rows, slice(None), EXHAUSTED, 0)

    def run(self, iterations: int) -> Solution:
        """At most so many more steps of every row that goes on."""
        with np.errstate(all="ignore"):
            for rows in self.parts:
                self._run(rows, iterations)
        self.done += iterations
        return self.found

    def _run(self, rows: Rows, iterations: int) -> None:
        for iteration in range(self.done + 1, self.done + iterations + 1):
            if not len(rows.index):
                return
            ended = rows.advance(self.tolerance, iteration % PATIENCE == 0)
            if ended is not None:
                out = ended != EXHAUSTED
                if out.any():
                    self._put(rows, out, ended[out], iteration)
                    rows.keep(~out)
        self._put(rows, slice(None), EXHAUSTED, self.done + iterations)

    def _put(self, rows: Rows, chosen, status, iteration: int) -> None:
        found, place = self.found, rows.index[chosen]
        theta, at = rows.theta[chosen], rows.at[chosen]
        if rows.logged:  # what is at a bound is there to the last digit
            theta = np.where(at <= rows.low[chosen], self.low[place], theta)
            theta = np.where(at >= rows.high[chosen], self.high[place], theta)
        found.theta[place], found.cost[place] = theta, rows.value[chosen]
        found.status[place], found.iterations[place] = status, iteration

    def leave(self, going: np.ndarray) -> bool:
        """Go on with the rows that ``going`` (B,) says, of those that had not ended; whether there are any."""
        for rows in self.parts:
            rows.keep(going[rows.index])
        return any(len(rows.index) for rows in self.parts)


def solve(
    form: Form | Twin,
    objective: Objective,
    data: Data,
    start: np.ndarray,
    which: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    iterations: int = 500,
    **options,
) -> Solution:
    """Fit every row from its start; arguments and options are those of ``Search``."""
    return Search(form, objective, data, start, which, low, high, **options).run(iterations)


__all__ = [
    "CREEPING",
    "EXHAUSTED",
    "IMPOSSIBLE",
    "REACHED",
    "STALLED",
    "Search",
    "Solution",
    "solve",
]
