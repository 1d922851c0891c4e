"""Gaussian inputs labelled by a random half-space: the case whose learning curves are known exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import flip_labels, number, whole
from labkit.seeds import generator


def perceptron(
    *,
    dimension: int = 100,
    examples: int = 1_000,
    label_noise: float = 0.0,
    probe_angle: float = 0.0,
    validation: int = 1_000,
    test: int = 10_000,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Two classes of Gaussian inputs: on which side of a random plane through the origin they lie.

    Arguments:
        dimension: features, at least 2; independent and normal.
        examples: training examples. The theory speaks of examples per dimension.
        label_noise: share of the training labels that are flipped; ``faults`` says which.
        probe_angle: degrees, 0 to 90, between the teacher and the probe whose margins are told: how good the one who
            scores the examples is.
        validation, test: held-out examples.
        source: which teacher and probe.
        seed: of the training examples. Teacher, probe, validation and test do not depend on it.

    ``truth`` has ``teacher`` (dimension,) and ``probe`` (dimension,), both of length 1, and ``margin`` (n,),
    ``validation_margin`` and ``test_margin``, the distance of each example from the probe's plane: larger is easier.
    A student whose weights stand at an angle t to the teacher has exactly the error t / 180 degrees.

    Source: Sorscher, Geirhos, Shekhar, Ganguli and Morcos (2022).

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = perceptron(dimension=20, examples=100, probe_angle=60.0)
    >>> round(float(data.truth["teacher"] @ data.truth["probe"]), 6)
    0.5
    """
    options = dict(locals())
    whole("dimension", dimension, least=2, most=100_000)
    whole("examples", examples, least=1)
    number("label_noise", label_noise)
    number("probe_angle", probe_angle, most=90)
    whole("validation", validation)
    whole("test", test, least=1)
    whole("source", source)
    whole("seed", seed)
    teacher, across = orthonormal_pair(dimension, source, "perceptron")
    angle = np.deg2rad(probe_angle)
    probe = np.cos(angle) * teacher + np.sin(angle) * across
    arrays: dict[str, np.ndarray] = {}
    truth: dict[str, np.ndarray] = {"teacher": teacher, "probe": probe}
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        random = generator(seed if split == "train" else 0, "perceptron", "examples", split)
        inputs = random.standard_normal((options["examples" if split == "train" else split], dimension))
        arrays[f"{prefix}inputs"] = inputs.astype(np.float32)
        arrays[f"{prefix}targets"] = (inputs @ teacher > 0).astype(np.int64)
        truth[f"{prefix}margin"] = np.abs(inputs @ probe)
    true = arrays["targets"]
    arrays["targets"], flipped = flip_labels(true, label_noise, 2, seed)
    return Dataset(
        name="perceptron",
        kind="classification",
        classes=2,
        faults=pd.DataFrame({"label_flipped": flipped, "true_label": true}) if label_noise else pd.DataFrame(),
        truth=truth,
        options=options,
        **arrays,
    )


def orthonormal_pair(dimension: int, source: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Two random directions (dimension,) of length 1 at right angles.

    >>> one, two = orthonormal_pair(5, 0, "x")
    >>> bool(abs(one @ two) < 1e-12)
    True
    """
    one, two = generator(source, name, "directions", dimension).standard_normal((2, dimension))
    one /= np.linalg.norm(one)
    two -= (two @ one) * one
    return one, two / np.linalg.norm(two)


register(
    Entry(
        name="perceptron",
        kind="classification",
        purpose="the one case where pruning theory is exact: Gaussian inputs, a linear teacher, a probe of any quality",
        build=perceptron,
        examples=1_000,
    )
)
