"""Targets from a random network on data of few intrinsic dimensions, bent into a larger space."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import flip_labels, number, whole
from labkit.datasets.levels import levelled
from labkit.seeds import generator

_REFERENCE = 20_000


def teacher(
    *,
    dimension: int = 4,
    ambient: int = 32,
    curvature: float = 0.5,
    width: int = 64,
    depth: int = 2,
    noise: float = 0.0,
    examples: int = 8_192,
    validation: int = 1_000,
    test: int = 4_000,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Regression: inputs on a random surface of ``dimension`` dimensions, targets from a random ReLU network.

    Arguments:
        dimension: intrinsic dimensions; hidden coordinates are uniform in a cube of unit variance.
        ambient: features, at least ``dimension``. The coordinates are turned into them at random.
        curvature: how strongly the surface is bent into the features beyond ``dimension``: 0 leaves it flat; needs
            ``ambient`` larger than ``dimension``. The surface never meets itself.
        width, depth: units of a hidden layer of the teacher, and hidden layers; 0 layers make it linear.
        noise: standard deviation of what is added to the training targets; those held out are true.
        examples, validation, test: examples of each split.
        source: which surface and teacher.
        seed: of the training examples. The teacher, validation and test do not depend on it.

    Targets have about mean 0 and variance 1. ``truth`` has ``intrinsic_dimension``, ``noise_variance``, and the hidden
    coordinates of every example, ``latent`` (n, dimension), ``validation_latent``, ``test_latent``.

    Source: Sharma and Kaplan (2022), who expect the loss of a piecewise linear student to fall with data as
    n ** (-4 / dimension) at best. That exponent is a conjecture and not returned as truth.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = teacher(dimension=2, ambient=8, examples=100)
    >>> data.inputs.shape, data.truth["intrinsic_dimension"], data.truth["latent"].shape
    ((100, 8), 2, (100, 2))
    """
    options = dict(locals())
    number("noise", noise, most=100)
    return _dataset("teacher", options, classes=None)


