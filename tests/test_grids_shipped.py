"""The shipped grids hold together, and regenerating one gives tables of the same kind."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from labkit import grids
from labkit.grids.__main__ import main
from labkit.grids.designs import DESIGNS
from labkit.registry import UnknownName

EVERY = grids.available().name.tolist()
NAMES = [name for name in EVERY if name in DESIGNS]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_table_is_its_design(name):
    table, runs = grids.load(name), grids.design(name)
    keys = [column for column in runs.columns if column in table]
    pd.testing.assert_frame_equal(
        table[keys].reset_index(drop=True), runs[keys].reset_index(drop=True), check_dtype=False, rtol=1e-7
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_run_ended_with_a_loss_between_nought_and_guessing(name):
    table = grids.load(name)
    assert table.loss.between(0.5, np.log(128)).all()
    assert not table.diverged.any()


@pytest.mark.parametrize("name", NAMES)
def test_sizes_and_compute_fit_together(name):
    table = grids.load(name)
    assert (table.params == 12 * table.depth * table.width**2).all()
    assert (table.params_with_embeddings > table.params).all()
    assert np.allclose(table.compute_6nd, 6 * table.params * table.tokens, rtol=1e-6)
    # The answering matrix and attention come on top of six FLOPs a parameter and token.
    assert (table.compute > table.compute_6nd).all()
    assert np.allclose(table.steps * table.batch_size * table.context, table.tokens)


@pytest.mark.parametrize("name", [name for name in NAMES if grids.design(name).halvings.any()])
def test_curves_end_near_the_loss_in_the_table(name):
    curves, table = grids.curves(name), grids.load(name)
    last = curves[curves.seen == curves.tokens]
    assert len(last) == len(table)
    assert np.abs(last.loss.to_numpy() / table.loss.to_numpy() - 1).max() < 0.03


@pytest.mark.parametrize("name", EVERY)
def test_provenance_says_what_from_what_and_with_what(name):
    said = grids.provenance(name)
    assert {"made", "by", "design", "optimizer", "held_out", "text", "versions", "machine", "core_seconds"} <= set(said)
    assert len(said["text"]["fingerprint"]) == 64
    assert "torch" in said["versions"]


def test_shipped_ensembles_are_their_points_and_every_member_helps():
    from labkit.grids.trials.members import shipped_points

    table = grids.load("ensembles")
    kinds = table[["width", "weight_decay", "seed"]].drop_duplicates()
    wanted = {(point["widths"][0], point["weight_decay"], point["seeds"][0]) for point in shipped_points()}
    assert set(kinds.itertuples(index=False, name=None)) == wanted
    curves = table.pivot_table(index=["width", "weight_decay", "seed"], columns="members", values="loss")
    assert (curves.diff(axis=1).iloc[:, 1:] < 0).all(axis=None)


def test_one_member_is_as_good_as_a_single_model_of_the_same_kind():
    keys = ["width", "weight_decay", "seed"]
    one = grids.load("ensembles").query("members == 1").set_index(keys).loss
    single = grids.load("remedies").query("epochs == 16 and dropout == 0").set_index(keys).loss
    both = one.to_frame("member").join(single, how="inner")
    assert len(both) == 9
    assert (both.member / both.loss - 1).abs().max() < 0.02


def test_tables_are_small():
    from labkit.grids.shipped import folder

    assert max(path.stat().st_size for path in folder().iterdir()) < 1_000_000


def test_tables_load_without_torch():
    code = "import sys; from labkit import grids; grids.load('tuning'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60).returncode == 0


def test_unknown_grids_get_the_nearest():
    with pytest.raises(UnknownName, match="tuning"):
        grids.load("tunning")


def test_the_command_writes_what_load_reads(tmp_path, monkeypatch, capsys):
    rows = grids.compute_optimal("smoke").assign(tokens=2048, unique_tokens=2048, context=16, halvings=1)
    monkeypatch.setattr("labkit.grids.__main__.design", lambda name, preset: rows.drop_duplicates())
    arguments = ["compute_optimal", "--jobs", "1", "--store", "memory://grids-command", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert main(arguments) == 0  # all of it is stored now
    assert "compute_optimal" in capsys.readouterr().out
    monkeypatch.setattr("labkit.grids.shipped.folder", lambda: tmp_path)
    table = grids.load("compute_optimal")
    assert set(grids.load("compute_optimal").columns) == set(table.columns)
    assert len(grids.curves("compute_optimal")) == 2 * len(table)
    assert grids.provenance("compute_optimal")["text"]["options"]["context"] == 16


def test_a_smaller_grid_does_not_replace_the_shipped_one(capsys):
    with pytest.raises(SystemExit):
        main(["tuning", "--preset", "smoke"])
    assert "--out" in capsys.readouterr().err


def test_help_is_given():
    found = subprocess.run([sys.executable, "-m", "labkit.grids", "--help"], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0
    assert "compute_optimal" in found.stdout
