"""Order, subsets and label noise follow from seeds alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.training.order import SHUFFLED_UP_TO, Order, keyed, noisy, subset

SIZES = st.integers(1, 300)


@settings(deadline=None, max_examples=60)
@given(size=SIZES, seed=st.integers(0, 2**40), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_the_stream_is_the_same_in_pieces_of_any_size(size, seed, cuts):
    whole = Order(size, seed).take(sum(cuts))
    pieces = Order(size, seed)
    assert np.array_equal(whole, np.concatenate([whole[:0], *[pieces.take(cut) for cut in cuts]]))


@settings(deadline=None, max_examples=40)
@given(size=SIZES, seed=st.integers(0, 2**40), epochs=st.integers(1, 4))
def test_every_epoch_shows_every_example_once(size, seed, epochs):
    stream = Order(size, seed).take(size * epochs).reshape(epochs, size)
    assert (np.sort(stream, axis=1) == np.arange(size)).all()


@settings(deadline=None, max_examples=60)
@given(size=st.integers(1, 5000), key=st.integers(0, 2**62))
def test_a_keyed_permutation_is_one(size, key):
    assert np.array_equal(np.sort(keyed(size, key, np.arange(size))), np.arange(size))


def test_large_streams_show_every_example_once_and_in_pieces_too():
    size = SHUFFLED_UP_TO + 10
    whole = Order(size, 3).take(2 * size)
    assert (np.sort(whole.reshape(2, size), axis=1) == np.arange(size)).all()
    assert not np.array_equal(whole[:size], whole[size:])
    pieces = Order(size, 3)
    assert np.array_equal(whole[: size + 5], np.concatenate([pieces.take(size - 5), pieces.take(10)]))


def test_keyed_places_are_spread_evenly_and_unrelated_to_their_neighbours():
    size = 1_000_003
    found = keyed(size, 11, np.arange(100_000))
    counts = np.bincount(found * 50 // size, minlength=50)
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert chi_square < 100  # 49 degrees of freedom: the chance of more is 2e-5
    neighbours = np.corrcoef(found[:-1], found[1:])[0, 1]
    assert abs(neighbours) < 0.015
    other = np.corrcoef(found, keyed(size, 12, np.arange(100_000)))[0, 1]
    assert abs(other) < 0.015


@pytest.mark.parametrize("size", [100, SHUFFLED_UP_TO + 1])
def test_smaller_subsets_are_nested_in_larger_ones(size):
    small, large = subset(size, 5, np.arange(20)), subset(size, 5, np.arange(90))
    assert np.array_equal(small, large[:20])
    assert len(set(large)) == 90
    assert not np.array_equal(small, subset(size, 6, np.arange(20)))


def test_label_noise_flips_its_share_evenly_over_the_other_classes():
    examples = np.arange(40_000)
    truth = examples % 5
    found = noisy(truth, examples, 0.3, 5, seed=1)
    share = (found != truth).mean()
    assert abs(share - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 40_000)
    shifts = np.bincount((found - truth)[found != truth] % 5, minlength=5)[1:]
    assert shifts.min() > 0.9 * shifts.mean()


def test_an_example_keeps_its_noisy_label_in_every_subset_and_more_noise_contains_less():
    examples = np.arange(1000)
    truth = examples % 10
    low, high = (noisy(truth, examples, share, 10, seed=2) for share in (0.1, 0.4))
    assert np.array_equal(low[500:], noisy(truth[500:], examples[500:], 0.1, 10, seed=2))
    changed = low != truth
    assert np.array_equal(low[changed], high[changed])
    assert np.array_equal(noisy(truth, examples, 0.0, 10, seed=2), truth)
