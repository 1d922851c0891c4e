"""Trials of published claims about size and compute, each small enough for a lesson; plain arguments, tidy frames."""

from labkit.grids.trials.filtered import augmented, filtered, sized
from labkit.grids.trials.floors import entropy_floor
from labkit.grids.trials.ordered import blocks, frequencies
from labkit.grids.trials.streams import parallel_streams

__all__ = ["augmented", "blocks", "entropy_floor", "filtered", "frequencies", "parallel_streams", "sized"]
