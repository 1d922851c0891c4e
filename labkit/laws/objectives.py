"""What a fit minimises, as a residual and a penalty, for many fits at once."""

from __future__ import annotations

import numpy as np

from labkit.registry import nearest

NAMES = ("squared", "log_squared", "huber_log", "asymmetric")
OVER_PREDICTION = 10.0  # how many times an over-prediction counts in "asymmetric"


class Objective:
    """One objective: squared, log_squared, huber_log or asymmetric, with its ``delta`` where it has one.

    >>> value, _, _, _ = Objective("huber_log", delta=1.0).penalty(np.array([[0.5, 3.0]]))
    >>> value
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

    def penalty(self, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Penalty, its slope, its curvature, and the curvature of a parabola that touches it from above."""
        if not self.robust:
            one = np.ones_like(residual)
            return residual**2, 2 * residual, 2 * one, 2 * one
        size = np.abs(residual)
        inside = size <= self.delta
        clipped = np.clip(residual, -self.delta, self.delta)
        value = np.where(inside, 0.5 * residual**2, self.delta * (size - 0.5 * self.delta))
        above = self.delta / np.maximum(size, self.delta)
        if self.name == "asymmetric":
            side = np.where(residual > 0, OVER_PREDICTION, 1.0)
            return side * value, side * clipped, side * inside, side * above
        return value, clipped, inside.astype(float), above
