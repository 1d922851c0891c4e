"""The three regions of a learning curve: guessing, the power law, and the floor.

Source: Hestness et al. (2017), who draw the regions by eye; the two rules here are ours and stated below.
"""

from __future__ import annotations

import numpy as np

from labkit.laws.estimator import ScalingLaw

GUESSING = 0.8  # at or above this share of the error of guessing, nothing has been learnt yet
REDUCIBLE = 0.5  # below this share of error that more data can remove, the floor rules


def regions(x, y, guess: float, *, seed: int = 0) -> list[str]:
    """Name the region of every point of one curve: ``"plateau"``, ``"power law"`` or ``"floor"``.

    Arguments:
        x: sizes, (n,), increasing.
        y: mean errors, (n,), above 0.
        guess: the error of guessing without any data, in units of y.
        seed: of the sampled starting points of the fit.

    A point is on the plateau while no later point has left it: its error is at least 0.8 of the error of guessing.
    A power law with a floor is fitted to the rest; a point is on the floor once more than half of its fitted error is
    floor. With fewer than 4 points off the plateau no floor is looked for.

    Raises ``ValueError`` for a guess that is not above 0, or for shapes that differ.

    >>> x = 2.0 ** np.arange(2, 14)
    >>> found = regions(x, np.minimum(0.9, 0.05 + 3 * x**-0.7), guess=0.9)
    >>> found.count("plateau"), found.count("power law"), found.count("floor")
    (2, 5, 5)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"expected sizes and errors of one length, got shapes {x.shape} and {y.shape}")
    if not guess > 0:
        raise ValueError(f"the error of guessing must be above 0, got {guess!r}")
    guessing = np.flatnonzero(y >= GUESSING * guess)
    first = guessing[-1] + 1 if len(guessing) else 0
    found = ["plateau"] * first
    if len(x) - first < 4:
        return found + ["power law"] * (len(x) - first)
    law = ScalingLaw("power_floor", objective="log_squared", seed=seed).fit(x[first:], y[first:])
    reducible = 1 - law.parameters_["E"] / law.predict(x[first:])
    return found + ["power law" if share >= REDUCIBLE else "floor" for share in reducible]
