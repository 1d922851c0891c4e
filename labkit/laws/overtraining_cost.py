"""What it costs to train a model that is smaller, or larger, than the compute-optimal one to the same loss."""

from __future__ import annotations

import numpy as np

from labkit.laws.allocation import FLOPS_INFERENCE, FLOPS_TRAINING, _best_size, _loss, law_on_sizes
from labkit.laws.estimator import ScalingLaw, level
from labkit.laws.points import numbers

DRAWS = 300
LARGEST = 60.0  # log of how far beyond the optimum's tokens the search goes; what is not reached by then never is
HALVINGS = 60


def overtraining_cost(
    law: ScalingLaw, compute: float, sizes, *, inference_tokens: float = 0.0, interval: float = 0.9, seed: int = 0
):
    """Tokens and compute that models of other sizes need to reach the loss of the best model for ``compute`` FLOPs.

    Arguments:
        law: fitted, on columns params and tokens.
        compute: FLOPs of training, 6 per parameter and token.
        sizes: (k,) factors of the best size: 0.25 is a model of a quarter, trained for longer.
        inference_tokens: expected over the model's life, 2 FLOPs per parameter and token.
        interval: level of the limits, from bootstrap refits: the optimum, the loss and the need are those of each.

    Returns a frame: size, params, tokens, tokens_per_param, compute, overhead (training compute over the optimum's),
    low, high (its limits) and total (training and inference). A size that cannot reach the loss with any amount of data
    has infinite tokens. The limits know parameter uncertainty alone.

    Raises ``ValueError`` for a law with other columns or not fitted, and for sizes and budgets that are not above zero.

    >>> n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5)))
    >>> law = ScalingLaw("chinchilla").fit(np.column_stack([n, d]), 1.7 + 400 * n**-0.34 + 400 * d**-0.34)
    >>> overtraining_cost(law, 6e20, [1.0, 0.5, 0.1])["overhead"].round(3).tolist()
    [1.0, 1.24, inf]
    """
    import pandas as pd

    if not isinstance(law, ScalingLaw):
        raise ValueError(f"overtraining_cost needs a fitted ScalingLaw; got {type(law).__name__}")
    share, (form, _) = level(interval), law_on_sizes(law, "overtraining_cost")
    factors = np.atleast_1d(numbers(sizes, "sizes"))
    compute, inference_tokens = float(numbers(compute, "compute")), float(numbers(inference_tokens, "inference_tokens"))
    positive = np.isfinite(factors).all() and (factors > 0).all() and np.isfinite(compute) and compute > 0
    if not positive or not inference_tokens >= 0:
        raise ValueError(
            f"sizes and compute are above zero, inference_tokens at least zero; got {sizes!r}, {compute!r}"
        )
    thetas = np.vstack([law._theta, law.bootstrap(DRAWS, seed=seed).to_numpy()])
    best = _best_size(form, thetas, compute, 0.0)
    params = best[:, None] * factors
    tokens = _needed(form, thetas, params, best, compute)
    training = FLOPS_TRAINING * params * tokens
    overhead = training / compute
    low, high = np.quantile(overhead[1:], [(1 - share) / 2, (1 + share) / 2], axis=0, method="nearest")
    return pd.DataFrame(
        {
            "size": factors,
            "params": params[0],
            "tokens": tokens[0],
            "tokens_per_param": tokens[0] / params[0],
            "compute": training[0],
            "overhead": overhead[0],
            "low": low,
            "high": high,
            "total": training[0] + FLOPS_INFERENCE * params[0] * inference_tokens,
        }
    )


def _needed(form, thetas: np.ndarray, params: np.ndarray, best: np.ndarray, compute: float) -> np.ndarray:
    """Tokens (laws, sizes) at which the loss is that of the best model, by halving in log tokens."""
    optimal = compute / FLOPS_TRAINING / best
    goal = np.reshape(_loss(form, thetas, best[:, None], optimal[:, None]), (-1, 1))
    low = np.full(params.shape, -LARGEST) + np.log(optimal)[:, None]
    high = np.full(params.shape, LARGEST) + np.log(optimal)[:, None]
    shape = params.shape
    reached = np.reshape(_loss(form, thetas, params, np.exp(high)), shape) <= goal
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = np.reshape(_loss(form, thetas, params, np.exp(middle)), shape) <= goal
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(reached, np.exp((low + high) / 2), np.inf)
