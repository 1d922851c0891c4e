"""What holds for every chart: described, titled, small, without addresses, and nobody's text becomes code."""

import functools
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from drawing import Law, X, curves, estimates, record, sizes_tried, title

from labkit import display

EVERY = {
    "learning_curves": lambda name: display.learning_curves(curves(models=(name, "b")), preset="lesson"),
    "facets": lambda name: display.learning_curves(curves(models=(name,), datasets=(name + "1", "d2"))),
    "law_fit": lambda name: display.law_fit({name: Law(), "b": Law(0)}, X, Law().predict(X), to=1e5, data=name),
    "residuals": lambda name: display.residuals({name: Law(), "b": Law(0)}, X, Law().predict(X), data=name),
    "best_size": lambda name: display.best_size(sizes_tried(), data=name),
    "forest": lambda name: display.forest(
        estimates().assign(name=[name, "b", "c"]), reference=0.4, reference_label=name
    ),
    "history": lambda name: display.history(record().assign(model=name), series="model", data=name),
    "gallery": lambda name: display.gallery(np.eye(4), labels=[name] * 4, data=name),
}


@pytest.fixture(params=EVERY, scope="module")
def make(request):
    return functools.cache(EVERY[request.param])


@pytest.fixture(scope="module")
def shown(make):
    """What a notebook shows of the chart with ordinary names, drawn once."""
    return display.bundle(make("mlp"))


def test_every_chart_is_described_in_one_sentence_and_titled_with_a_finding(make, shown):
    chart = make("mlp")
    described = shown["text/plain"]
    assert described.endswith(".")
    assert 20 < len(described) <= 400
    assert "\n" not in described
    assert len(title(chart)) > 8


def test_every_chart_loads_nothing_and_is_small(shown):
    spec, svg = json.dumps(shown["application/vnd.vegalite.v5+json"]), shown["image/svg+xml"]
    outside = set(re.findall(r"https?://[^\s\"'<>]+", spec + svg))
    assert {re.sub(r"vega-lite/v5.*", "vega-lite", url) for url in outside} <= {
        "https://vega.github.io/schema/vega-lite",
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert len(spec) < 100_000
    assert len(svg) < 100_000


def test_names_with_markup_come_out_as_text(make):
    hostile = '<script>alert("x")</script>\'&]]>'
    svg = display.svg(make(hostile))
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    assert not [e for e in root.iter() if any(key.startswith("on") for key in e.attrib)]


@pytest.mark.parametrize("name", ["x" * 500, "a\x00b\x1b[31m\u202egnp", "📈 naïve\nλ", "{{7*7}} ${a} \\'+alert(1)+\\'"])
def test_long_and_strange_names_are_drawn_in_valid_pictures(make, name):
    root = ElementTree.fromstring(display.svg(make(name)))
    assert float(root.get("width")) < 900


def test_the_same_data_gives_the_same_output(make, shown):
    assert shown == display.bundle(make.__wrapped__("mlp"))


def test_parameters_are_named_and_given_once_on_the_outside(make):
    spec = display.specification(make("mlp"))
    parts = [part for part in walk({k: v for k, v in spec.items() if k != "params"}) if "params" in part]
    assert parts == []
    assert [p["name"] for p in spec.get("params", [])] in ([], ["zoom"])


def test_the_compiler_has_nothing_to_complain_about(make, capfd):
    import vl_convert

    vl_convert.vegalite_to_vega(display.specification(make("mlp")), vl_version="5.20", show_warnings=True)
    out, err = capfd.readouterr()
    assert "WARN" not in out + err


def walk(part):
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from walk(one)


@pytest.mark.parametrize("theme", [None, "dark"])
def test_no_text_is_black_or_white_by_our_choice(make, theme):
    import vl_convert

    spec = display.specification(make("mlp"))
    svg = vl_convert.vegalite_to_svg(spec, theme=theme, vl_version="5.20")
    fills = {fill.lower() for fill in re.findall(r"<text[^>]*fill=\"([^\"]+)\"", svg)}
    assert fills <= ({"#fff", "#767676"} if theme else {"#000", "#767676", "black"}), fills


def test_charts_can_be_put_side_by_side():
    chart = display.residuals(Law(), X, Law().predict(X)) & display.forest(estimates())
    assert "labkit-chart" in display.svg(chart)
