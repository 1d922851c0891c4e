"""The noisy quadratic model: stochastic gradient descent on a quadratic loss, its expected loss at every step exactly.

Along each eigenvector of the Hessian, with curvature h, the weight moves by x <- x - lr * (h x + noise), the noise
having the variance c / batch_size. Its mean square follows

    E x^2 <- (1 - lr h)^2 E x^2 + lr^2 c / batch_size

and the loss is the sum of h E x^2 / 2. Source: Schaul, Zhang and LeCun (2013); Zhang et al. (2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.seeds import generator
from labkit.theory.arguments import broadcast, count, numbers


def loss(
    curvature: Any,
    learning_rate: Any,
    *,
    steps: int | None = None,
    batch_size: Any = 1.0,
    noise: Any = 0.0,
    start: Any = 1.0,
    average: float = 0.0,
) -> np.ndarray:
    """The expected loss before the first step and after every one, without the loss at the minimum.

    Arguments:
        curvature: (directions,) eigenvalues of the Hessian, above 0.
        learning_rate: settings of any shape when ``steps`` is given; without it, schedules (..., steps).
        steps: number of steps at a constant learning rate.
        batch_size: examples per step, above 0; broadcasts against ``learning_rate``, so it may be a schedule too.
        noise: (directions,) or one number, variance of the gradient of one example.
        start: (directions,) or one number, mean square of the weights at first.
        average: share of the past in an exponential moving average of the weights, 0 to below 1; the loss is the
            average's. It starts from the first weights. 0 is no averaging.

    Returns (..., steps + 1). A learning rate beyond ``stability_limit`` grows without bound, to inf.

    Raises ``ValueError`` for numbers out of range and shapes that do not fit, ``TypeError`` for what is no number.

    Not covered: momentum, noise that depends on the weights.

    >>> loss([1.0], 0.5, steps=2, noise=1.0)
    array([0.5   , 0.25  , 0.1875])
    """
    h, c, first = _directions(curvature, noise, start)
    rate, batch = _schedules(learning_rate, batch_size, steps)
    keep = float(numbers("average", average, 0.0, 1.0))
    if keep == 1.0:
        raise ValueError("average is 1, which never forgets the first weights; expected less than 1")
    losses = np.empty((*rate.shape[:-1], rate.shape[-1] + 1))
    square = np.broadcast_to(first, (*rate.shape[:-1], len(h)))
    # Means of weight times average and of the average's square; all three start equal.
    product = averaged = square
    losses[..., 0] = 0.5 * square @ h
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(rate.shape[-1]):
            lr = rate[..., step, None]
            shrink = 1.0 - lr * h
            square = shrink**2 * square + lr**2 * c / batch[..., step, None]
            carried = shrink * product
            product = keep * carried + (1.0 - keep) * square
            averaged = keep**2 * averaged + 2.0 * keep * (1.0 - keep) * carried + (1.0 - keep) ** 2 * square
            losses[..., step + 1] = 0.5 * averaged @ h
    # Past the largest float, inf - inf among the moments of an average is inf as well.
    return np.where(np.isnan(losses), np.inf, losses)


def stationary(curvature: Any, learning_rate: Any, *, batch_size: Any = 1.0, noise: Any = 1.0) -> np.ndarray:
    """The loss at which a constant learning rate levels off, direction by direction.

    Arguments:
        curvature: (directions,) eigenvalues of the Hessian, above 0.
        learning_rate, batch_size: settings that broadcast, both above 0.
        noise: (directions,) or one number, variance of the gradient of one example.

    Returns (..., directions): lr * noise / batch_size / (2 (2 - lr h)), and inf where lr h is 2 or more; the sum over
    the last axis is the model's loss.

    Raises as ``loss`` does.

    >>> stationary([1.0, 3.0], 0.5)
    array([0.16666667, 0.5       ])
    """
    h, c, _ = _directions(curvature, noise, 1.0)
    rate = numbers("learning_rate", learning_rate, 0.0, open_low=True)
    batch = numbers("batch_size", batch_size, 0.0, open_low=True)
    rate, batch = (x[..., None] for x in broadcast(learning_rate=rate, batch_size=batch))
    room = 2.0 - rate * h
    return np.where(room > 0, rate * c / batch / (2.0 * np.where(room > 0, room, 1.0)), np.inf)


def stability_limit(curvature: Any) -> float:
    """The learning rate from which on the loss no longer settles: two over the largest curvature.

    Arguments:
        curvature: (directions,) eigenvalues of the Hessian, above 0.

    >>> stability_limit([1.0, 4.0])
    0.5
    """
    return float(2.0 / _directions(curvature, 1.0, 1.0)[0].max())


def simulate(
    curvature: Any,
    learning_rate: Any,
    *,
    steps: int | None = None,
    batch_size: Any = 1.0,
    noise: Any = 0.0,
    start: Any = 1.0,
    average: float = 0.0,
    repeats: int = 16,
    seed: int = 0,
) -> np.ndarray:
    """Losses of runs of stochastic gradient descent with Gaussian gradient noise, all runs at once.

    The arguments are those of ``loss``, for one learning rate or one schedule (steps,); every run starts from the
    square roots of ``start``. ``repeats`` is the number of runs.

    Returns (repeats, steps + 1).

    >>> simulate([1.0], 0.5, steps=2, repeats=1)
    array([[0.5    , 0.125  , 0.03125]])
    """
    h, c, first = _directions(curvature, noise, start)
    rate, batch = _schedules(learning_rate, batch_size, steps)
    if rate.ndim != 1:
        raise ValueError(f"learning_rate and batch_size have {rate.shape[:-1]} settings; a simulation is for one")
    keep = float(numbers("average", average, 0.0, 1.0))
    rng = generator(seed, "noisy quadratic")
    weights = np.tile(np.sqrt(first), (count("repeats", repeats), 1))
    averaged = weights
    losses = np.empty((repeats, len(rate) + 1))
    losses[:, 0] = 0.5 * weights**2 @ h
    for step, (lr, size) in enumerate(zip(rate, batch, strict=True)):
        weights = weights - lr * (h * weights + np.sqrt(c / size) * rng.standard_normal(weights.shape))
        averaged = keep * averaged + (1.0 - keep) * weights
        losses[:, step + 1] = 0.5 * averaged**2 @ h
    return losses


def _directions(curvature: Any, noise: Any, start: Any) -> tuple[np.ndarray, ...]:
    h = numbers("curvature", curvature, 0.0, open_low=True)
    if h.ndim != 1 or not h.size:
        raise ValueError(f"curvature has the shape {h.shape}; expected (directions,), one eigenvalue or more")
    c, first = numbers("noise", noise, 0.0), numbers("start", start, 0.0)
    for name, values in (("noise", c), ("start", first)):
        if values.shape not in ((), h.shape):
            raise ValueError(f"{name} has the shape {values.shape}; expected one number, or {h.shape} as curvature")
    return h, np.broadcast_to(c, h.shape), np.broadcast_to(first, h.shape)


def _schedules(learning_rate: Any, batch_size: Any, steps: int | None) -> tuple[np.ndarray, ...]:
    """Both with the steps as their last axis."""
    rate = numbers("learning_rate", learning_rate, 0.0)
    batch = numbers("batch_size", batch_size, 0.0, open_low=True)
    rate, batch = broadcast(learning_rate=rate, batch_size=batch)
    if steps is not None:
        count("steps", steps, 0)
        return tuple(np.broadcast_to(x[..., None], (*x.shape, steps)) for x in (rate, batch))
    if not rate.ndim:
        raise ValueError("one learning rate needs steps=; or pass a schedule with one learning rate for each step")
    return rate, batch