def teacher_classes(
    *,
    classes: int = 4,
    dimension: int = 4,
    ambient: int = 32,
    curvature: float = 0.5,
    width: int = 64,
    depth: int = 2,
    label_noise: float = 0.0,
    examples: int = 8_192,
    validation: int = 1_000,
    test: int = 4_000,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Classification: the same as ``teacher``, with the largest of ``classes`` outputs as the label.

    Arguments:
        classes: how many, 2 to 1,000. Outputs are brought to equal mean and variance, so that each class occurs.
        label_noise: share of the training labels that are flipped; ``faults`` says which.
        dimension, ambient, curvature, width, depth, examples, validation, test, source, seed: as in ``teacher``.

    ``truth`` has ``intrinsic_dimension`` and the hidden coordinates, as in ``teacher``.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = teacher_classes(classes=3, examples=300)
    >>> data.classes, np.bincount(data.targets).shape
    (3, (3,))
    """
    options = dict(locals())
    whole("classes", classes, least=2, most=1000)
    number("label_noise", label_noise)
    return _dataset("teacher_classes", options, classes)


def _dataset(name: str, options: dict[str, Any], classes: int | None) -> Dataset:
    for option, least, most in _RANGES:
        whole(option, options[option], least=least, most=most)
    number("curvature", options["curvature"], most=10)
    dimension, ambient, seed = (options[key] for key in ("dimension", "ambient", "seed"))
    if ambient < dimension or (options["curvature"] and ambient == dimension):
        raise ValueError(
            f"{dimension} intrinsic dimensions with curvature={options['curvature']!r} do not fit into ambient="
            f"{ambient} features; give more features, or as many and curvature=0"
        )
    made = (dimension, ambient, float(options["curvature"]), options["source"])
    network = (dimension, options["width"], options["depth"], classes or 1, options["source"])
    arrays: dict[str, np.ndarray] = {}
    truth: dict[str, Any] = {"intrinsic_dimension": dimension}
    faults = pd.DataFrame()
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        random = generator(seed if split == "train" else 0, "teacher", "examples", options["source"], split)
        hidden = _coordinates(options["examples" if split == "train" else split], dimension, random)
        outputs = _answers(hidden, *network)
        arrays[f"{prefix}inputs"] = levelled(_embedded(hidden, *made))
        arrays[f"{prefix}targets"] = outputs.argmax(axis=1) if classes else levelled(outputs[:, 0])
        truth[f"{prefix}latent"] = hidden.astype(np.float32)
    if classes:
        true = arrays["targets"]
        arrays["targets"], flipped = flip_labels(true, options["label_noise"], classes, seed)
        if options["label_noise"]:
            faults = pd.DataFrame({"label_flipped": flipped, "true_label": true})
    else:
        added = generator(seed, "teacher", "noise").standard_normal(len(arrays["targets"]))
        arrays["targets"] = (arrays["targets"] + options["noise"] * added).astype(np.float32)
        truth["noise_variance"] = float(options["noise"]) ** 2
    kind = "classification" if classes else "regression"
    return Dataset(name=name, kind=kind, classes=classes, faults=faults, truth=truth, options=options, **arrays)


_RANGES = (
    ("dimension", 1, 1000),
    ("ambient", 1, 10_000),
    ("width", 1, 10_000),
    ("depth", 0, 10),
    ("examples", 1, None),
    ("validation", 0, None),
    ("test", 1, None),
    ("source", 0, None),
    ("seed", 0, None),
)


def _coordinates(count: int, dimension: int, random: np.random.Generator) -> np.ndarray:
    return random.uniform(-np.sqrt(3), np.sqrt(3), (count, dimension))


@lru_cache(maxsize=4)
def _surface(dimension: int, ambient: int, source: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions of the features, and of the waves along which the surface is bent, with their phases."""
    random = generator(source, "teacher", "surface", dimension, ambient)
    turned, _ = np.linalg.qr(random.standard_normal((ambient, ambient)))
    waves = random.standard_normal((dimension, ambient - dimension)) * (2 / np.sqrt(dimension))
    return turned, waves, random.uniform(0, 2 * np.pi, ambient - dimension)


def _embedded(hidden: np.ndarray, dimension: int, ambient: int, curvature: float, source: int) -> np.ndarray:
    """The features (n, ambient), of root mean square about 1: the graph of waves over the coordinates, turned."""
    turned, waves, phases = _surface(dimension, ambient, source)
    # Scaled so that curvature 1 gives the bent directions together the variance of the straight ones.
    size = curvature * np.sqrt(2 * dimension / max(ambient - dimension, 1))
    both = np.concatenate([hidden, size * np.sin(hidden @ waves + phases)], axis=1)
    return both @ turned.T * np.sqrt(ambient / (dimension * (1 + curvature**2)))


@lru_cache(maxsize=4)
def _network(dimension: int, width: int, depth: int, outputs: int, source: int) -> tuple[Any, ...]:
    """Weights and biases of the layers, and mean and spread of the outputs over many coordinates."""
    random = generator(source, "teacher", "network", dimension, width, depth, outputs)
    sizes = [dimension, *[width] * depth, outputs]
    layers = [
        (random.standard_normal((low, high)) * np.sqrt(2 / low), 0.5 * random.standard_normal(high))
        for low, high in pairwise(sizes)
    ]
    answers = _forward(_coordinates(_REFERENCE, dimension, random), layers)
    return layers, answers.mean(axis=0), answers.std(axis=0)


def _forward(values: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    for number_of, (weights, biases) in enumerate(layers, 1):
        values = values @ weights + biases
        if number_of < len(layers):
            values = np.maximum(values, 0)
    return values


def _answers(hidden: np.ndarray, *network: int) -> np.ndarray:
    layers, mean, spread = _network(*network)
    # A small network can have an output that is dead everywhere: it stays at 0.
    return (_forward(hidden, layers) - mean) / np.where(spread > 0, spread, 1)


register(
    Entry(
        name="teacher",
        kind="regression",
        purpose="regression of chosen intrinsic dimension: does the exponent of a learning curve follow it?",
        build=teacher,
        examples=8_192,
    )
)
register(
    Entry(
        name="teacher_classes",
        kind="classification",
        purpose="classification of chosen intrinsic dimension, with label noise whose truth is known",
        build=teacher_classes,
        examples=8_192,
    )
)
