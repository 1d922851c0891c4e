"""What leaves the display layer: small, self-contained, readable on any page, and the same every time."""

import copy
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import altair as alt
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import display
from labkit.display.render import MAX_BYTES, MAX_ROWS
from labkit.display.specs import rows_of

VEGALITE = "application/vnd.vegalite.v5+json"


def points(values, **options):
    return alt.Chart(pandas.DataFrame({"a": values}), **options).mark_point().encode(x="a:Q")


def test_a_bundle_holds_vega_lite_svg_and_text_and_no_html():
    assert set(display.bundle(points([1]))) == {VEGALITE, "image/svg+xml", "text/plain"}


def test_a_bundle_is_a_valid_notebook_output():
    import nbformat

    output = nbformat.v4.new_output("display_data", data=display.bundle(points([1])))
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])]))


def test_the_picture_speaks_for_itself():
    root = ElementTree.fromstring(display.svg(points([1], description='Error "falls" & <falls>')))
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'Error "falls" & <falls>'


def test_a_chart_without_a_description_gets_one_from_its_own_data():
    assert display.bundle(points([1, 2, 3]))["text/plain"] == "Point chart of a, 3 rows."
    two = points([1]).properties(title="Left") | points([1, 2])
    assert display.bundle(two)["text/plain"].endswith("3 rows.")


def test_text_and_axes_take_the_colour_of_the_page():
    svg = display.svg(points([1, 2]).properties(title="T"))
    colours = set(re.findall(r'<text[^>]*fill="([^"]+)"', svg))
    assert colours == {"currentColor"}
    style = re.search(r"<style>(.*?)</style>", svg)[1]
    assert "prefers-color-scheme:dark" in style
    assert style.count("var(--labkit-ink,") == 3


def test_the_style_of_one_picture_cannot_reach_the_rest_of_the_page():
    svg = display.svg(points([1]))
    name = ElementTree.fromstring(svg).get("id")
    style = re.search(r"<style>(.*?)</style>", svg)[1]
    assert re.sub(rf"#{name}\{{[^}}]*\}}|@media[^{{]*\{{|\}}", "", style) == ""


def test_ids_of_two_charts_never_meet_and_every_reference_has_its_target():
    clipped = [points(v).interactive() for v in ([1, 2], [1, 3])]
    pictures = [display.svg(chart) for chart in clipped]
    ids = [set(re.findall(r'\bid="([^"]+)"', picture)) for picture in pictures]
    assert ids[0].isdisjoint(ids[1])
    for own, picture in zip(ids, pictures, strict=True):
        assert set(re.findall(r"url\(#([^)]+)\)", picture)) <= own
        assert len(own) > 1


def test_drawing_again_gives_the_same_picture():
    chart = points([1, 2]).properties(title="T") | points([3])
    assert display.svg(chart) == display.svg(chart)


