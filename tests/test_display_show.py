"""Errors reach whoever can act on them: a box for someone looking, an exception for a run."""

import base64
import os
import threading

import altair as alt
import IPython
import nbformat
import pytest
from nbclient import NotebookClient

from labkit import display

VEGALITE = "application/vnd.vegalite.v5+json"
GOOD = alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q").properties(description="One point.")
OTHER = GOOD.properties(description="Another point.")
TOO_LARGE = alt.Chart(alt.Data(values=[{"a": i} for i in range(3001)])).mark_point().encode(x="a:Q")


class Handle:
    def __init__(self, shown):
        self.shown = shown

    def update(self, data, raw=False):
        assert raw
        self.shown.append(data)


@pytest.fixture
def looking(monkeypatch):
    """A notebook with someone in front of it; gives the list of what is on the page."""
    shown = []

    def display_in_notebook(data, raw=False, display_id=False):
        assert raw
        shown.append(data)
        return Handle(shown)

    monkeypatch.delenv("LABKIT_HEADLESS", raising=False)
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr("IPython.display.display", display_in_notebook)
    return shown


def test_show_emits_the_bundle_and_the_picture_that_jupyterlab_would_draw_it_again_for(looking):
    assert display.show(GOOD) is None
    (shown,) = looking
    assert base64.b64decode(shown.pop("image/png")).startswith(b"\x89PNG")
    assert shown == display.bundle(GOOD)


def test_a_live_chart_is_redrawn_in_place_from_another_thread(looking):
    live = display.show(GOOD, live=True)
    worker = threading.Thread(target=live.update, args=(OTHER,))
    worker.start()
    worker.join()
    assert [data["text/plain"] for data in looking] == ["One point.", "Another point."]


def test_someone_looking_sees_a_box_that_says_why(looking):
    display.show(TOO_LARGE)
    (box,) = looking
    assert set(box) == {"text/html", "text/plain"}
    assert "3,001 rows" in box["text/plain"]
    assert 'role="alert"' in box["text/html"]


def test_a_function_that_fails_to_make_its_chart_becomes_a_box(looking):
    def make():
        raise KeyError("<script>alert(1)</script>")

    display.show(make)
    assert "<script" not in looking[0]["text/html"]
    assert "KeyError" in looking[0]["text/plain"]


def test_a_live_chart_recovers_from_an_error(looking):
    live = display.show(TOO_LARGE, live=True)
    live.update(GOOD)
    assert ["text/html" in data for data in looking] == [True, False]


def test_stopping_is_not_an_error_to_be_boxed(looking):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        display.show(stop)


def test_headless_raises_even_inside_a_notebook(looking, monkeypatch):
    monkeypatch.setenv("LABKIT_HEADLESS", "1")
    assert display.headless()
    with pytest.raises(display.ChartTooLarge):
        display.show(TOO_LARGE)
    live = display.show(GOOD, live=True)
    with pytest.raises(display.ChartTooLarge):
        live.update(TOO_LARGE)
    assert looking == [display.bundle(GOOD)]


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False), ("true", False)])
def test_only_the_value_1_means_that_nobody_is_looking(monkeypatch, value, expected):
    monkeypatch.setenv("LABKIT_HEADLESS", value)
    assert display.headless() is expected


def test_outside_a_notebook_the_sentence_is_written_and_errors_are_raised(monkeypatch, capsys):
    monkeypatch.delenv("LABKIT_HEADLESS", raising=False)
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    display.show(GOOD)
    assert capsys.readouterr().out == "One point.\n"
    with pytest.raises(display.ChartTooLarge):
        display.show(TOO_LARGE)


SETUP = """
import os, threading, altair as alt
from labkit import display
good = alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q").properties(description="One point.")
large = alt.Chart(alt.Data(values=[{"a": i} for i in range(3001)])).mark_point().encode(x="a:Q")
"""
LIVE = """
live = display.show(large, live=True)
other = good.properties(description="Later.")
worker = threading.Thread(target=live.update, args=(other,)); worker.start(); worker.join()
"""
HEADLESS = """
os.environ["LABKIT_HEADLESS"] = "1"
display.show(large)
"""


@pytest.fixture(scope="module")
def outputs():
    """What cells show in a real kernel: somebody is looking, but at the last one."""
    cells = {"plain": "display.show(good)", "boxed": "display.show(large)", "live": LIVE, "failed": HEADLESS}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (SETUP, *cells.values())])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True)
    client.execute(env={**os.environ, "LABKIT_HEADLESS": "0"})
    return dict(zip(cells, (cell["outputs"] for cell in notebook.cells[1:]), strict=True))


def test_in_a_real_kernel_charts_boxes_and_live_redraws_arrive_as_promised(outputs):
    assert [set(output["data"]) for output in outputs["plain"]] == [
        {VEGALITE, "image/svg+xml", "image/png", "text/plain"}
    ]
    assert [set(output["data"]) for output in outputs["boxed"]] == [{"text/html", "text/plain"}]
    assert [output["data"]["text/plain"] for output in outputs["live"]] == ["Later."]


def test_in_a_real_headless_kernel_the_cell_fails(outputs):
    assert [output["output_type"] for output in outputs["failed"]] == ["error"]
    assert outputs["failed"][0]["ename"] == "ChartTooLarge"
