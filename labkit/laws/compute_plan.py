"""How much compute a law on params and tokens needs to reach a loss, each budget at its best split."""

from __future__ import annotations

import numpy as np

from labkit.laws.allocation import FARTHER, FLOPS_TRAINING, GOLDEN
from labkit.laws.form import Form

SHARES = 120  # splits of a budget looked at before the golden section
ROUNDS = 30  # the loss is flat at its lowest
HALVINGS = 40
FARTHEST = 60.0  # ln of how far beyond the largest known run the search goes


def needed(form: Form, thetas: np.ndarray, target: float, known: np.ndarray) -> np.ndarray:
    """FLOPs (laws,) at which the best model of each law (laws, p) is at the target; inf where none is.

    ``known`` (n,) are the FLOPs of the runs; the search begins at the smallest of them.
    """
    count = len(thetas)
    low = np.full(count, np.log(known.min()))
    high = np.full(count, np.log(known.max()) + FARTHEST)
    out_of_reach = best_loss(form, thetas, high) > target
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        over = best_loss(form, thetas, middle) > target
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.where(out_of_reach, np.inf, np.exp(high))


def best_loss(form: Form, thetas: np.ndarray, log_compute: np.ndarray) -> np.ndarray:
    """The lowest loss (laws,) that each law reaches for its own budget, exp(log_compute) FLOPs (laws,)."""
    product = (log_compute - np.log(FLOPS_TRAINING))[:, None]  # ln of params times tokens

    def at(sizes, rows=slice(None)):  # ln of params
        logs = {"params": sizes, "tokens": product[rows] - sizes}
        value, _ = form.evaluate(tuple(np.exp(logs[name]) for name in form.columns), thetas[rows])
        return np.where(np.isfinite(value), value, np.inf)

    sizes = np.linspace(0.001, 0.999, SHARES) * product
    place = at(sizes).argmin(1)
    ends = np.flatnonzero((place == 0) | (place == SHARES - 1))
    low, high = (np.take_along_axis(sizes, np.clip(place + side, 0, SHARES - 1)[:, None], 1) for side in (-1, 1))
    if len(ends):  # in units of its own a law may have its best below 1
        far = np.log(FARTHER)
        wide = np.linspace(np.minimum(product[ends, 0], 0) - far, np.maximum(product[ends, 0], 0) + far, 3 * SHARES).T
        place = np.clip(at(wide, ends).argmin(1), 1, wide.shape[1] - 2)[:, None]
        low[ends], high[ends] = (np.take_along_axis(wide, place + side, 1) for side in (-1, 1))
    for _ in range(ROUNDS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        losses = at(np.hstack([left, right]))
        better = losses[:, :1] < losses[:, 1:]
        low, high = np.where(better, low, left), np.where(better, right, high)
    return at((low + high) / 2)[:, 0]
