"""Every policy and every selector keeps the contract, and the contract notices those that do not."""

from __future__ import annotations

import numpy as np
import pytest

from labkit import pruning
from labkit.contracts import check
from labkit.pruning.selectors import registry


@pytest.mark.parametrize("name", pruning.policies()["name"])
def test_every_policy_keeps_the_contract(name):
    check(pruning.policy(name))


@pytest.mark.parametrize("name", registry.names())
def test_every_selector_keeps_the_contract(name):
    check(pruning.selector(name))


def one_too_many(scores, budget, rng):
    return np.arange(budget + 1)


def global_draw(scores, budget, rng):
    return np.random.permutation(len(scores))[:budget]


@pytest.mark.parametrize(
    ("choose", "words"), [(one_too_many, "expected"), (global_draw, "something else|global random state")]
)
def test_a_policy_that_breaks_its_promise_is_told_so(choose, words):
    with pytest.raises(AssertionError, match=words):
        check(pruning.Policy("bad", "something", choose))


def without_order(pool, budget, rng):
    return np.arange(budget)


def twice_the_same(pool, budget, rng):
    return np.zeros(budget, int)


def negative(pool, budget, rng):
    return np.arange(budget), -np.ones(budget)


def global_places(pool, budget, rng):
    return np.random.permutation(pool.n)[:budget]


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (twice_the_same, "kept 1 examples"),
        (negative, "negative or not finite"),
        (global_places, "something else|global random state"),
    ],
)
def test_a_selector_that_breaks_its_promise_is_told_so(choose, words):
    with pytest.raises(AssertionError, match=words):
        check(pruning.Selector("bad", "something", choose))


def test_a_selector_may_take_the_first_since_the_order_is_by_content():
    check(pruning.Selector("first", "the first of an order by lot", without_order))
