"""Counting windows gives the probabilities that counting by hand gives."""

import numpy as np
import pytest

from labkit import models, training
from labkit.datasets import Dataset
from labkit.models.contract import check


@pytest.fixture(scope="module")
def text():
    random = np.random.default_rng(0)
    ids = [0]
    for _ in range(12_000):
        ids.append((2 * ids[-1] + int(random.random() < 0.25)) % 7)
    parts = {}
    for prefix, part in zip(
        ("", "validation_", "test_"), np.split(np.array(ids, np.uint8), [8000, 10_000]), strict=True
    ):
        parts[f"{prefix}inputs"] = np.lib.stride_tricks.sliding_window_view(part[:-1], 5)
        parts[f"{prefix}targets"] = part[5:]
    return Dataset(name="coin", kind="text", vocabulary=7, context=5, **parts)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_it_keeps_the_contract(order):
    check(models.NGram(order=order))


def test_chances_are_those_counted_by_hand(text):
    fit = training.fit_many(models.NGram(order=2, smoothing=3.0), text, [{"seed": 0}])
    before, after = text.inputs[:, -1], text.targets
    single = (np.bincount(after, minlength=7) + 3 / 7) / (len(after) + 3)
    for last in range(7):
        seen = np.bincount(after[before == last], minlength=7)
        wanted = (seen + 3 * single) / (seen.sum() + 3)
        window = np.array([[0, 0, 0, 0, last]])
        np.testing.assert_allclose(np.exp(fit.predict(window)[0, 0]), wanted, rtol=1e-4)


def test_its_loss_falls_to_the_entropy_and_with_fewer_examples_later(text):
    runs = [{"seed": seed, "examples": size} for size in (10, 100, 7000) for seed in range(3)]
    table = training.fit_many("ngram", text, runs).table
    losses = table.groupby("examples")["test_loss"].mean()
    assert losses.is_monotonic_decreasing
    entropy = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    assert losses.iloc[-1] == pytest.approx(entropy, abs=0.05)
    assert table["flops"].eq(0).all()


def test_a_run_alone_and_beside_others_agree(text):
    runs = [
        {"seed": seed, "examples": 50 + seed, "label_noise": 0.2 * (seed % 2), "order": 1 + seed % 3}
        for seed in range(6)
    ]
    together = training.fit_many("ngram", text, runs).predict(text.test_inputs[:50])
    for row in (1, 5):
        alone = training.fit_many("ngram", text, [runs[row]]).predict(text.test_inputs[:50])
        np.testing.assert_array_equal(alone[0], together[row])


@pytest.mark.parametrize(("dials", "words"), [
    ({"order": 7}, "needs windows of 6 ids"), ({"order": 0}, "order=0"), ({"smoothing": 0}, "smoothing=0"),
])  # fmt: skip
def test_what_cannot_be_counted_is_refused(text, dials, words):
    with pytest.raises(ValueError, match=words):
        training.fit_many(models.build("ngram", **dials), text, [{}])
    with pytest.raises(ValueError, match="cells"):
        models.NGram(order=5).parameter_count(models.Ports("text", 8, 128))


def test_weights_of_what_is_solved_at_once_are_refused(text):
    with pytest.raises(ValueError, match="is solved at once"):
        training.fit_many("ngram", text, [{"weights": np.ones(len(text.inputs))}])
