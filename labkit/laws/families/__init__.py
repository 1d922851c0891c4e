"""The forms that ship, one subject per module; importing this registers them."""

from labkit.laws.families import (
    broken,
    compute_optimal,
    downstream,
    logarithmic,
    m4,
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
    "m4",
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
