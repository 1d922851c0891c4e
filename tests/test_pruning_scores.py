"""Every score is what its definition says: hand-computed values, closed forms, and slow loops beside the quick code."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from labkit import datasets, models, pruning, training
from labkit.datasets import Dataset
from labkit.pruning import retraining
from labkit.pruning.log import Log
from labkit.pruning.measures import labels
from labkit.pruning.retraining import SubsetRuns


def plain(targets, inputs=None, *, classes=None, validation=(), **more) -> Dataset:
    targets = np.asarray(targets)
    inputs = np.asarray(np.eye(len(targets)) if inputs is None else inputs, dtype=np.float32)
    held = np.asarray(validation, dtype=np.float32).reshape(-1, inputs.shape[1])
    return Dataset(
        name="by hand",
        kind="classification",
        inputs=inputs,
        targets=targets,
        validation_inputs=held,
        validation_targets=more.pop("validation_targets", np.zeros(len(held), dtype=np.int64)),
        test_inputs=inputs[:0],
        test_targets=targets[:0],
        classes=classes or int(targets.max()) + 1,
        **more,
    )


def by_hand(targets=None, *, steps=None, logits=None, **values) -> Log:
    """A log with values (runs, moments, examples) written down, without any model."""
    values = {name: np.asarray(value, dtype=np.float32) for name, value in values.items()}
    if logits is not None:
        logits = np.asarray(logits, dtype=np.float32)
    count = logits.shape[1] if logits is not None else next(iter(values.values())).shape[2]
    targets = np.zeros(count, dtype=np.int64) if targets is None else np.asarray(targets)
    moments = next(iter(values.values())).shape[1] if values else 2
    return Log(
        data=plain(targets, classes=3),
        model=models.build("softmax"),
        settings={"batch_size": 1},
        steps=np.arange(moments) * 10 if steps is None else np.asarray(steps),
        values=values,
        logits=logits,
    )


def over_time(*rows):
    """One model, one example, its values over time."""
    return np.array(rows, dtype=np.float64)[None, :, None]


# Outputs -------------------------------------------------------------------------------------------------------------


def test_outputs_by_hand():
    log = by_hand(logits=np.log([[[0.5, 0.25, 0.25]], [[0.8, 0.1, 0.1]]]))
    entropy = [1.5 * math.log(2), -0.8 * math.log(0.8) - 0.2 * math.log(0.1)]
    assert pruning.score("entropy", log) == pytest.approx([np.mean(entropy)], rel=1e-6)
    assert pruning.score("margin", log) == pytest.approx([np.mean([0.75, 0.3])], rel=1e-6)
    assert pruning.score("least_confidence", log) == pytest.approx([np.mean([0.5, 0.2])], rel=1e-6)


def test_uncertainty_is_of_probabilities_and_keeps_its_digits_when_certain():
    # By its raw logits the second would be the more certain one.
    log = by_hand(logits=[[[40.0, 0.0, 0.0], [60.0, 59.0, 0.0], [41.0, 0.0, 0.0]]])
    for name in ("least_confidence", "margin", "entropy"):
        found = pruning.score(name, log)
        assert found[1] > found[0] > found[2] > 0, name
    assert pruning.score("least_confidence", log)[0] == pytest.approx(2 * math.exp(-40), rel=1e-6)


def test_disagreement_is_the_divergence_of_the_models():
    apart = by_hand(logits=[[[50.0, 0.0, 0.0], [3.0, 1.0, 1.0]], [[0.0, 50.0, 0.0], [3.0, 1.0, 1.0]]])
    assert pruning.score("disagreement", apart) == pytest.approx([math.log(2), 0.0], abs=1e-6)
    mild = by_hand(logits=np.log([[[0.8, 0.1, 0.1]], [[0.4, 0.3, 0.3]]]))
    wanted = 0.5 * (
        0.8 * math.log(0.8 / 0.6) + 0.2 * math.log(0.1 / 0.2) + 0.4 * math.log(0.4 / 0.6) + 0.6 * math.log(0.3 / 0.2)
    )
    assert pruning.score("disagreement", mild) == pytest.approx([wanted], rel=1e-5)


def test_loss_is_the_mean_over_models_at_the_end():
    log = by_hand(loss=[[[9.0, 9.0], [1.0, 2.0]], [[9.0, 9.0], [3.0, 0.0]]])
    assert pruning.score("loss", log).tolist() == [2.0, 1.0]


def test_random_is_even_and_follows_its_seed():
    data = plain(np.zeros(4000, dtype=np.int64), np.zeros((4000, 1)), classes=2)
    one, two = (pruning.score("random", data, seed=seed) for seed in (0, 1))
    assert np.array_equal(one, pruning.score("random", data, seed=0))
    assert abs(spearmanr(one, two)[0]) < 0.1
    assert np.abs(np.quantile(one, [0.25, 0.5, 0.75]) - [0.25, 0.5, 0.75]).max() < 0.04


# Dynamics ------------------------------------------------------------------------------------------------------------


def test_el2n_is_one_early_moment_and_a_mean_over_models_of_norms_not_of_squares():
    values = np.full((2, 11, 1), 99.0)
    values[:, 1, 0] = [0.2, 0.6]  # 10 % of 100 steps
    log = by_hand(el2n=values)
    assert pruning.score("el2n", log) == pytest.approx([0.4], rel=1e-6)
    values[:, 3, 0] = [0.1, 0.1]
    assert pruning.score("el2n", by_hand(el2n=values), at=0.3) == pytest.approx([0.1], rel=1e-6)


def test_forgetting_counts_losses_and_the_never_learnt_are_hardest():
    right = np.array([[0, 1, 1, 1, 1], [0, 1, 0, 1, 0], [1, 0, 0, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]).T
    # The start is before any training: being right there by chance is no learning.
    assert pruning.score("forgetting", by_hand(correct=right[None])).tolist() == [0, 2, 0, 4, 4]
    two = np.stack([right, right[:, ::-1]])
    assert pruning.score("forgetting", by_hand(correct=two)).tolist() == [2, 3, 0, 3, 2]


def test_aum_is_the_mean_margin_after_the_start():
    log = by_hand(margin=[[[7.0], [1.0], [3.0]], [[7.0], [-2.0], [4.0]]])
    assert pruning.score("aum", log) == pytest.approx([-1.5])


def test_data_maps_by_hand():
    log = by_hand(probability=over_time(0.9, 0.2, 0.6, 0.4), correct=over_time(1, 0, 1, 0))
    assert pruning.score("confidence", log) == pytest.approx([0.6], rel=1e-6)
    assert pruning.score("variability", log) == pytest.approx([np.std([0.2, 0.6, 0.4])], rel=1e-6)
    assert pruning.score("correctness", log) == pytest.approx([2 / 3])
    assert pruning.score("threshold_closeness", log) == pytest.approx([0.24], rel=1e-6)


def test_dyn_unc_by_hand():
    log = by_hand(probability=over_time(0.9, 0.2, 0.6, 0.4))
    wanted = np.mean([0.4, 0.2]) / math.sqrt(2)  # the deviation of two numbers, with n - 1 below
    assert pruning.score("dyn_unc", log, window=2) == pytest.approx([wanted], rel=1e-5)
    assert pruning.score("dyn_unc", log, window=99) == pytest.approx([np.std([0.2, 0.6, 0.4], ddof=1)], rel=1e-5)


def test_tdds_by_loops():
    made = np.random.default_rng(0)
    chances = made.dirichlet(np.ones(3), (2, 7, 4))
    window, decay, wanted = 4, 0.7, np.zeros(4)
    for run, example in itertools.product(range(2), range(4)):
        path = chances[run, 1:, example]
        moved = [sum(abs(q * math.log(q / p)) for q, p in zip(path[t + 1], path[t], strict=True)) for t in range(5)]
        windows = [moved[first : first + window - 1] for first in range(3)]
        for age, part in enumerate(reversed(windows)):
            norm = math.sqrt(sum((each - np.mean(part)) ** 2 for each in part))
            wanted[example] += decay * (1 - decay) ** age * norm / 2
    log = by_hand(probabilities=chances)
    np.testing.assert_allclose(pruning.score("tdds", log, window=window, decay=decay), wanted, rtol=1e-4)


def test_learning_percentage_by_hand():
    perplexities = np.array([[10, 4, 3, 2], [10, 10, 10, 2], [10, 2, 2, 2], [10, 12, 11, 10], [10, 90, 50, 9]]).T
    log = by_hand(loss=np.log(perplexities)[None], steps=[0, 5, 10, 15])
    assert pruning.score("learning_percentage", log) == pytest.approx([0.25, 1, 0, 2, 2], abs=1e-5)


def test_learning_percentage_takes_losses_of_any_size():
    log = by_hand(loss=over_time(2000.0, 1999.0, 1998.0), steps=[0, 1, 2])
    wanted = 1 - (1 - math.exp(-1)) / (1 - math.exp(-2))
    assert pruning.score("learning_percentage", log) == pytest.approx([wanted], rel=1e-4)


# Gradients -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def convex() -> Log:
    """Softmax regression, of which every gradient is known in closed form."""
    made = np.random.default_rng(3)
    inputs = made.standard_normal((40, 4))
    data = plain(np.arange(40) % 3, inputs, validation=made.standard_normal((6, 4)))
    return pruning.observe(data, "softmax", seeds=2, steps=60, record_every=6, batch_size=8, device="cpu")


def test_grand_in_closed_form(convex):
    stretch = np.sqrt(1 + np.square(convex.data.inputs.astype(float)).sum(1))
    np.testing.assert_allclose(pruning.score("grand_at_init", convex), math.sqrt(2 / 3) * stretch, rtol=1e-5)
    np.testing.assert_allclose(pruning.score("grand", convex), pruning.score("el2n", convex) * stretch, rtol=1e-5)


def test_vog_in_closed_form(convex):
    weights = [convex.fit.parts[0].snapshots[step]["weight_0"].double().numpy() for step in convex.snapshots]
    spread = np.std(weights, axis=0).mean((0, 2))  # by class: the input gradient is a row of the weights
    raw = pruning.score("vog", convex, per_class=False)
    np.testing.assert_allclose(raw, spread[convex.data.targets], rtol=1e-5)


def test_vog_is_taken_within_classes():
    made = np.random.default_rng(0)
    data = plain(np.arange(30) % 3, made.standard_normal((30, 4)))
    log = pruning.observe(data, models.build("mlp", width=8), seeds=2, steps=50, batch_size=8, device="cpu")
    raw, found = pruning.score("vog", log, per_class=False), pruning.score("vog", log)
    for label in range(3):
        mine = data.targets == label
        assert found[mine].mean() == pytest.approx(0, abs=1e-9)
        assert found[mine].std() == pytest.approx(1)
        assert np.array_equal(np.argsort(found[mine]), np.argsort(raw[mine]))


def odds_gradients(weight, bias, inputs, targets):
    """Gradients of the log-odds of the label of softmax regression, and the label's probabilities."""
    logits = inputs @ weight.T + bias
    chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    own = np.eye(len(weight))[targets]
    others = chance * (1 - own)
    slope = own - others / others.sum(1, keepdims=True)
    with_one = np.hstack([inputs, np.ones((len(inputs), 1))])
    return np.einsum("nc,nd->ncd", slope, with_one).reshape(len(inputs), -1), chance[np.arange(len(targets)), targets]


