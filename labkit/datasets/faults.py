"""Faults planted on purpose, with the truth about each kept beside the examples."""

from __future__ import annotations

import numpy as np

from labkit.seeds import generator


def share(name: str, value: float, *, below: float = 1.0) -> float:
    """A dial that is a share of the examples: the value, or ``ValueError`` outside [0, ``below``].

    >>> share("label_noise", 0.1)
    0.1
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number from 0 to {below:g}")
    if not 0 <= value <= below:
        raise ValueError(f"{name}={value!r} is outside its range; expected a share from 0 to {below:g}")
    return float(value)


def whole(name: str, value: int, *, least: int = 0, most: int | None = None) -> int:
    """A dial that is a count: the value, or an error that says its range.

    >>> whole("examples", 100, least=1)
    100
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a whole number")
    if value < least or (most is not None and value > most):
        limit = f"at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise ValueError(f"{name}={value!r} is outside its range; expected {limit}")
    return value


def flip_labels(targets: np.ndarray, fraction: float, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give ``round(fraction * n)`` examples another label, drawn evenly from the other classes.

    Arguments:
        targets: int (n,), labels from 0 to ``classes - 1``.
        fraction: share of the examples, 0 to 1.
        classes: number of classes; at least 2 unless the fraction is 0.
        seed: which examples and which labels.

    Returns the labels and a boolean (n,) that says which were flipped. The flips of a smaller fraction are among
    those of a larger one with the same seed.

    >>> labels, flipped = flip_labels(np.zeros(10, dtype=int), 0.3, classes=4, seed=0)
    >>> int(flipped.sum()), bool((labels[flipped] != 0).all())
    (3, True)
    """
    fraction = share("label_noise", fraction)
    random = generator(seed, "label noise")
    order = random.permutation(len(targets))
    shift = random.integers(1, max(classes, 2), size=len(targets))
    chosen = np.zeros(len(targets), dtype=bool)
    chosen[order[: round(fraction * len(targets))]] = True
    if chosen.any() and classes < 2:
        raise ValueError(f"label_noise={fraction!r} needs at least 2 classes to flip between; there is {classes}")
    return np.where(chosen, (targets + shift) % classes, targets), chosen
