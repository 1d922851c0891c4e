"""Made-up text: what is said of its entropy and its parts is checked by other means."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.datasets import grammar as grammars
from labkit.datasets import markov as chains
from labkit.datasets import zipf as zipfs

SPLITS = ("train", "validation", "test")


def within(values: np.ndarray, expected: float, *, blocks: int = 100, errors: float = 4.5) -> bool:
    """Whether a mean agrees with what is expected, by the spread between the means of long blocks."""
    means = np.array([part.mean() for part in np.array_split(values, blocks)])
    return abs(means.mean() - expected) < errors * means.std(ddof=1) / np.sqrt(blocks)


def of_windows(line: np.ndarray, ids: int, order: int) -> tuple[np.ndarray, np.ndarray]:
    """The state before each id, as the chain numbers them, and the id."""
    states = np.zeros(len(line) - order, dtype=np.int64)
    for back in range(order, 0, -1):
        states = states * ids + line[order - back : len(line) - back]
    return states, line[order:]


@settings(deadline=None, max_examples=12)
@given(st.sampled_from([(2, 5), (5, 2), (16, 1), (3, 0), (40, 1)]), st.floats(0.3, 5), st.integers(0, 99))
def test_the_long_run_is_the_eigenvector_and_the_entropy_that_of_its_rows(size, temperature, source):
    ids, order = size
    data = datasets.load(
        "markov",
        vocabulary=ids,
        order=order,
        temperature=temperature,
        source=source,
        examples=50,
        validation=0,
        test=50,
    )
    table, steady = data.truth["transitions"], data.truth["stationary"]
    whole = np.zeros((len(table), len(table)))
    for state in range(len(table)):
        for following in range(ids):
            whole[state, (state * ids + following) % len(table)] += table[state, following]
    values, vectors = np.linalg.eig(whole.T)
    vector = np.real(vectors[:, np.argmax(np.real(values))])
    np.testing.assert_allclose(steady, vector / vector.sum(), atol=1e-10)
    rate = -(steady[:, None] * table * np.log(table)).sum()
    assert data.truth["entropy_rate"] == pytest.approx(rate, rel=1e-9)
    entropies = data.truth["entropies"]
    assert len(entropies) == order + 1
    assert (np.diff(entropies) <= 1e-12).all()
    assert entropies[0] <= np.log(ids) + 1e-12


@pytest.mark.parametrize(("ids", "order", "temperature"), [(16, 1, 0.5), (6, 3, 0.3), (2, 8, 0.5), (5, 0, 1.0)])
def test_the_true_model_of_a_chain_has_its_entropy_as_loss(ids, order, temperature):
    data = datasets.load("markov", vocabulary=ids, order=order, temperature=temperature, examples=200_000)
    states, following = of_windows(data.stream().astype(np.int64), ids, order)
    losses = -np.log(data.truth["transitions"][states, following])
    assert within(losses, data.truth["entropy_rate"])
    unigram = np.bincount(following, minlength=ids) / len(following)
    assert -(unigram * np.log(unigram)).sum() == pytest.approx(data.truth["entropies"][0], abs=0.02)


def test_lower_temperature_is_lower_entropy():
    rates = [datasets.load("markov", temperature=t, examples=10).truth["entropy_rate"] for t in (0.2, 0.5, 1.0, 10.0)]
    assert (np.diff(rates) > 0.05).all()


def test_an_order_0_text_has_independent_ids_and_an_order_1_text_has_not():
    for order, related in ((0, False), (1, True)):
        line = datasets.load("markov", vocabulary=4, order=order).stream().astype(int)
        counts = np.bincount(line[:-1] * 4 + line[1:], minlength=16).reshape(4, 4)
        expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
        assert (((counts - expected) ** 2 / expected).sum() > 40) == related


def test_a_chain_that_never_settles_is_refused():
    with pytest.raises(ValueError, match="give a higher temperature"):
        chains.stationary(np.array([[1 - 1e-12, 1e-12], [1e-7, 1 - 1e-7]]))
    np.testing.assert_allclose(chains.stationary(np.array([[0.0, 1.0], [1.0, 0.0]])), 0.5)


def read(rules, line: np.ndarray) -> tuple[np.ndarray, int]:
    """Loss of the true grammar on every id, read with a stack, and the number of sentences."""
    tables = [
        dict(zip(first, zip(p, inner, close, strict=True), strict=True))
        for first, p, inner, close in zip(
            *(rules[name].tolist() for name in ("first", "probabilities", "inner", "close")), strict=True
        )
    ]
    losses, stack, sentences = np.zeros(len(line)), [], 0
    for place, one in enumerate(line.tolist()):
        if not stack:
            stack, sentences = [0], sentences + 1
        item = stack.pop()
        if item < 0:
            assert one == -1 - item
            continue
        probability, inner, close = tables[item][one]
        losses[place] = -np.log(probability)
        if close >= 0:
            stack += [inner[1], -1 - close, inner[0]]
    return losses, sentences


@pytest.mark.parametrize(
    "dials",
    [{}, {"nesting": 0.0}, {"nesting": 0.95}, {"symbols": 1, "rules": 2, "vocabulary": 2}, {"temperature": 0.3}],
    ids=str,
)
def test_the_true_grammar_reads_every_id_at_its_entropy(dials):
    data = datasets.load("grammar", examples=150_000, **dials)
    losses, sentences = read(data.truth["rules"], data.stream())
    assert within(losses, data.truth["entropy_rate"])
    nesting = dials.get("nesting", 0.8)
    assert data.truth["sentence_length"] == pytest.approx((1 + nesting / 2) / (1 - nesting))
    assert len(losses) / sentences == pytest.approx(data.truth["sentence_length"], rel=0.15)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 20), st.integers(1, 6), st.floats(0, 0.95), st.integers(0, 1000))
def test_a_grammar_has_one_rule_for_each_first_id_and_the_nesting_asked_for(symbols, half, nesting, source):
    made = grammars.random_grammar(symbols, 2 * half, nesting, 12, 1.0, source)
    assert all(len(set(row)) == 2 * half for row in made.first.tolist())
    np.testing.assert_allclose(made.probabilities.sum(axis=1), 1)
    np.testing.assert_allclose((made.probabilities * (made.inner >= 0).sum(axis=2)).sum(axis=1), nesting, atol=1e-12)
    assert ((made.close >= 0) == (made.inner >= 0).all(axis=2)).all()


def test_words_have_the_frequencies_and_the_entropy_said():
    data = datasets.load("zipf", words=300, exponent=1.2, letters=10, examples=400_000)
    line, truth = data.stream(), data.truth
    ends = np.flatnonzero(line == 0)
    told = np.concatenate([np.full(data.context, -1), truth["word"]])
    pieces = [line[a + 1 : b + 1].tobytes() for a, b in pairwise(ends[100:])]
    counts = Counter(pieces)
    # Every spelling is one word, told at the space that ends it, and of its length.
    pairs = set(zip(pieces, told[ends[101:]].tolist(), strict=True))
    assert len(pairs) == len(counts) == len({word for _, word in pairs})
    assert all(len(name) == truth["lengths"][word] + 1 for name, word in pairs)
    expected = np.array([truth["frequencies"][word] for _, word in pairs]) * len(pieces)
    found = np.array([counts[name] for name, _ in pairs])
    common = expected > 20
    assert (np.abs(found - expected)[common] < 5 * np.sqrt(expected[common])).all()
    # The true model of words: log frequency, spread over the letters it takes.
    words = told[ends[101:]]
    losses = -np.log(truth["frequencies"][words])
    rate = losses.sum() / (truth["lengths"][words] + 1).sum()
    assert rate == pytest.approx(truth["entropy_rate"], rel=0.01)
    assert within(losses, truth["word_entropy"])


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 3000), st.floats(0, 4), st.integers(2, 40))
def test_words_are_all_different_and_short_ones_frequent(words, exponent, letters):
    truth = datasets.load("zipf", words=words, exponent=exponent, letters=letters, examples=10).truth
    assert (np.diff(truth["frequencies"]) <= 0).all()
    assert (np.diff(truth["lengths"]) >= 0).all()
    spelled, _ = zipfs._spelling(words, letters, 0)
    assert len({row.tobytes() for row in spelled}) == words


def test_each_domain_is_read_at_its_own_entropy_by_its_own_chain():
    data = datasets.load(
        "domains", domains=4, difficulty=(0.2, 0.4, 0.8, 3.0), shared_ids=0.5, shares=(4, 3, 2, 1), examples=256_000
    )
    truth, size = data.truth, 128
    states = {one: {int(i): s for s, i in enumerate(ids)} for one, ids in enumerate(truth["ids"])}
    pieces = data.stream()[: 256_000 // size * size].reshape(-1, size)
    owner = np.concatenate([np.repeat(truth["domain"][:1], data.context), truth["domain"]])[: pieces.size : size]
    assert (np.diff(truth["entropy_rates"]) > 0).all()
    for one in range(4):
        mine = pieces[owner == one]
        line = np.vectorize(states[one].__getitem__)(mine)
        losses = -np.log(truth["transitions"][one][line[:, :-1], line[:, 1:]])
        assert within(losses.ravel(), truth["entropy_rates"][one])
    np.testing.assert_allclose(np.bincount(owner) / len(owner), truth["shares"], atol=1 / len(owner) + 1e-9)
    held = np.bincount(truth["test_domain"]) / len(truth["test_domain"])
    np.testing.assert_allclose(held, 0.25, atol=0.01)


def test_overlap_is_the_correlation_of_the_scores_of_two_domains():
    for overlap in (0.0, 0.5, 0.9, 1.0):
        truth = datasets.load("domains", domains=2, vocabulary=64, overlap=overlap, examples=200).truth
        scores = np.log(truth["transitions"])
        scores -= scores.mean(axis=2, keepdims=True)
        assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] == pytest.approx(overlap, abs=0.06)
    np.testing.assert_allclose(truth["transitions"][0], truth["transitions"][1], rtol=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(2, 16), st.floats(0, 1))
def test_domains_share_as_many_ids_as_asked(domains, vocabulary, shared):
    data = datasets.load("domains", domains=domains, vocabulary=vocabulary, shared_ids=shared, examples=300, test=300)
    ids = data.truth["ids"]
    common = set.intersection(*(set(row) for row in ids.tolist()))
    assert len(common) == (round(shared * vocabulary) if domains > 1 else vocabulary)
    assert sorted(set(ids.ravel().tolist())) == list(range(data.vocabulary))


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("markov", {"vocabulary": 300}, ValueError, "from 2 to 256"),
        ("markov", {"vocabulary": 64, "order": 3}, ValueError, "need 16,777,216 probabilities"),
        ("markov", {"temperature": 0}, ValueError, "temperature=0 is outside"),
        ("markov", {"examples": 10.5}, TypeError, "expected a whole number"),
        ("grammar", {"rules": 5}, ValueError, "rules=5 is odd"),
        ("grammar", {"rules": 40}, ValueError, "from 2 to 24"),
        ("grammar", {"nesting": 1.0}, ValueError, "nesting=1.0 is outside"),
        ("zipf", {"exponent": -1}, ValueError, "exponent=-1 is outside"),
        ("zipf", {"letters": 1}, ValueError, "letters=1 is outside"),
        ("domains", {"shares": (1, 2)}, ValueError, "has 2 numbers for 3 domains"),
        ("domains", {"shares": (0, 0, 0)}, ValueError, "are all 0"),
        ("domains", {"difficulty": (1, 1, "x")}, TypeError, "difficulty='x' is a str"),
        ("domains", {"domains": 20, "shared_ids": 0.0}, ValueError, "use 320 ids; expected at most 256"),
        ("domains", {"document": 10}, ValueError, "document=10 is outside"),
    ],
)
def test_bad_dials_are_refused(name, options, error, message):
    with pytest.raises(error, match=message):
        datasets.load(name, **options)
