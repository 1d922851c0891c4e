"""Scores of one training are what their definitions say: hand-computed values and slow loops beside the quick code."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from pruning_logs import by_hand, over_time, plain
from scipy.stats import spearmanr

from labkit import models, pruning
from labkit.pruning.log import Log

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
    values[:, 1, 0] = [0.2, 0.6]  # 10% of 100 steps
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
