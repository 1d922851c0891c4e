"""A reader's own file becomes a curve, or a sentence saying why not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit import curve_files, table_files
from labkit.laws.curve import clean


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
        ("examples,seed 1,seed 2\n1,2,3\n", {}, r"Repeats such as seed 1 and seed 2 go into rows of their own"),
    ],
)
def test_what_cannot_be_a_curve_is_refused_with_the_reason(written, text, options, message):
    with pytest.raises(ValueError, match=message):
        curve_files.read_curve(written(text), **options)


def test_unknown_endings_and_missing_files_are_refused(written, tmp_path):
    with pytest.raises(ValueError, match=r"ending '\.pkl', but only \.csv"):
        curve_files.read_curve(written("x", "a.pkl"))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        curve_files.read_curve(tmp_path / "none.csv")


def test_a_file_over_the_limit_is_refused_before_it_is_read(written, monkeypatch):
    monkeypatch.setattr(table_files, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="at most"):
        curve_files.read_curve(written("examples,error\n10,0.5\n"))


def test_a_log_is_read_through_its_usual_names_and_gaps(written):
    log = written(
        '{"step": 0, "epoch": 0.0, "loss": 3.0}\n{"step": 10, "epoch": 0.1, "loss": 2.0}\n'
        '{"step": 10, "epoch": 0.1, "eval_loss": 2.1}\n{"step": 20, "epoch": 0.2, "loss": 1.5}\n{"step": 20, "ep',
        "log.jsonl",
    )
    curve = curve_files.read_curve(log, y="loss")
    assert curve[["x", "y"]].values.tolist() == [[10, 2.0], [20, 1.5]]
    assert curve.attrs["x_name"] == "step"
    assert curve.attrs["notes"] == (
        "1 row without loss is left out.",
        "1 row at step 0 is left out: logarithms have no zero.",
    )


def test_a_broken_line_in_the_middle_is_named(written):
    with pytest.raises(ValueError, match=r"log\.jsonl cannot be read as jsonl: line 2 is not JSON"):
        curve_files.read_curve(written('{"step": 1, "loss": 1}\n{"st\n{"step": 2, "loss": 1}\n', "log.jsonl"))
    with pytest.raises(ValueError, match="expected an object per line"):
        curve_files.read_curve(written("[1, 2]\n", "log.jsonl"))


def test_many_lines_of_json_are_read_in_blocks_alike(written, monkeypatch):
    log = written("".join(f'{{"step": {i}, "loss": {1 / i}}}\n' for i in range(1, 8)), "log.jsonl")
    whole = curve_files.read_curve(log)
    monkeypatch.setattr(table_files, "_BLOCK", 3)
    pd.testing.assert_frame_equal(curve_files.read_curve(log), whole)


def test_json_is_records_columns_or_the_state_of_a_trainer(written):
    records = '[{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}]'
    texts = [records, '{"step": [1, 2], "loss": [0.5, 0.4]}', f'{{"log_history": {records}, "best_metric": null}}']
    for text in texts:
        assert curve_files.read_curve(written(text, "state.json")).y.tolist() == [0.5, 0.4]


def test_an_export_of_weights_and_biases_names_its_runs(written):
    export = written(
        '"Step","big - val/loss","big - val/loss__MIN","big - val/loss__MAX","small - val/loss"\n'
        '"0","3","3","3","3.1"\n"100","0.5","0.4","0.6",""\n"200","0.4","0.4","0.4","0.7"\n'
    )
    curve = curve_files.read_curve(export, y="big - val/loss")
    assert curve[["x", "y"]].values.tolist() == [[100, 0.5], [200, 0.4]]
    with pytest.raises(ValueError, match="several columns are called 'loss': name one of big"):
        curve_files.read_curve(export, y="loss")
    with pytest.raises(ValueError, match="the columns are Step, big - val/loss, small - val/loss"):
        curve_files.read_curve(export)


def test_a_file_that_tensorboard_saved_needs_no_options(written):
    curve = curve_files.read_curve(written("Wall time,Step,Value\n1.7e9,1,2.5\n1.7e9,2,2.0\n"))
    assert (curve.attrs["x_name"], curve.attrs["y_name"], curve.y.tolist()) == ("Step", "Value", [2.5, 2.0])


def test_the_folder_of_a_tensorboard_run_is_a_file_like_others(tmp_path):
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "run") as writer:
        for step in range(0, 40, 10):
            writer.add_scalar("validation/loss", 1 / (step + 1), step)
    curve = curve_files.read_curve(tmp_path / "run")
    assert curve.x.tolist() == [10, 20, 30]
    assert curve.attrs["y_name"] == "validation/loss"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty is a folder without TensorBoard event files"):
        curve_files.read_curve(tmp_path / "empty")


def test_a_long_log_becomes_its_trend_and_says_so(written):
    steps = np.arange(1, 20_001)
    loss = 2 + steps**-0.5 + np.random.default_rng(0).normal(0, 0.1, len(steps))
    log = written(pd.DataFrame({"step": steps, "loss": loss}).to_csv(index=False))
    curve = curve_files.read_curve(log)
    assert 50 < len(curve) <= 200
    late = curve[curve.x > 5_000]  # bins of hundreds of rows
    np.testing.assert_allclose(late.y, 2 + late.x**-0.5, atol=0.03)
    assert "20,000 rows are averaged" in curve.attrs["notes"][0]


def test_many_repeats_are_averaged_in_groups_that_keep_every_weight(written):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"examples": np.repeat([10, 20, 40], [6_000, 3_000, 3_000]), "se": 0.1})
    table["error"] = 1 / table.examples + rng.normal(0, 0.1, len(table))
    curve = curve_files.read_curve(written(table.to_csv(index=False)), se="se")
    assert curve.groupby("x").size().to_dict() == {10: 1000, 20: 500, 40: 500}
    np.testing.assert_allclose(curve.groupby("x").y.mean(), table.groupby("examples").error.mean(), rtol=1e-9)
    np.testing.assert_allclose(curve.se, 0.1 / np.sqrt(6))
    np.testing.assert_allclose(curve.groupby("x").y.std(), 0.1 / np.sqrt(6), rtol=0.2)


def test_a_header_that_is_missing_is_said_to_be(written):
    with pytest.raises(ValueError, match=r"first line of mine.csv holds numbers \(128, 0.262\)"):
        curve_files.read_curve(written("128,0.262\n256,0.2\n"))


def test_spreadsheets_spaces_and_comments_are_understood(written):
    for text in ("examples;error\n10;0,5\n20;0,4\n", "# made by hand\nexamples, error\n10, 0.5\n20, 0.4\n"):
        assert curve_files.read_curve(written(text)).y.tolist() == [0.5, 0.4]
    marked = "\ufeffexamples,error\n10,0.5\n20,0.4\n"  # as spreadsheets begin their UTF-8
    assert curve_files.read_curve(written(marked)).y.tolist() == [0.5, 0.4]


def test_scores_and_diverging_runs_are_remarked_on(written):
    [note] = curve_files.read_curve(written("examples,accuracy\n10,0.5\n20,0.6\n40,0.7\n")).attrs["notes"]
    assert "accuracy rises with examples" in note
    assert "1-accuracy" in note
    assert curve_files.read_curve(written("examples,error\n10,0.5\n20,0.4\n40,0.41\n")).attrs["notes"] == ()


def test_a_large_file_comes_with_the_command_that_shortens_it(written, monkeypatch):
    monkeypatch.setattr(table_files, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match=r"awk 'NR == 1 \|\| NR % 21 == 0' mine\.csv > short\.csv"):
        curve_files.read_curve(written("examples,error\n" + "10,0.5\n" * 27))


def test_a_score_is_turned_into_an_error_on_request(written):
    file = written("n_train,top/accuracy,fold\n10,0.5,0\n20,0.75,0\n")
    curve = curve_files.read_curve(file, y="1-accuracy")
    assert (curve.y.tolist(), curve.attrs["y_name"]) == ([0.5, 0.25], "1-top/accuracy")
    with pytest.raises(ValueError, match=r"no column 'acuracy': .*top/accuracy"):
        curve_files.read_curve(file, y="1-acuracy")
    percents = curve_files.read_curve(written("n,accuracy\n10,50\n20,75\n"), y="100 - accuracy")
    assert percents.y.tolist() == [50, 25]


def test_percent_signs_are_read_as_shares(written):
    assert curve_files.read_curve(written("examples,error\n10,30%\n20,25 %\n")).y.tolist() == [0.3, 0.25]


def test_sizes_are_the_means_of_what_a_forecast_counts():
    rows = pd.DataFrame(
        {"x": [4, 4, 2, 8, 8, 16], "y": [0.2, 0.0, 0.5, 0.3, 1.5, 0.0], "se": [0.03, 0.04, 0.1, 0.1, 1, 1]}
    )
    sizes = curve_files.by_size(rows, (0, 1))
    assert sizes.x.tolist() == [2, 4, 8]
    assert sizes.y.tolist() == pytest.approx([0.5, 0.1, 0.3])
    assert sizes.se.tolist() == pytest.approx([0.1, 0.025, 0.1])
    assert sizes.attrs["zeros"] == 1
    known = clean(rows.x, rows.y, rows.se, (0, 1))
    assert sizes.y.tolist() == pytest.approx(known.y[:3])
    assert sizes.se.tolist() == pytest.approx(known.se[:3])


def test_standard_errors_of_zero_weigh_no_size():
    sizes = curve_files.by_size(pd.DataFrame({"x": [1, 2], "y": [0.4, 0.2], "se": [0.0, 0.1]}))
    assert curve_files.weights(sizes) is None


def test_units_in_a_header_do_not_hide_a_usual_name(written):
    curve = curve_files.read_curve(written("Training examples (n),Test-error [%],Wall time (s)\n10,50,3\n20,40,4\n"))
    assert curve.y.tolist() == [50, 40]
    assert curve.attrs["x_name"] == "Training examples (n)"  # which says the unit that the numbers are in
    exact = curve_files.read_curve(written("examples,Error (%),error\n10,50,0.5\n20,40,0.4\n"))
    assert exact.attrs["y_name"] == "error"


@pytest.mark.parametrize(
    "content",
    [
        b"sep=;\nexamples;error\n10;0,5\n20;0,4\n",
        b"\xef\xbb\xbfsep=;\r\nexamples;error\r\n10;0.5\r\n20;0.4\r\n",
        b"# runs\nsep=\t\nexamples\terror\n10\t0.5\n20\t0.4\n",
        "examples\terror\n10\t0.5\n20\t0.4\n".encode("utf-16"),
        "sep=;\nexamples;error\n10;0,5\n20;0,4\n".encode("utf-16-be").join([b"\xfe\xff", b""]),
    ],
)
def test_what_spreadsheets_write_above_a_table_is_no_part_of_it(tmp_path, content):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    assert curve_files.read_curve(path).y.tolist() == [0.5, 0.4]


def test_lines_of_json_are_read_under_either_ending(written):
    text = '{"examples": 10, "error": 0.5}\n{"examples": 20, "error": 0.4}\n'
    assert curve_files.read_curve(written(text, "a.json")).y.tolist() == [0.5, 0.4]


def test_a_mark_for_a_missing_value_is_refused_with_what_to_do(written):
    with pytest.raises(
        ValueError, match="'-' in row 2, which is not a number: leave such a row out, or the cell empty"
    ):
        curve_files.read_curve(written("examples,error\n10,0.5\n20,-\n"))


@pytest.mark.parametrize("name", ["val_error", "valid_loss", "val/loss", "Eval Error", "validation/loss"])
def test_what_trainers_call_an_error_needs_no_option(written, name):
    curve = curve_files.read_curve(written(f"trainer/global_step,train/loss,{name}\n10,0.3,0.5\n20,0.2,0.4\n"))
    assert (curve.attrs["x_name"], curve.attrs["y_name"]) == ("trainer/global_step", name)


def test_text_files_are_read_as_tables(written):
    curve = curve_files.read_curve(written("examples\terror\n10\t0.5\n20\t0.4\n", "a.txt"))
    assert curve.y.tolist() == [0.5, 0.4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("examples,error\n10,0.5\n20,0.4,0.3\n", r"line 3 of mine\.csv has 3 values, those before it 2"),
        ("date,error\n2024-01-02,0.5\n2024-01-03,0.4\n", "is not a number but a date: give sizes, steps or tokens"),
        ('examples,error\n10,0.5\n"20,0.4\n', r"mine\.csv opens a quotation mark in line 3 and never closes it"),
        ("examples,error\n10,0.5 ± 0.1\n", "is not a number but two: put what follows the ± in a column of its own"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_in_words(written, text, message):
    given = {"x": "date"} if text.startswith("date") else {}
    with pytest.raises(ValueError, match=message):
        curve_files.read_curve(written(text), **given)


def test_a_standard_error_of_zero_comes_with_what_to_do():
    with pytest.raises(ValueError, match="leave such rows out, or fit without --se"):
        curve_files.weights(pd.DataFrame({"x": [1], "y": [0.5], "se": [0.0]}))
