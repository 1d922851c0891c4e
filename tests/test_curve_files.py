"""A reader's own file becomes a curve, or a sentence saying why not."""

from __future__ import annotations

import pandas as pd
import pytest

from labkit import curve_files


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "mine.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_csv_json_lines_and_tabs_read_alike(written):
    csv = curve_files.read_curve(written("examples,error\n10,0.5\n20,0.4\n"))
    lines = curve_files.read_curve(
        written('{"examples": 10, "error": 0.5}\n{"examples": 20, "error": 0.4}\n', "a.jsonl")
    )
    tabs = curve_files.read_curve(written("examples\terror\n10\t0.5\n20\t0.4\n", "a.tsv"))
    pd.testing.assert_frame_equal(csv, lines)
    pd.testing.assert_frame_equal(csv, tabs)


def test_parquet_reads_like_csv(written, tmp_path):
    pytest.importorskip("pyarrow")
    csv = curve_files.read_curve(written("examples,error\n10,0.5\n20,0.4\n"))
    path = tmp_path / "a.parquet"
    pd.DataFrame({"examples": [10, 20], "error": [0.5, 0.4]}).to_parquet(path)
    pd.testing.assert_frame_equal(csv, curve_files.read_curve(path))


def test_what_is_no_parquet_file_is_refused_with_the_reason(written):
    # without a reader installed pandas says which package to install; with one, that the file is none
    with pytest.raises(ValueError, match=r"a\.parquet cannot be read as parquet: \S"):
        curve_files.read_curve(written("examples,error\n10,0.5\n", "a.parquet"))


def test_columns_are_chosen_by_name_and_remembered(written):
    curve = curve_files.read_curve(
        written("size_mb,score,sd\n1,0.5,0.01\n2,0.4,0.02\n"), x="size_mb", y="score", se="sd"
    )
    assert curve.se.tolist() == [0.01, 0.02]
    assert curve.attrs == {"x_name": "size_mb", "y_name": "score", "dropped": 0, "notes": ()}


def test_rows_with_a_missing_value_are_dropped_and_counted(written):
    curve = curve_files.read_curve(written("examples,error\n10,0.5\n20,\n40,0.3\n80,inf\n"))
    assert curve.x.tolist() == [10, 40]
    assert curve.attrs["dropped"] == 2


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "cannot be read"),
        ("examples,error\n", {}, "no rows"),
        ("examples,error\n1,\n", {}, "no row with a finite"),
        ("examples,error\n1,high\n", {}, "'high' in row 1"),
        ("examples,error\n-1,0.5\n", {}, "above 0"),
        ("examples,error\n1,0.5\n", {"x": "exmples"}, "did you mean 'examples'"),
        ("a,b\n1,2\n", {}, "none has a usual name"),
        ("examples,error,loss\n1,2,3\n", {}, r"several would do \(error, loss\)"),
    ],
)
def test_what_cannot_be_a_curve_is_refused_with_the_reason(written, text, options, message):
    with pytest.raises(ValueError, match=message):
        curve_files.read_curve(written(text), **options)


def test_unknown_endings_and_missing_files_are_refused(written, tmp_path):
    with pytest.raises(ValueError, match=r"unknown ending '\.pkl'"):
        curve_files.read_curve(written("x", "a.pkl"))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        curve_files.read_curve(tmp_path / "none.csv")


def test_a_file_over_the_limit_is_refused_before_it_is_read(written, monkeypatch):
    monkeypatch.setattr(curve_files, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="at most"):
        curve_files.read_curve(written("examples,error\n10,0.5\n"))
