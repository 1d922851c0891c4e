"""Grids of trained transformers: shipped as tables, and trained live to be held against them.

Names load on first use: reading a table loads no torch, and what one module holds leaves the stored points of the
others alone.
"""

from __future__ import annotations

import importlib

_WHERE = {
    "Trained": "training",
    "agreement": "agree",
    "available": "shipped",
    "best_use": "budget",
    "best_rates": "rates",
    "compute_optimal": "designs",
    "curves": "shipped",
    "design": "designs",
    "exponents": "cuts",
    "foretell": "foretelling",
    "habits": "habit",
    "load": "shipped",
    "parabolas": "cuts",
    "provenance": "shipped",
    "repetition": "designs",
    "slices": "cuts",
    "switches": "designs",
    "train": "training",
    "tuned_rate": "rates",
    "tuning": "designs",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(importlib.import_module(f"labkit.grids.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'labkit.grids' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