@settings(deadline=None, max_examples=6)
@given(st.integers(1, 3), st.integers(MAX_ROWS - 3, MAX_ROWS + 3))
def test_exactly_the_charts_above_the_row_limit_are_refused(parts, rows):
    each = [rows // parts + (i < rows % parts) for i in range(parts)]
    frames = (pandas.DataFrame({"a": range(n), "part": part}) for part, n in enumerate(each))
    chart = alt.layer(*[alt.Chart(frame).mark_point().encode(x="a:Q") for frame in frames])
    if rows > MAX_ROWS:
        with pytest.raises(display.ChartTooLarge, match=f"{rows:,} rows.*aggregate first"):
            display.specification(chart)
    else:
        assert len(rows_of(display.specification(chart))) == rows


def test_far_too_many_rows_get_the_same_answer_as_a_few_too_many():
    with pytest.raises(display.ChartTooLarge, match="aggregate first"):
        display.bundle(points(range(6_000)))


def test_few_but_heavy_rows_are_refused_too():
    with pytest.raises(display.ChartTooLarge, match=r"kB.*aggregate first"):
        display.bundle(points(["x" * MAX_BYTES]))


@pytest.mark.parametrize("address", ["https://example.org/a.csv", "//example.org/a.csv", "a.csv", "file:///etc/passwd"])
def test_data_by_address_is_refused(address):
    with pytest.raises(ValueError, match="would load"):
        display.bundle(alt.Chart(address).mark_point().encode(x="a:Q"))


@pytest.mark.parametrize("address", ["https://example.org/a.png", "//example.org/a.png", " HTTP://example.org/a.png"])
def test_pictures_by_address_are_refused(address):
    chart = alt.Chart(alt.Data(values=[{"p": address}])).mark_image().encode(url="p:N")
    with pytest.raises(ValueError, match="would load"):
        display.bundle(chart)


def test_an_address_that_is_only_text_is_fine():
    chart = alt.Chart(alt.Data(values=[{"p": "https://example.org"}])).mark_text().encode(text="p:N")
    assert "example.org" in display.svg(chart)


def test_the_viewers_menu_leads_to_no_web_site():
    actions = display.specification(points([1]))["usermeta"]["embedOptions"]["actions"]
    assert actions == {"export": True, "source": False, "compiled": False, "editor": False}


@pytest.mark.parametrize("thing", [None, ["mark"], "chart", 3])
def test_what_is_not_a_chart_is_named(thing):
    with pytest.raises(TypeError, match=f"got {type(thing).__name__}"):
        display.bundle(thing)


def test_the_theme_is_the_charts_alone():
    before = alt.Chart(alt.Data(values=[])).mark_point().to_dict()["config"]
    display.bundle(points([1]))
    assert alt.Chart(alt.Data(values=[])).mark_point().to_dict()["config"] == before


def test_what_a_chart_configures_itself_wins_over_the_theme():
    chart = points([1]).configure_view(continuousWidth=111).configure_axis(labelFontSize=33)
    config = display.specification(chart)["config"]
    assert (config["view"]["continuousWidth"], config["view"]["continuousHeight"]) == (111, 300)
    assert (config["axis"]["labelFontSize"], config["axis"]["titleFontSize"]) == (33, 12)


def test_the_theme_applied_twice_is_the_theme_applied_once():
    once = display.theme(points([1]))
    assert display.theme(once).to_dict() == once.to_dict()


def test_a_themed_chart_can_still_be_configured():
    chart = display.theme(points([1])).configure_view(stroke="red")
    assert chart.to_dict()["config"]["view"]["stroke"] == "red"


def test_the_specification_is_json_and_names_its_grammar():
    spec = json.loads(json.dumps(display.specification(points([1.5, float("nan"), float("inf")]))))
    assert "/v5" in spec["$schema"]
    assert "NaN" not in json.dumps(spec)


def test_importing_the_display_layer_loads_neither_torch_nor_altair():
    heavy = {"torch", "altair", "vl_convert", "scipy", "IPython"}
    code = f"import sys, labkit.display; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_specification_as_a_dictionary_is_dressed_like_any_chart_and_stays_as_it_was():
    plain = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a", "type": "quantitative"}}}
    before = copy.deepcopy(plain)
    spec = display.specification(plain)
    assert plain == before
    assert spec["config"] == display.specification(alt.Chart.from_dict(plain))["config"]
    assert spec["description"] == "Point chart of a, 1 row."
    assert "<path" in display.svg(plain)
    with pytest.raises(ValueError, match="would load"):
        display.specification({**plain, "data": {"url": "https://elsewhere.example/rows.csv"}})


def test_what_is_no_number_is_null_in_the_chart():
    rows = [
        {"dataset": name, "model": "mlp", "examples": size, "seed": seed, "test_error": (1 + seed) * size**-0.5}
        for name in ("digits", "glyphs") for size in (32, 64) for seed in (0, 1)
    ]  # fmt: skip
    spec = display.specification(display.learning_curves(pandas.DataFrame(rows)))
    assert "NaN" not in json.dumps(spec)
    plain = {"mark": "point", "data": {"values": [{"a": float("nan")}, {"a": 1.0}]}, "encoding": {}}
    assert display.specification(plain)["data"]["values"] == [{"a": None}, {"a": 1.0}]


def test_a_chart_as_the_last_line_of_a_cell_is_drawn_without_a_network():
    from IPython.core.formatters import DisplayFormatter

    frame = pandas.DataFrame({"dataset": ["a", "a", "b", "b"], "examples": [32, 64] * 2, "test_error": [0.4, 0.3] * 2})
    for chart in (display.learning_curves(frame), display.learning_curves(frame[:2])):
        data, _ = DisplayFormatter().format(chart)
        assert set(data) >= {VEGALITE, "image/svg+xml"}
        assert "text/html" not in data
        assert "http" not in json.dumps(data[VEGALITE]).replace(data[VEGALITE]["$schema"], "")
