"""Trials of published claims about size and compute, each small enough for a lesson; plain arguments, tidy frames."""

from labkit.grids.trials.filtered import augmented, filtered, sized
from labkit.grids.trials.floors import entropy_floor
from labkit.grids.trials.ordered import blocks, frequencies
from labkit.grids.trials.readings import best_width, dispersion, fitted_floors, mean_with_limits, slopes, stream_laws
from labkit.grids.trials.streams import parallel_streams

__all__ = [
    "augmented",
    "best_width",
    "blocks",
    "dispersion",
    "entropy_floor",
    "filtered",
    "fitted_floors",
    "frequencies",
    "mean_with_limits",
    "parallel_streams",
    "sized",
    "slopes",
    "stream_laws",
]
