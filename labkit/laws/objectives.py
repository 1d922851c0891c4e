"""What a fit minimises, as a residual and a penalty, for many fits at once."""

from __future__ import annotations

import numpy as np

from labkit.registry import nearest

NAMES = ("squared", "log_squared", "huber_log", "asymmetric")
OVER_PREDICTION = 10.0  # how many times an over-prediction counts in "asymmetric"


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

    def value(self, residual: np.ndarray) -> np.ndarray:
        """What each residual costs."""
        if not self.robust:
            return residual * residual
        size = np.abs(residual)
        clipped = np.minimum(size, self.delta)
        value = clipped * (size - 0.5 * clipped)
        return self._sided(residual, value)

    def bends(self, residual: np.ndarray) -> tuple[np.ndarray, ...]:
        """Curvature of the cost, and that of the parabola around zero that touches it from above; one for squares.

        The second times the residual is the slope of the cost.
        """
        if not self.robust:
            return (np.full(residual.shape, 2.0),)
        size = np.abs(residual)
        above = self.delta / np.maximum(size, self.delta)
        return tuple(self._sided(residual, part) for part in (size <= self.delta, above))

    def _sided(self, residual: np.ndarray, part: np.ndarray) -> np.ndarray:
        return np.where(residual > 0, OVER_PREDICTION, 1.0) * part if self.name == "asymmetric" else part
