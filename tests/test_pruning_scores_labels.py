"""Scores that question labels or train again: definitions, closed forms and slow loops."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from pruning_logs import by_hand, plain

from labkit import datasets, models, pruning
from labkit.pruning import retraining
from labkit.pruning.log import Log
from labkit.pruning.measures import labels
from labkit.pruning.retraining import SubsetRuns

# Labels --------------------------------------------------------------------------------------------------------------


def worth(members, near, right, k):
    """The worth of a set of training examples, by its definition."""
    total = 0.0
    for row, agrees in zip(near, right, strict=True):
        total += sum(agrees[i] for i in [i for i in row if i in members][:k]) / k
    return total / len(near)


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_shapley_values_are_those_of_all_coalitions(k):
    made = np.random.default_rng(k)
    count, queries = 7, 4
    targets, asked = made.integers(0, 3, count), made.integers(0, 3, queries)
    near = np.array([made.permutation(count) for _ in range(queries)])
    right = (targets[None] == asked[:, None]).astype(float)
    wanted = np.zeros(count)
    for i in range(count):
        rest = [j for j in range(count) if j != i]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for members in map(set, itertools.combinations(rest, size)):
                gain = worth(members | {i}, near, right, k) - worth(members, near, right, k)
                wanted[i] += weight * gain
    np.testing.assert_allclose(pruning.shapley_values(near, targets, asked, k), wanted, atol=1e-12)


def test_shapley_values_cut_short_are_off_by_no_more_than_they_say():
    made = np.random.default_rng(0)
    count, m = 200, 40
    targets, asked = made.integers(0, 3, count), made.integers(0, 3, 25)
    near = np.array([made.permutation(count) for _ in range(25)])
    for row, answer in zip(near, asked, strict=True):
        whole = pruning.shapley_values(row[None], targets, answer[None], 5)
        short = pruning.shapley_values(row[None, :m], targets, answer[None], 5)
        assert np.abs(whole - short).max() <= 1 / m + 1e-12


def test_knn_shapley_with_as_many_neighbours_as_votes_counts_the_votes_that_agree():
    made = np.random.default_rng(2)
    data = plain(made.integers(0, 3, 80), made.standard_normal((80, 3)))
    near = pruning.neighbours(data.inputs, 7)
    agree = np.zeros(80)
    for query, row in enumerate(near):
        for i in row:
            agree[i] += data.targets[i] == data.targets[query]
    found = pruning.score("knn_shapley", data, k=7, reach=7)
    np.testing.assert_allclose(found, -agree / 7 / 80, atol=1e-12)


def test_knn_shapley_of_ten_thousand_takes_little_memory():
    made = np.random.default_rng(0)
    near, targets = made.integers(0, 10_000, (10_000, 10)), made.integers(0, 10, 10_000)
    tracemalloc.start()
    pruning.shapley_values(near, targets, targets, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_no_score_of_a_label_reads_a_model_that_has_seen_it(monkeypatch):
    """Every model answers 1 for the label of its own examples and 0 for the others': nobody may notice."""
    made = np.random.default_rng(0)
    data = plain(made.integers(0, 3, 50), made.standard_normal((50, 2)), classes=3)

    class Fit:
        def __init__(self, runs):
            self.runs = runs

        def predict(self, inputs):
            assert len(inputs) == 50
            logits = np.zeros((len(self.runs), 50, 3))
            for row, run in enumerate(self.runs):
                logits[row, run["indices"], data.targets[run["indices"]]] = 50.0
            return logits

    monkeypatch.setattr(retraining, "retrain", lambda log, runs: Fit(list(runs)))
    log = Log.of(data, models.build("softmax"))
    assert pruning.score("self_confidence", log) == pytest.approx(np.full(50, 2 / 3))
    assert pruning.out_of_sample(log, folds=3, repeats=2).shape == (2, 50, 3)


def test_folds_have_their_share_of_every_label():
    targets = np.repeat([0, 1, 2], [50, 20, 5])
    cut = retraining._cut(targets, 5, np.random.default_rng(0))
    assert [np.bincount(cut[targets == label]).tolist() for label in range(3)] == [[10] * 5, [4] * 5, [1] * 5]


