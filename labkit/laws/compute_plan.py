"""How much compute a law on params and tokens needs to reach a loss, each budget at its best split."""

from __future__ import annotations

import numpy as np

from labkit.laws.allocation import FLOPS_TRAINING, GOLDEN
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

    def at(shares):
        logs = {"params": shares * product, "tokens": (1 - shares) * product}
        value, _ = form.evaluate(tuple(np.exp(logs[name]) for name in form.columns), thetas)
        return np.where(np.isfinite(value), value, np.inf)

    shares = np.linspace(0.001, 0.999, SHARES)
    place = np.clip(at(np.tile(shares, (len(thetas), 1))).argmin(1), 1, SHARES - 2)
    low, high = shares[place - 1][:, None], shares[place + 1][:, None]
    for _ in range(ROUNDS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        better = at(left) < at(right)
        low, high = np.where(better, low, left), np.where(better, right, high)
    return at((low + high) / 2)[:, 0]
