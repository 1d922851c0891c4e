"""Quotas: how many examples of each class to keep, so that the counts add up to the budget exactly."""

from __future__ import annotations

import numpy as np


def allocate(
    budget: int, sizes: np.ndarray, weights: np.ndarray | None = None, minimum: np.ndarray | None = None
) -> np.ndarray:
    """Share a budget among classes in proportion to weights, no class getting more than it has.

    What a full class cannot take goes to the others in the same proportions, to classes of weight 0 last. Parts of
    an example go to the largest remainders; where these are equal, to the larger class, then to the earlier one.

    Arguments:
        budget: how many to keep in all, from 0 to the sum of the sizes.
        sizes: examples of each class, integers (classes,).
        weights: (classes,), finite and not negative; the sizes by default, which keeps the same share of each class.
        minimum: (classes,) what each class gets at least, as far as it has it; nothing by default. Where the budget
            does not reach for all of them, it is shared in proportion to them.

    Returns integers (classes,) that add up to the budget.

    Raises ``ValueError`` where the budget, the sizes or the weights are out of range.

    >>> from labkit import pruning
    >>> pruning.allocate(10, [50, 30, 20]).tolist(), pruning.allocate(10, [50, 30, 2], weights=[1, 1, 1]).tolist()
    ([5, 3, 2], [4, 4, 2])
    """
    sizes = _whole("sizes", sizes)
    if isinstance(budget, bool) or budget != int(budget) or not 0 <= budget <= sizes.sum():
        raise ValueError(f"budget {budget!r} is not a whole number from 0 to the {sizes.sum()} examples there are")
    weights = sizes.astype(float) if weights is None else np.asarray(weights, float)
    if weights.shape != sizes.shape or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights {weights} are not {len(sizes)} finite numbers of at least 0, one for each class")
    counts = np.zeros_like(sizes)
    if minimum is not None:
        minimum = _whole("minimum", minimum)
        if minimum.shape != sizes.shape:
            raise ValueError(f"minimum has {len(minimum)} entries for {len(sizes)} classes")
        minimum = np.minimum(minimum, sizes)
        if minimum.sum() >= budget:
            return allocate(budget, minimum)
        counts = minimum.copy()
    return counts + _fill(int(budget) - int(counts.sum()), sizes - counts, weights)


def _fill(budget: int, room: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The shares as fractions, full classes capped one round after another, then rounded."""
    shares = np.zeros(len(room))
    open_ = np.flatnonzero(room)
    left = float(budget)
    while left > 0 and len(open_):
        own = weights[open_]
        if not own.any():
            # Only classes without weight have room left.
            own = room[open_].astype(float)
        own = own / own.max()
        part = left * own / own.sum()
        full = part >= room[open_]
        if not full.any():
            shares[open_] = part
            break
        shares[open_[full]] = room[open_[full]]
        left -= float(room[open_[full]].sum())
        open_ = open_[~full]
    return _rounded(budget, shares, room)


def _rounded(budget: int, shares: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Whole numbers by largest remainder."""
    counts = np.minimum(np.floor(shares + 1e-9).astype(np.int64), room)
    missing = budget - int(counts.sum())
    # Rounded, so that remainders that are equal but for rounding error are equal.
    remainder = np.round(shares - counts, 9)
    order = [i for i in np.lexsort((np.arange(len(room)), -room, -remainder)) if counts[i] < room[i]]
    counts[order[:missing]] += 1
    return counts


def _whole(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or (values.dtype.kind not in "iu" and (values != np.floor(values)).any()) or (values < 0).any():
        raise ValueError(f"{name} {values} are not whole numbers of at least 0, one for each class")
    return values.astype(np.int64)
