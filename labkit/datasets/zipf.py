"""Text of independent words whose frequencies fall as a power of their rank."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import number, whole
from labkit.datasets.text import check_sizes, draw_lines, from_lines
from labkit.seeds import generator

_SPACE = 0


def zipf(
    *,
    words: int = 2_000,
    exponent: float = 1.0,
    letters: int = 26,
    context: int = 16,
    examples: int = 200_000,
    validation: int = 20_000,
    test: int = 40_000,
    duplicates: float = 0.0,
    leaks: float = 0.0,
    document: int = 256,
    skew: float = 0.0,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Words drawn one by one, the k-th most frequent in proportion to k ** -exponent, and written in letters.

    Arguments:
        words: how many different words, 2 to 1,000,000.
        exponent: 0 (all alike) to 4; words of natural languages have about 1.
        letters: in the alphabet, 2 to 255. Id 0 is the space that ends a word; letters are 1 to ``letters``.
        context, examples, validation, test: as in ``markov``; windows begin and end within words.
        duplicates, leaks, document, skew: copies planted in the training text, as in ``plant``.
        source: how the words are written.
        seed: of the training text. The words, validation and test do not depend on it.

    All words of a length are used before a longer one, and frequent words are the short ones, as in natural text;
    which letters they have is random. ``truth`` has ``entropy_rate`` (nats per id), ``word_entropy`` (nats per word),
    ``frequencies`` (words,), ``lengths`` (words,) without the space, and ``word`` (n,), ``validation_word`` and
    ``test_word``, the word that the id to predict belongs to.
    Since words are independent and none is two others, the entropy rate is that of a word over its mean length.

    Source: Zipf (1935). Its words have no syntax; and a model whose window begins inside a word cannot quite reach it.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = zipf(words=100, letters=10, examples=1000)
    >>> data.vocabulary, bool(0 < data.truth["entropy_rate"] < np.log(11))
    (11, True)
    """
    options = dict(locals())
    whole("words", words, least=2, most=1_000_000)
    number("exponent", exponent, most=4)
    whole("letters", letters, least=2, most=255)
    check_sizes(options)
    spelled, lengths = _spelling(words, letters, source)
    frequencies = np.arange(1, words + 1, dtype=np.float64) ** -exponent
    frequencies /= frequencies.sum()
    entropy = float(-(frequencies * np.log(frequencies)).sum())
    mean = float(frequencies @ (lengths + 1))
    drawn: list[np.ndarray] = []

    def sample(length: int, random: np.random.Generator) -> np.ndarray:
        # Words have at least one letter and a space, so half as many as ids are enough.
        chosen = np.searchsorted(np.cumsum(frequencies)[:-1], random.random(length // 2 + 1), side="right")
        inside = np.arange(spelled.shape[1]) <= lengths[chosen, None]
        track = np.broadcast_to(chosen[:, None], inside.shape)[inside][:length]
        drawn.append(track.astype(np.int32))
        return spelled[chosen][inside][:length]

    lines = draw_lines("zipf", options, sample)
    truth = {
        "entropy_rate": entropy / mean,
        "word_entropy": entropy,
        "frequencies": frequencies,
        "lengths": lengths,
    }
    tracks = {"word": dict(zip(SPLITS, drawn, strict=True))}
    return from_lines("zipf", lines, vocabulary=letters + 1, options=options, truth=truth, tracks=tracks)


@lru_cache(maxsize=4)
def _spelling(words: int, letters: int, source: int) -> tuple[np.ndarray, np.ndarray]:
    """Every word as letters followed by spaces, uint8 (words, longest + 1), and its number of letters (words,)."""
    lengths, size = [], 1
    while sum(map(len, lengths)) < words:
        lengths.append(np.full(min(letters**size, words - sum(map(len, lengths))), size))
        size += 1
    counts = np.concatenate(lengths)
    spelled = np.full((words, counts[-1] + 1), _SPACE, dtype=np.uint8)
    for size in range(1, counts[-1] + 1):
        mine = np.flatnonzero(counts == size)
        random = generator(source, "zipf", "words", letters, size)
        # Different numbers below letters ** size, written in base ``letters``, are different words.
        numbers = random.choice(letters**size, size=len(mine), replace=False)
        for place in range(size):
            spelled[mine, place] = 1 + numbers // letters**place % letters
    return spelled, counts


register(
    Entry(
        name="zipf",
        kind="text",
        purpose="words with power-law frequencies: long tails, vocabularies, what is learned when",
        build=zipf,
        examples=200_000,
    )
)
