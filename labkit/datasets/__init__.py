"""Where examples come from: one record for all of them, and a registry to load them by name."""

from labkit.datasets import (
    arithmetic,
    chain,
    digits,
    domains,
    facts,
    glyphs,
    grammar,
    markov,
    openml,
    pairs,
    parity,
    perceptron,
    python_source,
    spectrum,
    stream,
    tables,
    teacher,
    zipf,
)
from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, available, entry, load, register
from labkit.datasets.frames import from_frame
from labkit.datasets.planting import plant

__all__ = [
    "Dataset",
    "Entry",
    "arithmetic",
    "available",
    "chain",
    "digits",
    "domains",
    "entry",
    "facts",
    "from_frame",
    "glyphs",
    "grammar",
    "load",
    "markov",
    "openml",
    "pairs",
    "parity",
    "perceptron",
    "plant",
    "python_source",
    "register",
    "spectrum",
    "stream",
    "tables",
    "teacher",
    "zipf",
]
