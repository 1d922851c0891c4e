"""Data pruning solved exactly: a max-margin perceptron learns from a teacher's examples, chosen by a probe.

A teacher T labels Gaussian inputs in N dimensions, of which there are ``pool_per_dimension * N``. A probe at an angle
to T ranks them by abs(J.x), and a fraction is kept: the hardest (nearest to the probe's boundary), the easiest, or
random ones. The student is the max-margin separator of what was kept, without a bias, and its test error is its angle
to T over pi. The results hold as N grows; ``simulate`` shows them at any N. The setting is that of Sorscher et al.
(2022); the solution here is derived by the convex Gaussian min-max theorem and agrees with their replica equations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from labkit.registry import nearest
from labkit.seeds import generator
from labkit.theory.arguments import broadcast, count, numbers
from labkit.theory.hard_margin import separate
from labkit.theory.hinge_moments import Pruning
from labkit.theory.max_margin import solve

KEEPS = ("hardest", "easiest", "random")
FRACTIONS = tuple(float(f) for f in np.round(np.geomspace(0.02, 1.0, 40), 4))
"""The kept fractions that an envelope looks at unless told: 40 from 0.02 to 1, evenly spaced in their logarithm."""

_SMALLEST_ANGLE = 1e-9
"""Radians; a perfect probe is treated as one this far off, which changes no digit that is printed."""
_FARTHEST_CUT = 40.0
"""Standard deviations beyond which there is no input."""
_DRAWN_AT_ONCE = 2**22
"""Numbers in one batch of simulated examples, 32 MB."""


@dataclass(frozen=True)
class Student:
    """The max-margin student; every field is an array of the settings' shape."""

    error: np.ndarray
    """Test error, from 0 to 1."""
    overlap: np.ndarray
    """Cosine of its angle to the teacher."""
    probe_overlap: np.ndarray
    """Cosine of its angle to the probe."""
    margin: np.ndarray
    """Distance of the nearest kept example to its boundary, inputs having unit variance per dimension."""


@dataclass(frozen=True)
class Envelope:
    """The best error at each number of kept examples when the fraction is free."""

    kept_per_dimension: np.ndarray
    fractions: np.ndarray
    """The grid that was searched."""
    errors: np.ndarray
    """Error of every fraction: the shape of kept_per_dimension, then one for the grid."""
    error: np.ndarray
    """The lowest of them."""
    fraction: np.ndarray
    """Where it is."""
    at_edge: np.ndarray
    """Whether that is the smallest fraction of the grid, so that a smaller one may be better still."""


def test_error(
    pool_per_dimension: Any,
    fraction: Any = 1.0,  # noqa: PT028
    keep: str = "hardest",  # noqa: PT028
    probe_angle: Any = 0.0,  # noqa: PT028
) -> np.ndarray | float:
    """The test error of the max-margin student of a pruned pool, exact in the limit of many dimensions.

    Arguments:
        pool_per_dimension: examples in the pool for each input dimension, above 0.
        fraction: share of the pool that is kept, above 0 and up to 1.
        keep: "hardest", "easiest" or "random".
        probe_angle: degrees between the probe that ranks the examples and the teacher, 0 to 90.

    The numbers broadcast; the error, from 0 to 1, has their common shape. At a few dozen dimensions errors differ by
    about 1% from the limit, and by more where few examples are kept.

    Raises ``ValueError`` for numbers out of range, ``TypeError`` for what is no number, and ``RuntimeError`` for a
    setting that does not converge, which none up to some 5,000 in the pool for each dimension was seen to do.

    Source: the setting of Sorscher et al. (2022). Not covered: biases, noise in the labels, other losses.

    >>> import numpy as np
    >>> np.round(test_error([4.0, 10.0], 0.5), 4)
    array([0.1361, 0.0492])
    """
    return student(pool_per_dimension, fraction, keep, probe_angle).error


test_error.__test__ = False  # type: ignore[attr-defined]  # no test for pytest to collect


def student(pool_per_dimension: Any, fraction: Any = 1.0, keep: str = "hardest", probe_angle: Any = 0.0) -> Student:
    """The overlaps and the margin of the student whose error ``test_error`` gives; the arguments are the same.

    >>> round(float(student(1.0).margin), 3)
    0.787
    """
    pool = numbers("pool_per_dimension", pool_per_dimension, 0.0, open_low=True)
    fraction, angle = _fractions(fraction), _angles(probe_angle)
    pool, fraction, angle = broadcast(pool_per_dimension=pool, fraction=fraction, probe_angle=angle)
    kept = _pruning(fraction.ravel(), _known(keep), angle.ravel())
    w = solve((pool * fraction).ravel(), kept)
    length = np.linalg.norm(w, axis=1)
    overlap = (w[:, 0] * kept.cosine + w[:, 1] * kept.sine) / length
    beside = np.hypot(w[:, 1] * kept.cosine - w[:, 0] * kept.sine, w[:, 2]) / length
    fields = np.arctan2(beside, overlap) / np.pi, overlap, w[:, 0] / length, 1.0 / length
    return Student(*(field.reshape(pool.shape)[()] for field in fields))


