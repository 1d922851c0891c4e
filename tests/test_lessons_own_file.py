"""The panel for a reader's own file: paths, columns, uploads, and what is said when something is wrong."""

from __future__ import annotations

import json
import threading

import numpy as np
import pandas as pd
import pytest

from labkit import display, laws, places
from labkit.lessons import panels
from labkit.lessons.panels import own_file_controls

EXAMPLES = places.data() / "examples"
POINTS = pd.DataFrame({"n": [10, 20, 40, 80, 160], "miss": [0.5, 0.36, 0.25, 0.18, 0.126], "other": 1.0})


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.csv"
    POINTS.to_csv(path, index=False)
    return path


@pytest.fixture
def looked_at(monkeypatch):
    """Somebody is looking: errors stand in the panel and are not raised."""
    monkeypatch.setattr(display, "headless", lambda: False)


def test_it_starts_with_the_example_and_forecasts_it():
    record = panels.own_file().value
    assert record.names == ("examples", "error")
    assert len(record.points) == 50
    assert record.line.x.iloc[-1] == pytest.approx(10 * record.points.x.max())
    assert (record.line.low < record.line.y).all()
    assert "50 points of error against examples. At 14,400 examples" in str(record)


def test_reach_and_interval_move_the_end_and_the_width(mine):
    panel = panels.own_file(mine, y="miss")
    near = panel.value.line
    far = panel.set(reach=100.0).value.line
    assert far.x.iloc[-1] == pytest.approx(10 * near.x.iloc[-1])
    wide = np.log(far.high / far.low).iloc[-1]
    narrow = np.log(panel.set(interval=0.5).value.line.eval("high / low")).iloc[-1]
    assert narrow < wide / 1.5


def test_another_file_forgets_the_columns_of_the_last(mine):
    panel = panels.own_file(mine, x="n", y="miss")
    assert panel.value.names == ("n", "miss")
    panel.controls["curve"].value = str(EXAMPLES / "curve.csv")
    assert panel.wait()
    assert (panel.settings["x"], panel.settings["y"]) == ("", "")
    assert panel.value.names == ("examples", "error")


def test_columns_of_the_file_are_offered(mine):
    panel = panels.own_file(mine, y="miss")
    assert panel.value.columns == ("n", "miss", "other")
    assert panel.controls["y"].box.options == ("n", "miss", "other")


def test_a_file_that_changed_is_read_again(mine):
    panel = panels.own_file(mine, y="miss")
    assert len(panel.value.points) == 5
    POINTS.iloc[:4].to_csv(mine, index=False)
    assert len(panel.set(reach=10.0).value.points) == 4


def test_a_log_and_a_long_file_are_read_too(tmp_path):
    log = panels.own_file(EXAMPLES / "log.jsonl", y="validation_loss").value
    assert "300 rows without validation_loss are left out." in str(log)
    steps = np.arange(1, 5_001)
    pd.DataFrame({"step": steps, "loss": 1 + steps**-0.5}).to_csv(tmp_path / "long.csv", index=False)
    panel = panels.own_file(tmp_path / "long.csv")
    assert len(panel.value.points) <= 200
    assert len(json.dumps(display.bundle(panel.figure))) < 400_000


def test_what_is_wrong_stands_in_the_panel_and_the_chart_stays(mine, looked_at):
    panel = panels.own_file(mine, y="miss")
    before = panel.value
    panel.controls["curve"].value = str(mine.with_name("none.csv"))
    assert panel.wait()
    assert "there is no file" in panel._error_box.value
    assert panel.value is before
    panel.controls["curve"].value = str(EXAMPLES / "curve.csv")
    assert panel.wait()
    assert panel.error is None


def test_nobody_looking_makes_errors_loud(mine, monkeypatch):
    monkeypatch.setattr(display, "headless", lambda: True)
    panel = panels.own_file(mine, y="miss")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        panel.controls["curve"].value = "nowhere.csv"
    with pytest.raises(FileNotFoundError, match="there is no file"):
        panels.own_file(mine, y="miss").set(curve="none.csv")
    with pytest.raises(TypeError, match="is no text"):
        panels.own_file(mine, y="miss").set(curve=3)


def test_an_upload_is_stored_and_read(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "work", lambda: tmp_path)
    panel = panels.own_file()
    panel.take_upload("C:\\data\\up.csv", POINTS[["n", "miss"]].to_csv(index=False).encode())
    assert panel.wait()
    assert panel.settings["curve"] == str(tmp_path / ".labkit" / "uploads" / "up.csv")
    assert panel.value.names == ("n", "miss")


def test_an_upload_over_the_stated_limit_is_refused_with_the_way_out(monkeypatch, tmp_path, looked_at):
    monkeypatch.setattr(places, "work", lambda: tmp_path)
    panel = panels.own_file()
    shown = panel.value
    panel.take_upload("big.csv", b"x" * (own_file_controls.MOST_UPLOADED + 1))
    assert "type its path" in panel._error_box.value
    assert not list(tmp_path.iterdir())
    assert panel.value is shown
    said = " ".join(str(child) for child in panel._upload.children)
    assert "at most 10 MB" in said
    assert "file browser" in said


