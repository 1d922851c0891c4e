"""Text from a random context-free grammar, with nested brackets of any depth and exactly known entropy."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import number, whole
from labkit.datasets.text import MOST_IDS, check_sizes, draw_lines, from_lines
from labkit.seeds import generator


@dataclass(frozen=True, eq=False)
class Grammar:
    """Rules of two shapes for every symbol: an id alone, or an id, two symbols around another id.

    Fields:
        first: the id that each rule begins with, int (symbols, rules); those of one symbol differ, so that a text has
            one derivation and a reader always knows the rule.
        probabilities: of the rules of each symbol, (symbols, rules).
        inner: for each rule the symbol within and the symbol that follows, int (symbols, rules, 2); -1 for an id alone.
        close: the id between them, int (symbols, rules), or -1.
    """

    first: np.ndarray
    probabilities: np.ndarray
    inner: np.ndarray
    close: np.ndarray


def grammar(
    *,
    symbols: int = 8,
    rules: int = 6,
    nesting: float = 0.8,
    vocabulary: int = 24,
    temperature: float = 1.0,
    context: int = 32,
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
    """Sentences of a random grammar one after the other: every opened bracket is closed, however far away.

    Arguments:
        symbols: of the grammar that stand for pieces of text, 1 to 64; each has rules of its own.
        rules: for each symbol, an even number of 2 to ``vocabulary``. Half are one id; half are an opening id, a
            symbol, the closing id that belongs to the rule, and another symbol.
        nesting: how many symbols one symbol makes on average, 0 to 0.95: mean length and depth grow as it nears 1.
        vocabulary: ids, 2 to 256. Any id can open, close or stand alone, depending on where it is.
        temperature: evenness of the probabilities among the rules of each half, softmax(normal numbers / temperature).
        context, examples, validation, test: as in ``markov``.
        duplicates, leaks, document, skew: copies planted in the training text, as in ``plant``.
        source: which random grammar.
        seed: of the training text. The grammar, validation and test do not depend on it.

    ``truth`` has ``entropy_rate`` (nats per id), ``sentence_entropy`` (nats), ``sentence_length`` (mean ids) and
    ``rules``, the grammar as a mapping of the fields of ``Grammar``. The rate is exact: no sentence begins another and
    each has one derivation, so it is the entropy of a derivation over the mean length. It is reached by a reader who
    has seen the text from its start; a window, which can hide the opening bracket, leaves more.

    Source: Grenander (1967) on the entropy of derivations; Korenjak and Hopcroft (1966) on grammars of this kind.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = grammar(nesting=0.5, examples=1000)
    >>> round(data.truth["sentence_length"], 6), bool(0 < data.truth["entropy_rate"] < np.log(24))
    (2.5, True)
    """
    options = dict(locals())
    whole("symbols", symbols, least=1, most=64)
    whole("vocabulary", vocabulary, least=2, most=MOST_IDS)
    if whole("rules", rules, least=2, most=vocabulary) % 2:
        raise ValueError(f"rules={rules!r} is odd; expected an even number, half of them brackets")
    number("nesting", nesting, most=0.95)
    number("temperature", temperature, least=0.05, most=100)
    check_sizes(options)
    made = random_grammar(symbols, rules, float(nesting), vocabulary, float(temperature), source)
    entropy, length = expected(made)
    lines = draw_lines("grammar", options, lambda count, random: sample(made, count, random))
    truth = {
        "entropy_rate": entropy / length,
        "sentence_entropy": entropy,
        "sentence_length": length,
        "rules": dict(vars(made)),
    }
    return from_lines("grammar", lines, vocabulary=vocabulary, options=options, truth=truth)


@lru_cache(maxsize=8)
def random_grammar(
    symbols: int, rules: int, nesting: float, vocabulary: int, temperature: float, source: int
) -> Grammar:
    """A grammar whose symbols each make ``nesting`` symbols on average; the arguments are those of ``grammar``.

    >>> made = random_grammar(3, 4, 0.5, 10, 1.0, 0)
    >>> ((made.inner >= 0).sum(axis=2) * made.probabilities).sum(axis=1).round(6).tolist()
    [0.5, 0.5, 0.5]
    """
    random = generator(source, "grammar", symbols, rules, vocabulary)
    half, shape = rules // 2, (symbols, rules)
    first = np.array([random.permutation(vocabulary)[:rules] for _ in range(symbols)])
    weights = np.exp(random.standard_normal(shape) / temperature)
    # Brackets, which make two symbols each, together have half the probability of ``nesting``.
    for part, share in ((slice(0, half), 1 - nesting / 2), (slice(half, rules), nesting / 2)):
        weights[:, part] *= share / weights[:, part].sum(axis=1, keepdims=True)
    bracket = np.arange(rules) >= half
    inner = np.where(bracket[:, None], random.integers(symbols, size=(*shape, 2)), -1)
    close = np.where(bracket, random.integers(vocabulary, size=shape), -1)
    return Grammar(first, weights, inner, close)


def expected(made: Grammar) -> tuple[float, float]:
    """Entropy in nats and mean number of ids of what the first symbol becomes.

    >>> one = Grammar(np.array([[0, 1]]), np.full((1, 2), 0.5), np.full((1, 2, 2), -1), np.full((1, 2), -1))
    >>> expected(one)
    (0.6931471805599453, 1.0)
    """
    count = len(made.first)
    chosen = made.probabilities * np.log(np.where(made.probabilities > 0, made.probabilities, 1))
    own = np.stack([-chosen.sum(axis=1), 1 + (made.probabilities * (made.close >= 0)).sum(axis=1)], axis=1)
    becomes = np.zeros((count, count))
    for symbol, rule, place in np.argwhere(made.inner >= 0):
        becomes[symbol, made.inner[symbol, rule, place]] += made.probabilities[symbol, rule]
    entropy, length = np.linalg.solve(np.eye(count) - becomes, own)[0]
    return float(entropy), float(length)


def sample(made: Grammar, length: int, random: np.random.Generator) -> np.ndarray:
    """A line of ids, uint8 (length,): sentences from the first symbol, the last one cut short.

    >>> sample(random_grammar(2, 2, 0.5, 4, 1.0, 0), 5, np.random.default_rng(0)).shape
    (5,)
    """
    cumulative = np.cumsum(made.probabilities, axis=1)
    cumulative[:, -1] = 2.0
    rows, first = cumulative.tolist(), made.first.tolist()
    inner, close = made.inner.tolist(), made.close.tolist()
    draws = iter(random.random(length).tolist())
    line: list[int] = []
    stack: list[int] = []
    while len(line) < length:
        # What is to be written, last first: symbols as they are, ids as -1 - id.
        item = stack.pop() if stack else 0
        if item < 0:
            line.append(-1 - item)
            continue
        rule = bisect_right(rows[item], next(draws))
        line.append(first[item][rule])
        if close[item][rule] >= 0:
            within, after = inner[item][rule]
            stack += (after, -1 - close[item][rule], within)
    return np.array(line[:length], dtype=np.uint8)


register(
    Entry(
        name="grammar",
        kind="text",
        purpose="nested text of exactly known entropy: what a longer window and a deeper model are good for",
        build=grammar,
        examples=100_000,
    )
)
