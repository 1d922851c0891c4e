"""Copies planted in a text: documents that occur again, and documents of the test that leaked into training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from labkit.datasets.dataset import Dataset
from labkit.datasets.faults import number, whole
from labkit.datasets.windows import windows
from labkit.seeds import generator


@dataclass(frozen=True, eq=False)
class Copies:
    """Which stretch of a training line shows which other one.

    Fields:
        length: ids in the training line.
        document: ids in a stretch; stretches follow each other from the start, and what is left over stays.
        source: for each stretch the training stretch it shows, int (m,): its own number, unless it is a copy.
        leak: for each stretch the test stretch it shows, int (m,), or -1.
    """

    length: int
    document: int
    source: np.ndarray
    leak: np.ndarray

    def apply(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """The training line with the copies in it."""
        size, count = self.document, len(self.source)
        made = train.copy()
        pieces = made[: count * size].reshape(count, size)
        pieces[:] = pieces[self.source]
        leaked = self.leak >= 0
        held = test[: len(test) // size * size].reshape(-1, size)
        pieces[leaked] = held[self.leak[leaked]]
        return made

    def faults(self, context: int) -> pd.DataFrame:
        """For every window whether all of it, with its target, was copied, and from which window."""
        start = np.arange(self.length - context, dtype=np.int64)
        first, offset = np.divmod(start, self.document)
        inside = (offset + context < self.document) & (first < len(self.source))
        first = np.minimum(first, len(self.source) - 1)

        def window(of: np.ndarray, copied: np.ndarray) -> np.ndarray:
            return np.where(inside & copied[first], of[first] * self.document + offset, -1).astype(np.int32)

        return pd.DataFrame(
            {
                "duplicate_of": window(self.source, self.source != np.arange(len(self.source))),
                "leak_of": window(self.leak, self.leak >= 0),
            }
        )


def copy_documents(
    length: int,
    test_length: int,
    *,
    duplicates: float,
    leaks: float,
    document: int,
    skew: float,
    seed: int,
    context: int,
) -> Copies:
    """Choose exactly ``round(duplicates * m)`` of m training stretches as copies, and as many places for leaks.

    Arguments:
        length, test_length: ids in the two lines.
        duplicates: share of the training stretches that show another one, which is not a copy itself.
        leaks: share of the test stretches that occur, once each, in training.
        document: ids in a stretch, more than ``context``.
        skew: how unevenly originals are copied: the k-th is chosen in proportion to ``k ** -skew``.
        seed: which they are.
        context: ids in a window.

    Raises ``ValueError`` where a stretch holds no window or copies and leaks leave no original.

    >>> dials = {"document": 50, "skew": 0.0, "seed": 0, "context": 8}
    >>> made = copy_documents(1000, 500, duplicates=0.25, leaks=0.5, **dials)
    >>> int((made.source != np.arange(20)).sum()), int((made.leak >= 0).sum())
    (5, 5)
    """
    whole("document", document, least=context + 1)
    number("skew", skew, most=4)
    count, held = length // document, test_length // document
    copied, leaked = round(number("duplicates", duplicates) * count), round(number("leaks", leaks) * held)
    if copied + leaked >= max(count, 1):
        raise ValueError(
            f"duplicates={duplicates!r} and leaks={leaks!r} take {copied + leaked} of {count} training documents of "
            f"{document} ids; give smaller shares, a shorter document or more text"
        )
    random = generator(seed, "copies")
    order = random.permutation(count)
    originals = order[copied + leaked :]
    source, leak = np.arange(count), np.full(count, -1)
    weights = np.arange(1, len(originals) + 1) ** -float(skew)
    source[order[:copied]] = random.choice(originals, size=copied, p=weights / weights.sum())
    leak[order[copied : copied + leaked]] = random.permutation(held)[:leaked]
    return Copies(length, document, source, leak)


def plant(
    data: Dataset,
    *,
    duplicates: float = 0.0,
    leaks: float = 0.0,
    document: int = 256,
    skew: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Any text with copies planted in its training line: repeated documents, and leaks from the test.

    Arguments:
        data: a text without planted copies, such as ``python_source``.
        duplicates: share of the training documents that are overwritten by a copy of another, 0 to 1.
        leaks: share of the test documents that are written, once each, over training documents, 0 to 1.
        document: ids in a document; the line is cut into stretches of that length from its start.
        skew: 0 copies all originals alike; at 1 the k-th is copied in proportion to 1 / k.
        seed: which documents they are.

    ``faults`` has for every training window ``duplicate_of``, the training window it equals, and ``leak_of``, the test
    window; -1 where no single copy holds the whole window and its target. The held-out text stays.

    Raises ``TypeError`` for other data than text, ``ValueError`` for a dial outside its range.

    >>> from labkit import datasets
    >>> data = plant(datasets.load("markov", examples=2000), duplicates=0.5)
    >>> bool((data.faults["duplicate_of"] >= 0).any())
    True
    """
    if data.kind != "text":
        raise TypeError(f"dataset {data.name!r} is of kind {data.kind!r}; copies of documents are planted in text only")
    told = [name for name in data.truth if f"test_{name}" in data.truth]
    if told or len(data.faults):
        what = f"truth about every example ({', '.join(told)})" if told else "faults planted already"
        raise ValueError(f"dataset {data.name!r} has {what}, which copies would make wrong; load it with its own dials")
    whole("seed", seed)
    dials: Mapping[str, float] = {
        "duplicates": duplicates,
        "leaks": leaks,
        "document": document,
        "skew": skew,
        "seed": seed,
    }
    train, test = data.stream(), data.stream("test")
    planted = copy_documents(len(train), len(test), **dials, context=data.context)
    inputs, targets = windows(planted.apply(train, test), data.context)
    options = {**data.options, "planted": dict(dials)}
    return replace(data, inputs=inputs, targets=targets, faults=planted.faults(data.context), options=options)
