"""Calibration is measured bin by bin beside loss and error, whatever the pieces, and is near 0 where it should be."""

import numpy as np
import pytest
import torch

from labkit import datasets, training
from labkit.datasets import Dataset
from labkit.models import CrossEntropy, Ports, Softmax
from labkit.training import evaluate
from labkit.training.source import Source

COLUMNS = [f"{split}_calibration" for split in ("train", "validation", "test")]


def by_hand(logits, targets, bins=15):
    """Expected calibration error of logits (n, classes), as one writes it down."""
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    confidence, right = shares.max(1), shares.argmax(1) == targets
    total = 0.0
    for place in range(bins):
        chosen = (confidence > place / bins) & (confidence <= (place + 1) / bins)
        if chosen.any():
            total += chosen.mean() * abs(right[chosen].mean() - confidence[chosen].mean())
    return total


def measured(logits, targets):
    """Loss, error and calibration of a linear model of no weights but the identity: its inputs are its logits."""
    classes = logits.shape[1]
    data = Dataset(
        name="given logits", kind="classification", classes=classes, inputs=logits, targets=targets,
        validation_inputs=logits[:0], validation_targets=targets[:0], test_inputs=logits, test_targets=targets,
    )  # fmt: skip
    parameters = {"weight_0": torch.eye(classes)[None], "bias_0": torch.zeros(1, classes, 1)}
    source = Source(data, "test", "cpu")
    found = evaluate.shared(Softmax(), parameters, source, np.arange(len(logits)), CrossEntropy(), lambda: None)
    return [float(value[0]) for value in found]


def test_four_answers_give_the_number_found_by_hand():
    # Confidences 0.6, 0.6 (bin 9: one right, one wrong), 0.9 (right) and 0.75 (wrong).
    logits = np.log(np.array([[0.6, 0.4], [0.4, 0.6], [0.9, 0.1], [0.25, 0.75]], dtype=np.float32))
    targets = np.array([0, 0, 0, 0])
    wanted = (abs(1 - 1.2) + abs(1 - 0.9) + abs(0 - 0.75)) / 4
    assert measured(logits, targets)[2] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("classes", [2, 10, 40])
def test_calibration_is_that_of_the_definition_whatever_the_pieces(classes, monkeypatch):
    random = np.random.default_rng(0)
    logits = (2 * random.standard_normal((3000, classes))).astype(np.float32)
    targets = random.integers(classes, size=3000)
    wanted = by_hand(logits.astype(float), targets)
    assert measured(logits, targets)[2] == pytest.approx(wanted, abs=1e-6)
    monkeypatch.setattr(evaluate, "_NUMBERS", 70 * classes)
    assert measured(logits, targets)[2] == pytest.approx(wanted, abs=1e-6)


def test_answers_drawn_from_the_claimed_probabilities_are_calibrated_and_sharper_claims_are_not():
    random = np.random.default_rng(1)
    logits = random.standard_normal((100_000, 5)).astype(np.float32)
    targets = (logits + random.gumbel(size=logits.shape)).argmax(1)
    assert measured(logits, targets)[2] < 0.01
    assert measured(3 * logits, targets)[2] > 0.2


def test_a_model_of_no_knowledge_claims_what_it_gets():
    assert measured(np.zeros((40, 4), np.float32), np.arange(40) % 4)[2] == pytest.approx(0, abs=1e-6)


def test_claims_that_are_no_numbers_give_none():
    logits = np.full((5, 3), np.nan, dtype=np.float32)
    assert np.isnan(measured(logits, np.zeros(5, int))[2])


def test_the_table_and_the_history_have_it_for_every_split():
    data = datasets.load("digits")
    runs = [{"seed": seed, "examples": size, "label_noise": 0.2} for seed, size in enumerate((1024, 60))]
    fit = training.fit_many("mlp", data, runs, steps=60, evaluate_every=30)
    logits = fit.predict(data.test_inputs).astype(float)
    for row in range(2):
        assert fit.table["test_calibration"][row] == pytest.approx(by_hand(logits[row], data.test_targets), abs=1e-5)
    last = fit.history.query("run == 0 and step == 60").set_index("metric")["value"]
    assert last[COLUMNS].tolist() == fit.table.loc[0, COLUMNS].tolist()


def test_every_prediction_of_a_window_counts():
    ids = np.random.default_rng(0).integers(13, size=900).astype(np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(ids[:-1], 6)
    parts = {}
    for prefix in ("", "validation_", "test_"):
        parts |= {f"{prefix}inputs": windows, f"{prefix}targets": ids[6:]}
    text = Dataset(name="noise", kind="text", vocabulary=13, context=6, **parts)
    fit = training.fit_many("transformer", text, [{"width": 16}], steps=20, optimizer="adam")
    inputs, targets = (torch.tensor(array.astype(np.int64))[None] for array in (windows, ids[6:]))
    outputs, wanted = fit.parts[0].model.outcomes(fit.parts[0].parameters, inputs, targets)
    assert outputs.shape[1] == 6 * len(windows)
    found = by_hand(outputs[0].numpy().astype(float), wanted[0].numpy())
    assert fit.table["test_calibration"][0] == pytest.approx(found, abs=1e-5)


def test_models_that_claim_no_probabilities_have_none():
    data = datasets.load("digits")
    table = training.fit_many("random_features", data, [{"width": 32}]).table
    assert table[COLUMNS].isna().all(axis=None)
    assert table["test_error"].notna().all()
    assert Softmax().loss(Ports("regression", 3, 1)).measure(torch.zeros(1, 2, 1), torch.zeros(1, 2))[2] is None
