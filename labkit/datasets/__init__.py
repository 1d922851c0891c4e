"""Where examples come from: one record for all of them, and a registry to load them by name."""

from labkit.datasets import (
    digits,
    glyphs,
    markov,
    openml,
    perceptron,
    python_source,
    spectrum,
    tables,
    teacher,
)
from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, available, entry, load, register
from labkit.datasets.frames import from_frame
from labkit.datasets.planting import plant

__all__ = [
    "Dataset",
    "Entry",
    "available",
    "digits",
    "entry",
    "from_frame",
    "glyphs",
    "load",
    "markov",
    "openml",
    "perceptron",
    "plant",
    "python_source",
    "register",
    "spectrum",
    "tables",
    "teacher",
]
