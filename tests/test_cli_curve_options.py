"""``labkit fit`` and ``labkit forecast``: what every option does, and files as spreadsheets write them."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest

from labkit import cli, curve_files, laws, seeds, table_files
from labkit.commands import curves

SIZES = np.array([64, 128, 256, 512, 1024, 2048])
ERRORS = (0.02 + 3 * SIZES**-0.5) * np.exp(0.03 * seeds.generator(0, "options").standard_normal(6))


@pytest.fixture
def labkit(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["labkit", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as finished:
            code = finished.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def curve(tmp_path):
    path = tmp_path / "mine.csv"
    pd.DataFrame({"examples": SIZES, "error": ERRORS, "sd": [0.1] * 3 + [1e-3] * 3}).to_csv(path, index=False)
    return path


def test_a_fit_weighs_points_by_their_standard_errors(labkit, curve):
    def amplitude(*more):
        code, out, _ = labkit("fit", curve, "--y", "error", "--form", "power", *more, "--json")
        assert code == 0
        return json.loads(out)["parameters"]["A"]["value"]

    weights = (ERRORS / np.array([0.1] * 3 + [1e-3] * 3)) ** 2
    law = laws.ScalingLaw("power", "log_squared").fit(SIZES, ERRORS, weights)
    assert amplitude("--se", "sd") == pytest.approx(law.parameters_["A"], rel=1e-6)
    assert amplitude("--se", "sd") != pytest.approx(amplitude(), rel=1e-3)
    weights = 1 / np.array([0.1] * 3 + [1e-3] * 3) ** 2
    law = laws.ScalingLaw("power", "squared").fit(SIZES, ERRORS, weights)
    assert amplitude("--se", "sd", "--objective", "squared") == pytest.approx(law.parameters_["A"], rel=1e-6)


def test_points_that_claim_no_error_cannot_weigh_in_a_fit(labkit, curve):
    table = pd.read_csv(curve)
    table.assign(sd=[0.1] * 5 + [0.0]).to_csv(curve, index=False)
    code, _, said = labkit("fit", curve, "--y", "error", "--se", "sd")
    assert code == 2
    assert "none may be 0" in said


def test_the_kind_of_a_chart_is_told_by_its_ending(labkit, curve, tmp_path):
    asked = ["forecast", curve, "--y", "error", "--chart"]
    assert labkit(*asked, tmp_path / "a.svg")[0] == 0
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")
    assert labkit(*asked, tmp_path / "a.json")[0] == 0
    assert "vega-lite" in json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["$schema"]
    for name, message in (("a.png", "must end in .svg"), ("nowhere/a.svg", "there is no folder")):
        code, out, said = labkit(*asked, tmp_path / name)
        assert (code, out) == (2, "")
        assert message in said
        assert not (tmp_path / name).exists()


def test_a_law_of_several_variables_is_refused_for_a_curve(labkit, curve):
    code, _, said = labkit("fit", curve, "--y", "error", "--form", "chinchilla")
    assert code == 2
    assert "laws of one variable; chinchilla has params, tokens" in said
    assert "laws.ScalingLaw('chinchilla').fit(table[['params', 'tokens']], table['error'])" in said


def test_a_target_that_a_lucky_last_point_reaches_is_said_in_words(labkit, tmp_path):
    path = tmp_path / "lucky.csv"
    path.write_text("examples,error\n10,0.30\n40,0.33\n160,0.36\n640,0.41\n2560,0.2\n")
    code, out, said = labkit("forecast", path, "--target", "0.2")
    assert (code, said) == (0, "")
    assert "the last point is there already, at 2,560 examples" in out


def test_what_is_nearly_sure_is_not_called_sure(labkit, curve):
    _, out, _ = labkit("forecast", curve, "--y", "error", "--target", "1e-6")
    assert "The chance is over 99% that it takes more" in out
    assert [curves._chance(value) for value in (0.004, 0.5, 0.9999)] == ["under 1%", "50%", "over 99%"]


def test_the_last_value_is_the_mean_of_the_repeats_of_the_largest_size(labkit, tmp_path):
    path = tmp_path / "repeats.csv"
    path.write_text("examples,error\n10,0.5\n20,0.4\n40,0.2\n40,0.3\n")
    assert json.loads(labkit("forecast", path, "--json")[1])["last_value"] == pytest.approx(0.25)


def test_one_point_is_counted_in_the_singular(labkit, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("examples,error\n10,0.3\n")
    assert labkit("forecast", path)[1].startswith("1 point of error")


@pytest.mark.parametrize("text", ["examples\terror\n10\t0.5\n20\t0.4\n", "examples;error\n10;0.5\n20;0.4\n"])
def test_the_separator_of_a_table_is_told_by_its_first_line(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert curve_files.read_curve(path).y.tolist() == [0.5, 0.4]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "examples,précision\n1,2\n".encode("latin-1"), "not text in UTF-8: save it in that encoding"),
        ("a.csv", "examples,error\n1,2\n".encode("utf-16")[:-1], "not text in UTF-8"),
        ("a.jsonl", '{"examples": 1, "précision": 2}\n'.encode("latin-1"), "not text in UTF-8"),
        ("a.csv", b"examples,error\n1,2\n", "both 'examples': name two columns of examples, error"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        curve_files.read_curve(path, y="examples")


def test_without_a_reader_of_parquet_the_extra_is_named(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")

    def missing(path):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setitem(table_files._READERS, ".parquet", missing)
    with pytest.raises(ValueError, match=r"a\.parquet cannot be read as parquet: .*pip install 'labkit\[parquet\]'"):
        curve_files.read_curve(path)


def test_percents_become_shares_and_a_note_says_so(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("examples,error\n10,50%\n20,\n40,40.5 %\n")
    curve = curve_files.read_curve(path)
    assert curve.y.tolist() == [0.5, 0.405]
    assert "error is in percent and read as a share: 5% is 0.05." in curve.attrs["notes"]


def test_rows_without_a_standard_error_are_named_so(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("examples,error,sd\n10,0.5,\n20,0.4,0.1\n")
    curve = curve_files.read_curve(path, y="error", se="sd")
    assert curve.attrs["notes"] == ("1 row without sd is left out.",)


def test_values_that_are_all_alike_are_no_law(labkit, tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text("examples,error\n" + "".join(f"{size},0.2\n" for size in SIZES))
    code, out, said = labkit("fit", path)
    assert (code, out) == (6, "")
    assert "all values of error are alike" in said
    assert labkit("fit", path, "--form", "last_value")[0] == 0


def test_a_point_outside_the_bounds_is_neither_the_last_value_nor_the_largest_size(labkit, tmp_path):
    path = tmp_path / "outside.csv"
    path.write_text("examples,error\n10,0.5\n20,0.4\n40,0.3\n80,-0.2\n")
    found = json.loads(labkit("forecast", path, "--json")[1])
    assert found["last_value"] == 0.3
    assert [row["at"] for row in found["forecast"]] == [80, 400]


def test_a_level_close_to_one_is_not_called_one(labkit, curve):
    assert "(99.9% interval)" in labkit("forecast", curve, "--y", "error", "--interval", 0.999)[1]
    assert "(90% interval)" in labkit("fit", curve, "--y", "error")[1]


def test_what_the_system_denies_is_a_sentence(labkit, curve, tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied", "a.svg")

    monkeypatch.setattr(curves, "_draw", denied)
    code, _, said = labkit("forecast", curve, "--y", "error", "--chart", tmp_path / "a.svg")
    assert code == 2
    assert said.startswith("Error: [Errno 13] Permission denied")


def test_an_unknown_kind_of_entry_gets_the_nearest_one(labkit):
    code, _, said = labkit("list", "froms")
    assert code == 2
    assert "did you mean 'forms'" in said


def test_the_lists_show_what_a_law_is_called_with_and_what_a_published_one_says(labkit):
    assert re.search(r"power_floor +pow3 M2 +x +E A alpha", labkit("list", "forms")[1])
    assert re.search(
        r"hoffmann-2022 +chinchilla +E=1.69 A=406.4 B=410.7 alpha=0.34 beta=0.28", labkit("list", "laws")[1]
    )


def test_the_study_in_the_help_of_sweep_stands_as_it_is_to_be_written(labkit):
    lines = [line.strip() for line in labkit("sweep", "--help")[1].splitlines()]
    assert "[grid]" in lines
    assert "draw_seed = 0" in lines


def test_a_fit_as_json_says_what_was_read_and_how(labkit, tmp_path):
    path = tmp_path / "percent.csv"
    path.write_text("examples,error\n" + "".join(f"{x},{100 * y:.2f}%\n" for x, y in zip(SIZES, ERRORS, strict=True)))
    found = json.loads(labkit("fit", path, "--interval", 0.5, "--json")[1])
    assert (found["x"], found["y"], found["interval"]) == ("examples", "error", 0.5)
    assert "read as a share" in found["notes"][0]


def test_limits_that_one_point_to_spare_makes_too_narrow_are_said_to_be(labkit, tmp_path):
    path = tmp_path / "four.csv"
    for count, said in ((4, True), (5, False)):
        pd.DataFrame({"examples": SIZES[:count], "error": ERRORS[:count]}).to_csv(path, index=False)
        assert ("the limits are too narrow" in labkit("fit", path)[1]) is said
        assert (
            any("the limits are too narrow" in note for note in json.loads(labkit("fit", path, "--json")[1])["notes"])
            is said
        )


WRITTEN = {
    "csv": lambda table: table.to_csv(index=False),
    "csv in UTF-16": lambda table: table.to_csv(index=False).encode("utf-16"),
    "json lines": lambda table: table.to_json(orient="records", lines=True),
    "json records": lambda table: table.to_json(orient="records"),
    "json records, indented": lambda table: table.to_json(orient="records", indent=2),
    "json columns": lambda table: table.to_json(),
    "json lists": lambda table: json.dumps(table.to_dict("list")),
    "one line of json": lambda table: table[:1].to_json(orient="records", lines=True),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_curve_can_be_piped_in(labkit, curve, monkeypatch, kind):
    import io
    from types import SimpleNamespace

    content = WRITTEN[kind](pd.read_csv(curve))
    content = content.encode() if isinstance(content, str) else content
    if kind == "one line of json":
        pd.read_csv(curve)[:1].to_csv(curve, index=False)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    asked = ["--y", "error", "--at", "10k", "--json"]
    code, out, _ = labkit("forecast", "-", *asked)
    assert code == 0
    piped, wanted = (json.loads(text)["forecast"][0] for text in (out, labkit("forecast", curve, *asked)[1]))
    assert piped == pytest.approx(wanted)


def test_what_is_piped_in_compressed_is_refused_with_what_to_do(labkit, curve, monkeypatch):
    import gzip
    import io
    from types import SimpleNamespace

    packed = gzip.compress(curve.read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(packed)))
    code, _, said = labkit("fit", "-")
    assert (code, "pipe it through gunzip -c first" in said) == (2, True)
    path = curve.with_name("mine.csv.gz")
    path.write_bytes(packed)
    code, _, said = labkit("fit", path)
    assert (code, "gunzip -c mine.csv.gz | labkit forecast -" in said) == (2, True)


def test_nothing_piped_in_is_an_empty_file(labkit, monkeypatch):
    import io
    from types import SimpleNamespace

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    code, _, said = labkit("fit", "-")
    assert code == 2
    assert "stdin.csv cannot be read as csv: it is empty" in said


def test_a_target_in_percent_is_a_share(labkit, curve):
    asked = ["forecast", curve, "--y", "error", "--json", "--target"]
    assert json.loads(labkit(*asked, "5%")[1])["plan"] == json.loads(labkit(*asked, "0.05")[1])["plan"]
    code, _, said = labkit(*asked, "five")
    assert code == 2
    assert "expected one such as 0.05 or 5%" in said


def test_the_level_of_a_plan_is_said_where_no_forecast_says_it(labkit, curve):
    assert (
        "(80% interval). The chance is"
        in labkit("forecast", curve, "--y", "error", "--target", 0.06, "--interval", 0.8)[1]
    )


def test_a_target_above_every_point_is_asked_about(labkit, curve):
    assert (
        "above every error: was it meant in another unit?"
        in labkit("forecast", curve, "--y", "error", "--target", 5)[1]
    )
    found = json.loads(labkit("forecast", curve, "--y", "error", "--target", 0.1, "--json")[1])
    assert "warnings" not in found


def test_a_target_far_below_every_point_is_asked_about(labkit, curve):
    table = pd.read_csv(curve)
    table.assign(error=100 * table.error).to_csv(curve, index=False)
    asked = ["forecast", curve, "--y", "error", "--target"]
    assert "the target 0.05 is far below every error: was it meant in another unit?" in labkit(*asked, "5%")[1]
    assert "another unit" not in labkit(*asked, "5")[1]


@pytest.mark.parametrize(
    ("factor", "more", "message"),
    [
        (-1, [], "where they may be negative, give --bounds -inf inf"),
        (100, ["--bounds", "0", "1"], "where they are percents, give --bounds 0 100"),
        (-1, ["--bounds", "2", "3"], "give the range that they can take"),
    ],
)
def test_bounds_that_hold_no_point_are_refused_with_what_the_points_are(labkit, curve, factor, more, message):
    table = pd.read_csv(curve)
    table.assign(error=factor * table.error).to_csv(curve, index=False)
    code, _, said = labkit("forecast", curve, "--y", "error", *more)
    low, high = sorted((factor * ERRORS[0], factor * ERRORS[-1]))
    assert code == 2
    assert f"they go from {low:g} to {high:g}; {message}" in said


def test_logarithms_of_what_has_none_are_refused_with_the_option_that_takes_it(labkit, curve):
    table = pd.read_csv(curve)
    table.assign(error=np.append(ERRORS[:-1], 0)).to_csv(curve, index=False)
    code, _, said = labkit("fit", curve, "--y", "error")
    assert code == 2
    assert "1 of 6 points of error is at zero or below" in said
    assert "fit with --objective squared" in said
    assert labkit("fit", curve, "--y", "error", "--objective", "squared")[0] == 0


@pytest.mark.parametrize(
    ("values", "more"),
    [(1 - ERRORS, []), (-ERRORS, ["--objective", "squared"])],
    ids=["values that rise", "values below a floor of zero"],
)
def test_a_law_that_says_no_more_than_a_mean_is_no_fit(labkit, curve, values, more):
    pd.DataFrame({"examples": SIZES, "error": values}).to_csv(curve, index=False)
    code, out, said = labkit("fit", curve, *more)
    assert (code, out) == (6, "")
    assert "No fit: power_floor describes error no better than its mean does" in said


@pytest.mark.parametrize("interval", ["90", "0", "1", "nan", "150%", "wide"])
def test_what_is_no_share_is_refused_with_one_that_is(labkit, curve, interval):
    code, _, said = labkit("forecast", curve, "--interval", interval)
    assert code == 2
    assert "such as 0.9" in said or "such as 0.05" in said


def test_an_interval_may_be_in_percent(labkit, curve):
    assert "(95% interval)" in labkit("forecast", curve, "--y", "error", "--interval", "95%")[1]


def test_the_columns_of_a_forecast_stand_under_their_names_however_long(labkit, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("number of labelled examples (n),error\n" + "".join(f"{2**i},{2**-i / 2}\n" for i in range(4, 10)))
    out = labkit("forecast", path, "--x", "number of labelled examples (n)")[1]
    head, *rows = (line for line in out.splitlines() if line.startswith((" ", "number")))
    assert (
        len({line.index(last) + len(last) for line, last in [(head, "high")] + [(r, r.split()[-1]) for r in rows[:2]]})
        == 1
    )
