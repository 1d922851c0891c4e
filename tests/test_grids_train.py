"""Training the runs of a design, live."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import datasets, grids, models, sweeps, training
from labkit.grids.dropped import Dropped
from labkit.grids.point import WINDOWS, held_out, train_point, window_losses
from labkit.sweeps import PointFailed

TINY = {"context": 16, "batch_size": 4, "halvings": 2}


def tiny(runs: int = 3, **changed) -> pd.DataFrame:
    rows = grids.compute_optimal("full").head(runs)
    return rows.assign(**{"tokens": 2048, "unique_tokens": 2048, "learning_rate": 0.03, **TINY, **changed})


@pytest.fixture(scope="module")
def trained():
    design = pd.concat([tiny(), tiny(2, unique_tokens=512, width=8)])
    return design, grids.train(design, store="memory://grids-test", progress=False)


def test_the_table_has_one_row_per_run_in_the_order_of_the_design(trained):
    design, found = trained
    keys = ["width", "tokens", "unique_tokens", "learning_rate", "seed"]
    assert found.table[keys].values.tolist() == design[keys].values.tolist()
    assert found.table.epochs.tolist() == [1, 1, 1, 4, 4]
    assert found.table.loss.between(1, np.log(128)).all()
    assert not found.table.diverged.any()


def test_sizes_and_compute_are_those_of_the_model(trained):
    row = trained[1].table.iloc[0]
    model = models.build("transformer", width=12, depth=2, qk_norm=True)
    ends = models.Ports("text", inputs=16, outputs=128)
    assert (row.params, row.params_with_embeddings) == (24 * 12**2, model.parameter_count(ends))
    assert row.compute == model.flops_per_example(ends) * 2048 / 16
    assert row.compute_6nd == 6 * row.params * row.tokens
    assert row.steps == 2048 // 64


def test_curves_end_at_the_budget_and_fall(trained):
    curves = trained[1].curves
    assert curves.groupby(["width", "seed"]).seen.apply(list).map(tuple).unique().tolist() == [(512, 1024, 2048)]
    means = curves[curves.width == 12].groupby("seen").loss.mean()
    assert means.is_monotonic_decreasing


def test_what_was_trained_is_not_trained_again(trained, monkeypatch):
    design, found = trained
    swept = []
    plain = sweeps.run
    monkeypatch.setattr(sweeps, "run", lambda *given, **named: swept.append(plain(*given, **named)) or swept[-1])
    again = grids.train(design, store="memory://grids-test", progress=False)
    assert swept[0].attrs["sweep"]["computed"] == 0
    pd.testing.assert_frame_equal(again.table, found.table)


def test_a_run_does_not_depend_on_the_runs_beside_it(trained):
    alone = grids.train(tiny(3).tail(1), store="memory://grids-alone", progress=False)
    assert alone.table.loss[0] == pytest.approx(trained[1].table.loss[2], rel=1e-4)


def test_more_tokens_than_the_text_has_are_refused():
    with pytest.raises(PointFailed, match="more than the text has"):
        grids.train(tiny(1, tokens=1 << 30, unique_tokens=1 << 30), store="memory://grids-long", progress=False)


def test_tokens_that_are_no_whole_batches_are_refused():
    with pytest.raises(PointFailed, match="no whole number of 64"):
        grids.train(tiny(1, tokens=2000, halvings=0), store="memory://grids-odd", progress=False)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (tiny().drop(columns="warmup"), "no column 'warmup'"),
        (tiny(0), "no runs"),
        (pd.concat([tiny(2), tiny(1)]), "run 2 of the design stands there twice"),
    ],
)
def test_designs_that_cannot_be_are_refused(design, message):
    with pytest.raises(ValueError, match=message):
        grids.train(design, store="memory://grids-refused", progress=False)


def test_held_out_windows_do_not_overlap():
    data = datasets.load("python_source", context=16)
    inputs, targets = held_out(data.validation_inputs, data.validation_targets)
    assert inputs.shape == (WINDOWS, 16)
    assert len(targets) == WINDOWS
    places = np.linspace(0, len(data.validation_targets) - 1, WINDOWS).astype(int)
    assert np.diff(places).min() >= 16


def test_window_losses_are_those_that_training_reports():
    data = datasets.load("markov", context=16, examples=1000, validation=300, test=10)
    fit = training.fit_many(
        models.build("transformer", width=8), data, [{"seed": 0}, {"seed": 1}], steps=3, optimizer="adam"
    )
    inputs, targets = data.validation_inputs.copy(), data.validation_targets
    found = np.concatenate([window_losses(part.model, part.parameters, inputs, targets) for part in fit.parts])
    assert found.shape == (2, 300)
    assert found.mean(1) == pytest.approx(fit.table.validation_loss.to_numpy(), rel=1e-5)


def test_dropout_leaves_units_out_of_the_step_and_of_its_gradient():
    ends = models.Ports("text", inputs=8, outputs=11)
    model, plain = Dropped(width=8, dropout=0.5), models.build("transformer", width=8)
    parameters = model.initialise(ends, seeds=[0, 1])
    random = np.random.default_rng(0)
    masks = {
        name: torch.from_numpy((random.random((2, units, 4)) < 0.5).astype(np.float32)) * 2
        for name, (units, _) in model.noise(ends).items()
    }
    inputs = torch.from_numpy(random.integers(11, size=(2, 4, 8)))
    targets = torch.from_numpy(random.integers(11, size=(2, 4)))
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in parameters.items()}
    masked = {
        name: leaf * masks[f"mask_{name[-1]}"][:, None, :, 0] if name.startswith("down") else leaf
        for name, leaf in leaves.items()
    }
    losses = plain.losses(masked, inputs, targets, models.CrossEntropy())
    wanted = torch.autograd.grad(losses.mean(1).sum(), list(leaves.values()))
    into = {name: torch.zeros_like(tensor) for name, tensor in parameters.items()}
    trace = torch.zeros(2, 1, 4)
    scale = torch.full((2, 1, 1), 0.25)
    known = {"loss": models.CrossEntropy(), "into": into, "beta": 0.0, "trace": trace}
    model.gradient({**parameters, **masks}, inputs, targets, scale, **known)
    assert torch.allclose(trace[:, 0], losses.detach(), atol=1e-5)
    for found, expected in zip(into.values(), wanted, strict=True):
        assert torch.allclose(found, expected, atol=1e-5)


def test_dropout_trains_and_is_measured_without():
    rows = pd.concat([tiny(1), tiny(1, dropout=0.3)])
    found = grids.train(rows, store="memory://grids-dropout", progress=False).table
    assert found.dropout.tolist() == [0.0, 0.3]
    assert found.loss[0] != found.loss[1]
    assert abs(found.loss[0] - found.loss[1]) < 0.5


def test_dropout_is_refused_where_gradients_accumulate():
    with pytest.raises(ValueError, match="adam"):
        Dropped(width=8, dropout=0.5).gradient({}, None, None, None, into={}, beta=0.9)


def test_one_point_leaves_the_number_of_threads_alone():
    before = torch.get_num_threads()
    runs = {"width": 8, "depth": 1, "qk_norm": True, "tokens": 64, "unique_tokens": 64, "seeds": (0,)}
    rest = {"learning_rate": 0.01, "schedule": "cosine", "batch_size": 1, "context": 64, "weight_decay": 0.0}
    train_point(**runs, **rest, dropout=0.0, checkpoints=(), packages=())
    assert torch.get_num_threads() == before