@pytest.mark.parametrize("held_out", [True, False])
def test_trak_in_closed_form(convex, held_out):
    log = convex
    if not held_out:
        data = log.data
        empty = {"validation_inputs": data.inputs[:0], "validation_targets": data.targets[:0]}
        log = replace(log, data=replace(data, **empty))
    effects, doubts, ridge = [], [], 0.01
    parameters = {name: value.double().numpy() for name, value in log.fit.parts[0].parameters.items()}
    for run in range(2):
        weight, bias = parameters["weight_0"][run], parameters["bias_0"][run, :, 0]
        ours, chance = odds_gradients(weight, bias, log.data.inputs.astype(float), log.data.targets)
        target = log.data.validation_inputs.astype(float), log.data.validation_targets
        theirs = odds_gradients(weight, bias, *target)[0] if held_out else ours
        gram = ours.T @ ours
        gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram))
        effects.append(theirs @ np.linalg.inv(gram) @ ours.T)
        doubts.append(1 - chance)
    table = np.mean(effects, axis=0) * np.mean(doubts, axis=0)  # (targets, examples)
    wanted = table.mean(0) if held_out else (table.sum(0) - np.diag(table)) / (len(table) - 1)
    np.testing.assert_allclose(pruning.score("trak", log, ridge=ridge), -wanted, rtol=1e-3, atol=1e-7)


