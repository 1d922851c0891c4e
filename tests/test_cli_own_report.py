"""``--report``: a page about a reader's own file, made from lesson 02 without what only a lesson needs."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from labkit import cli, places
from labkit.commands import own_report
from labkit.lessons import notebook_files

pytestmark = pytest.mark.skipif(not (places.notebooks() / own_report.TEMPLATE).is_file(), reason="no notebooks here")
ROWS = "".join(f"{n},{0.02 + 3 * n**-0.5 * (1 + 0.02 * (-1) ** i)}\n" for i, n in enumerate((64, 128, 256, 512, 1024)))


@pytest.fixture
def labkit(monkeypatch, capsys):
    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labkit", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as finished:
            cli.main()
        captured = capsys.readouterr()
        return finished.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def curve(tmp_path):
    path = tmp_path / "my curve.csv"
    path.write_text("examples,error\n" + ROWS)
    return path


@pytest.fixture
def asked(monkeypatch):
    """What the page would be made with, without the quarter of a minute that it takes."""
    from pathlib import Path

    from labkit import reports
    from labkit.reports.outcome import Outcome, Reason

    calls = []

    def run(notebooks, *, preset, parameters, out):
        calls.append({"notebook": notebooks[0], "preset": preset, **parameters})
        page = Path(out) / f"{notebooks[0].stem}.html"
        return [Outcome(notebooks[0].stem, Reason.OK, "Ran.", Path(out), page=page)]

    monkeypatch.setattr(reports, "run", run)
    return calls


def cells(path):
    return notebook_files.read(path)["cells"]


def test_a_page_about_ones_own_file_is_written_whole_and_without_lessons(labkit, curve, tmp_path):
    out = tmp_path / "out"
    curve.write_text(curve.read_text() + "2048,\n")
    code, said, _ = labkit(
        "forecast", curve, "--at", "10000", "--target", "0.1", "--bounds", 0, 1, "--report", "--out", out
    )
    assert code == 0
    page = out / "own_my_curve.html"
    assert str(page) in said
    text = page.read_text(encoding="utf-8")
    assert "Forecast of my curve.csv" in text
    assert "Exercise" not in text
    assert "1 row without error is left out." in text
    assert "error at 10,000 examples" in text
    assert "examples for error 0.1" in text
    assert text.count("<figure") >= 5
    assert 'src="http' not in text
    assert 'href="http' not in text
    run = json.loads((out / "runs" / "own_my_curve" / "run.json").read_text())
    assert run["reason"] == "ok"


def test_the_options_of_a_forecast_become_the_parameters_of_the_page(labkit, curve, asked, tmp_path):
    options = ["--at", 1e4, "--at", 1e5, "--target", 0.1, "--bounds", 0, 1, "--interval", 0.8]
    code, said, _ = labkit("forecast", curve, *options, "--json", "--report", "--out", tmp_path)
    assert code == 0
    (call,) = asked
    assert call["points"] == str(curve)
    assert (call["x"], call["y"], call["preset"]) == ("examples", "error", "own")
    assert (call["at"], call["target"], call["bounds"], call["interval"]) == ([1e4, 1e5], 0.1, [0.0, 1.0], 0.8)
    found = json.loads(said)
    assert found["report"].endswith("own_my_curve.html")
    assert found["forecast"][0]["at"] == 1e4


def test_a_report_alone_needs_no_size_and_no_target(labkit, curve, asked, tmp_path):
    code, said, _ = labkit("forecast", curve, "--report", "--out", tmp_path)
    assert code == 0
    assert "at" not in asked[0]
    assert "target" not in asked[0]
    alone = labkit("forecast", curve)[1]
    assert "2,050" in alone  # twice the largest size
    assert said.startswith(alone)  # the page comes besides


def test_the_form_of_a_fit_is_compared_with_the_others(labkit, curve, asked, tmp_path):
    assert labkit("fit", curve, "--form", "exponential", "--report", "--out", tmp_path)[0] == 0
    assert asked[0]["forms"][-1] == "exponential"
    assert "power_floor" in asked[0]["forms"]


def test_only_cells_for_everybody_are_kept_and_the_title_is_text(curve, asked, tmp_path):
    file = curve.rename(curve.with_name("<b>x*y*.csv"))
    own_report.write(file, {"x": None}, tmp_path)
    kept = cells(asked[0]["notebook"])
    template = cells(places.notebooks() / own_report.TEMPLATE)
    assert 10 < len(kept) < len(template) / 2
    assert not any(own_report.LESSON_ONLY in cell["metadata"].get("tags", []) for cell in kept)
    assert kept[0]["source"].startswith(r"# Forecast of \<b\>x\*y\*.csv")
    assert asked[0]["notebook"].name == "own_b_x_y.ipynb"
    assert "x" not in asked[0]


@pytest.mark.parametrize("verb", ["fit", "forecast"])
def test_too_few_sizes_for_a_report_end_with_code_6(labkit, tmp_path, asked, verb):
    path = tmp_path / "few.csv"
    path.write_text("examples,error\n10,0.3\n20,0.2\n40,0.15\n80,0\n")
    form = ["--form", "power"] if verb == "fit" else []
    code, _, said = labkit(verb, path, *form, "--report", "--out", tmp_path)
    assert code == 6
    assert "at least 4 different sizes" in said
    assert asked == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("examples,error\n10,high\n", "'high' in row 1, which is not a number"),
        ("examples,error\n", "no rows"),
        ("examples,error\n-1,0.3\n2,0.2\n", "sizes must be above 0"),
        ("name,colour\na,red\n", "say which column --x is"),
    ],
)
def test_what_cannot_be_a_curve_is_refused_before_anything_runs(labkit, tmp_path, asked, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    code, _, said = labkit("forecast", path, "--report", "--out", tmp_path)
    assert code == 2
    assert message in said
    assert asked == []


def test_without_notebooks_a_report_says_where_they_are(labkit, curve, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "notebooks", lambda: tmp_path / "nowhere")
    code, _, said = labkit("forecast", curve, "--report", "--out", tmp_path)
    assert code == 2
    assert "run from a checkout" in said


def test_a_page_that_failed_passes_its_exit_code_on(labkit, curve, tmp_path, monkeypatch):
    from labkit import reports
    from labkit.reports.outcome import Outcome, Reason

    failed = Outcome("own_my_curve", Reason.NOTEBOOK_RAISED, "It raised.", tmp_path)
    monkeypatch.setattr(reports, "run", lambda *given, **options: [failed])
    code, said, _ = labkit("forecast", curve, "--report", "--out", tmp_path)
    assert code == 1
    assert "It raised." in said


def numbers_of(labkit, path, *options):
    """The forecast on the terminal, and that of the page's cells for the same file."""
    import numpy as np
    import pandas as pd

    from labkit import curve_files, laws

    code, said, _ = labkit("forecast", path, *options, "--at", 1e5, "--json")
    assert code == 0
    (row,) = json.loads(said)["forecast"]
    source = {cell.get("id"): cell["source"] for cell in cells(places.notebooks() / own_report.TEMPLATE)}
    given = dict.fromkeys(("x", "y", "se", "bounds", "holdout")) | {"points": str(path), "at": [1e5]}
    given |= {name.lstrip("-"): value for name, value in zip(options[::2], options[1::2], strict=True)}
    names = given | {"np": np, "pd": pd, "curve_files": curve_files, "laws": laws}
    names["lab"] = SimpleNamespace(interval=0.9, seed=0, preset="own", show=lambda chart: None)
    names["display"] = SimpleNamespace(forecast=lambda *given, **options: None)
    for cell in ("points", "forecast", "beyond"):
        exec(source[cell], names)
    (there,) = names["beyond"].table.to_dict("records")
    return [[one[key] for key in ("prediction", "low", "high")] for one in (row, there)]


@pytest.mark.parametrize("last", ["0.0", "0.05"])
@pytest.mark.parametrize("options", [(), ("--se", "sure")])
def test_page_and_terminal_forecast_the_same_from_the_same_file(labkit, tmp_path, last, options):
    path = tmp_path / "points.csv"
    rows = [f"{n},{0.02 + 3 * n**-0.5},{0.002 if n < 1000 else 0.05}" for n in (64, 128, 128, 256, 512, 1024, 4096)]
    path.write_text("\n".join(["examples,error,sure", *rows, f"2048,{last},0.01", "1024,0.0,0.02"]))
    terminal, page = numbers_of(labkit, path, "--y", "error", *options)
    assert page == pytest.approx(terminal, rel=1e-9)


def test_the_column_of_standard_errors_reaches_the_page(labkit, curve, asked, tmp_path):
    curve.write_text("examples,error,sure\n" + "".join(f"{row},0.01\n" for row in ROWS.split()))
    for verb in ("fit", "forecast"):
        assert labkit(verb, curve, "--y", "error", "--se", "sure", "--report", "--out", tmp_path)[0] == 0
        assert asked[-1]["se"] == "sure"
