"""Hard-margin separators of many small sets at once, by a primal-dual interior-point method."""

from __future__ import annotations

import numpy as np

_STEPS = 100
_TOLERANCE = 1e-7
"""Relative to the squared length of w: the duality gap at which it stops."""

_HOPELESS = 1e100
"""Mean of slack times dual that only a set without a separator reaches."""


def separate(examples: np.ndarray) -> np.ndarray:
    """The shortest w with ``x @ w >= 1`` for every example x of a set.

    Arguments:
        examples: (sets, examples, dimensions), each multiplied by its label of +1 or -1.

    Returns (sets, dimensions). It minimises w.w / 2 with Mehrotra's predictor-corrector steps (Mehrotra 1992); the
    linear systems have the smaller of the two sizes.

    Raises ``RuntimeError`` when it does not converge, which is what sets do that no plane through the origin separates.

    >>> import numpy as np
    >>> separate(np.array([[[2.0, 0.0], [0.0, 1.0]]])).round(6)
    array([[0.5, 1. ]])
    """
    sets, rows, _ = examples.shape
    across = np.swapaxes(examples, 1, 2)
    size = np.mean(np.sum(examples**2, axis=2), axis=1)
    dual = np.repeat(1.0 / size[:, None], rows, axis=1)
    w = _times(across, dual)
    slack = np.maximum(_times(examples, w) - 1.0, 1.0)
    answers = np.empty_like(w)
    open_ = np.arange(sets)
    for _ in range(_STEPS):
        off_path = w - _times(across, dual)
        short = _times(examples, w) - 1.0 - slack
        gap = np.mean(slack * dual, axis=1)
        if not gap.max() < _HOPELESS:
            break
        length = np.sum(w * w, axis=1)
        feasible = np.max(np.abs(short), axis=1) < _TOLERANCE
        stationary = np.sum(off_path**2, axis=1) < _TOLERANCE * length
        done = feasible & stationary & (gap * rows < _TOLERANCE * length)
        if done.any():
            answers[open_[done]] = w[done]
            left = ~done
            open_, w, dual, slack, off_path, short, gap = (
                x[left] for x in (open_, w, dual, slack, off_path, short, gap)
            )
            examples, across = examples[left], across[left]
            if not len(open_):
                return answers
        system = _System(examples, across, dual, slack)
        predictor = system.step(off_path, short, slack * dual)
        length_slack, length_dual = _longest(slack, predictor[1]), _longest(dual, predictor[2])
        after = np.mean((slack + length_slack * predictor[1]) * (dual + length_dual * predictor[2]), axis=1)
        target = (after / gap) ** 3 * gap
        complement = slack * dual + predictor[1] * predictor[2] - target[:, None]
        step_w, step_slack, step_dual = system.step(off_path, short, complement)
        size_ = 0.99 * np.minimum(_longest(slack, step_slack), _longest(dual, step_dual))
        w, slack, dual = w + size_ * step_w, slack + size_ * step_slack, dual + size_ * step_dual
    raise RuntimeError(f"{len(open_)} of {sets} sets were not separated in {_STEPS} steps; is each one separable?")


class _System:
    """The Newton system of the optimality conditions at one point, reduced to its smaller side."""

    def __init__(self, examples: np.ndarray, across: np.ndarray, dual: np.ndarray, slack: np.ndarray) -> None:
        self.examples, self.across, self.dual, self.slack = examples, across, dual, slack
        rows, dimensions = examples.shape[1:]
        self.primal = dimensions <= rows
        if self.primal:
            matrix = across @ (examples * (dual / slack)[:, :, None])
            matrix[:, range(dimensions), range(dimensions)] += 1.0
        else:
            matrix = examples @ across
            matrix[:, range(rows), range(rows)] += slack / dual
        self.matrix = matrix

    def step(self, off_path: np.ndarray, short: np.ndarray, complement: np.ndarray) -> tuple[np.ndarray, ...]:
        """Steps of w, slack and dual that cancel the three residuals to first order."""
        pull = (complement + self.dual * short) / self.slack
        if self.primal:
            step_w = -self._solve(off_path + _times(self.across, pull))
            step_dual = -pull - self.dual / self.slack * _times(self.examples, step_w)
        else:
            weight = self.slack / self.dual
            step_dual = self._solve(_times(self.examples, off_path) - weight * pull)
            step_w = _times(self.across, step_dual) - off_path
        step_slack = _times(self.examples, step_w) + short
        return step_w, step_slack, step_dual

    def _solve(self, right: np.ndarray) -> np.ndarray:
        # Not by one inverse for both steps: near the solution its rounding would undo the dual's progress.
        return np.linalg.solve(self.matrix, right[:, :, None])[:, :, 0]


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (matrix @ vector[:, :, None])[:, :, 0]


def _longest(at: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The longest step up to one that leaves every entry non-negative."""
    ratio = np.where(step < 0, -at / np.where(step < 0, step, -1.0), np.inf)
    return np.minimum(1.0, ratio.min(axis=1))[:, None]
