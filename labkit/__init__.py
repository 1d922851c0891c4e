"""Tiny trainable models, data-pruning metrics, and learning-curve and scaling-law fitters.

The sub-packages load on first use, so ``import labkit`` is quick and fitting a law never loads torch.

>>> import labkit
>>> labkit.laws.ScalingLaw("power_floor").form
'power_floor'
"""

from __future__ import annotations

import sys

from labkit.loading import load

# Importing altair or nbformat imports jsonschema, which, where this package is installed, spends two seconds on
# building grammars for international addresses, which nothing here has. Hidden from it, jsonschema does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

__version__ = "0.1.0"

_SUBPACKAGES = (
    "contracts",
    "datasets",
    "display",
    "doctor",
    "grids",
    "laws",
    "lessons",
    "models",
    "pruning",
    "reports",
    "results",
    "sweeps",
    "theory",
    "training",
)
__all__ = ["__version__", *_SUBPACKAGES]


def __getattr__(name: str):
    if name in _SUBPACKAGES:
        return load(f"labkit.{name}")
    raise AttributeError(f"module 'labkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
