"""Trials of published claims about size, compute and repetition, each small enough for a lesson.

Plain arguments, tidy frames. Names load on first use, so that what one trial does leaves the stored points of the
others alone.
"""

from __future__ import annotations

import importlib

_WHERE = {
    "augmented": "pools",
    "best_width": "readings",
    "blocks": "ordered",
    "dispersion": "readings",
    "entropy_floor": "floors",
    "filtered": "pools",
    "fitted_floors": "readings",
    "frequencies": "ordered",
    "mean_with_limits": "readings",
    "parallel_streams": "streams",
    "sized": "pools",
    "slopes": "readings",
    "stream_laws": "readings",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(importlib.import_module(f"labkit.grids.trials.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'labkit.grids.trials' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
