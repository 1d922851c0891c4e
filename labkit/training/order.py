"""Which examples a run sees, in what order, with which labels: all follow from seeds, nothing large is stored.

Up to 65,536 elements a permutation is drawn by shuffling. Above that a keyed permutation is computed place by place
(a Feistel network over the next power of four, walked until it lands inside), so ten million windows of text cost no
more than the few that a run looks at.
"""

from __future__ import annotations

import numpy as np

from labkit.seeds import derive, generator

SHUFFLED_UP_TO = 1 << 16
_ROUNDS = 6


def mix(values: np.ndarray) -> np.ndarray:
    """Scramble uint64 numbers so that neighbours have nothing in common (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def keyed(size: int, key: int, places: np.ndarray) -> np.ndarray:
    """Where a permutation of ``size`` elements sends some places, without computing the rest of it.

    >>> places = keyed(70_000, 7, np.arange(70_000))
    >>> bool((np.sort(places) == np.arange(70_000)).all())
    True
    """
    bits = np.uint64((max(size - 1, 1).bit_length() + 1) // 2)
    mask = (np.uint64(1) << bits) - np.uint64(1)
    keys = mix(np.arange(1, _ROUNDS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key))
    values = np.array(places, dtype=np.uint64)
    outside = np.arange(values.size)
    flat = values.reshape(-1)
    while outside.size:
        left, right = flat[outside] >> bits, flat[outside] & mask
        for round_key in keys:
            left, right = right, left ^ (mix(right + round_key) & mask)
        flat[outside] = (left << bits) | right
        outside = outside[flat[outside] >= size]
    return values.astype(np.int64)


def subset(size: int, seed: int, places: np.ndarray) -> np.ndarray:
    """The elements at some places of the seed's permutation; its first m are nested in its first m + 1.

    >>> a, b = subset(100, 0, np.arange(10)), subset(100, 0, np.arange(20))
    >>> bool((a == b[:10]).all())
    True
    """
    if size <= SHUFFLED_UP_TO:
        return generator(seed, "subset").permutation(size)[places]
    return keyed(size, derive(seed, "subset"), places)


class Order:
    """An endless stream of places: one shuffled epoch after another, taken in pieces of any size.

    >>> order = Order(3, seed=0)
    >>> sorted(order.take(3).tolist())
    [0, 1, 2]
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self._taken = 0
        self._random = generator(seed, "order")
        self._left = np.empty(0, dtype=np.int64)

    def take(self, count: int) -> np.ndarray:
        """The next ``count`` places, int64."""
        if self.size > SHUFFLED_UP_TO:
            return self._compute(count)
        epochs = -(-(count - len(self._left)) // self.size)
        if epochs > 0:
            rows = np.tile(np.arange(self.size), (epochs, 1))
            fresh = self._random.permuted(rows, axis=1, out=rows).reshape(-1)
            self._left = np.concatenate([self._left, fresh])
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def _compute(self, count: int) -> np.ndarray:
        pieces = []
        while count:
            epoch, start = divmod(self._taken, self.size)
            length = min(count, self.size - start)
            pieces.append(keyed(self.size, derive(self.seed, "order", epoch), np.arange(start, start + length)))
            self._taken += length
            count -= length
        return np.concatenate(pieces)


class Mixed:
    """An endless stream of places from several groups: each place's group is drawn, its members go round shuffled.

    >>> order = Mixed([np.array([0, 1]), np.array([2])], np.array([0.0, 1.0]), seed=0)
    >>> order.take(3).tolist()
    [2, 2, 2]
    """

    def __init__(self, groups: list[np.ndarray], shares: np.ndarray, seed: int) -> None:
        self._groups, self._edges = groups, np.cumsum(shares)[:-1]
        self._orders = [Order(len(group), derive(seed, "group", number)) for number, group in enumerate(groups)]
        self._random = generator(seed, "mixture")

    def take(self, count: int) -> np.ndarray:
        """The next ``count`` places, int64."""
        drawn = np.searchsorted(self._edges, self._random.random(count), side="right")
        places = np.empty(count, dtype=np.int64)
        for number, (group, order) in enumerate(zip(self._groups, self._orders, strict=True)):
            mine = np.flatnonzero(drawn == number)
            if len(mine):
                places[mine] = group[order.take(len(mine))]
        return places


def noisy(targets: np.ndarray, examples: np.ndarray, share: float, classes: int, seed: int) -> np.ndarray:
    """The targets of some examples with a share of them replaced by another class, each other class alike.

    Whether and how a label is flipped depends on the seed and the example's own number, so an example keeps its
    label in every subset; the share is that of each label's own chance.

    >>> noisy(np.zeros(4, dtype=np.int64), np.arange(4), 1.0, 2, seed=0)
    array([1, 1, 1, 1])
    """
    key = np.uint64(derive(seed, "label noise"))
    draw = mix(mix(examples.astype(np.uint64) + key) + key)
    flipped = (draw >> np.uint64(11)) * 2.0**-53 < share
    shift = 1 + (mix(draw ^ key) % np.uint64(max(classes - 1, 1))).astype(np.int64)
    return np.where(flipped, (targets + shift) % classes, targets)
