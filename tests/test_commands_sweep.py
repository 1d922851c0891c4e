"""``labkit sweep``: a study file, its overrides, its clusters, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from labkit.commands.sweep import sweep

MEASURE = """
from {beside} import half

def error(examples, seed, learning_rate=0.1):
    if examples == 13:
        raise ValueError("no such luck")
    return {{"error": half(1 / examples + seed / 1000 + learning_rate)}}
"""
GRID = 'function = "{measure}.py:error"\n[grid]\nexamples = [64, 256]\nseed = [0, 1]\n'


@pytest.fixture
def study(tmp_path, request):
    """A study whose modules have names of their own: Python imports a name once in a process."""
    number = abs(hash(request.node.name)) % 10**8
    measure, beside = f"measure_{number}", f"beside_{number}"
    (tmp_path / f"{measure}.py").write_text(MEASURE.format(beside=beside))
    (tmp_path / f"{beside}.py").write_text("def half(value):\n    return value / 2\n")
    path = tmp_path / "study.toml"
    path.write_text(GRID.format(measure=measure))
    before = list(sys.path)
    yield path
    sys.path[:] = before
    for name in (measure, beside):
        sys.modules.pop(name, None)


def run(study, *arguments):
    return CliRunner().invoke(sweep, [str(study), *arguments, "--store", str(study.parent / "store")])


def table(study, *arguments):
    outcome = run(study, *arguments, "--json")
    assert outcome.exit_code == 0, outcome.output
    return pd.DataFrame(json.loads(outcome.stdout))


def test_a_study_runs_at_every_point_and_is_not_computed_twice(study):
    expected = [(1 / examples + seed / 1000 + 0.1) / 2 for examples in (64, 256) for seed in (0, 1)]
    assert table(study)["error"].tolist() == pytest.approx(expected)
    again = run(study)
    assert "4 points were stored, 0 were computed." in again.stderr
    assert again.stdout.split()[:3] == ["examples", "seed", "error"]


def test_one_point_is_counted_in_the_singular(study):
    alone = run(study, "seed=0", "examples=64")
    assert "0 points were stored, 1 was computed." in alone.stderr
    again = run(study, "seed=0", "examples=64", "--out", study.parent / "one.csv")
    assert "1 point was stored, 0 were computed." in again.stderr
    assert "Wrote 1 row to" in again.stdout


def test_values_on_the_command_line_take_the_place_of_the_study_s(study):
    found = table(study, "seed=5", "examples=10,20", "learning_rate=0.5,1e-3")
    assert found[["examples", "seed", "learning_rate"]].drop_duplicates().to_records(index=False).tolist() == [
        (10, 5, 0.5),
        (10, 5, 0.001),
        (20, 5, 0.5),
        (20, 5, 0.001),
    ]


def test_explain_computes_nothing(study):
    run(study, "seed=0")
    found = table(study, "--explain")
    assert found["stored"].tolist() == [True, False, True, False]
    assert run(study, "--explain").output.count("new configuration") == 2


def test_a_random_study_draws_the_same_points_again(study):
    text = study.read_text().split("[grid]")[0]
    study.write_text(f"{text}[random]\npoints = 3\nseed = [0, 1]\nexamples = {{ low = 10, high = 99, whole = true }}\n")
    found = table(study)
    assert len(found) == 3
    assert found.examples.between(10, 99).all()
    assert set(found.seed) <= {0, 1}
    pd.testing.assert_frame_equal(table(study, "points=5").iloc[:3], found)
    assert table(study, "draw_seed=1").examples.tolist() != found.examples.tolist()


def test_the_table_lands_in_a_file(study):
    out = study.parent / "points.csv"
    assert run(study, "--out", str(out)).exit_code == 0
    assert pd.read_csv(out).columns.tolist() == ["examples", "seed", "error"]


def test_a_point_that_raises_is_named_and_ends_with_1(study):
    outcome = run(study, "examples=8,13")
    assert outcome.exit_code == 1
    assert "point 3 of 4 (examples=13, seed=0) failed: ValueError: no such luck" in outcome.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("function = 3", "needs a line such as function"),
        ("function = ", "is not a TOML file"),
        ("functoin = 'a:b'", "did you mean 'function'"),
        ("function = 'nowhere.py:error'\n[grid]\nx = [1]", "is in a file that is not there"),
        ("function = 'no_such_module:error'\n[grid]\nx = [1]", "cannot be imported"),
        ("function = 'labkit.seeds:derivv'\n[grid]\nx = [1]", "did you mean 'derive'"),
        ("function = 'labkit.seeds:derive'", r"needs a table [grid] or a table [random]"),
        ("function = 'labkit.seeds:derive'\n[random]\nx = [1]", "needs points = 50"),
        ("function = 'labkit.seeds:derive'\n[random]\npoints = 2\nx = { low = 1, top = 2 }", "a span has low and high"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused_with_the_reason(text, message, study):
    study.write_text(text)
    outcome = run(study)
    assert outcome.exit_code == 2
    assert message in outcome.stderr


def test_wrong_arguments_are_refused_before_anything_runs(study):
    assert "expected KEY=VALUES" in run(study, "seed").stderr
    assert "--address goes with" in run(study, "--address", "tcp://here:1").stderr
    assert "there is no folder" in run(study, "--out", str(study.parent / "no" / "points.csv")).stderr
    assert run(study.parent / "none.toml").exit_code == 2
    assert not (study.parent / "store").exists()


def test_help_shows_how_a_cluster_is_named():
    command = [sys.executable, "-m", "labkit", "sweep", "--help"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "--backend dask --address tcp://" in outcome.stdout


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="dask is not installed")
def test_a_scheduler_that_never_saw_the_study_s_files_gives_the_same_table(study):
    from distributed import LocalCluster

    here = table(study)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        address = ("--backend", "dask", "--jobs", "2", "--address", cluster.scheduler_address)
        far = run(study, *address, "--out", str(study.parent / "far.csv"), "seed=0,1,2")
    assert far.exit_code == 0, far.output
    both = pd.read_csv(study.parent / "far.csv")
    pd.testing.assert_frame_equal(both[both.seed < 2].reset_index(drop=True), here)
    assert "4 points were stored, 2 were computed." in far.stderr
