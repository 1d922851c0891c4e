"""Records: what is refused, what is kept, and what a reader of the files finds."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import results
from labkit.results import files

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.delenv("LABKIT_RUN_DIR", raising=False)
    monkeypatch.delenv("LABKIT_HEADLESS", raising=False)
    results.start("demo", "smoke")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), [1.0, math.nan]])
def test_a_number_that_is_not_finite_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"record 'slope'.*must be finite"):
        results.record("slope", value, kind="numeric")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"value": 1.0, "kind": "statistical"}, "needs its standard error"),
        ({"value": 1.0, "kind": "statistical", "se": math.nan}, "se is nan"),
        ({"value": 1.0, "kind": "statistical", "se": -0.1}, "not negative"),
        ({"value": "high", "kind": "numeric"}, "expected a number"),
        ({"value": True, "kind": "numeric"}, "expected a number"),
        ({"value": 1.0, "kind": "numerical"}, "did you mean 'numeric'"),
        ({"value": object(), "kind": "exact"}, "an exact value is"),
        ({"value": {1: 2}, "kind": "exact"}, "keys of an exact mapping"),
        ({"value": -1.0, "kind": "time"}, "a time is not negative"),
        ({"value": 1.0, "kind": "numeric", "n": 0}, "whole number from 1"),
        ({"value": 1.0, "kind": "numeric", "n": 2.5}, "whole number from 1"),
        ({"value": ["a", "a"], "kind": "ordinal"}, "different names"),
        ({"value": "ab", "kind": "ordinal"}, "different names"),
        ({"value": ["a", "b"], "kind": "ordinal", "se": 0.1}, "without scores"),
        ({"value": {"a": 1, "b": 2}, "kind": "ordinal", "se": {"a": 1}}, "se names"),
        ({"value": {"a": 1, "b": math.nan}, "kind": "ordinal"}, "must be finite"),
    ],
)
def test_what_cannot_be_compared_later_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        results.record("it", **given)
    assert results.table().empty


def test_an_order_lists_the_lowest_score_first_with_its_scores_and_errors():
    made = results.record("order", {"b": 0.3, "a": np.float64(0.1)}, se={"a": 0.01, "b": 0.02}, kind="ordinal")
    assert (made.value, made.scores, made.se) == (("a", "b"), (0.1, 0.3), (0.01, 0.02))


def test_running_a_cell_again_replaces_its_record():
    results.record("slope", 1.0, kind="numeric")
    results.record("points", 3, kind="exact")
    results.record("slope", 2.0, kind="numeric")
    assert results.table()["name"].tolist() == ["slope", "points"]
    assert results.table()["value"].tolist() == [2.0, 3]


def test_a_name_used_twice_ends_a_headless_run(monkeypatch):
    monkeypatch.setenv("LABKIT_HEADLESS", "1")
    results.record("slope", 1.0, kind="numeric")
    with pytest.raises(ValueError, match="record 'slope' exists already"):
        results.record("slope", 1.0, kind="numeric")


def test_the_file_holds_every_record_after_every_call(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUN_DIR", str(tmp_path))
    results.start("demo", "smoke")
    assert results.read(tmp_path).records == {}
    for count in range(3):
        results.record(f"number {count}", count, kind="exact")
        assert list(results.read(tmp_path).records) == [f"number {one}" for one in range(count + 1)]
    assert os.listdir(tmp_path) == ["records.json"]


def test_starting_a_run_forgets_the_one_before_on_disk_too(tmp_path):
    results.start("demo", "smoke", tmp_path)
    results.record("slope", 1.0, se=0.1, kind="statistical")
    results.judge("deep-learning-scaling-predictable", holds=None, evidence=["slope"])
    results.start("demo", "smoke", tmp_path)
    assert os.listdir(tmp_path) == ["records.json"]
    assert results.table().empty


@settings(deadline=None, max_examples=60)
@given(
    number=finite,
    error=st.floats(0, 1e300),
    order=st.dictionaries(st.text(min_size=1).filter(str.strip), finite, min_size=2, max_size=6),
    text=st.text(),
)
def test_a_run_read_back_holds_the_same_records(tmp_path_factory, number, error, order, text):
    folder = tmp_path_factory.mktemp("run")
    run = results.start("demo", "smoke", folder)
    results.record("mean", number, se=error, n=3, kind="statistical", fingerprint="ab12", unit="nats")
    results.record("curve", [number, -number], kind="numeric")
    results.record("order", order, se=error, kind="ordinal")
    results.record("seconds", error, kind="time")
    results.record("notes", {"text": [text, 3, None]}, kind="exact")
    back = results.read(folder)
    assert back.records == run.records
    assert (back.notebook, back.preset, back.environment) == ("demo", "smoke", run.environment)


def test_a_damaged_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="recorded nothing"):
        results.read(tmp_path)
    (tmp_path / "records.json").write_text('{"schema": 1, "rec')
    with pytest.raises(ValueError, match=r"records\.json is not valid JSON"):
        results.read(tmp_path)
    (tmp_path / "records.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(ValueError, match="schema 99"):
        results.read(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "records.json"
    files.write_json(path, {"schema": 1})

    def full(*_):
        raise OSError("no room")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="no room"):
        files.write_json(path, {"schema": 2})
    assert json.loads(path.read_text()) == {"schema": 1}
    assert os.listdir(tmp_path) == ["records.json"]


def test_results_load_neither_torch_nor_pandas():
    code = "import sys, labkit.results; print([name for name in ('torch', 'pandas', 'scipy') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
