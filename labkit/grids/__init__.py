"""Grids of trained transformers: shipped as tables, and trained live to be held against them.

Names load on first use: reading a table loads no torch, and what one module holds leaves the stored points of the
others alone.
"""

from __future__ import annotations

import importlib

_WHERE = {
    "REGIMES": "regime",
    "Trained": "training",
    "agreement": "agree",
    "available": "shipped",
    "best_rates": "rates",
    "best_remedies": "remedy",
    "best_strengths": "remedy",
    "best_use": "budget",
    "by_size": "remedy",
    "compute_optimal": "designs",
    "curves": "shipped",
    "data_constrained": "constrained",
    "design": "designs",
    "effective_tokens": "repeats",
    "exponents": "cuts",
    "foretell": "foretelling",
    "gap_slopes": "repeats",
    "gaps": "repeats",
    "habits": "habit",
    "hidden_epochs": "many_epochs",
    "load": "shipped",
    "longer_runs": "repeats",
    "overfitting": "priced",
    "own_worth": "constrained",
    "parabolas": "cuts",
    "provenance": "shipped",
    "recovered": "remedy",
    "regimes": "regime",
    "remedied": "remedy",
    "remedies": "designs",
    "repetition": "designs",
    "slices": "cuts",
    "slowed": "remedy",
    "speedup_rise": "repeats",
    "speedups": "repeats",
    "steps_in_size": "remedy",
    "switches": "designs",
    "train": "training",
    "tuned_rate": "rates",
    "tuning": "designs",
    "turning": "repeats",
    "worth_of_epochs": "constrained",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(importlib.import_module(f"labkit.grids.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'labkit.grids' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
