"""What a fit minimises, as a residual and a penalty, for many fits at once."""

from __future__ import annotations

import numpy as np

from labkit.registry import nearest

NAMES = ("squared", "log_squared", "huber_log", "asymmetric")
OVER_PREDICTION = 10.0  # how many times an over-prediction counts in "asymmetric"
HALF, TWO = np.array(0.5), np.full((1, 1, 1), 2.0)  # as arrays: a Python number is made into one in every call


class Objective:
    """One objective: squared, log_squared, huber_log or asymmetric, with its ``delta`` where it has one.

    >>> Objective("huber_log", delta=1.0).value(np.array([[0.5, 3.0]]))
    array([[0.125, 2.5  ]])
    """

    def __init__(self, name: str, delta: float = 1e-3) -> None:
        if name not in NAMES:
            raise ValueError(f"unknown objective {name!r}: {nearest(name, NAMES)}")
        if name in ("huber_log", "asymmetric") and not (np.isfinite(delta) and delta > 0):
            raise ValueError(f"delta must be a positive number, got {delta!r}")
        self.name, self.delta = name, float(delta)
        self.logarithmic = name != "squared"
        self.robust = name in ("huber_log", "asymmetric")
        self._delta, self._sides = np.array(self.delta), name == "asymmetric"

    def value(self, residual: np.ndarray) -> np.ndarray:
        """What each residual costs."""
        if not self.robust:
            return residual * residual
        size = np.abs(residual)
        clipped = np.minimum(size, self._delta)
        value = clipped * (size - HALF * clipped)
        return self._sided(residual, value) if self._sides else value

    def bends(self, residual: np.ndarray) -> np.ndarray:
        """Curvature of the cost, and that of the parabola around zero that touches it from above (2, B, n).

        The second times the residual is the slope of the cost. For squares both are one, the same everywhere (1, 1, 1).
        """
        if not self.robust:
            return TWO
        bends = np.empty((2, *residual.shape))
        inside, above = bends
        np.divide(self._delta, np.maximum(np.abs(residual), self._delta), out=above)
        np.floor(above, out=inside)  # one up to delta, zero beyond
        return self._sided(residual, bends) if self._sides else bends

    def _sided(self, residual: np.ndarray, part: np.ndarray) -> np.ndarray:
        return np.where(residual > 0, OVER_PREDICTION, 1.0) * part
