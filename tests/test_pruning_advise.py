"""Advice on what to keep: never from the test, exact in its counts, and at a loss for words only where it should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets, models, pruning
from labkit.pruning.advising_pilot import cleaning, evidence
from labkit.pruning.advising_rules import Material, Rule, chosen, rules
from labkit.registry import UnknownName

QUICK = {
    "model": models.build("mlp", width=32), "steps": 120, "learning_rate": 0.005, "folds": 3, "repeats": 1,
    "scoring_seeds": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def noisy():
    return datasets.load("digits", label_noise=0.15)


@pytest.fixture(scope="module")
def advice(noisy):
    return pruning.advise(noisy, (0.5, 0.1), **QUICK)


def test_the_test_split_plays_no_part(noisy, advice):
    order = np.random.default_rng(0).permutation(len(noisy.test_targets))
    scrambled = replace(noisy, test_targets=noisy.test_targets[order], test_inputs=-noisy.test_inputs)
    again = pruning.advise(scrambled, (0.5, 0.1), **QUICK)
    pd.testing.assert_frame_equal(again.table, advice.table)
    pd.testing.assert_frame_equal(again.choices, advice.choices)
    assert again.sentences == advice.sentences
    for fraction in (0.5, 0.1):
        np.testing.assert_array_equal(again.keep(fraction), advice.keep(fraction))


def test_flips_are_estimated_and_found(noisy, advice):
    flipped = noisy.faults["label_flipped"].to_numpy()
    assert advice.noise.low < flipped.mean() + 0.03
    assert advice.noise.estimate == pytest.approx(flipped.mean(), abs=0.05)
    assert flipped[advice.noise.suspected].mean() > 0.85
    assert advice.noise.cleaning_helps
    assert "likely wrong" in advice.noise.sentence


def test_with_flips_a_tenth_is_kept_without_the_suspected_ones(noisy, advice):
    row = advice.choices.set_index("fraction").loc[0.1]
    assert row["clean"]
    assert row["high"] < 0
    kept = advice.keep(0.1)
    flipped = noisy.faults["label_flipped"].to_numpy()
    assert flipped[kept].mean() < 0.75 * flipped.mean()


def test_kept_counts_are_exact_and_seeds_matter_only_where_something_is_drawn(noisy, advice):
    for fraction in (0.5, 0.1):
        kept = advice.keep(fraction)
        assert len(kept) == round(fraction * len(noisy.inputs)) == len(set(kept.tolist()))
        np.testing.assert_array_equal(kept, np.sort(kept))
        np.testing.assert_array_equal(kept, advice.keep(fraction, seed=advice.seed))
    assert len(advice.keep(1)) == len(noisy.inputs)
    with pytest.raises(ValueError, match="was not asked about"):
        advice.keep(0.3)


def test_the_table_pairs_every_rule_with_random_on_the_same_cuts(advice):
    table = advice.table.set_index(["fraction", "rule"])
    for fraction in (0.5, 0.1):
        own = table.loc[fraction]
        np.testing.assert_allclose(own["difference"], own["error"] - own.loc["random", "error"], atol=1e-12)
        assert own.loc["random", "difference"] == 0
        assert {"aum hardest", "entropy hardest", "aum easiest", "facility_location"} <= set(own.index)


def test_what_is_advised_has_the_best_bound_or_is_random(advice):
    for row in advice.choices.itertuples():
        here = advice.table[advice.table["fraction"] == row.fraction]
        if row.rule == "random":
            assert here["high"].min() >= 0
        else:
            assert row.high == here["high"].min() < 0
        assert 0 <= row.confidence <= 1


def test_labels_that_mean_nothing_are_doubted_and_nothing_is_promised():
    data = datasets.load("digits", validation=700)
    labels = np.random.default_rng(0).integers(0, 10, len(data.targets))
    advice = pruning.advise(replace(data, targets=labels, faults=pd.DataFrame()), 0.5, **QUICK, scores=["aum"])
    assert advice.noise.estimate > 0.5
    # Nine in ten answers are wrong whatever is kept.
    assert advice.table["error"].between(0.8, 0.99).all()
    assert advice.choices["difference"].abs().max() < 0.1


def test_scoring_is_paid_back_by_what_pruning_saves(advice, noisy):
    once = QUICK["model"].flops_per_example(noisy, training=True) * 32 * QUICK["steps"]
    if advice.options["clean"] or advice.score:
        expected = advice.scoring_flops / ((1 - advice.fraction) * once) if advice.fraction < 1 else 0
        assert advice.break_even == pytest.approx(expected)
    assert advice.pilot_flops > advice.scoring_flops > 0


def table(gaps):
    """Errors of two rules whose differences to random on each cut are given."""
    rows = []
    for cut, gap in enumerate(gaps):
        rows += [("random", 0.5, cut, 0.2), ("aum hardest", 0.5, cut, 0.2 + gap), ("everything", 1.0, cut, 0.1)]
    return pd.DataFrame(rows, columns=["rule", "fraction", "cut", "error"])


def test_evidence_is_students_interval_of_the_paired_differences():
    from scipy import stats

    gaps = np.array([-0.02, -0.01, -0.03, -0.015])
    row = evidence(table(gaps), 0.9).set_index("rule").loc["aum hardest"]
    low, high = stats.t.interval(0.9, 3, gaps.mean(), stats.sem(gaps))
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["chance"] == pytest.approx(1 - stats.ttest_1samp(gaps, 0, alternative="less").pvalue)


def test_cleaning_helps_only_where_rules_do_better_without_the_suspected():
    frame = table([0.01, 0.0, 0.02])
    for shift, helps in ((-0.05, True), (0.05, False)):
        clean = frame[frame["fraction"] < 1].assign(rule=lambda t: t["rule"] + ", suspected labels left out")
        clean["error"] += shift + 0.001 * clean["cut"]
        assert cleaning(pd.concat([frame, clean], ignore_index=True), 0.9) is helps
    assert cleaning(frame, 0.9) is False


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(12, 60), share=st.floats(0.05, 0.99), doubted=st.floats(0, 0.9), place=st.integers(0, 11),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_every_rule_keeps_exactly_the_budget_and_doubted_ones_last(count, share, doubted, place, seed):
    rng = np.random.default_rng(seed)
    suspicion = rng.random(count)
    material = Material(
        inputs=rng.normal(size=(count, 3)), targets=rng.integers(0, 3, count), scores={"aum": rng.random(count)},
        suspicion=suspicion, suspected=suspicion > 1 - doubted,
    )  # fmt: skip
    every = rules(("aum",), noisy=True, uneven=True)
    rule, budget = every[place % len(every)], max(1, round(share * count))
    kept = chosen(rule, material, np.arange(count), budget, seed)
    assert len(kept) == budget == len(set(kept.tolist()))
    if rule.clean:
        sure = np.flatnonzero(~material.suspected)
        assert material.suspected[kept].sum() == max(0, budget - len(sure))


def test_suspected_labels_are_left_out_only_where_there_are_some():
    assert not any(rule.clean for rule in rules(("aum",), noisy=False, uneven=False))
    assert Rule("random", clean=True) in rules(("aum",), noisy=True, uneven=False)
    assert Rule("class_balanced") in rules(("aum",), noisy=False, uneven=True)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"data": 3}, TypeError, "datasets.load"),
        ({"data": datasets.load("teacher", examples=100)}, ValueError, "classification"),
        ({"fraction": 0.0}, ValueError, "between 0 and 1"),
        ({"fraction": 1.0}, ValueError, "between 0 and 1"),
        ({"fraction": [0.5, 0.5]}, ValueError, "different"),
        ({"scores": ["amu"]}, UnknownName, "did you mean 'aum'"),
        ({"scores": "aum"}, ValueError, "list"),
        ({"folds": 1}, ValueError, "folds"),
        ({"steps": 0}, ValueError, "steps"),
    ],
)
def test_what_cannot_be_is_refused(noisy, given, error, match):
    with pytest.raises(error, match=match):
        pruning.advise(given.pop("data", noisy), given.pop("fraction", 0.5), **{**QUICK, **given})


def test_too_few_examples_are_refused(noisy):
    few = replace(noisy, inputs=noisy.inputs[:40], targets=noisy.targets[:40], faults=pd.DataFrame())
    with pytest.raises(ValueError, match="at least 50"):
        pruning.advise(few, 0.5, **QUICK)
