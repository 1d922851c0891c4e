"""How far parameters are from points: the data of a batch of fits, residuals, and what they cost."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from labkit.laws.form import Form
from labkit.laws.objectives import Objective


@dataclass(frozen=True)
class Data:
    """Points of C curves, padded to one length with weight 0: columns k × (C, n), y (C, n), weights (C, n).

    Columns and y may have a leading 1 where all weights share the same points.
    """

    columns: tuple[np.ndarray, ...]
    y: np.ndarray
    weights: np.ndarray

    @functools.cached_property
    def counts(self) -> np.ndarray | None:
        """Which points count (C, n); None where all do."""
        counts = self.weights > 0
        return None if counts.all() else counts

    @functools.cached_property
    def shared(self) -> bool:
        """Whether all rows have the same points and weights."""
        return all(len(array) == 1 for array in (*self.columns, self.y, self.weights))

    def rows(self, which: np.ndarray) -> Data:
        """The data of some rows, without copying what is shared."""

        if self.shared:
            return self

        def pick(array: np.ndarray) -> np.ndarray:
            return array if len(array) == 1 else array[which]

        return Data(tuple(pick(column) for column in self.columns), pick(self.y), pick(self.weights))


def target(objective: Objective, data: Data) -> np.ndarray:
    """What the value of the law, or its logarithm, is compared with."""
    with np.errstate(all="ignore"):
        return np.log(data.y) if objective.logarithmic else data.y


def residuals(form: Form, objective: Objective, data: Data, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Residual (B, n), the factor that turns partials of the value into partials of the residual, and the partials."""
    value, partials = form.evaluate(data.columns, theta)
    if not objective.logarithmic:
        return value - target(objective, data), None, partials
    with np.errstate(all="ignore"):
        return np.log(value) - target(objective, data), 1.0 / value, partials


def cost(form: Form, objective: Objective, data: Data, theta: np.ndarray) -> np.ndarray:
    """The objective (B,); infinite where the law is not defined at a point that counts."""
    residual, _, _ = residuals(form, objective, data, theta)
    return total(objective, residual, data.weights)


def total(objective: Objective, residual: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The objective (B,) of residuals (B, n); infinite where one that counts is not finite."""
    with np.errstate(all="ignore"):
        value = np.where(weights > 0, weights * objective.value(residual), 0.0).sum(1)
    return np.where(np.isfinite(value), value, np.inf)