def test_the_confident_joint_by_hand():
    chance = np.array([[0.8, 0.2, 0], [0.6, 0.4, 0], [0.3, 0.7, 0], [0.1, 0.9, 0], [0.7, 0.3, 0], [0.45, 0.55, 0]])
    given = np.array([0, 0, 0, 1, 1, 1])
    # Thresholds: 0.5667 and 0.5833; nobody is labelled 2. The last example reaches neither and is not counted.
    joint, suspected = pruning.confident_joint(chance, given)
    assert joint.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert suspected.tolist() == [False, False, True, False, True, False]


def test_confident_learning_puts_suspected_labels_above_all_others(monkeypatch):
    chance = np.array([[0.8, 0.2], [0.45, 0.55], [0.3, 0.7], [0.1, 0.9], [0.9, 0.1], [0.2, 0.8]])
    monkeypatch.setattr(labels, "out_of_sample", lambda log, **given: np.log(chance)[None])
    log = Log.of(plain([0, 0, 0, 1, 1, 1]), models.build("softmax"))
    found = pruning.score("confident_learning", log)
    assert found == pytest.approx([-0.6, 0.1, 2.4, -0.8, 2.8, -0.6])
    assert pruning.score("self_confidence", log) == pytest.approx([0.2, 0.55, 0.7, 0.1, 0.9, 0.2])


def test_reducible_holdout_loss_by_hand(monkeypatch):
    held = np.log([[[0.5, 0.5], [0.9, 0.1]], [[0.25, 0.75], [0.9, 0.1]]])
    monkeypatch.setattr(labels, "out_of_sample", lambda log, **given: held)
    log = by_hand([0, 1], loss=[[[9.0, 9.0], [3.0, 2.0]], [[9.0, 9.0], [1.0, 4.0]]])
    wanted = [2 - 1.5 * math.log(2), 3 - math.log(10)]
    assert pruning.score("reducible_holdout_loss", log) == pytest.approx(wanted)


# Subsets -------------------------------------------------------------------------------------------------------------


def test_memorization_by_hand():
    members = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1]], dtype=bool)
    correct = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [1, 0, 1]], dtype=bool)
    found = SubsetRuns(members, correct, np.zeros((4, 0), dtype=bool)).memorization()
    assert found == pytest.approx([1 - 0.5, 1 - 0, 2 / 3 - 0])


@pytest.mark.parametrize("held", [0, 3])
def test_influences_by_loops(held):
    made = np.random.default_rng(held)
    members, correct = made.random((12, 5)) < 0.6, made.random((12, 5)) < 0.5
    validation = made.random((12, held)) < 0.5
    found = SubsetRuns(members, correct, validation).influences()
    right = validation if held else correct
    for i, j in itertools.product(range(5), range(right.shape[1])):
        asked = np.ones(12, dtype=bool) if held else ~members[:, j]
        with_it, without = asked & members[:, i], asked & ~members[:, i]
        known = with_it.any() and without.any()
        wanted = right[with_it, j].mean() - right[without, j].mean() if known else 0.0
        assert found[i, j] == pytest.approx(wanted, abs=1e-12)


def test_examples_that_nothing_else_explains_are_memorised_and_copies_help_each_other():
    made = np.random.default_rng(0)
    labels_given = np.repeat([0, 1, 2], [30, 30, 1])
    points = 4.0 * np.eye(3, 4)[labels_given] + 0.3 * made.standard_normal((61, 4))
    log = Log.of(plain(labels_given, points), models.build("mlp", width=16), steps=150, device="cpu")
    found = pruning.score("memorization", log, runs=40)
    assert found[-1] == 1.0
    assert np.abs(found[:-1]).max() < 0.2
    assert pruning.score("influence", log, runs=40).max() < 0.2


def test_too_few_subset_runs_are_refused():
    log = Log.of(datasets.load("digits"), models.build("softmax"), steps=5)
    with pytest.raises(ValueError, match="more runs"):
        pruning.score("memorization", log, runs=3)
