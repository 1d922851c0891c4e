"""How a chart reaches the page: drawn once while it changes, and with a picture of its own when it rests."""

import threading

import pytest

from labkit.lessons.panels import shown
from labkit.lessons.panels.drawn import PNG, Drawn

CHART = {"mark": "point", "data": {"values": [{"a": 1}]}, "encoding": {"x": {"field": "a", "type": "quantitative"}}}


class Handle:
    """A place on a page that remembers what it was sent."""

    def __init__(self):
        self.sent, self.rested = [], threading.Event()

    def update(self, data, raw):
        assert raw
        self.sent.append(data)
        if PNG not in data:
            self.rested.set()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(shown, "REST_SECONDS", 0.1)


def place():
    handle, chart = Handle(), shown.Shown()
    chart.add(handle)
    return handle, chart


def drawn(record):
    return Drawn(record, CHART | {"description": f"Chart {record}."})


def test_while_a_chart_changes_the_page_makes_no_picture_of_it():
    handle, chart = place()
    chart.update(drawn(1))
    (data,) = handle.sent
    assert data[PNG]  # JupyterLab would make one, and draw the chart again
    assert data["application/vnd.vegalite.v5+json"]["description"] == "Chart 1."


def test_once_it_rests_the_newest_is_left_to_the_page(quick):
    handle, chart = place()
    for record in range(3):
        chart.update(drawn(record))
    assert handle.rested.wait(20)
    assert [PNG in data for data in handle.sent] == [True, True, True, False]
    assert handle.sent[-1]["text/plain"] == "Chart 2."


def test_a_rest_that_was_overtaken_sends_nothing(quick):
    handle, chart = place()
    old, new = drawn(1), drawn(2)
    chart.update(old)
    chart.update(new)
    chart._rest(old)  # its time was up just before it was overtaken
    assert [data["text/plain"] for data in handle.sent] == ["Chart 1.", "Chart 2."]
    assert handle.rested.wait(20)


def test_text_has_the_colour_of_the_page_whatever_its_theme():
    config = drawn(1).live["application/vnd.vegalite.v5+json"]["config"]
    assert config["style"]["guide-label"]["fill"] == config["title"]["color"] == "currentColor"


def test_where_nothing_is_shown_nothing_waits(quick):
    chart = shown.Shown()
    chart.update(drawn(1))
    assert chart._timer is None
