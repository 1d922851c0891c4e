"""Trials of published claims about size, compute and repetition, each small enough for a lesson.

Plain arguments, tidy frames. Names load on first use, so that what one trial does leaves the stored points of the
others alone.
"""

from __future__ import annotations

import importlib

_WHERE = {
    "asymptote": "tending",
    "asymptotes": "tending",
    "augmented": "pools",
    "auxiliary_gains": "relatives_readings",
    "best_width": "readings",
    "bilingual": "relatives",
    "blocks": "ordered",
    "dispersion": "readings",
    "ensembles": "members",
    "entropy_floor": "floors",
    "falls_with_size": "relatives_readings",
    "filtered": "pools",
    "fitted_floors": "readings",
    "frequencies": "ordered",
    "mean_with_limits": "readings",
    "paired_difference": "relatives_readings",
    "parallel_streams": "streams",
    "selected": "relatives",
    "sized": "pools",
    "slopes": "readings",
    "standard_error": "readings",
    "stream_laws": "readings",
    "text_for": "tending",
    "tuned": "tending",
    "usual_text": "tending",
    "weight_shared": "looped",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(importlib.import_module(f"labkit.grids.trials.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'labkit.grids.trials' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
