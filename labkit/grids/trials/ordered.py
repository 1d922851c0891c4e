"""One order of the data for models of all sizes: does it matter when a fact was told, and how often?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit import datasets, training
from labkit.seeds import generator

_BATCH = 32


@dataclass(frozen=True)
class InOrder(training.Selection):
    """Shows the pool from its first example to its last, batch after batch.

    >>> InOrder().every
    1
    """

    every: int = 1

    def choose(self, moment: training.Moment) -> np.ndarray:
        start = moment.step * moment.batch
        return np.arange(start, start + moment.batch) % len(moment.examples)


def blocks(
    *, widths: Sequence[int], seeds: Sequence[int], facts: int = 1024, segments: int = 32, exposures: int = 16
) -> pd.DataFrame:
    """Tell every fact in one segment of the training and never again; count what is still known at the end.

    Arguments:
        widths: hidden units. Models of all widths see the same examples in the same order.
        seeds: of the order and the starting values.
        facts: random names with one of 32 random values, shared out evenly among the segments.
        segments: of the training, one after another.
        exposures: how often each fact is told, all within its segment.

    Returns width, seed, segment, ``facts`` told in it, ``known`` at the end, and ``repeats``: whether training once
    more from the stored order gave the same weights to the last bit (by what they answer).
    Source: Biderman et al. (2023).

    >>> blocks(widths=[8], seeds=[0], facts=64, segments=2, exposures=2)[["facts", "repeats"]].values.tolist()
    [[32, True], [32, True]]
    """
    rows = []
    for seed in seeds:
        random = generator(seed, "blocks")
        groups = random.permutation(facts).reshape(segments, -1)
        stream = np.concatenate([random.permutation(np.tile(group, exposures)) for group in groups])
        for width, right, repeats in _trained(widths, seed, facts, stream):
            for segment, group in enumerate(groups):
                rows.append((width, seed, segment, len(group), int(right[group].sum()), repeats))
    return pd.DataFrame(rows, columns=["width", "seed", "segment", "facts", "known", "repeats"])


def frequencies(*, widths: Sequence[int], seeds: Sequence[int], facts: int = 1024, most: int = 256) -> pd.DataFrame:
    """Tell facts as often as Zipf's law says, in one random order for all widths; ask how many are known.

    Arguments: as for ``blocks``; ``most`` is how often the commonest fact in 32 is told; others 1/2, 1/4, ... of it.

    Returns width, seed, ``told`` (how often), ``facts`` told so often and the share ``known``.

    >>> frequencies(widths=[8], seeds=[0], facts=64, most=4).told.tolist()
    [1, 2, 4]
    """
    times = most // 2 ** np.arange(int(np.log2(most)) + 1)
    rows = []
    for seed in seeds:
        told = generator(seed, "frequencies").permutation(np.resize(times, facts))
        stream = generator(seed, "frequencies", "order").permutation(np.repeat(np.arange(facts), told))
        for width, right, _ in _trained(widths, seed, facts, stream, repeat=False):
            for count in np.unique(told):
                mine = told == count
                rows.append((width, seed, int(count), int(mine.sum()), float(right[mine].mean())))
    return pd.DataFrame(rows, columns=["width", "seed", "told", "facts", "known"])


def _trained(widths: Sequence[int], seed: int, facts: int, stream: np.ndarray, repeat: bool = True):
    """Of each width: which facts it knows after the stream, and whether a second training answers the same."""
    data = datasets.load("facts", facts=facts, exposures=1, seed=seed)
    asked = np.flatnonzero(data.truth["answer"])
    place = np.empty(facts, dtype=np.int64)
    place[data.truth["fact"][asked]] = asked
    stream = stream[: len(stream) // _BATCH * _BATCH]
    for width in widths:
        run = {"seed": seed, "width": width, "indices": place[stream], "learning_rate": 0.003}
        fits = [
            training.fit_many(
                "context_mlp", data, [run], steps=len(stream) // _BATCH, batch_size=_BATCH, optimizer="adam",
                schedule="cosine", selection=InOrder(), device="cpu",
            )
            for _ in range(1 + repeat)
        ]  # fmt: skip
        answers = [fit.predict(data.inputs[place])[0] for fit in fits]
        right = answers[0].argmax(1) == data.targets[place]
        yield width, right, bool((answers[0] == answers[-1]).all())
