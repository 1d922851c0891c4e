"""Where examples come from: one record for all of them, and a registry to load them by name."""

from labkit.datasets import digits, glyphs, openml, python_source
from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, available, entry, load, register

__all__ = ["Dataset", "Entry", "available", "digits", "entry", "glyphs", "load", "openml", "python_source", "register"]
