"""A panel hides no error, and the latest request wins."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simple_panel import chart_of, simple

from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Slider
from labkit.lessons.panels.latest import SLOW_SECONDS, Latest

SIZES = 2.0 ** np.arange(4, 12)
ERRORS = 0.05 + 2 * SIZES**-0.5
WIDGET = "application/vnd.jupyter.widget-view+json"
SECONDS = 20


# ---- errors --------------------------------------------------------------------------------------------------------


def broken(settings):
    if settings["size"] == 3:
        raise ZeroDivisionError("size is <three>")
    return settings["size"]


def test_an_error_behind_a_control_is_shown_to_a_reader_and_the_last_chart_stays():
    panel = simple(broken)
    figure = panel.figure
    panel.controls["size"].slider.value = 3
    assert panel.wait(SECONDS)
    assert isinstance(panel.error, ZeroDivisionError)
    assert panel._error_box.layout.display == ""
    assert "role='alert'" in panel._error_box.value
    assert "&lt;three&gt;" in panel._error_box.value
    assert panel.figure is figure
    panel.controls["size"].slider.value = 4
    assert panel.wait(SECONDS)
    assert panel.error is None
    assert panel._error_box.layout.display == "none"


def test_the_same_error_is_raised_when_nobody_is_looking(headless):
    panel = simple(broken)
    with pytest.raises(ZeroDivisionError):
        panel.controls["size"].slider.value = 3
    panel.controls["size"].number.value = 4
    with pytest.raises(ZeroDivisionError):
        panel.controls["size"].number.value = 3


def test_set_raises_to_its_caller_with_a_reader_too():
    panel = simple(broken)
    with pytest.raises(ZeroDivisionError):
        panel.set(size=3)
    assert isinstance(panel.error, ZeroDivisionError)


def test_an_error_while_drawing_is_shown_like_any_other():
    def draw(record):
        if record == 6:
            raise KeyError("no column")
        return chart_of(record)

    panel = simple(draw=draw)
    panel.controls["size"].slider.value = 3
    assert panel.wait(SECONDS)
    assert "KeyError" in panel._error_box.value


def test_a_panel_that_fails_at_first_can_be_shown_and_repaired(monkeypatch):
    panel = Panel("Fails first", [Slider("size", "size", 0, 9, 3, step=1)], evaluate=broken, draw=chart_of, say=str)
    updates = []

    class Handle:
        def update(self, data, raw):
            updates.append(data)

    monkeypatch.setattr("IPython.display.display", lambda data, raw, display_id=None: Handle())
    panel._ipython_display_()
    assert "ZeroDivisionError" in panel._error_box.value
    panel.set(size=4)
    assert len(updates) == 1


def test_a_panel_that_fails_headless_fails_the_cell(headless):
    panel = Panel("Fails first", [Slider("size", "size", 0, 9, 3, step=1)], evaluate=broken, draw=chart_of, say=str)
    with pytest.raises(ZeroDivisionError):
        panel._ipython_display_()


# ---- latest request wins -------------------------------------------------------------------------------------------


def test_requests_that_were_overtaken_are_never_evaluated():
    gate, entered, evaluated = threading.Event(), threading.Event(), []

    def evaluate(settings):
        evaluated.append(settings["size"])
        if settings["size"] == 2:
            entered.set()
            assert gate.wait(SECONDS)
        return settings["size"]

    panel = simple(evaluate)
    assert panel.value == 1
    panel.controls["size"].slider.value = 2
    assert entered.wait(SECONDS)
    for size in (3, 4, 5, 6):
        panel.controls["size"].slider.value = size
    gate.set()
    assert panel.wait(SECONDS)
    assert evaluated == [1, 2, 6]
    assert panel.value == 6


def test_set_overtakes_an_evaluation_that_is_under_way():
    gate, entered = threading.Event(), threading.Event()

    def evaluate(settings):
        if settings["size"] == 2:
            entered.set()
            assert gate.wait(SECONDS)
        return settings["size"]

    panel = simple(evaluate)
    panel.controls["size"].slider.value = 2
    assert entered.wait(SECONDS)
    assert panel.set(size=8).value == 8
    time.sleep(2 * SLOW_SECONDS)  # the overtaken evaluation still runs, and is not announced any more
    gate.set()
    assert panel.wait(SECONDS)
    assert panel.value == 8
    assert "8" in panel._status_line.value


def test_slow_work_is_announced_and_the_announcement_goes_away():
    gate, entered = threading.Event(), threading.Event()

    def evaluate(settings):
        if settings["size"] == 2:
            entered.set()
            assert gate.wait(SECONDS)
        return settings["size"]

    panel = simple(evaluate)
    assert panel.value == 1
    announced = threading.Event()
    panel._status_line.observe(lambda change: "computing" in change["new"] and announced.set(), "value")
    panel.controls["size"].slider.value = 2
    assert announced.wait(SECONDS)
    gate.set()
    assert panel.wait(SECONDS)
    assert "computing" not in panel._status_line.value


def test_settings_seen_before_are_not_evaluated_again():
    evaluated = []

    def evaluate(settings):
        evaluated.append(settings["size"])
        return settings["size"]

    panel = simple(evaluate)
    for size in (1, 2, 1, 2, 1):
        panel.set(size=size)
    assert evaluated == [1, 2]


def test_an_older_result_never_arrives_after_a_newer_one():
    delivering, going_on, delivered = threading.Event(), threading.Event(), []

    def deliver(result):
        delivering.set()
        assert going_on.wait(SECONDS)
        delivered.append(result)

    latest = Latest(lambda x: x, deliver, lambda error: None, lambda: None)
    latest.submit("older")
    assert delivering.wait(SECONDS)
    newer = threading.Thread(target=lambda: (latest.supersede(), delivered.append("newer")))
    newer.start()
    going_on.set()
    newer.join(SECONDS)
    assert latest.wait(SECONDS)
    assert delivered == ["older", "newer"]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=30))
def test_the_last_of_many_requests_is_always_delivered_last(requests):
    delivered = []
    latest = Latest(lambda x: x, delivered.append, lambda error: None, lambda: None)
    for request in requests:
        latest.submit(request)
    assert latest.wait(SECONDS)
    assert delivered[-1] == requests[-1]
    assert len(delivered) <= len(requests)
