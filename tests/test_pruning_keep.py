"""Policies keep exactly the budget, whatever the ties and the order of the examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import pruning

POLICIES = pruning.policies()["name"].tolist()
finite = st.floats(-1e300, 1e300, allow_nan=False, allow_subnormal=True)
# Few different values, so that ties are the rule.
scores_of = st.one_of(st.lists(finite, min_size=1, max_size=60), st.lists(st.integers(0, 3), min_size=1, max_size=60))


@pytest.mark.parametrize("policy", POLICIES)
@settings(deadline=None, max_examples=40)
@given(scores=scores_of, fraction=st.floats(0, 1), seed=st.integers(0, 5))
def test_every_policy_keeps_exactly_the_budget(policy, scores, fraction, seed):
    kept = pruning.keep(scores, fraction, policy, seed)
    assert kept.dtype == np.int64
    assert len(kept) == round(fraction * len(scores))
    assert (np.diff(kept) > 0).all()
    assert ((kept >= 0) & (kept < len(scores))).all()


@pytest.mark.parametrize("policy", POLICIES)
@settings(deadline=None, max_examples=40)
@given(scores=scores_of, fraction=st.floats(0, 1), seed=st.integers(0, 5), data=st.data())
def test_the_scores_that_are_kept_do_not_depend_on_the_order_of_the_examples(policy, scores, fraction, seed, data):
    scores = np.array(scores, float)
    order = np.array(data.draw(st.permutations(range(len(scores)))))
    here = scores[pruning.keep(scores, fraction, policy, seed)]
    there = scores[order][pruning.keep(scores[order], fraction, policy, seed)]
    np.testing.assert_array_equal(np.sort(here), np.sort(there))


def test_budgets_are_rounded_as_python_rounds():
    for n, fraction, count in ((5, 0.5, 2), (7, 0.5, 4), (3, 0.5, 2), (1, 0.5, 0), (10, 0.25, 2), (10, 0.35, 4)):
        assert len(pruning.keep(np.arange(n), fraction)) == count == round(fraction * n)


def test_nothing_and_all_can_be_kept():
    assert pruning.keep([1.0, 2.0], 0).tolist() == []
    assert pruning.keep([1.0, 2.0], 1).tolist() == [0, 1]


def test_hardest_easiest_and_middle_are_what_they_say():
    scores = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert pruning.keep(scores, 0.4).tolist() == [0, 2]
    assert pruning.keep(scores, 0.4, "easiest").tolist() == [1, 3]
    assert pruning.keep(scores, 0.2, "middle").tolist() == [4]
    assert pruning.keep(scores, 0.6, "middle").tolist() == [2, 3, 4]


def test_tied_examples_are_drawn_by_chance_and_not_by_place():
    # 20 of 100 tied examples, 300 times: each is kept 60 times but for chance (standard deviation 7).
    counts = np.zeros(100)
    for seed in range(300):
        counts[pruning.keep(np.zeros(100), 0.2, seed=seed)] += 1
    assert counts.min() > 25
    assert counts.max() < 95
    assert abs(counts[:50].sum() - 3000) < 150


def test_a_seed_repeats_itself_and_another_draws_anew():
    scores = np.random.default_rng(0).normal(size=200)
    for policy in ("random", "stratified", "coverage_centric", "sampled"):
        first = pruning.keep(scores, 0.3, policy, seed=1)
        np.testing.assert_array_equal(first, pruning.keep(scores, 0.3, policy, seed=1))
        assert not np.array_equal(first, pruning.keep(scores, 0.3, policy, seed=2))


def test_the_cutoff_drops_the_very_hardest_and_gives_way_to_the_budget():
    scores = np.arange(100.0)
    assert pruning.keep(scores, 0.2, "hardest", cutoff=0.1).tolist() == list(range(70, 90))
    assert pruning.keep(scores, 0.95, "hardest", cutoff=0.1).tolist() == list(range(95))
    assert pruning.keep(scores, 0.5, "coverage_centric", cutoff=0.2).max() < 80


def test_coverage_centric_fills_equally_wide_ranges_the_smallest_first():
    # Ranges of width 1: 2, 10 and 88 examples. Of 30, the first gives its 2, the next its 10, the last the other 18.
    scores = np.concatenate([[0.0, 0.5], np.linspace(1.01, 1.99, 10), np.linspace(2.01, 3.0, 88)])
    kept = scores[pruning.keep(scores, 0.3, "coverage_centric", cutoff=0, strata=3)]
    assert np.histogram(kept, [0, 1, 2, 3])[0].tolist() == [2, 10, 18]
    # Of 21, each large range gives its share of what the smallest leaves: 2, then 19 // 2, then the rest.
    kept = scores[pruning.keep(scores, 0.21, "coverage_centric", cutoff=0, strata=3)]
    assert np.histogram(kept, [0, 1, 2, 3])[0].tolist() == [2, 9, 10]


@pytest.mark.parametrize(("n", "budget"), [(1000, 105), (1000, 11), (1000, 500)])
@pytest.mark.parametrize("tied", [False, True])
def test_stratified_keeps_the_share_of_each_range_and_the_exact_budget(n, budget, tied):
    scores = np.zeros(n) if tied else np.random.default_rng(0).permutation(n).astype(float)
    kept = pruning.keep(scores, budget / n, "stratified", strata=10)
    assert len(kept) == budget
    if not tied:
        counts = np.histogram(scores[kept], np.arange(0, n + 1, n // 10))[0]
        assert counts.max() - counts.min() <= 1


def test_sampling_goes_from_hardest_over_random_to_easiest_with_the_temperature():
    scores = np.random.default_rng(1).normal(size=500)
    means = [scores[pruning.keep(scores, 0.2, "sampled", temperature=t)].mean() for t in (1e-4, 0.5, 2, 1e6, -2, -1e-4)]
    assert means[0] == pytest.approx(np.sort(scores)[-100:].mean())
    assert means[-1] == pytest.approx(np.sort(scores)[:100].mean())
    assert means[0] > means[1] > means[2] > means[4] > means[5]
    assert abs(means[3]) < 0.3


def test_random_does_not_look_at_the_scores():
    # Correlation of being kept with the score, over many seeds.
    scores = np.arange(50.0)
    means = [scores[pruning.keep(scores, 0.2, "random", seed=seed)].mean() for seed in range(400)]
    spread = np.sqrt(np.var(scores) / 10 * 40 / 49)
    assert abs(np.mean(means) - scores.mean()) < 4 * spread / 20


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match=r"1 of 3 scores are not finite .* at 1"):
        pruning.keep([1.0, bad, 2.0])


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan, np.inf])
def test_a_fraction_outside_zero_to_one_is_refused(bad):
    with pytest.raises(ValueError, match="expected 0 <= fraction <= 1"):
        pruning.keep([1.0, 2.0], bad)


@pytest.mark.parametrize("bad", [[], [[1.0], [2.0]], 3.0])
def test_scores_that_are_not_a_line_of_numbers_are_refused(bad):
    with pytest.raises(ValueError, match=r"expected \(n,\)"):
        pruning.keep(bad)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match="expected numbers"):
        pruning.keep(["a", "b"])


def test_unknown_policies_and_options_are_refused_with_the_nearest_match():
    with pytest.raises(ValueError, match="did you mean 'hardest'"):
        pruning.keep([1.0, 2.0], policy="hardets")
    with pytest.raises(TypeError, match="did you mean 'cutoff'"):
        pruning.keep([1.0, 2.0], cutof=0.1)
    with pytest.raises(TypeError, match="has no option 'cutoff'"):
        pruning.keep([1.0, 2.0], policy="middle", cutoff=0.1)


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        ("hardest", {"cutoff": 1.0}),
        ("hardest", {"cutoff": -0.1}),
        ("coverage_centric", {"strata": 0}),
        ("stratified", {"strata": 2.5}),
        ("sampled", {"temperature": 0}),
        ("sampled", {"temperature": np.nan}),
    ],
)
def test_options_out_of_range_are_refused(policy, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        pruning.keep([1.0, 2.0, 3.0], policy=policy, **options)


def test_a_policy_of_ones_own_works_like_ours_and_must_keep_its_budget():
    mine = pruning.Policy("mine", "every other", lambda scores, budget, rng: np.arange(budget) * len(scores) // budget)
    short = pruning.Policy("short", "too few", lambda scores, budget, rng: np.arange(budget - 1))
    twice = pruning.Policy("twice", "one twice", lambda scores, budget, rng: np.zeros(budget, int))
    for entry in (mine, short, twice):
        pruning.register_policy(entry, replace=True)
    try:
        assert pruning.keep([3.0, 1.0, 2.0, 0.0], 0.5, "mine").tolist() == [2, 3]
        for name in ("short", "twice"):
            with pytest.raises(ValueError, match=f"policy '{name}' answered with 1 different ranks; expected 2"):
                pruning.keep([3.0, 1.0, 2.0, 0.0], 0.5, name)
    finally:
        for entry in (mine, short, twice):
            pruning.unregister_policy(entry.name)


def test_an_option_without_a_default_is_refused():
    with pytest.raises(TypeError, match="without a default: share"):
        pruning.Policy("bad", "", lambda scores, budget, rng, *, share: np.arange(budget))