def test_trak_in_random_directions_stays_close_to_the_whole_gradients():
    made = np.random.default_rng(1)
    data = plain(np.arange(60) % 3, made.standard_normal((60, 5)) + 2 * np.eye(3, 5)[np.arange(60) % 3])
    log = pruning.observe(data, models.build("mlp", width=40), seeds=2, steps=80, batch_size=16, device="cpu")
    whole = pruning.score("trak", log, width=10_000, ridge=0.1)
    thrown = pruning.score("trak", log, width=300, ridge=0.1)
    assert spearmanr(whole, thrown)[0] > 0.9


def test_trak_puts_an_example_that_contradicts_the_target_above_one_that_supports_it(convex):
    place = 5
    target = convex.data.inputs[place : place + 1], convex.data.targets[place : place + 1]
    other = target[0], (target[1] + 1) % 3
    supports = pruning.score("trak", convex, target=target, ridge=0.01)
    contradicts = pruning.score("trak", convex, target=other, ridge=0.01)
    assert supports[place] < 0 < contradicts[place]


# Features ------------------------------------------------------------------------------------------------------------


def test_supervised_prototypes_and_moderate_by_hand():
    points = [[1.0, 0.0], [0.0, 1.0], [3.0, 3.0], [5.0, 0.0], [-1.0, 0.0]]
    data = plain([0, 0, 0, 1, 1], points)
    found = pruning.score("supervised_prototypes", data, features="inputs")
    diagonal = 1 - 1 / math.sqrt(2)
    assert found == pytest.approx([diagonal, diagonal, 0.0, 0.0, 2.0], abs=1e-6)
    # The medians are (1, 1) and (2, 0); the means would be (4/3, 4/3) and (2, 0).
    assert pruning.score("moderate", data) == pytest.approx([1, 1, math.sqrt(8), 3, 3])


