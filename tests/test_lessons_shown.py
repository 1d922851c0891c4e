"""How a chart reaches the page: at once while it changes, and with its static picture when it rests."""

import threading
import time

import pytest

from labkit.lessons.panels import shown
from labkit.lessons.panels.drawn import Drawn

SVG, PNG = "image/svg+xml", "image/png"
CHART = {"mark": "point", "data": {"values": [{"a": 1}]}, "encoding": {"x": {"field": "a", "type": "quantitative"}}}


class Handle:
    """A place on a page that remembers what it was sent."""

    def __init__(self):
        self.sent, self.complete = [], threading.Event()

    def update(self, data, raw):
        assert raw
        self.sent.append(data)
        if SVG in data:
            self.complete.set()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(shown, "REST_SECONDS", 0.1)


def place(failed=pytest.fail):
    handle, chart = Handle(), shown.Shown(failed)
    chart.add(handle)
    return handle, chart


def test_a_change_is_sent_without_a_picture_and_the_page_makes_none_of_its_own():
    handle, chart = place()
    chart.update(Drawn(1, CHART))
    (data,) = handle.sent
    assert SVG not in data
    assert data[PNG]  # JupyterLab would make one, and draw the chart again


def test_the_picture_follows_once_the_chart_rests(quick):
    handle, chart = place()
    for record in range(3):
        chart.update(Drawn(record, CHART | {"description": f"Chart {record}."}))
    assert handle.complete.wait(20)
    assert [SVG in data for data in handle.sent] == [False, False, False, True]
    assert PNG not in handle.sent[-1]  # the page makes a real one, for viewers that show no other
    assert handle.sent[-1]["text/plain"] == "Chart 2."


def test_a_picture_that_was_overtaken_is_not_sent(quick, monkeypatch):
    handle, chart = place()
    made, go_on = threading.Event(), threading.Event()

    class Slow(Drawn):
        @property
        def bundle(self):
            made.set()
            assert go_on.wait(20)
            return {SVG: "overtaken"}

    chart.update(Slow(1, CHART))
    assert made.wait(20)
    chart.update(Drawn(2, CHART))
    go_on.set()
    assert handle.complete.wait(20)
    assert "overtaken" not in [data.get(SVG) for data in handle.sent]


def test_a_picture_that_cannot_be_made_is_told(quick):
    failures, told = [], threading.Event()
    _, chart = place(lambda error: (failures.append(error), told.set()))

    class Broken(Drawn):
        @property
        def bundle(self):
            raise ZeroDivisionError("on purpose")

    chart.update(Broken(1, CHART))
    assert told.wait(20)
    assert isinstance(failures[0], ZeroDivisionError)


def test_where_nothing_is_shown_nothing_is_drawn(quick):
    chart = shown.Shown(pytest.fail)
    drawn = Drawn(1, CHART)
    chart.update(drawn)
    time.sleep(0.3)
    assert "bundle" not in vars(drawn)
