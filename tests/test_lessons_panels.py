"""Panels without a front end: set controls, read the record and the chart, and see every error."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simple_panel import simple

from labkit import display
from labkit.lessons import panels
from labkit.lessons.panels.controls import Choice, Several, Slider

SIZES = 2.0 ** np.arange(4, 12)
ERRORS = 0.05 + 2 * SIZES**-0.5
WIDGET = "application/vnd.jupyter.widget-view+json"
SECONDS = 20


# ---- the dial ------------------------------------------------------------------------------------------------------


def test_the_dial_reaches_no_miss_at_the_truth():
    panel = panels.dial((SIZES, ERRORS))
    assert panel.value.miss > 0.2
    record = panel.set(amplitude=2.0, exponent=0.5, floor=0.05).value
    assert record.miss == pytest.approx(0, abs=1e-9)
    assert record.best_miss == pytest.approx(0, abs=1e-3)


def test_the_dial_never_beats_the_best_fit():
    errors = ERRORS * np.exp(0.1 * np.cos(7 * SIZES))
    panel = panels.dial((SIZES, errors))
    for exponent in (0.3, 0.5, 0.7):
        for floor in (0.0, 0.03):
            record = panel.set(amplitude=2.0, exponent=exponent, floor=floor).value
            assert record.miss >= record.best_miss - 1e-6


def test_the_dial_takes_a_frame_with_several_seeds_per_size():
    frame = pd.DataFrame({"tokens": np.repeat(SIZES, 3), "loss": np.repeat(ERRORS, 3)})
    panel = panels.dial(frame, x="tokens", y="loss", exponent=0.5)
    assert "tokens" in display.bundle(panel.figure)["text/plain"]


@pytest.mark.parametrize(
    ("points", "match"),
    [
        (pd.DataFrame({"examples": [1, 2, 3], "eror": [1, 1, 1]}), "no column 'error': did you mean 'eror'"),
        (([1, 2, 3], [0.1, 0.2]), "x has 3 values and y has 2"),
        (([1, 2, 3], [0.1, 0.0, 0.2]), "1 of 3 points are missing, infinite, zero or negative"),
        (([1, 2, 3], [0.1, np.nan, 0.2]), "1 of 3 points"),
        (([1, 1, 2], [0.1, 0.1, 0.2]), "2 different values of 'examples', expected at least 3"),
        (3, "expected a frame or a pair of arrays"),
        ((["a", "b", "c"], [0.1, 0.2, 0.3]), "must hold numbers"),
    ],
)
def test_points_that_cannot_be_drawn_are_refused_with_the_reason(points, match):
    with pytest.raises(ValueError, match=match):
        panels.dial(points)


def test_a_start_outside_its_control_is_refused():
    with pytest.raises(ValueError, match="exponent got 7"):
        panels.dial((SIZES, ERRORS), exponent=7)


@pytest.mark.parametrize("make", [panels.dial, panels.fit_explorer])
def test_columns_may_have_any_name(make):
    frame = pd.DataFrame({"train.size [n]": SIZES, "error: 'test'": ERRORS})
    panel = make(frame, x="train.size [n]", y="error: 'test'")
    plain = make((SIZES, ERRORS))
    count = [display.svg(one.figure).count("<path") for one in (panel, plain)]
    assert count[0] == count[1]


# ---- what every panel promises --------------------------------------------------------------------------------------

PANELS = {
    "dial": lambda: panels.dial((SIZES, ERRORS)),
    "fit_explorer": lambda: panels.fit_explorer((SIZES, ERRORS)),
    "learning_curve_explorer": lambda: panels.learning_curve_explorer(),
    "phase_diagram": lambda: panels.phase_diagram(dimension=12, repeats=2),
}


@pytest.fixture(params=PANELS)
def panel(request):
    return PANELS[request.param]()


def test_a_panel_emits_view_chart_picture_and_sentence_view_first(panel):
    bundle = panel._repr_mimebundle_()
    assert list(bundle) == [WIDGET, "application/vnd.vegalite.v5+json", "image/svg+xml", "text/plain"]
    assert bundle[WIDGET]["model_id"] == panel.widget.model_id
    assert bundle["text/plain"].strip()
    assert "\n" not in bundle["text/plain"]


def test_every_control_has_a_label_and_a_tooltip(panel):
    from ipywidgets import Box, Button, Checkbox, Dropdown, Textarea
    from ipywidgets.widgets.widget_float import _BoundedFloat
    from ipywidgets.widgets.widget_int import _BoundedInt

    def walk(widget):
        yield widget
        for child in widget.children if isinstance(widget, Box) else ():
            yield from walk(child)

    inputs = [
        widget
        for widget in walk(panel.widget)
        if isinstance(widget, (Button, Checkbox, Dropdown, Textarea, _BoundedFloat, _BoundedInt))
    ]
    assert len(inputs) >= 4
    assert all(widget.description and widget.tooltip for widget in inputs)


def test_parameters_bring_another_panel_to_the_same_settings(panel):
    names = {}
    exec(panel.to_parameters(), names)
    assert {name: names[name] for name in panel.settings} == panel.settings


def test_every_line_of_parameters_is_annotated_and_explained(panel):
    for line in panel.to_parameters().splitlines():
        assert re.fullmatch(r"\w+: (int|float|str|list\[\w+\]) \| None = \S.*  # \S.*", line), line


def test_charts_have_a_fixed_size(panel):
    first = panel.bundle()["image/svg+xml"]
    name, control = next(iter((n, c) for n, c in panel.controls.items() if isinstance(c, Slider)))
    panel.set(**{name: control.high})
    second = panel.bundle()["image/svg+xml"]
    size = r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"'
    assert re.search(size, first).groups() == re.search(size, second).groups()


def test_headless_a_panel_is_one_output_with_a_picture(panel, monkeypatch, headless):
    if isinstance(panel, panels.LivePanel):
        pytest.skip("trains first; see test_lessons_live.py")
    outputs = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: outputs.append(data))
    panel._ipython_display_()
    (output,) = outputs
    assert "image/svg+xml" in output


def test_with_a_reader_the_chart_stands_below_the_controls_and_follows_them(panel, monkeypatch):
    class Handle:
        def __init__(self):
            self.updates = []

        def update(self, data, raw):
            self.updates.append(data)

    outputs, handle = [], Handle()

    def publish(data, raw, display_id=None):
        outputs.append(data)
        return handle if display_id else None

    monkeypatch.setattr("IPython.display.display", publish)
    panel._ipython_display_()
    controls, chart = outputs
    assert WIDGET in controls
    assert "image/svg+xml" in chart
    name, control = next((n, c) for n, c in panel.controls.items() if isinstance(c, Slider))
    control.slider.value = control.low
    assert panel.wait(SECONDS)
    assert panel.settings[name] == pytest.approx(control.low)
    assert "application/vnd.vegalite.v5+json" in handle.updates[-1]


# ---- settings ------------------------------------------------------------------------------------------------------


def test_set_moves_slider_label_and_number_together():
    panel = simple()
    panel.set(size=7)
    control = panel.controls["size"]
    assert (control.slider.value, control.number.value, control.slider.description) == (7, 7, "size = 7")


def test_slider_and_number_box_follow_each_other(headless):
    panel = simple()
    control = panel.controls["size"]
    control.slider.value = 4
    assert (control.number.value, panel.value) == (4, 8)
    control.number.value = 6
    assert (control.slider.value, panel.value) == (6, 12)


def test_an_unknown_control_names_the_nearest_and_moves_nothing():
    panel = simple()
    with pytest.raises(ValueError, match="did you mean 'size'"):
        panel.set(sise=3)
    with pytest.raises(ValueError, match="got 12, expected 0 to 9"):
        panel.set(size=12)
    assert panel.settings == {"size": 1}


@pytest.mark.parametrize("value", ["3", None, True, 2.5, float("nan"), [3]])
def test_a_slider_refuses_what_is_no_number_of_its_kind(value):
    with pytest.raises((TypeError, ValueError), match="control size"):
        simple().set(size=value)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-3, 1e3))
def test_a_log_slider_keeps_the_number_it_was_given(value):
    control = Slider("a", "a", 1e-3, 1e3, 1.0, step=0.01, log=True)
    control.value = value
    assert control.value == value
    assert control.number.value == pytest.approx(value)
    assert control.slider.value == pytest.approx(value)


def test_a_place_on_a_log_slider_has_digits_that_fit_the_box_and_leaves_the_handle_alone():
    control = Slider("a", "a", 1e-3, 1e3, 1.0, step=0.01, log=True)
    control.slider.value = place = 10**0.37
    assert control.value == control.number.value == 2.344229
    assert control.slider.value == place
    control.slider.value = 1e3
    assert control.value == 1e3


@pytest.mark.parametrize("log", [False, True])
def test_a_typed_number_between_two_steps_survives_the_rounded_echo_of_the_handle(log):
    control = Slider("a", "a", 0.01, 1.0, 0.5, step=0.02, log=log)
    control.number.value = 0.129
    echo = 10**-0.88 if log else 0.13  # what the page makes of it
    control.slider.value = echo
    assert control.value == 0.129
    control.slider.value = 10**-0.86 if log else 0.15
    assert control.value == pytest.approx(10**-0.86 if log else 0.15, rel=1e-6)


def test_several_options_stay_in_order_and_never_become_none(headless):
    control = Several("widths", "widths", [4, 16, 64], [16])
    control.value = [64, 4]
    assert control.value == [4, 64]
    control.boxes[0].value = False
    assert control.value == [64]
    control.boxes[2].value = False
    assert control.value == [64]
    assert control.boxes[2].value
    with pytest.raises(ValueError, match="at least one"):
        control.value = []
    with pytest.raises(ValueError, match="got 5"):
        control.value = [5]


def test_a_choice_refuses_what_is_not_offered():
    with pytest.raises(ValueError, match="did you mean 'power'"):
        Choice("form", "form", ["power", "floor"], "powr")


def test_showing_the_parameters_keeps_them_up_to_date():
    panel = simple()
    panel._parameters.toggle.click()
    assert "size: int | None = 1" in panel._parameters.field.value
    panel.set(size=5)
    assert "size: int | None = 5" in panel._parameters.field.value
    panel._parameters.toggle.click()
    assert panel._parameters.field.layout.display == "none"
