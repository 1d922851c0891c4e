"""Text from a Markov chain, whose entropy is known exactly."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

import numpy as np

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import number, whole
from labkit.datasets.text import MOST_IDS, check_sizes, draw_lines, from_lines
from labkit.seeds import generator

_MOST_NUMBERS = 2**18
_SWEEPS = 20_000


def markov(
    *,
    vocabulary: int = 16,
    order: int = 1,
    temperature: float = 0.5,
    context: int = 16,
    examples: int = 100_000,
    validation: int = 10_000,
    test: int = 20_000,
    duplicates: float = 0.0,
    leaks: float = 0.0,
    document: int = 256,
    skew: float = 0.0,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Text in which each id depends on the ``order`` ids before it, with random probabilities.

    Arguments:
        vocabulary: ids, 2 to 256.
        order: ids that the next one depends on, from 0 (independent draws); ``vocabulary ** (order + 1)`` is at
            most 262,144.
        temperature: the probabilities are softmax(normal numbers / temperature): 0.1 is nearly certain, 10 even.
        context: ids in a window; the entropy can be reached where it is at least ``order``.
        examples, validation, test: windows of each split.
        duplicates, leaks, document, skew: copies planted in the training text, as in ``plant``.
        source: which random chain.
        seed: of the training text. The chain, validation and test do not depend on it.

    ``truth`` has ``entropy_rate`` (nats per id: the least test loss any model can expect), ``entropies`` (order + 1,)
    of an id when 0, 1, … order ids before it are known, ``transitions`` (vocabulary ** order, vocabulary), with the
    oldest id the slowest to change, and ``stationary`` (vocabulary ** order,).

    Source: Shannon (1948). It has no structure longer than ``order``; for that see ``grammar``.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range, or a chain that mixes too slowly to be
    described by one entropy.

    >>> data = markov(vocabulary=4, examples=1000, test=1000, validation=0)
    >>> bool(0 < data.truth["entropy_rate"] < np.log(4)), data.inputs.shape
    (True, (1000, 16))
    """
    options = dict(locals())
    whole("vocabulary", vocabulary, least=2, most=MOST_IDS)
    whole("order", order, most=16)
    number("temperature", temperature, least=0.1, most=100)
    check_sizes(options)
    if vocabulary ** (order + 1) > _MOST_NUMBERS:
        raise ValueError(
            f"vocabulary={vocabulary} and order={order} need {vocabulary ** (order + 1):,} probabilities; expected at "
            f"most {_MOST_NUMBERS:,}: give a smaller one of the two"
        )
    table, steady, entropies = _chain(vocabulary, order, float(temperature), source)
    lines = draw_lines("markov", options, lambda length, random: sample(table, steady, length, random))
    truth = {"entropy_rate": float(entropies[-1]), "entropies": entropies, "transitions": table, "stationary": steady}
    return from_lines("markov", lines, vocabulary=vocabulary, options=options, truth=truth)


@lru_cache(maxsize=8)
def _chain(vocabulary: int, order: int, temperature: float, source: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = generator(source, "markov", "chain", vocabulary, order)
    table = softmax(random.standard_normal((vocabulary**order, vocabulary)) / temperature)
    steady = stationary(table)
    return table, steady, conditional_entropies(table, steady)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities (..., n) in proportion to exp(scores).

    >>> softmax(np.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    """
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def stationary(transitions: np.ndarray) -> np.ndarray:
    """How often each state occurs in the long run, (m,).

    Arguments:
        transitions: probabilities of the next id in each state, (m, v). A state is the last ids, m = v ** order of
            them with the oldest id the slowest to change.

    Raises ``ValueError`` where the chain takes more than some ten thousand steps to forget where it began.

    >>> stationary(np.array([[0.5, 0.5], [0.25, 0.75]])).round(4).tolist()
    [0.3333, 0.6667]
    """
    states, ids = transitions.shape
    if states == 1:
        return np.ones(1)
    now = np.full(states, 1 / states)
    for _ in range(_SWEEPS):
        joint = (now[:, None] * transitions).reshape(ids, states // ids, ids)
        # Half of every state stays where it is, so that a chain that goes round in a ring settles too.
        then = (now + joint.sum(axis=0).ravel()) / 2
        if np.abs(then - now).sum() < 1e-14:
            return then / then.sum()
        now = then
    raise ValueError("this chain mixes too slowly for one entropy to describe it; give a higher temperature")


def conditional_entropies(transitions: np.ndarray, steady: np.ndarray) -> np.ndarray:
    """Entropy in nats of the next id when the last 0, 1, … order ids are known, (order + 1,).

    >>> conditional_entropies(np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([0.5, 0.5])).round(4).tolist()
    [0.6931, 0.6931]
    """
    ids = transitions.shape[1]
    joint, known = steady[:, None] * transitions, []
    while True:
        known.append(_entropy(joint) - _entropy(joint.sum(axis=1)))
        if len(joint) == 1:
            return np.array(known[::-1])
        joint = joint.reshape(ids, len(joint) // ids, ids).sum(axis=0)


def _entropy(probabilities: np.ndarray) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum())


def sample(transitions: np.ndarray, steady: np.ndarray, length: int, random: np.random.Generator) -> np.ndarray:
    """A line of ids, uint8 (length,), that starts in the long run.

    >>> table = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> line = sample(table, np.array([0.5, 0.5]), 6, np.random.default_rng(0))
    >>> np.abs(np.diff(line.astype(int))).tolist()
    [1, 1, 1, 1, 1]
    """
    states, ids = transitions.shape
    cumulative = np.cumsum(transitions, axis=1)
    cumulative[:, -1] = 2.0
    rows = cumulative.tolist()
    state = int(np.searchsorted(np.cumsum(steady)[:-1], random.random(), side="right"))
    line = []
    rest, size = state, states
    while size > 1:
        size //= ids
        line.append(rest // size)
        rest %= size
    for draw in random.random(max(length - len(line), 0)).tolist():
        following = bisect_right(rows[state], draw)
        line.append(following)
        state = (state * ids + following) % states
    return np.array(line[:length], dtype=np.uint8)


register(
    Entry(
        name="markov",
        kind="text",
        purpose="text of exactly known entropy and reach: how close a model comes to the best loss there is",
        build=markov,
        examples=100_000,
    )
)
