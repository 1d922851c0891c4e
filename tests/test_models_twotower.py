"""Two towers lower the symmetric InfoNCE loss of their batch and are measured on groups of fixed size."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labkit import datasets, models, training
from labkit.models import Ports, TwoTower
from labkit.models.contract import check
from labkit.training import evaluate

ENDS = Ports("classification", inputs=10, outputs=3)


@pytest.fixture(scope="module")
def pairs():
    return datasets.load("pairs", examples=1000, validation=200, test=330, width=16, dimension=4, noise=0.2)


def tower(weights, side, views):
    hidden = F.relu(views @ weights["weight_0"][side].T + weights["bias_0"][side].T)
    return F.normalize(hidden @ weights["weight_1"][side].T + weights["bias_1"][side].T)


def info_nce(weights, inputs):
    """The loss of a batch (n, d) and the share of partners not found, as one writes it in torch."""
    one, two = (tower(weights, side, view) for side, view in enumerate(inputs.chunk(2, dim=1)))
    logits = one @ two.T * weights["sharpness"].exp()
    labels = torch.arange(len(inputs))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    wrong = [(each.argmax(1) != labels).float().mean() for each in (logits, logits.T)]
    return loss, float(sum(wrong) / 2)


@pytest.mark.parametrize("model", [TwoTower(depth=2, candidates=16), TwoTower(width=16, candidates=8)], ids=repr)
def test_it_keeps_the_contract(model):
    check(model)


def test_training_is_the_loop_over_batches(pairs):
    model = TwoTower(width=12, embedding=6, candidates=30)
    runs = [{"seed": 0, "learning_rate": 3e-3}, {"seed": 1, "learning_rate": 1e-3, "batch_size": 20}]
    fit = training.fit_many(model, pairs, runs, steps=15, batch_size=32, optimizer="adam")
    for row, run in enumerate(runs):
        leaves = {name: value[0].requires_grad_() for name, value in model.initialise(pairs, [row]).items()}
        updater = torch.optim.Adam(leaves.values(), lr=run["learning_rate"])
        batch = run.get("batch_size", 32)
        losses = []
        for places in training.order.Order(1000, row).take(15 * batch).reshape(15, batch):
            loss, _ = info_nce(leaves, torch.tensor(pairs.inputs[places]))
            updater.zero_grad()
            loss.backward()
            updater.step()
            losses.append(float(loss.detach()))
        found = fit.history.query("run == @row and metric == 'batch_loss'")["value"]
        np.testing.assert_allclose(found, losses, rtol=1e-3)
        with torch.no_grad():
            groups = torch.tensor(pairs.test_inputs).split(30)  # 11 of them
            measured = [info_nce(leaves, group) for group in groups]
        assert fit.table["test_loss"][row] == pytest.approx(np.mean([float(loss) for loss, _ in measured]), rel=2e-3)
        assert fit.table["test_error"][row] == pytest.approx(np.mean([error for _, error in measured]), abs=0.01)


def test_it_learns_from_chance_to_finding_nearly_every_partner(pairs):
    runs = [{"seed": seed, "learning_rate": 3e-3} for seed in range(2)]
    start = training.fit_many("two_tower", pairs, runs, steps=0).table
    assert start["test_loss"].between(math.log(32) - 0.1, math.log(32) + 0.5).all()
    assert (start["test_error"] > 0.9).all()
    table = training.fit_many("two_tower", pairs, runs, steps=300, batch_size=64, optimizer="adam").table
    assert (table["test_loss"] < 0.35 * math.log(32)).all()
    assert (table["test_error"] < 0.3).all()


def test_what_is_measured_does_not_depend_on_the_pieces_and_leaves_out_what_fills_no_group(pairs, monkeypatch):
    fit = training.fit_many("two_tower", pairs, [{"width": 8}], steps=10)
    monkeypatch.setattr(evaluate, "_NUMBERS", 100)
    again = training.fit_many("two_tower", pairs, [{"width": 8}, {"seed": 1, "width": 8}], steps=10)
    for metric in ("train_loss", "train_error", "test_loss", "test_error", "test_calibration"):
        assert again.table[metric][0] == pytest.approx(fit.table[metric][0], rel=1e-5)
    places, whole = np.arange(330), np.arange(320)
    part = fit.parts[0]
    source = training.source.Source(pairs, "test", "cpu")
    loss = part.model.loss(Ports("classification", 32, 16))
    found, wanted = (
        evaluate.shared(part.model, part.parameters, source, each, loss, lambda: None) for each in (places, whole)
    )
    assert found == wanted


def test_fewer_pairs_than_candidates_are_told_apart_among_themselves():
    model = TwoTower(width=8, candidates=32)
    start = model.initialise(ENDS, [0])
    inputs = torch.randn(1, 5, 10, generator=torch.Generator().manual_seed(0))
    outputs, wanted = model.outcomes(start, inputs, torch.zeros(1, 5, dtype=torch.long))
    loss, _ = info_nce({name: value[0] for name, value in start.items()}, inputs[0])
    found = model.loss(ENDS).values(outputs, wanted).mean()
    torch.testing.assert_close(found, loss)


def test_predictions_are_unit_vectors_whose_cosines_find_partners(pairs):
    fit = training.fit_many("two_tower", pairs, [{"learning_rate": 3e-3}], steps=200, optimizer="adam")
    one, two = np.split(fit.predict(pairs.test_inputs)[0], 2, axis=1)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, rtol=1e-5)
    assert (one * two).sum(1).mean() > (one * np.roll(two, 1, axis=0)).sum(1).mean() + 0.5


def test_mismatched_pairs_stand_out_by_their_loss():
    data = datasets.load("pairs", examples=1000, validation=0, test=100, width=16, dimension=4, mismatch=0.2)
    fit = training.fit_many(
        "two_tower", data, [{"learning_rate": 3e-3}], steps=150, optimizer="adam", record=["loss"], record_at=[150]
    )
    loss, wrong = fit.dynamics["loss"][0, 0], data.faults["mismatched"].to_numpy()
    assert loss[wrong].mean() > 1.5 * loss[~wrong].mean()


def test_counts_are_those_by_hand():
    model = models.build("two_tower", width=7, embedding=3, candidates=20)
    assert model.parameter_count(ENDS) == 2 * (5 * 7 + 7 + 7 * 3 + 3) + 1
    assert model.flops_per_example(ENDS, training=False) == 2 * 2 * (5 * 7 + 7 * 3)
    assert model.flops_per_example(ENDS) == 3 * (2 * 2 * (5 * 7 + 7 * 3) + 2 * 20 * 3)


def test_what_it_cannot_do_is_refused(pairs):
    with pytest.raises(ValueError, match="two views"):
        TwoTower().parameter_count(Ports("classification", inputs=9, outputs=3))
    with pytest.raises(ValueError, match="candidates=1 is too small"):
        TwoTower(candidates=1)
    with pytest.raises(ValueError, match="no single label"):
        training.fit_many("two_tower", pairs, [{"label_noise": 0.1}], steps=1)
    with pytest.raises(ValueError, match="no gradient of one example"):
        training.fit_many("two_tower", pairs, [{}], steps=1, record=["gradient_norm"])
    with pytest.raises(ValueError, match="gives none of classes"):
        training.fit_many("two_tower", pairs, [{}], steps=1, record=["probabilities"])
