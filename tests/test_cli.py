"""The command line: help that is quick and shows examples, errors as sentences, exit codes that mean something."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest

from labkit import cli

VERBS = sorted(cli._VERBS)


@dataclass
class Result:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def labkit(monkeypatch, capsys):
    """Run the command line in this process, which spares a second of imports for every call."""

    def run(*arguments) -> Result:
        monkeypatch.setattr(sys, "argv", ["labkit", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as finished:
            code = finished.code or 0
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def curve(tmp_path):
    path = tmp_path / "mine.csv"
    rows = "".join(f"{n},{0.02 + 3 * n**-0.5}\n" for n in (64, 128, 256, 512, 1024))
    path.write_text("examples,error\n" + rows)
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_shows_an_example(labkit, verb):
    arguments = [verb, "lint", "--help"] if verb == "notebooks" else [verb, "--help"]
    result = labkit(*arguments)
    assert result.returncode == 0
    assert f"labkit {verb}" in result.stdout.split("Examples:")[1]


def test_help_loads_nothing_heavy():
    code = "import sys, labkit.cli as c; c.group.get_help(c.click.Context(c.group)); "
    code += "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'pandas', 'altair', 'IPython')))"
    started = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
    assert time.monotonic() - started < 10


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "labkit", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.stdout.startswith("labkit, version")


def test_an_unknown_verb_is_refused_with_the_nearest_match(labkit):
    result = labkit("reprot")
    assert result.returncode == 2
    assert "did you mean 'report'" in result.stderr


def test_no_escape_codes_are_written(labkit):
    result = labkit("list", "forms")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("kind", ["claims", "datasets", "forms", "laws", "models", "notebooks"])
def test_every_kind_of_entry_is_listed(labkit, kind):
    result = labkit("list", kind, "--json")
    assert result.returncode == 0, result.stderr
    assert isinstance(json.loads(result.stdout), list)


def test_a_forecast_has_an_interval_around_the_prediction_and_a_plan(labkit, curve):
    result = labkit("forecast", curve, "--at", "1e4", "--target", "0.1", "--bounds", "0", "1", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    (row,) = found["forecast"]
    assert row["low"] < row["prediction"] < row["high"]
    assert row["prediction"] == pytest.approx(0.05, abs=0.02)
    # 0.1 = 0.02 + 3 n ** -0.5 at n = 1406
    assert found["plan"]["needed"] == pytest.approx(1406, rel=0.2)


def test_a_forecast_in_words_names_the_reader_s_columns(labkit, curve):
    result = labkit("forecast", curve, "--at", "10000")
    assert result.returncode == 0, result.stderr
    assert "5 points of error against examples" in result.stdout
    assert "10,000" in result.stdout
    assert "last value" in result.stdout


def test_a_forecast_without_options_looks_twice_and_ten_times_ahead(labkit, curve):
    result = labkit("forecast", curve, "--json")
    largest = max(float(line.split(",")[0]) for line in curve.read_text().splitlines()[1:])
    assert [row["at"] for row in json.loads(result.stdout)["forecast"]] == [2 * largest, 10 * largest]


def test_sizes_are_read_as_people_write_them(labkit, curve):
    asked = ["--at", "10k", "--at", "10,000", "--at", "1e4", "--at", "2M"]
    result = labkit("forecast", curve, *asked, "--target", "0.9", "--json")
    found = json.loads(result.stdout)
    assert [row["at"] for row in found["forecast"]] == [1e4, 1e4, 1e4, 2e6]
    assert found["plan"]["reached"]
    assert "is there already" in labkit("forecast", curve, "--target", "0.9").stdout


def test_an_unreachable_target_ends_with_code_6(labkit, curve):
    result = labkit("forecast", curve, "--target", "1e-6", "--json")
    assert result.returncode == 6
    assert json.loads(result.stdout)["plan"]["needed"] is None


def test_a_fit_recovers_the_law_it_was_given(labkit, curve):
    result = labkit("fit", curve, "--json")
    assert result.returncode == 0, result.stderr
    parameters = json.loads(result.stdout)["parameters"]
    assert parameters["alpha"]["value"] == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["forecast", "none.csv", "--at", "10"], "there is no file"),
        (["forecast", "{curve}", "--at", "many"], "'many' is no size"),
        (["forecast", "{curve}", "--at", "10", "--x", "exmples"], "did you mean 'examples'"),
        (["forecast", "{curve}", "--at", "-3"], "'-3' is no size"),
        (["fit", "{curve}", "--form", "powr"], "did you mean 'power'"),
        (["report", "--set", "seeds"], "expected NAME=VALUE"),
        (["list", "rules"], "rules"),
        (["list"], "one of claims, datasets, forms"),
        (["prune", "{curve}", "--label", "error", "--keep", "30", "--out", "kept.csv"], "such as 0.3 or 30%"),
        (["prune", "{curve}", "--label", "error", "--keep", "a third", "--out", "kept.csv"], "is no number"),
    ],
)
def test_bad_arguments_end_with_code_2_and_a_sentence(labkit, curve, arguments, message):
    result = labkit(*(argument.format(curve=curve) for argument in arguments))
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_the_chart_of_a_forecast_is_an_svg_with_a_description(labkit, curve, tmp_path):
    path = tmp_path / "forecast.svg"
    result = labkit("forecast", curve, "--at", "1e4", "--chart", path)
    assert result.returncode == 0, result.stderr
    assert "aria-label" in path.read_text()


@pytest.fixture
def reruns(tmp_path, monkeypatch):
    """Twenty reruns of a notebook with one number, and their accepted baseline."""
    from labkit import places, results

    monkeypatch.setattr(places, "data", lambda: tmp_path / "data")
    random = np.random.default_rng(0)

    def run(seed: int, value: float):
        folder = tmp_path / "reports" / "runs" / f"run{seed}"
        results.start("01_made_up", "lesson", folder)
        results.record("exponent", value, se=0.01, n=5, kind="statistical")
        return folder

    folders = [run(seed, 0.5 + 0.01 * random.normal()) for seed in range(20)]
    results.accept(folders, "first", folder=tmp_path / "data" / "baselines")
    return run, folders


def test_a_number_moved_by_twice_its_bound_ends_with_code_3_and_is_named(labkit, reruns, tmp_path):
    run, _ = reruns
    assert labkit("check", "--out", tmp_path / "reports").returncode == 0
    run(3, 0.5 + 2 * 7.3 * 0.012)
    result = labkit("check", "--out", tmp_path / "reports")
    assert result.returncode == 3
    assert "01_made_up, lesson: exponent" in result.stdout


def test_check_without_reports_says_what_to_do(labkit, tmp_path):
    result = labkit("check", "--out", tmp_path / "none")
    assert result.returncode == 2
    assert "labkit report" in result.stderr


def test_hostile_column_names_are_text_in_the_chart(labkit, tmp_path):
    name = "<script>alert(1)</script>"
    path, chart = tmp_path / "hostile.csv", tmp_path / "hostile.svg"
    path.write_text(f'"{name}",error\n' + "".join(f"{n},{3 * n**-0.5}\n" for n in (64, 128, 256, 512)))
    result = labkit("forecast", path, "--x", name, "--at", "1e4", "--chart", chart)
    assert result.returncode == 0, result.stderr
    assert "<script" not in chart.read_text(encoding="utf-8")
    assert "alert(1)" in chart.read_text(encoding="utf-8")


@pytest.mark.parametrize("points", ["10,0.3\n", "10,0.3\n20,0.3\n40,0.3\n"])
def test_too_few_sizes_for_a_form_are_no_fit(labkit, tmp_path, points):
    path = tmp_path / "few.csv"
    path.write_text("examples,error\n" + points)
    result = labkit("fit", path)
    assert result.returncode == 6
    assert "needs at least 4 different sizes" in result.stderr


@pytest.mark.parametrize(
    ("verb", "said"),
    [("plan", "forecast FILE --target"), ("advise", "prune FILE --advise"), ("forcast", "did you mean 'forecast'")],
)
def test_a_verb_that_is_part_of_another_is_found_there(labkit, verb, said):
    result = labkit(verb, "errors.csv")
    assert result.returncode == 2
    assert said in result.stderr