def envelope(
    kept_per_dimension: Any, keep: str = "hardest", probe_angle: float = 0.0, fractions: Any = FRACTIONS
) -> Envelope:
    """The best test error that a number of kept examples can give when they may come from a pool of any size.

    Arguments:
        kept_per_dimension: kept examples for each input dimension, above 0; the pool is this over the fraction.
        keep, probe_angle: as in ``test_error``.
        fractions: the grid of kept fractions that is searched.

    With a perfect probe, above two kept examples per dimension, the error keeps falling in proportion to the fraction:
    the envelope is then the grid's smallest fraction, which ``at_edge`` says, and not a law of its own.

    Raises as ``test_error`` does, and ``ValueError`` for an empty grid.

    >>> best = envelope([2.0, 8.0], probe_angle=20.0)
    >>> np.round(best.error, 3), np.round(best.fraction, 1)
    (array([0.167, 0.028]), array([0.7, 0.3]))
    """
    alpha = numbers("kept_per_dimension", kept_per_dimension, 0.0, open_low=True)
    grid = np.unique(_fractions(fractions))
    if not grid.size:
        raise ValueError("fractions is empty; expected at least one fraction to search")
    angle = float(_angles(probe_angle)) if np.ndim(probe_angle) == 0 else None
    if angle is None:
        raise ValueError(f"probe_angle has the shape {np.shape(probe_angle)}; an envelope is for one angle")
    errors = np.asarray(test_error(alpha[..., None] / grid, grid, keep, angle))
    best = np.argmin(errors, axis=-1)
    return Envelope(alpha, grid, errors, errors.min(axis=-1), grid[best], best == 0)


def simulate(
    dimension: int,
    pool_per_dimension: float,
    fraction: float = 1.0,
    keep: str = "hardest",
    probe_angle: float = 0.0,
    repeats: int = 16,
    seed: int = 0,
) -> np.ndarray:
    """Test errors of hard-margin perceptrons trained on pruned pools that were drawn at random.

    Arguments:
        dimension: input dimensions, at least 2.
        pool_per_dimension, fraction, keep, probe_angle: one setting of ``test_error``. The pool has
            round(pool_per_dimension * dimension) examples, of which round(fraction * pool) are kept, at least one.
        repeats: how many pools are drawn.
        seed: each repeat has its own stream, so its error does not depend on how many others there are.

    Returns the (repeats,) test errors, each exact from the student's angle to the teacher.

    Raises as ``test_error`` does, and ``ValueError`` when nothing would be kept.

    >>> errors = simulate(100, 5.0, 0.5, repeats=8)
    >>> bool(abs(errors.mean() - test_error(5.0, 0.5)) < 0.03)
    True
    """
    dimension, repeats = count("dimension", dimension, 2), count("repeats", repeats)
    density = _one(numbers("pool_per_dimension", pool_per_dimension, 0.0, open_low=True), "pool_per_dimension")
    fraction = _one(_fractions(fraction), "fraction")
    angle = _one(_angles(probe_angle), "probe_angle")
    _known(keep)
    pool = round(density * dimension)
    kept = round(fraction * pool)
    if kept < 1:
        raise ValueError(
            f"{fraction:g} of a pool of {pool} examples keeps none; raise fraction, pool_per_dimension or dimension"
        )
    setting = (dimension, pool, kept, keep, angle)
    errors = np.empty(repeats)
    batch = max(1, _DRAWN_AT_ONCE // (kept * dimension))
    for start in range(0, repeats, batch):
        rows = range(start, min(start + batch, repeats))
        examples = np.stack([_draw(generator(seed, "perceptron", *setting, row), *setting) for row in rows])
        w = separate(examples)
        errors[start : rows.stop] = _error(w, np.deg2rad(angle))
    return errors


def _draw(rng: np.random.Generator, dimension: int, pool: int, kept: int, keep: str, angle: float) -> np.ndarray:
    """Kept examples times their labels; the probe is the first axis, the teacher in the plane of the first two.

    Only the projection on the probe decides what is kept, so the other coordinates are drawn for kept examples alone.
    """
    z = rng.standard_normal(pool)
    if keep != "random":
        order = np.argsort(np.abs(z), kind="stable")
        z = z[order[:kept] if keep == "hardest" else order[pool - kept :]]
    examples = rng.standard_normal((kept, dimension))
    examples[:, 0] = z[:kept]
    turn = np.deg2rad(angle)
    labels = np.where(np.cos(turn) * examples[:, 0] + np.sin(turn) * examples[:, 1] >= 0, 1.0, -1.0)
    return examples * labels[:, None]


def _error(w: np.ndarray, turn: float) -> np.ndarray:
    along = w[:, 0] * np.cos(turn) + w[:, 1] * np.sin(turn)
    across = w[:, 1] * np.cos(turn) - w[:, 0] * np.sin(turn)
    return np.arctan2(np.hypot(across, np.linalg.norm(w[:, 2:], axis=1)), along) / np.pi


def _pruning(fraction: np.ndarray, keep: str, angle: np.ndarray) -> Pruning:
    hardest = keep == "hardest"
    if keep == "random":
        # What is kept is a whole pool again, only a smaller one.
        fraction, hardest = np.ones_like(fraction), True
    cut = -ndtri(0.5 * (1.0 - fraction) if hardest else 0.5 * fraction)
    cut = np.clip(cut, 0.0, _FARTHEST_CUT)
    turn = np.maximum(np.deg2rad(angle), _SMALLEST_ANGLE)
    return Pruning(fraction, cut, np.full_like(cut, 1.0 if hardest else -1.0), np.cos(turn), np.sin(turn))


def _known(keep: str) -> str:
    if keep not in KEEPS:
        raise ValueError(f"unknown keep {keep!r}: {nearest(keep, KEEPS)}")
    return keep


def _fractions(fraction: Any) -> np.ndarray:
    return numbers("fraction", fraction, 0.0, 1.0, open_low=True)


def _angles(angle: Any) -> np.ndarray:
    return numbers("probe_angle", angle, 0.0, 90.0)


def _one(array: np.ndarray, name: str) -> float:
    if array.ndim:
        raise ValueError(f"{name} has the shape {array.shape}; expected one number here")
    return float(array)
