"""The max-margin student of the pruned perceptron in the limit of many dimensions, many settings at once.

In that limit the student is the shortest w = (r, b, s) with margin one for which

    G(w) = sqrt(alpha F(w)) - s <= 0,

with F the mean squared hinge loss of ``hinge_moments`` and alpha the kept examples per dimension: the convex Gaussian
min-max theorem (Thrampoulidis, Oymak and Hassibi 2015) turns the N-dimensional problem into this convex one in three
variables. It is solved by sequential quadratic programming with an exact penalty, which on a convex problem converges
from any start.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from labkit import places
from labkit.theory.hinge_moments import Pruning, squared_hinge

_STEPS = 40
"""Some 5 are usual, 20 the most where it converges at all."""
_FEW = 4.0
"""Kept examples per dimension up to which the start is good."""
_TOLERANCE = 1e-7
"""A step this short, relative to w, is the last: the error it leaves is about its square."""
_HALVINGS = 30
_LARGEST = 1e15
"""Of multipliers, so that a search that has lost its way overflows nothing."""
_CHUNK = 256
"""Settings solved together: their quadrature fits into the cache."""


def solve(alpha: np.ndarray, kept: Pruning) -> np.ndarray:
    """The students of m settings, as the (m, 3) components of w; their margin is one over the length of w.

    Raises ``RuntimeError`` when a setting does not converge.
    """
    chunks = [np.arange(start, min(start + _CHUNK, len(alpha))) for start in range(0, len(alpha), _CHUNK)]
    if not chunks:
        return np.empty((0, 3))
    # Nearly all time is spent inside array functions, which let threads run beside one another.
    with ThreadPoolExecutor(min(len(chunks), places.cores())) as threads:
        return np.concatenate(list(threads.map(lambda rows: _solve(alpha[rows], kept[rows]), chunks)))


def _solve(alpha: np.ndarray, kept: Pruning) -> np.ndarray:
    w, stuck = _iterate(_start(alpha, kept), alpha, kept)
    if len(stuck):
        w[stuck] = _climb(alpha[stuck], kept[stuck])
    return w


def _climb(alpha: np.ndarray, kept: Pruning) -> np.ndarray:
    """The solution by way of fewer examples, where the start is good, doubling them and following the trend."""
    rungs = max(1, int(np.ceil(np.log2(alpha.max() / _FEW))))
    w = before = _start(alpha / 2.0**rungs, kept)
    for rung in range(rungs, -1, -1):
        # Along powers of alpha, which all three components follow at many examples.
        trend = np.clip(w / np.where(before == 0.0, 1.0, before), 0.25, 4.0)
        before = w
        w, stuck = _iterate(w * trend, alpha / 2.0**rung, kept)
        if len(stuck):
            at = alpha[stuck[0]]
            raise RuntimeError(f"{len(stuck)} settings did not converge, the first at {at:.6g} kept per dimension")
    return w


def _start(alpha: np.ndarray, kept: Pruning) -> np.ndarray:
    """The teacher's direction, at about the angle and the length of the student of an unpruned pool."""
    length = alpha + 0.5 * np.sqrt(alpha)
    angle = 0.5 * np.pi / (1.0 + alpha)
    along = length * np.cos(angle)
    return np.stack([along * kept.cosine, along * kept.sine, length * np.sin(angle)], axis=1)


def _iterate(w: np.ndarray, alpha: np.ndarray, kept: Pruning) -> tuple[np.ndarray, np.ndarray]:
    """From a start to the solution; also the rows that did not get there."""
    excess, slope, bend = _constraint(w, alpha, kept)
    # What stationarity along w would have it be: too small a first multiplier forgets that the constraint is curved.
    multiplier = np.maximum(-2.0 * np.sum(w * slope, axis=1) / np.sum(slope**2, axis=1), 1.0)
    penalty = np.ones(len(alpha))
    open_ = np.arange(len(alpha))
    for _ in range(_STEPS):
        step, multiplier[open_] = _quadratic_step(w[open_], excess[open_], slope[open_], bend[open_], multiplier[open_])
        penalty[open_] = np.maximum(penalty[open_], 1.5 * multiplier[open_])
        done = np.linalg.norm(step, axis=1) < _TOLERANCE * np.linalg.norm(w[open_], axis=1)
        w[open_[done]] += step[done]
        open_, step = open_[~done], step[~done]
        if not len(open_):
            break
        _move(open_, step, w, excess, slope, bend, penalty, alpha, kept)
    return w, open_


def _constraint(w, alpha, kept) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value, gradient, hessian = squared_hinge(w, kept)
    # Where no kept example is within the margin to any digit, the constraint is s >= 0.
    root = np.sqrt(np.maximum(value, 1e-300))
    scale = np.sqrt(alpha)
    slope = gradient / (2.0 * root[:, None])
    bend = (0.5 * hessian - slope[:, :, None] * slope[:, None, :]) / root[:, None, None]
    slope = scale[:, None] * slope
    slope[:, 2] -= 1.0
    return scale * root - w[:, 2], slope, scale[:, None, None] * bend


def _quadratic_step(w, excess, slope, bend, multiplier) -> tuple[np.ndarray, np.ndarray]:
    """The Newton step of the stationarity conditions of the Lagrangian, and the new multiplier."""
    matrix = np.zeros((len(w), 4, 4))
    matrix[:, :3, :3] = multiplier[:, None, None] * bend
    matrix[:, range(3), range(3)] += 2.0
    matrix[:, :3, 3] = matrix[:, 3, :3] = slope
    right = np.concatenate([-2.0 * w, -excess[:, None]], axis=1)
    solution = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    return solution[:, :3], np.clip(solution[:, 3], 0.0, _LARGEST)


def _move(open_, step, w, excess, slope, bend, penalty, alpha, kept) -> None:
    """Shorten each step until the penalised length falls, and take it."""
    length = np.sum(w[open_] ** 2, axis=1)
    before = length + penalty[open_] * np.abs(excess[open_])
    predicted = 2.0 * np.sum(w[open_] * step, axis=1) - penalty[open_] * np.abs(excess[open_])
    # s stays positive.
    size = np.minimum(1.0, 0.9 * w[open_, 2] / np.maximum(-step[:, 2], 1e-300))
    left = np.arange(len(open_))
    for _ in range(_HALVINGS):
        rows = open_[left]
        trial = w[rows] + size[left, None] * step[left]
        new = _constraint(trial, alpha[rows], kept[rows])
        after = np.sum(trial**2, axis=1) + penalty[rows] * np.abs(new[0])
        fell = after <= before[left] + 1e-4 * size[left] * np.minimum(predicted[left], 0.0) + 1e-13 * before[left]
        took = rows[fell]
        w[took], excess[took], slope[took], bend[took] = trial[fell], new[0][fell], new[1][fell], new[2][fell]
        left = left[~fell]
        if not len(left):
            return
        size[left] *= 0.5
    # Rounding hides any fall that is left: the point is as good as it gets.
    rows = open_[left]
    w[rows] = trial[~fell]
    excess[rows], slope[rows], bend[rows] = new[0][~fell], new[1][~fell], new[2][~fell]