def test_its_parameters_bring_a_report_to_the_same_curve(mine):
    panel = panels.own_file(mine, y="miss", reach=20.0)
    names: dict = {}
    exec(panel.to_parameters(), names)
    again = panels.own_file(names["curve"], x=names["x"], y=names["y"], reach=names["reach"])
    assert names["x"] is None
    pd.testing.assert_frame_equal(again.value.line, panel.value.line)


def test_a_slow_file_does_not_hold_up_the_caller(mine, looked_at, monkeypatch):
    from labkit import curve_files

    panel = panels.own_file(mine, y="miss")
    assert panel.value
    go, read = threading.Event(), curve_files.read_table

    def slow(path):
        assert go.wait(30)
        return read(path)

    monkeypatch.setattr(curve_files, "read_table", slow)
    panel.controls["curve"].value = str(EXAMPLES / "curve.csv")  # returns while the file is being read
    assert panel._drawn.record.path == str(mine)
    go.set()
    assert panel.wait()
    assert panel.value.names == ("examples", "error")


@pytest.mark.parametrize("reach", [2.0, 3.3, 10.0, 700.0])
def test_the_panel_says_what_the_forecast_says_there(reach, tmp_path):
    sizes = 2.0 ** np.arange(4, 9)
    path = tmp_path / "short.csv"
    pd.DataFrame({"examples": sizes, "error": 0.05 + sizes**-0.5}).to_csv(path, index=False)
    record = panels.own_file(path, reach=reach).value
    known = laws.forecast_report(sizes, 0.05 + sizes**-0.5, [reach * sizes[-1]], bounds=(0, None), interval=0.9)
    expected, last = known.table.iloc[0], record.line.iloc[-1]
    assert [last.y, last.low, last.high] == pytest.approx([expected.prediction, expected.low, expected.high], rel=2e-3)
    assert [note for note in record.notes if "far beyond" in note] == [n for n in known.warnings if "far beyond" in n]


def test_a_file_is_forecast_once_however_often_the_reach_is_moved(tmp_path, monkeypatch):
    path = tmp_path / "mine.csv"
    sizes = 2.0 ** np.arange(4, 14)
    pd.DataFrame({"examples": sizes, "error": 0.05 + sizes**-0.5}).to_csv(path, index=False)
    made = []
    real = laws.forecast_report
    monkeypatch.setattr(laws, "forecast_report", lambda *given, **more: made.append(given) or real(*given, **more))
    panel = panels.own_file(path)
    for reach in (4.0, 20.0, 7.7):
        panel.set(reach=reach)
    assert len(made) == 1


def test_a_loss_that_falls_below_zero_is_shown_on_a_plain_axis(tmp_path):
    path = tmp_path / "density.csv"
    sizes = 2.0 ** np.arange(4, 12)
    pd.DataFrame({"examples": sizes, "loss": 4 * sizes**-0.5 - 0.4}).to_csv(path, index=False)
    panel = panels.own_file(path, y="loss", reach=30.0, bounds=(None, None))
    last = panel.value.line.iloc[-1]
    assert -0.6 < last.low < last.y < last.high < -0.2
    scale = display.specification(panel.figure)["layer"][2]["encoding"]["y"]["scale"]
    assert "type" not in scale
    assert scale["domain"][0] < last.y < scale["domain"][1]


def test_standard_errors_of_a_file_are_drawn_and_weighed_by(mine, tmp_path):
    told = POINTS.rename(columns={"n": "examples", "miss": "error"}).drop(columns="other")
    told.loc[1, "error"] *= 1.5
    told["se"] = told["error"] * [0.01, 0.5, 0.01, 0.01, 0.01]
    path = tmp_path / "sure.csv"
    told.to_csv(path, index=False)
    panel = panels.own_file(path)
    line = panel.value.line
    weighed = laws.forecast(told.examples, told.error, [1600], se=told.se)
    assert line.y.iloc[-1] == pytest.approx(weighed[0], rel=1e-3)
    assert line.y.iloc[-1] != pytest.approx(laws.forecast(told.examples, told.error, [1600])[0], rel=1e-3)
    assert "Points are weighed by their standard errors." in str(panel.value)
    drawn = pd.DataFrame(display.specification(panel.figure)["datasets"]["points"])
    assert (drawn.high - drawn.y).tolist() == pytest.approx(told.se.tolist(), rel=1e-3)


def test_the_column_of_standard_errors_can_have_another_name_in_the_first_file(mine, tmp_path):
    path = tmp_path / "spread.csv"
    POINTS.assign(spread=0.1 * POINTS.miss).to_csv(path, index=False)
    panel = panels.own_file(path, y="miss", se="spread")
    assert panel.value.points["se"].tolist() == pytest.approx((0.1 * POINTS.miss).tolist())
    assert "se" not in panel.set(curve=str(mine)).value.points


def test_an_emptied_path_is_the_example_as_it_is_in_a_parameters_cell(mine):
    panel = panels.own_file(mine, y="miss")
    assert panel.value.names == ("n", "miss")
    panel.controls["curve"].box.value = ""
    assert panel.wait()
    assert panel.error is None
    assert panel.value.path == str(EXAMPLES / "curve.csv")
    assert "curve: str | None = None" in panel.to_parameters()
