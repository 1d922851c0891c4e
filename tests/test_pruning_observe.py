"""One training, observed: what the log holds, how scores are asked for, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets, models, pruning, training
from labkit.pruning import observing
from labkit.pruning.log import Log
from labkit.registry import UnknownName


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.fixture(scope="module")
def log(digits):
    return pruning.observe(digits, models.build("mlp", width=12), seeds=3, steps=90, device="cpu")


# The log -------------------------------------------------------------------------------------------------------------


def test_the_log_is_that_of_the_same_training(log, digits):
    runs = [{"seed": seed, "learning_rate": observing.ADAM_RATE} for seed in range(3)]
    plain = training.fit_many(
        models.build("mlp", width=12), digits, runs, steps=90, optimizer="adam", device="cpu", record=["margin"]
    )
    np.testing.assert_allclose(log["margin"][:, -1], plain.dynamics["margin"][:, -1], atol=1e-4)
    np.testing.assert_allclose(log.logits, plain.predict(digits.inputs), atol=1e-4)


def test_everything_has_its_shape(log):
    moments = len(log.steps)
    assert (log.steps[0], log.steps[-1]) == (0, 90)
    for name in observing.RECORDED:
        assert log[name].shape == (3, moments, 1024)
        assert np.isfinite(log[name]).all()
    assert log["probabilities"].shape == (3, moments, 1024, 10)
    assert log.logits.shape == (3, 1024, 10)
    assert log.runs == 3
    assert len(log.snapshots) == 10
    assert log.snapshots[-1] == 90
    assert set(log.snapshots) <= set(log.steps[1:].tolist())


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 10**6), st.integers(1, 5000), st.integers(1, 512))
def test_moments_are_once_an_epoch_within_limits(examples, steps, batch):
    every = observing.moments(examples, steps, batch)
    count = -(-steps // every)
    assert 1 <= count <= 100
    assert count >= min(steps, 30)
    epoch = examples / batch
    if 30 * round(epoch) <= steps <= 100 * round(epoch) and epoch >= 1:
        assert abs(every - epoch) <= 0.5


def test_the_parts_of_a_log_are_those_of_its_examples(log):
    part = log.take([7, 2, 7])
    assert np.array_equal(part.data.inputs, log.data.inputs[[7, 2, 7]])
    for name in ("aum", "el2n", "loss", "entropy", "grand", "forgetting"):
        assert np.array_equal(pruning.score(name, part), pruning.score(name, log)[[7, 2, 7]]), name


def test_moments_are_found_by_their_share(log):
    assert log.steps[log.place(0.5)] == log.steps[np.abs(log.steps - 45).argmin()]
    assert log.place(0.0) == 1
    assert log.place(1.0) == len(log.steps) - 1
    for wrong in (-0.1, 1.1, float("nan"), True):
        with pytest.raises(ValueError, match="share of the training"):
            log.place(wrong)


def test_probabilities_are_left_out_where_they_would_not_fit(digits, monkeypatch):
    monkeypatch.setattr(observing, "MOST_NUMBERS", 1024 * 11 * 10)
    log = pruning.observe(digits, "softmax", seeds=1, steps=10, device="cpu")
    assert not log.has("probabilities")
    with pytest.raises(ValueError, match=r"needs probabilities.*fewer seeds"):
        pruning.score("tdds", log)
    monkeypatch.setattr(observing, "MOST_NUMBERS", 1024 * 11)
    with pytest.raises(ValueError, match="too many for one log"):
        pruning.observe(digits, "softmax", seeds=1, steps=10)


def test_regression_is_observed_without_classes():
    data = datasets.load("teacher", examples=80, validation=0, test=20)
    log = pruning.observe(data, models.build("mlp", width=8), seeds=2, steps=20, device="cpu")
    for name in ("loss", "grand", "vog", "self_supervised_prototypes", "random"):
        assert pruning.score(name, log).shape == (80,)
    for name in ("el2n", "entropy", "confident_learning", "moderate"):
        with pytest.raises(ValueError, match="regression has no classes"):
            pruning.score(name, log)


def test_convolutions_are_observed_too(digits):
    chosen = np.arange(60)
    small = replace(digits, inputs=digits.inputs[chosen], targets=digits.targets[chosen])
    log = pruning.observe(small, models.build("convnet", width=2), seeds=2, steps=12, device="cpu")
    for name in ("aum", "grand", "vog", "trak"):
        assert len(np.unique(pruning.score(name, log))) > 50


@pytest.mark.parametrize("dials", [{"batch_norm": True}, {"mup": "adam"}, {"dropout": 0.2}, {"depth": 2}])
def test_networks_of_other_kinds_are_observed_too(digits, dials):
    log = pruning.observe(digits, models.build("mlp", width=8, **dials), seeds=2, steps=40, device="cpu")
    own = np.take_along_axis(log.logits, digits.targets[None, :, None], 2)[..., 0].astype(float)
    wanted = (np.log(np.exp(log.logits.astype(float)).sum(2)) - own).mean(0)
    np.testing.assert_allclose(pruning.score("loss", log), wanted, atol=1e-4)
    for name in ("grand", "vog", "trak"):
        assert len(np.unique(pruning.score(name, log))) > 1000


# Asking --------------------------------------------------------------------------------------------------------------


def test_a_dataset_is_observed_on_the_way(digits):
    model = models.build("mlp", width=6)
    wanted = pruning.score("el2n", pruning.observe(digits, model, seeds=2, steps=20), at=0.5)
    assert np.array_equal(pruning.score("el2n", digits, model=model, seeds=2, steps=20, at=0.5), wanted)


def test_nothing_is_trained_for_a_score_that_needs_no_training(digits, monkeypatch):
    monkeypatch.setattr(observing, "fit_many", None)
    for name in ("random", "moderate", "supervised_prototypes"):
        assert pruning.score(name, digits, seeds=10).shape == (1024,)


def test_aliases_are_the_same_scores(log):
    assert np.array_equal(pruning.score("area_under_the_margin", log), pruning.score("aum", log))


def test_further_models_are_trained_once_for_all_scores(log, monkeypatch):
    from labkit.pruning import retraining

    fresh, calls, fit = log.take(np.arange(60)), [], retraining.fit_many
    monkeypatch.setattr(retraining, "fit_many", lambda *given, **more: calls.append(1) or fit(*given, **more))
    pruning.scores(["self_confidence", "confident_learning"], fresh)
    assert len(calls) == 1


def test_a_frame_has_a_column_for_each_score(log):
    frame = pruning.scores(["aum", "el2n"], log)
    assert list(frame) == ["aum", "el2n"]
    assert np.array_equal(frame["aum"], pruning.score("aum", log))


def test_everything_there_is_is_listed():
    found = pruning.available()
    assert set(found["kind"]) >= {"score", "policy", "selector"}
    assert not found.isna().any().any()
    scores = pruning.available("score").set_index("name")
    assert scores.index.is_unique
    assert (scores[["purpose", "direction", "group"]] != "").all().all()
    assert "warning" in scores.loc["grand_at_init", "purpose"]
    assert set(pruning.available("policy")["name"]) == set(pruning.policies()["name"])


WRONG = {
    "did you mean 'aum'": lambda log, data: pruning.score("aun", log),
    "no option 'att'.*'at'": lambda log, data: pruning.score("el2n", log, att=0.2),
    "is a ndarray; expected what pruning.observe": lambda log, data: pruning.score("el2n", data.inputs),
    "training is over": lambda log, data: pruning.score("el2n", log, seeds=3),
    "model given with a log": lambda log, data: pruning.score("el2n", log, model="softmax"),
    "use pruning.observe": lambda log, data: pruning.score("el2n", Log.of(data, models.build("softmax"))),
    "is a str; expected a list": lambda log, data: pruning.scores("el2n", log),
    "one number per training": lambda log, data: pruning.score(pruning.Score("x", lambda log: np.ones(3)), log),
    "gave nan for example 0": lambda log, data: pruning.score(
        pruning.Score("x", lambda log: np.full(len(log), np.nan)), log
    ),
    "without a default: dial": lambda log, data: pruning.Score("x", lambda log, dial: 1),
    "did you mean 'outputs'": lambda log, data: pruning.Score("x", lambda log: 1, group="output"),
    "expected a function$": lambda log, data: pruning.Score("x", 3),
    "expected a function of the log": lambda log, data: pruning.Score("x", lambda: 1),
    "expected a tuple of names": lambda log, data: pruning.Score("x", lambda log: 1, needs="margin"),
    "nothing to prune with": lambda log, data: pruning.register("aum"),
    "a score named 'aum' exists": lambda log, data: pruning.register(pruning.find_score("aum")),
    "unknown kind 'scores'": lambda log, data: pruning.available("scores"),
    "expected datasets.load": lambda log, data: pruning.observe("digits"),
    "whose windows overlap": lambda log, data: pruning.observe(datasets.load("markov")),
    "steps=0 is outside.*at least 1": lambda log, data: pruning.observe(data, steps=0),
    "steps=1.5 is a float": lambda log, data: pruning.observe(data, steps=1.5),
    "seeds=0": lambda log, data: pruning.observe(data, seeds=0),
    "list of different ones": lambda log, data: pruning.observe(data, seeds=[1, 1]),
    "record_every=0": lambda log, data: pruning.observe(data, record_every=0),
    "batch_size='a'": lambda log, data: pruning.observe(data, batch_size="a"),
    "observe takes models of classes": lambda log, data: pruning.observe(data, "two_tower"),
    "solved at once": lambda log, data: pruning.observe(data, "random_features", seeds=1),
    "lower the learning rate": lambda log, data: pruning.observe(
        data, seeds=1, steps=40, optimizer="sgd", learning_rate=1e9
    ),
    "folds=1 is outside.*at least 2": lambda log, data: pruning.score("self_confidence", log, folds=1),
    "clusters=0": lambda log, data: pruning.score("self_supervised_prototypes", log, clusters=0),
    "at most one for each": lambda log, data: pruning.score("self_supervised_prototypes", log, clusters=2000),
    "share=1.0": lambda log, data: pruning.score("memorization", log, share=1.0),
    "window=1 is outside.*at least 2": lambda log, data: pruning.score("dyn_unc", log, window=1),
    "decay=1": lambda log, data: pruning.score("tdds", log, decay=1),
    "target has inputs": lambda log, data: pruning.score("trak", log, target=(np.zeros((2, 3)), np.zeros(2))),
    "expected a row for each example": lambda log, data: pruning.score("moderate", log, features=np.zeros((3, 2))),
    "not finite": lambda log, data: pruning.score("moderate", log, features=np.full((1024, 2), np.nan)),
    "unknown features 'input'": lambda log, data: pruning.features(data, "input"),
    "give the log": lambda log, data: pruning.features(data, "hidden"),
    "components=0": lambda log, data: pruning.features(data, "pca", components=0),
    "neighbours asked of 3": lambda log, data: pruning.neighbours(np.zeros((3, 1)), 3),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_is_refused(message, log, digits):
    with pytest.raises((ValueError, TypeError, UnknownName), match=message):
        WRONG[message](log, digits)


# Features ------------------------------------------------------------------------------------------------------------


def test_hidden_features_are_what_enters_the_last_layer(log):
    parameters = log.fit.parts[0].parameters
    inputs = torch.tensor(log.data.inputs)
    parts = [(inputs @ parameters["weight_0"][run].T + parameters["bias_0"][run, :, 0]).relu() for run in range(2)]
    wanted = torch.cat(parts, 1).numpy() / np.sqrt(2)
    np.testing.assert_allclose(pruning.features(log, "hidden", models=2), wanted, atol=1e-5)


def test_logits_and_errors_are_those_of_the_models(log):
    assert np.array_equal(pruning.features(log, "logits", models=1), log.logits[0])
    share = torch.tensor(log.logits).softmax(2).mean(0).numpy()
    share[np.arange(1024), log.data.targets] -= 1
    np.testing.assert_allclose(pruning.features(log, "errors"), share, atol=1e-6)


def test_principal_components_keep_distances_as_far_as_they_can(digits):
    whole = pruning.features(digits, "pca", components=64).astype(float)
    apart = np.linalg.norm(digits.inputs[:50, None] - digits.inputs[None, :50], axis=2)
    np.testing.assert_allclose(np.linalg.norm(whole[:50, None] - whole[None, :50], axis=2), apart, atol=1e-5)
    assert (np.diff(whole.var(0)) <= 1e-9).all()
    np.testing.assert_allclose(pruning.features(digits, "pca", components=5), whole[:, :5], atol=1e-6)


def test_convolutions_have_hidden_features_and_other_modules_say_what_to_do(digits):
    part = replace(digits, inputs=digits.inputs[:40], targets=digits.targets[:40])
    log = pruning.observe(part, models.build("convnet", width=2), seeds=1, steps=3, device="cpu")
    weight = log.fit.parts[0].parameters["weight_2"]
    hidden = torch.tensor(pruning.features(log, "hidden"))
    answers = hidden @ weight[0].T + log.fit.parts[0].parameters["bias_2"][0, :, 0]
    np.testing.assert_allclose(answers.numpy(), log.logits[0], atol=1e-4)
    module = models.Module(lambda ends: torch.nn.Linear(ends.inputs, ends.outputs))
    log = pruning.observe(part, module, seeds=1, steps=3, device="cpu")
    with pytest.raises(ValueError, match="use features of kind 'logits'"):
        pruning.features(log, "hidden")


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 30), st.integers(1, 3), st.integers(0, 99), st.data())
def test_neighbours_are_the_nearest(count, width, seed, data):
    # Small whole numbers, so that many distances are equal and all are exact.
    points = np.random.default_rng(seed).integers(0, 4, (count, width)).astype(float)
    points -= points.mean(0).round()
    wanted = data.draw(st.integers(1, count - 1))
    found = pruning.neighbours(points, wanted)
    for i in range(count):
        apart = np.square(points - points[i]).sum(1)
        order = [j for j in np.lexsort((np.arange(count), apart)) if j != i]
        np.testing.assert_allclose(apart[found[i]], apart[order[:wanted]])
        assert i not in found[i]
        assert len(set(found[i])) == wanted


def test_neighbours_of_others_count_the_points_themselves():
    points = np.array([[0.0], [2.0], [5.0]])
    assert pruning.neighbours(points, 2, queries=np.array([[2.1], [9.0]])).tolist() == [[1, 0], [2, 1]]
