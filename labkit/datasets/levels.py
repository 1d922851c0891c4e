"""Numbers rounded to a fixed grid, so that machines that add up in another order still make the same data."""

from __future__ import annotations

import numpy as np

_STEPS = 2.0**16


def levelled(values: np.ndarray) -> np.ndarray:
    """Values float64 of about unit scale, to the nearest multiple of 2 ** -16, as float32.

    >>> float(levelled(np.array([1 / 3]))[0] * 2**16)
    21845.0
    """
    return (np.rint(values * _STEPS) / _STEPS).astype(np.float32)
