"""Trials of published claims: what each plants is there, what it compares is fair, and what it says can be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets, pruning
from labkit.pruning import trials
from labkit.pruning.trials.agreement import some, spearman
from labkit.pruning.trials.datamodels import lasso
from labkit.pruning.trials.label_errors import confused
from labkit.pruning.trials.perplexity import CONTEXT, DOCUMENT, _text, _windows
from labkit.registry import UnknownName

# ---- intervals and verdicts ----------------------------------------------------------------------------------------


def test_an_interval_holds_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).standard_normal((2000, 4))
    ends = np.array([trials.interval(row)[1:] for row in draws])
    assert ((ends[:, 0] < 0) & (ends[:, 1] > 0)).mean() == pytest.approx(0.95, abs=0.02)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(-5, 5))
@settings(deadline=None, max_examples=50)
def test_no_mean_is_below_and_above_a_bound(values, bound):
    assert (trials.below(values, bound), trials.above(values, bound)) in [(True, False), (False, True), (None, None)]


def test_one_value_has_no_interval():
    with pytest.raises(ValueError, match="1 values have no interval; give at least 2 seeds"):
        trials.interval([0.3, np.nan])
    with pytest.raises(ValueError, match="expected a level between 0 and 1"):
        trials.interval([1, 2], level=95)


def test_one_failed_condition_fails_the_whole_and_one_open_one_leaves_it_open():
    assert trials.together(True, True) is True
    assert trials.together(True, None) is None
    assert trials.together(None, False) is False


# ---- agreement -----------------------------------------------------------------------------------------------------


def test_rank_correlation_is_that_of_scipy():
    from scipy.stats import spearmanr

    one, other = np.random.default_rng(0).integers(0, 5, (2, 40))
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)


def test_the_score_of_some_models_is_that_of_their_own_log():
    data = datasets.load("digits", validation=900)
    log = pruning.observe(data, "softmax", seeds=[3, 4, 5], steps=20)
    alone = pruning.observe(data, "softmax", seeds=[4], steps=20)
    found = pruning.score("aum", some(log, [1]))
    assert np.allclose(found, pruning.score("aum", alone), atol=1e-4)
    assert not np.allclose(found, pruning.score("aum", log), atol=1e-2)


def test_more_models_agree_more_and_as_foretold():
    frame = trials.agreement("digits", ["aum"], counts=[1, 4], pairs=4, steps=60)
    mean = frame.groupby("models")[["agreement", "foretold"]].mean()
    assert mean.agreement[4] > mean.agreement[1] == mean.foretold[1]
    assert mean.foretold[4] == pytest.approx(mean.agreement[4], abs=0.05)


# ---- hard or easy, small for large ---------------------------------------------------------------------------------


def test_all_rules_keep_as_many_of_one_pool():
    frame = trials.hard_or_easy("digits", [41, 80], seeds=2, steps=20, scorers=1)
    assert frame.groupby("pool").kept.unique().str.len().eq(1).all()
    assert len(frame) == 2 * 2 * 3
    with pytest.raises(ValueError, match="a pool"):
        trials.hard_or_easy("digits", [5000], seeds=1, steps=5)


def test_a_large_network_agrees_with_itself_and_random_differs_from_nothing():
    frame = trials.small_for_large("digits", [4], large=8, fractions=[0.2], seeds=2, scorers=1, steps=40)
    assert frame[frame.scorer == 8].agreement.to_numpy() == pytest.approx(1.0)
    assert (frame[frame.choice == "random"].difference == 0).all()
    assert frame[frame.scorer == 4].agreement.lt(1).all()


# ---- wrong labels and filters --------------------------------------------------------------------------------------


@given(st.integers(2, 8), st.integers(0, 100))
@settings(deadline=None, max_examples=25)
def test_each_class_loses_its_share_to_one_other(classes, seed):
    targets = np.repeat(np.arange(classes), 100)
    labels = confused(targets, classes, 0.1, 0.3, seed)
    lost = (labels.reshape(classes, 100) != np.arange(classes)[:, None]).sum(1)
    assert np.sort(lost).tolist() == [round(100 * share) for share in np.linspace(0.1, 0.3, classes)]
    for one in range(classes):
        assert len(set(labels[(targets == one) & (labels != one)].tolist())) == 1


def test_flags_are_mostly_right_and_the_perfect_cleaning_is_best():
    row = trials.audit(seeds=1, steps=200).iloc[0]
    assert row.precision > 0.6
    assert row.perfect < row.as_given


def test_a_share_of_the_glyphs_is_mislabelled_in_the_test_too():
    row = trials.mislabelled_test([32], share=0.1, examples=400, characters="abc", seeds=1, steps=80).iloc[0]
    assert row.mislabelled > row.rest  # they are the ambiguous ones
    mixed = 0.9 * row.rest + 0.1 * row.mislabelled
    assert row.given != pytest.approx(mixed, abs=1e-6)


def test_a_filter_of_clean_data_keeps_right_labels():
    frame = trials.filter_networks([200], noise=[0.0, 0.8], pool=600, seeds=2, steps=80)
    purity = frame.groupby("noise").purity.mean()
    assert purity[0.0] > purity[0.8]
    assert purity[0.0] > 0.5  # of the pool 40% are right
    assert frame.random_error.groupby(frame.seed).nunique().eq(1).all()


# ---- text ----------------------------------------------------------------------------------------------------------


def test_windows_stay_inside_their_document():
    data = _text((0.5, 0.5, 0.0), 6, seed=0)
    places = _windows([2])
    ids = data.stream()[2 * DOCUMENT : 3 * DOCUMENT]
    assert len(places) == DOCUMENT - CONTEXT
    assert data.inputs[places][0].tolist() == ids[:CONTEXT].tolist()
    assert data.targets[places][-1] == ids[-1]


def test_the_least_surprising_documents_are_the_clean_ones_unless_templates_are_there():
    noise = trials.least_surprising("noise", documents=60, fractions=[0.5], seeds=1, steps=5).set_index("choice")
    assert noise.clean["lowest"] == 1 > noise.clean["random"] > noise.clean["highest"]
    dull = trials.least_surprising("templates", documents=60, fractions=[0.5], seeds=1, steps=5).set_index("choice")
    assert dull.clean["lowest"] < dull.clean["random"]
    with pytest.raises(ValueError, match="'spam' is not one of noise, templates"):
        trials.least_surprising("spam")


# ---- averages, windows, weights ------------------------------------------------------------------------------------


def test_the_soup_of_untrained_networks_from_one_start_is_each_of_them():
    frame = trials.soup(seeds=1, steps=1).set_index("start")
    assert abs(frame.soup["shared"] - frame.best["shared"]) < 0.1


def test_what_is_trained_for_all_steps_is_what_the_others_are_held_to():
    frame = trials.window_training(examples=300, seeds=2, steps=60)
    assert (frame[frame.arm == "full"].difference == 0).all()
    assert frame[frame.arm != "full"].steps.eq(30).all()
    random = frame[frame.arm == "repeated_random"]
    assert random.flipped.to_numpy() == pytest.approx(1.0, abs=0.1)


def test_uniform_weights_reach_their_own_loss_when_they_do():
    frame = trials.reweighted(seeds=2, steps=60)
    uniform = frame[frame.strategy == "uniform"]
    assert (uniform.ratio == 1).all()
    assert (uniform.loss_ratio == 1).all()
    assert (uniform.steps_needed <= 61).all()
    with pytest.raises(UnknownName, match="did you mean 'regression'"):
        trials.reweighted("regresion")
    with pytest.raises(ValueError, match="outliers"):
        trials.reweighted(redundant=0.8, outliers=0.5)


# ---- datamodels ----------------------------------------------------------------------------------------------------


def test_a_sparse_linear_function_is_found_again():
    random = np.random.default_rng(1)
    members = random.random((600, 30)) < 0.5
    truth = np.zeros((30, 3))
    truth[[2, 11, 29], [0, 1, 2]] = [1.5, -2.0, 1.0]
    weights, base = lasso(members, members @ truth + [0.0, 1.0, -1.0] + 0.1 * random.standard_normal((600, 3)))
    assert np.abs(weights - truth).max() < 0.1
    assert base == pytest.approx([0.0, 1.0, -1.0], abs=0.15)


def test_the_lasso_is_that_of_scikit_learn():
    from sklearn.linear_model import Lasso

    from labkit.pruning.trials.datamodels import _PENALTIES, _path

    random = np.random.default_rng(2)
    members = random.random((300, 15)) < 0.5
    margins = members @ random.standard_normal((15, 1)) + 0.5 * random.standard_normal((300, 1))
    centred = members - members.mean(0)
    largest = np.abs(centred.T @ (margins - margins.mean(0)) / 300).max()
    weights, _ = _path(members, margins)[2]
    reference = Lasso(alpha=largest * _PENALTIES[2]).fit(members.astype(float), margins[:, 0])
    assert weights[:, 0] == pytest.approx(reference.coef_, abs=1e-3)


def test_a_trial_does_not_depend_on_the_repeats_beside_it():
    few = {"examples": 40, "targets": 6, "copies": 2, "models": 32, "steps": 10}
    alone, beside = trials.datamodels(**few, seeds=[1]), trials.datamodels(**few, seeds=[0, 1])
    assert alone.correlation.item() == pytest.approx(beside.correlation[1], abs=1e-3)
    with pytest.raises(ValueError, match="targets"):
        trials.datamodels(targets=5, copies=10, seeds=1)


def test_advice_as_a_frame_says_what_the_advice_says():
    few = {"steps": 20, "folds": 2, "repeats": 1, "scoring_seeds": 1, "model": "softmax"}
    frame = trials.advised("digits", [0.5], dataset_options={"validation": 900}, **few)
    advice = pruning.advise(datasets.load("digits", validation=900), [0.5], **few)
    assert frame.words[0] == " ".join(advice.sentences)
    assert frame.rule[0] == advice.choices.rule[0]
