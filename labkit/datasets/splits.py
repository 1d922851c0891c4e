"""Which examples are held out: fixed by a hash of an example's number, so that nothing else can move it."""

from __future__ import annotations

import numpy as np

from labkit.seeds import derive


def keys(name: str, count: int) -> np.ndarray:
    """A random-looking but fixed integer for each of ``count`` examples, int64 (count,).

    >>> keys("digits", 3).shape
    (3,)
    """
    return np.array([derive(0, name, number) for number in range(count)], dtype=np.int64)


def mixed(values: np.ndarray) -> np.ndarray:
    """A fixed random-looking uint64 for each integer (n,), a million of them in hundredths of a second.

    Source: the last step of SplitMix64, Steele, Lea and Flood (2014). It does not resist those who look for twins.

    >>> mixed(np.arange(2)).tolist()
    [0, 6238072747940578789]
    """
    bits = np.asarray(values).astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits ^ (bits >> np.uint64(31))


def stratified(targets: np.ndarray, among: np.ndarray, key: np.ndarray, count: int) -> np.ndarray:
    """``count`` of the examples ``among``, each class giving its share, those with the smallest keys first.

    Arguments:
        targets: labels of all examples, int (n,).
        among: numbers of the examples to choose from, int (m,).
        key: from ``keys``, int (n,).
        count: how many to choose, at most m. A larger choice contains the smaller ones.

    >>> chosen = stratified(np.array([0, 0, 0, 0, 1, 1]), np.arange(6), keys("x", 6), 3)
    >>> np.bincount(np.array([0, 0, 0, 0, 1, 1])[chosen]).tolist()
    [2, 1]
    """
    order = among[np.argsort(key[among])]
    within = np.empty(len(order))
    for label in np.unique(targets[order]):
        mine = targets[order] == label
        within[mine] = (np.arange(mine.sum()) + 0.5) / mine.sum()
    # The smallest positions within their own classes are the same share of every class.
    return order[np.argsort(within, kind="stable")[:count]]