def test_self_supervised_prototypes_know_clusters_and_no_labels():
    made = np.random.default_rng(0)
    angles = np.concatenate([np.linspace(-0.2, 0.2, 5), np.pi / 2 + np.linspace(-0.2, 0.2, 5)])
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    wanted = np.tile(1 - np.cos(np.linspace(-0.2, 0.2, 5)), 2)
    for labels_given in (np.arange(10) // 5, made.integers(0, 2, 10)):
        found = pruning.score("self_supervised_prototypes", plain(labels_given, points, classes=2), features="inputs")
        assert found == pytest.approx(wanted, abs=1e-6)


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


# Claims --------------------------------------------------------------------------------------------------------------


def test_flipped_digits_are_found():
    data = datasets.load("digits", validation=0, label_noise=0.1)
    flipped = data.faults["label_flipped"].to_numpy()
    log = pruning.observe(data, seeds=4)

    def precision(name):
        return flipped[np.argsort(-pruning.score(name, log))[: flipped.sum()]].mean()

    assert precision("knn_shapley") >= 0.95
    for name in ("aum", "loss", "confidence"):
        assert precision(name) >= 0.9, name
    assert precision("self_supervised_prototypes") < 0.3
    assert precision("grand_at_init") < 0.3


def test_clean_digits_are_pruned_as_well_as_is_known():
    data = datasets.load("digits", validation=0)
    log = pruning.observe(data)
    cells = {"full": ("random", 1.0), "random 0.2": ("random", 0.2), "random 0.1": ("random", 0.1)}
    cells |= {"aum 0.2": ("aum", 0.2), "el2n 0.1": ("el2n", 0.1), "init 0.1": ("grand_at_init", 0.1)}
    runs = []
    for (name, fraction), seed in itertools.product(cells.values(), range(5)):
        kept = pruning.keep(pruning.score(name, log, seed=seed), fraction, seed=seed)
        runs.append({"seed": 50 + seed, "indices": kept, "learning_rate": 0.003})
    errors = training.fit_many("mlp", data, runs, steps=1500, optimizer="adam").table["test_error"]
    accuracy = dict(zip(cells, 1 - errors.to_numpy().reshape(-1, 5).mean(1), strict=True))
    assert accuracy["full"] >= 0.972
    assert accuracy["aum 0.2"] >= 0.965 > accuracy["random 0.2"]
    assert accuracy["el2n 0.1"] < accuracy["random 0.1"] - 0.1
    assert accuracy["init 0.1"] < accuracy["random 0.1"]


def test_nothing_that_is_seen_of_the_test_or_of_planted_faults_changes_a_score():
    data = datasets.load("digits", label_noise=0.1)
    chosen = np.arange(120)
    small = replace(data, inputs=data.inputs[chosen], targets=data.targets[chosen], faults=data.faults.iloc[:120])
    made = np.random.default_rng(0)
    shuffled = replace(
        small,
        test_inputs=made.random(small.test_inputs.shape, dtype=np.float32),
        test_targets=made.permutation(small.test_targets),
        faults=small.faults.iloc[::-1].reset_index(drop=True),
        truth={"hint": 1.0},
    )
    logs = [pruning.observe(each, models.build("mlp", width=8), seeds=2, steps=40) for each in (small, shuffled)]
    assert all(len(log.data.test_inputs) == len(log.data.faults) == len(log.data.truth) == 0 for log in logs)
    few = {"memorization": {"runs": 24}, "influence": {"runs": 24}}
    for name in pruning.available("score")["name"]:
        one, two = (pruning.score(name, log, **few.get(name, {})) for log in logs)
        assert np.array_equal(one, two), name


def test_a_cpu_and_a_gpu_agree():
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    data = datasets.load("digits")
    logs = [pruning.observe(data, seeds=2, steps=60, record_every=6, device=device) for device in ("cpu", "cuda")]
    for name in ("aum", "el2n", "vog", "trak", "grand"):
        one, two = (pruning.score(name, log) for log in logs)
        assert spearmanr(one, two)[0] > 0.99, name
