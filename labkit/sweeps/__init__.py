"""Sweeps: one function over many configurations, each finished point kept, so that no work is done twice."""

from labkit.sweeps.grid import Span, grid, random_design
from labkit.sweeps.run import PointFailed, Stopped, explain, run
from labkit.sweeps.store import Store

__all__ = ["PointFailed", "Span", "Stopped", "Store", "explain", "grid", "random_design", "run"]
