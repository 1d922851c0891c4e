"""Keep a fraction of the examples by their scores alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.pruning.rules import Policy, ranked, refuse_unknown
from labkit.pruning.rules import policy as find
from labkit.seeds import generator


def keep(
    scores: Any, fraction: float = 0.2, policy: str | Policy = "hardest", seed: int = 0, **options: Any
) -> np.ndarray:
    """Choose the examples to keep by their scores: exactly ``round(fraction * n)`` of them.

    The examples' order plays no part: which scores are kept depends on the scores, the policy and the seed alone.
    Among tied scores, which are all alike here, chance decides, by the seed; it is never the first of them.

    Arguments:
        scores: (n,) finite numbers, larger is harder.
        fraction: share to keep, from 0 (an empty answer) to 1; the count is Python's ``round``.
        policy: one of ``pruning.policies()``, or one of your own.
        seed: of the ties and of policies that draw at random.
        options: those of the policy, such as ``cutoff=0.1``; unknown ones are refused.

    Returns the positions of the kept examples, sorted, int64.

    Raises ``ValueError`` for scores that are not finite, a fraction outside 0 to 1, an unknown policy; ``TypeError``
    for an unknown option.

    >>> from labkit import pruning
    >>> pruning.keep([0.3, 0.9, 0.1, 0.5, 0.7], fraction=0.4)
    array([1, 4])
    >>> pruning.keep([0.3, 0.9, 0.1, 0.5, 0.7], fraction=0.4, policy="hardest", cutoff=0.2)
    array([3, 4])
    """
    scores = finite_scores(scores)
    entry = policy if isinstance(policy, Policy) else find(policy)
    refuse_unknown(f"policy {entry.name!r}", options, entry.options)
    budget = kept_count(fraction, len(scores))
    rng = generator(seed, "keep")
    # Shuffled, so that the order in the file does not decide among ties.
    shuffled = rng.permutation(len(scores))
    return np.sort(shuffled[ranked(entry, scores[shuffled], budget, rng, options)])


def kept_count(fraction: float, n: int) -> int:
    """``round(fraction * n)``, the number to keep."""
    try:
        fraction = float(fraction)
    except (TypeError, ValueError):
        raise TypeError(f"fraction {fraction!r} is not a number from 0 to 1") from None
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction {fraction!r} is not the share to keep: expected 0 <= fraction <= 1")
    return round(fraction * n)


def finite_scores(scores: Any, n: int | None = None) -> np.ndarray:
    """Scores as float64 (n,); anything else is refused."""
    array = np.asarray(scores)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"scores are of type {array.dtype}; expected numbers, one for each example")
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"scores have shape {array.shape}; expected (n,), one for each example")
    if n is not None and len(array) != n:
        raise ValueError(f"there are {len(array)} scores for {n} examples")
    array = array.astype(np.float64)
    bad = ~np.isfinite(array)
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(array)} scores are not finite (the first is {array[bad][0]} at {bad.argmax()}); "
            "give such examples a number, such as one above all others where they are the hardest"
        )
    return array
