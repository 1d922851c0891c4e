"""Quotas add up to the budget, never exceed a class and stay in proportion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import pruning

classes = st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1e6), st.integers(0, 20)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(classes=classes, part=st.floats(0, 1), floor=st.booleans())
def test_quotas_add_up_and_fit(classes, part, floor):
    sizes, weights, minimum = (np.array(column) for column in zip(*classes, strict=True))
    budget = round(part * int(sizes.sum()))
    counts = pruning.allocate(budget, sizes, weights, minimum if floor else None)
    assert counts.sum() == budget
    assert ((counts >= 0) & (counts <= sizes)).all()
    if floor and np.minimum(minimum, sizes).sum() <= budget:
        assert (counts >= np.minimum(minimum, sizes)).all()


@settings(deadline=None, max_examples=100)
@given(sizes=st.lists(st.integers(0, 1000), min_size=1, max_size=12), part=st.floats(0, 1))
def test_without_weights_each_class_keeps_the_same_share_but_for_rounding(sizes, part):
    budget = round(part * sum(sizes))
    counts = pruning.allocate(budget, sizes)
    exact = budget * np.array(sizes) / max(1, sum(sizes))
    assert (np.abs(counts - exact) < 1 + 1e-6).all()


@settings(deadline=None, max_examples=100)
@given(classes=classes, part=st.floats(0, 1))
def test_classes_that_are_not_full_share_in_proportion_to_their_weights(classes, part):
    sizes, weights, _ = (np.array(column) for column in zip(*classes, strict=True))
    weights = np.round(weights) + 1
    counts = pruning.allocate(round(part * int(sizes.sum())), sizes, weights)
    open_ = counts < sizes
    if open_.any():
        # No class has a whole example more than its weight gives it beside any class that has room.
        level = ((counts + 1) / weights)[open_].min()
        assert ((counts - 1) / weights <= level + 1e-9).all()


def test_a_full_class_passes_its_share_on():
    assert pruning.allocate(30, [5, 100, 100], [1, 1, 1]).tolist() == [5, 13, 12]
    assert pruning.allocate(30, [5, 8, 100], [1, 1, 1]).tolist() == [5, 8, 17]


def test_classes_without_weight_come_last():
    assert pruning.allocate(10, [20, 20], [0, 1]).tolist() == [0, 10]
    assert pruning.allocate(30, [20, 20], [0, 1]).tolist() == [10, 20]
    assert pruning.allocate(3, [2, 4], [0, 0]).tolist() == [1, 2]


def test_equal_remainders_go_to_the_larger_class_then_to_the_earlier_one():
    assert pruning.allocate(1, [4, 5, 5], [1, 1, 1]).tolist() == [0, 1, 0]
    assert pruning.allocate(2, [4, 4, 4], [1, 1, 1]).tolist() == [1, 1, 0]


def test_a_minimum_beyond_the_budget_is_shared_in_its_proportions():
    assert pruning.allocate(4, [50, 50], [9, 1], minimum=[2, 6]).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((11, [5, 5]), "from 0 to the 10"),
        ((-1, [5, 5]), "from 0 to the 10"),
        ((1.5, [5, 5]), "whole number"),
        ((1, [5, -5]), "sizes"),
        ((1, [5, 5], [1, np.nan]), "weights"),
        ((1, [5, 5], [1, -1]), "weights"),
        ((1, [5, 5], [1]), "weights"),
        ((1, [5, 5], [1, 1], [1]), "minimum"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        pruning.allocate(*arguments)
