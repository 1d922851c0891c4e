"""Faults planted on purpose, with the truth about each kept beside the examples."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np

from labkit.seeds import generator


def number(name: str, value: float, *, least: float = 0.0, most: float = 1.0) -> float:
    """A dial that is a number in a range: the value, or an error that says the range.

    >>> number("pixel_noise", 0.25)
    0.25
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number from {least:g} to {most:g}")
    if not least <= value <= most:
        raise ValueError(f"{name}={value!r} is outside its range; expected a number from {least:g} to {most:g}")
    return float(value)


def whole(name: str, value: int, *, least: int = 0, most: int | None = None) -> int:
    """A dial that is a count: the value, or an error that says its range.

    >>> whole("examples", 100, least=1)
    100
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a whole number")
    if value < least or (most is not None and value > most):
        limit = f"at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise ValueError(f"{name}={value!r} is outside its range; expected {limit}")
    return int(value)


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
    fraction = number("label_noise", fraction)
    random = generator(seed, "label noise")
    order = random.permutation(len(targets))
    shift = random.integers(1, max(classes, 2), size=len(targets))
    chosen = np.zeros(len(targets), dtype=bool)
    chosen[order[: round(fraction * len(targets))]] = True
    if chosen.any() and classes < 2:
        raise ValueError(f"label_noise={fraction!r} needs at least 2 classes to flip between; there is {classes}")
    return np.where(chosen, (targets + shift) % classes, targets), chosen


def copy_examples(count: int, fraction: float, seed: int) -> np.ndarray:
    """The example that each of ``count`` examples shows, int (count,): itself, or for copies another one.

    Exactly ``round(fraction * count)`` are copies, and what they copy is not itself a copy.

    Raises ``ValueError`` where no original would be left.

    >>> source = copy_examples(10, 0.3, seed=0)
    >>> int((source != np.arange(10)).sum())
    3
    """
    copies = round(number("duplicates", fraction) * count)
    if copies == count and count:
        raise ValueError(f"duplicates={fraction!r} leaves no original among {count:,} examples; give a smaller share")
    random = generator(seed, "duplicates")
    order = random.permutation(count)
    source = np.arange(count)
    source[order[:copies]] = random.choice(order[copies:], size=copies) if copies else order[:0]
    return source


def class_counts(count: int, classes: int, imbalance: float = 1.0) -> np.ndarray:
    """How many of ``count`` examples each class has, falling geometrically from the first to the last.

    Arguments:
        count: examples altogether; the counts add up to it exactly.
        classes: number of classes.
        imbalance: how many times more the first has than the last, before rounding.

    >>> class_counts(70, 3, imbalance=4.0).tolist()
    [40, 20, 10]
    """
    return apportioned(count, np.geomspace(imbalance, 1.0, classes))


def apportioned(count: int, shares: Sequence[float] | np.ndarray) -> np.ndarray:
    """``count`` things in proportion to shares in any unit, by largest remainders, int (k,).

    >>> apportioned(10, (1, 1, 1)).tolist(), apportioned(3, (0, 1)).tolist()
    ([4, 3, 3], [0, 3])
    """
    shares = np.asarray(shares, dtype=np.float64)
    exact = count * shares / shares.sum()
    counts = np.floor(exact).astype(np.int64)
    # Largest remainders first, and equal ones to the earlier share, so that falling shares give counts that never rise.
    left = count - counts.sum()
    counts[np.lexsort((np.arange(len(shares)), -np.round(exact - counts, 9)))[:left]] += 1
    return counts
