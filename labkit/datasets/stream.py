"""A stream whose rule turns while it runs: what was learned early is wrong later, by a known amount."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import flip_labels, number, whole
from labkit.datasets.perceptron import orthonormal_pair
from labkit.registry import UnknownName, nearest
from labkit.seeds import generator

_STEPS = 4
PATTERNS = {
    "steady": lambda time: time,
    "sudden": lambda time: np.minimum(np.floor(time * _STEPS), _STEPS - 1) / (_STEPS - 1),
    "seasonal": lambda time: (1 - np.cos(4 * np.pi * time)) / 2,
}
"""How far the rule has turned, 0 to 1, at a time from 0 to 1."""


def stream(
    *,
    dimension: int = 20,
    drift: float = 90.0,
    pattern: str = "steady",
    label_noise: float = 0.0,
    examples: int = 10_000,
    validation: int = 2_000,
    test: int = 10_000,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Two classes of Gaussian inputs, divided by a plane that turns from the first training example to the last.

    Arguments:
        dimension: features, at least 2.
        drift: degrees by which the plane turns at most, 0 to 180.
        pattern: ``steady``; ``sudden``, four stretches of equal rules with three turns between them; or ``seasonal``,
            there and back twice.
        label_noise: share of the training labels that are flipped; ``faults`` says which.
        examples: training examples, in the order of time. Do not shuffle them to study drift.
        validation, test: held-out examples at times spread evenly over the same stretch, also in order.
        source: which planes.
        seed: of the training examples. The planes, validation and test do not depend on it.

    ``truth`` has, each with ``validation_`` and ``test_`` too, ``time`` (n,), from 0 to 1, and ``angle`` (n,), the
    degrees that the plane has turned by then; and ``directions`` (2, dimension): at an angle t the label is 1 where
    x @ (cos t * directions[0] + sin t * directions[1]) is above 0. Who knows the rule at one angle and is asked at
    another has exactly the error |difference| / 180 degrees.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range, ``UnknownName`` for an unknown pattern.

    >>> data = stream(drift=60.0, examples=5)
    >>> data.truth["angle"].tolist()
    [0.0, 15.0, 30.0, 45.0, 60.0]
    """
    options = dict(locals())
    whole("dimension", dimension, least=2, most=100_000)
    number("drift", drift, most=180)
    if pattern not in PATTERNS:
        raise UnknownName(f"unknown pattern {pattern!r}: {nearest(pattern, PATTERNS)}")
    number("label_noise", label_noise)
    whole("examples", examples, least=2)
    whole("validation", validation)
    whole("test", test, least=1)
    whole("source", source)
    whole("seed", seed)
    directions = np.stack(orthonormal_pair(dimension, source, "stream"))
    arrays: dict[str, np.ndarray] = {}
    truth: dict[str, np.ndarray] = {"directions": directions}
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        count = options["examples" if split == "train" else split]
        random = generator(seed if split == "train" else 0, "stream", "examples", split)
        inputs = random.standard_normal((count, dimension))
        time = np.linspace(0, 1, count)
        angle = drift * PATTERNS[pattern](time)
        along, across = (inputs @ directions.T).T
        turned = np.cos(np.deg2rad(angle)) * along + np.sin(np.deg2rad(angle)) * across
        arrays[f"{prefix}inputs"] = inputs.astype(np.float32)
        arrays[f"{prefix}targets"] = (turned > 0).astype(np.int64)
        truth[f"{prefix}time"], truth[f"{prefix}angle"] = time, angle
    true = arrays["targets"]
    arrays["targets"], flipped = flip_labels(true, label_noise, 2, seed)
    return Dataset(
        name="stream",
        kind="classification",
        classes=2,
        faults=pd.DataFrame({"label_flipped": flipped, "true_label": true}) if label_noise else pd.DataFrame(),
        truth=truth,
        options=options,
        **arrays,
    )


register(
    Entry(
        name="stream",
        kind="classification",
        purpose="a rule that turns with time: what old data are worth, and what a stale model costs",
        build=stream,
        examples=10_000,
    )
)
