"""How noisy a stochastic gradient is, from the gradients of the examples of one batch."""

from __future__ import annotations

import numpy as np

MEMORY = 0.9
"""What a running mean keeps of itself at every new measurement: about the last ten count."""


def parts(mean_square: np.ndarray, square_of_mean: np.ndarray, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared length of the true gradient and trace of the covariance of one example's, both without bias.

    Arguments:
        mean_square: mean over the batch of the squared norm of each example's gradient; arrays broadcast.
        square_of_mean: squared norm of the mean gradient of the batch.
        batch: examples in the batch, at least 2.

    These are the two estimators of McCandlish et al. (2018, appendix A.1) for a small batch of 1 and a large one of
    ``batch``. They are free of bias where the examples of a batch are drawn independently. The first can be negative
    where the gradient is small beside its noise. Raises ``ValueError`` for a batch below 2.

    >>> [float(part) for part in parts(np.array(5.0), np.array(2.0), np.array(4))]
    [1.0, 4.0]
    """
    batch = np.asarray(batch, float)
    if (batch < 2).any():
        raise ValueError(f"a batch of {batch.min():g} says nothing about noise; expected at least 2 examples")
    with np.errstate(invalid="ignore"):  # a training that diverged has no noise
        noise = (mean_square - square_of_mean) * batch / (batch - 1)
        return square_of_mean - noise / batch, noise


def scale(squared: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The simple noise scale after each measurement: running mean of the variance over that of the squared gradient.

    Arguments:
        squared, variance: (measurements,) what `parts` gives, in the order of the steps.

    It is the batch size, in examples, at which noise and gradient are as large as each other. Both means are taken
    before the quotient, which is then less biased than a mean of quotients. NaN where the mean squared gradient is not
    above zero: the gradient is lost in its noise. Source: McCandlish et al. (2018), ``B_simple``.

    >>> scale(np.array([1.0, 1.0]), np.array([4.0, 4.0]))
    array([4., 4.])
    """
    over, under = running(variance), running(squared)
    return np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)


def running(values: np.ndarray) -> np.ndarray:
    """Exponential running mean, corrected for its start, so that the first value counts fully.

    >>> running(np.array([2.0, 2.0, 2.0]))
    array([2., 2., 2.])
    """
    values = np.asarray(values, float)
    mean, weight, found = 0.0, 0.0, np.empty(len(values))
    for place, value in enumerate(values):
        mean, weight = MEMORY * mean + (1 - MEMORY) * value, MEMORY * weight + (1 - MEMORY)
        found[place] = mean / weight
    return found
