"""Gradient matching: keep examples whose weighted gradients add up to the gradient of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.pruning.pool import Pool
from labkit.pruning.selectors.entry import Selector, register_selector

EXACT = 1e-10
"""A residual of this part of the gradient of all counts as none."""


def last_layer_gradients(probabilities: Any, targets: Any, hidden: Any = None) -> np.ndarray:
    """Gradients of the cross-entropy of each example with respect to the last layer.

    Arguments:
        probabilities: (n, classes) softmax outputs.
        targets: (n,) classes, integers from 0.
        hidden: (n, h) inputs of the last layer. Without them the gradient with respect to the logits is returned,
            which is the one of the layer's bias.

    Returns (n, classes), or with ``hidden`` (n, classes * (h + 1)): of every weight, and of the bias.

    Raises ``ValueError`` where the shapes do not fit or a target is no class.

    >>> from labkit import pruning
    >>> pruning.last_layer_gradients([[0.75, 0.25]], [0])
    array([[-0.25,  0.25]])
    """
    probabilities, targets = np.asarray(probabilities, float), np.asarray(targets)
    if probabilities.ndim != 2 or targets.shape != probabilities.shape[:1]:
        raise ValueError(
            f"probabilities have shape {probabilities.shape} and targets {targets.shape}; expected (n, c) and (n,)"
        )
    if targets.dtype.kind not in "iu" or ((targets < 0) | (targets >= probabilities.shape[1])).any():
        raise ValueError(f"targets are not all classes from 0 to {probabilities.shape[1] - 1}")
    errors = probabilities.copy()
    errors[np.arange(len(targets)), targets] -= 1
    if hidden is None:
        return errors
    hidden = np.asarray(hidden, float)
    if hidden.ndim != 2 or len(hidden) != len(errors):
        raise ValueError(f"hidden has shape {hidden.shape}; expected ({len(errors)}, h)")
    with_bias = np.hstack([hidden, np.ones((len(hidden), 1))])
    return np.einsum("nc,nh->nch", errors, with_bias).reshape(len(errors), -1)


def grad_match(pool: Pool, budget: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative orthogonal matching pursuit of the sum of all gradients.

    Always the one whose gradient is most along what is missing, then new weights of all kept ones, none negative.
    Gradients of d numbers can be matched exactly by d examples or fewer; with budget left, the others are matched in
    further rounds, and the weights are the rounds' average. Where no example points along the gradient of all, those
    nearest to it in direction fill the budget with weight 0. Weights are scaled to add up to n.
    """
    gradients = pool.features.astype(np.float64)
    gradients /= np.abs(gradients).max() or 1.0
    target = gradients.mean(axis=0)
    open_ = np.arange(pool.n)
    kept, weights = [np.zeros(0, np.int64)], [np.zeros(0)]
    left = budget
    while left:
        chosen, shares = _pursue(gradients[open_], target, left)
        if len(chosen) == 0:
            chosen = np.argsort(-(gradients[open_] @ target), kind="stable")[:left]
            shares = np.zeros(len(chosen))
        kept.append(open_[chosen])
        # A round counts by how many examples it kept.
        weights.append(shares * len(chosen))
        open_ = np.delete(open_, chosen)
        left -= len(chosen)
    total = np.concatenate(weights)
    if not total.any():
        total = np.ones(budget)
    return np.concatenate(kept), total * pool.n / total.sum()


def _pursue(gradients: np.ndarray, target: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Greedy non-negative least squares (Lawson & Hanson 1974) with at most so many examples in use."""
    used: list[int] = []
    weights = np.zeros(0)
    residual = target
    reach = np.linalg.norm(target)
    lengths = np.linalg.norm(gradients, axis=1)
    while len(used) < most and np.linalg.norm(residual) > EXACT * reach:
        along = gradients @ residual
        along[used] = -np.inf
        best = int(np.argmax(along))
        if along[best] <= EXACT * lengths[best] * reach:
            break
        trial, trial_weights = _refit(gradients, target, [*used, best], np.append(weights, 0.0))
        left = target - trial_weights @ gradients[trial]
        # Each step lowers the residual, but for rounding error.
        if np.linalg.norm(left) >= np.linalg.norm(residual):
            break
        used, weights, residual = trial, trial_weights, left
    return np.array(used, np.int64), weights


def _refit(
    gradients: np.ndarray, target: np.ndarray, used: list[int], weights: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """The best non-negative weights on the way from the given ones, and those examples that have any."""
    while True:
        best = np.linalg.lstsq(gradients[used].T, target, rcond=None)[0]
        falling = best <= 0
        if not falling.any():
            return used, best
        # As far as the first weight that would become negative; that example goes.
        gap = weights - best
        reach = np.where(falling, weights / np.where(gap > 0, gap, 1), np.inf)
        weights = weights + min(1.0, reach.min()) * (best - weights)
        stay = ~(falling & (reach <= reach.min()))
        if not stay.any():
            return [], np.zeros(0)
        used, weights = [j for j, keep in zip(used, stay, strict=True) if keep], np.maximum(weights[stay], 0)


register_selector(
    Selector(
        "grad_match",
        "those whose weighted gradients add up to the gradient of all",
        grad_match,
        ("gradients",),
        inside_groups=True,
        source="Killamsetty et al. 2021",
        aliases=("gradmatch",),
    )
)
