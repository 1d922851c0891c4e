"""The forms that ship, one subject per module; importing this registers them."""

from labkit.laws.families import (
    broken,
    compute_optimal,
    downstream,
    logarithmic,
    mixtures,
    power,
    precision,
    repetition,
    saturating,
    schedules,
    shifted,
    steps,
)
from labkit.laws.families.mixtures import mixing

__all__ = [
    "broken",
    "compute_optimal",
    "downstream",
    "logarithmic",
    "mixing",
    "mixtures",
    "power",
    "precision",
    "repetition",
    "saturating",
    "schedules",
    "shifted",
    "steps",
]
