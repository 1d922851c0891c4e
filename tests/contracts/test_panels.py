"""What every panel promises, held for each one that ``labkit.lessons.panels`` offers, however new."""

import inspect
import re
import typing

import numpy as np
import pytest
import vl_convert
from ipywidgets import BoundedFloatText, BoundedIntText, Box, Button, Checkbox, Combobox, Dropdown, Textarea

from labkit.lessons import panels

SIZES = 2.0 ** np.arange(4, 12)
ARGUMENTS = {"dial": ((SIZES, 0.05 + 2 * SIZES**-0.5),)}
"""What a panel needs to be made, where it needs anything."""

NUMBERS = (BoundedIntText, BoundedFloatText)
SECONDS = 30
VIEW = "application/vnd.jupyter.widget-view+json"


def makes(name, kind):
    function = getattr(panels, name)
    if not inspect.isfunction(function):
        return False
    made = typing.get_type_hints(function).get("return")
    return isinstance(made, type) and issubclass(made, kind)


NAMES = [name for name in panels.__all__ if makes(name, panels.Panel)]
LIVE = [name for name in NAMES if makes(name, panels.LivePanel)]


class Planted(Exception):
    """Raised on purpose."""


def plant(*_arguments):
    raise Planted("on purpose <here>")


@pytest.fixture(params=NAMES)
def panel(request, monkeypatch, tmp_path):
    """A panel that need not work for what it shows."""
    monkeypatch.setenv("LABKIT_STORE", str(tmp_path))
    made = getattr(panels, request.param)(*ARGUMENTS.get(request.param, ()))
    if isinstance(made, panels.LivePanel):
        monkeypatch.setattr(made, "_missing", lambda settings: [])
    yield made
    assert made.wait(SECONDS)


@pytest.fixture(scope="module", params=NAMES)
def made(request, tmp_path_factory):
    """A panel, its name, and a store of its own: made once for all tests that only look."""
    store = str(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_STORE", store)
        panel = getattr(panels, request.param)(*ARGUMENTS.get(request.param, ()))
        if isinstance(panel, panels.LivePanel):
            patch.setattr(panel, "_missing", lambda settings: [])
        yield request.param, panel, store


@pytest.fixture
def resting(made, monkeypatch):
    """A panel that nothing is done to; nor does it work for what it shows."""
    _, panel, store = made
    monkeypatch.setenv("LABKIT_STORE", store)
    yield panel
    assert panel.wait(SECONDS)


def parts(widget):
    yield widget
    for child in widget.children if isinstance(widget, Box) else ():
        yield from parts(child)


def move(control):
    """Change one control through its widget, as a reader does."""
    for widget in parts(control.box):
        if isinstance(widget, NUMBERS):
            widget.value = widget.min if widget.value != widget.min else widget.max
        elif isinstance(widget, Dropdown):
            widget.index = (widget.index + 1) % len(widget.options)
        elif isinstance(widget, Checkbox):
            widget.value = not widget.value
        elif isinstance(widget, Combobox):
            widget.value = "something else"
        else:
            continue
        return
    raise AssertionError(f"control {control.name} has no widget that can be changed")


def seen(panel, *others):
    """Whether the planted error, or one that a control's new value leads to, stands in the panel."""
    names = [error.__name__ for error in (Planted, *others)]
    return panel._error_box.layout.display == "" and any(f"<b>{name}</b>" in panel._error_box.value for name in names)


def test_there_are_panels_to_hold_to_this():
    assert {"dial", "fit_explorer", "learning_curve_explorer", "training_monitor"} <= set(NAMES)


@pytest.mark.parametrize("where", ["_evaluate", "_draw", "_say", "to_parameters"])
def test_an_exception_behind_any_control_is_seen_by_the_reader(panel, where, monkeypatch):
    for control in panel.controls.values():
        monkeypatch.setattr(panel, where, plant)
        monkeypatch.setattr(panel, "_remembered", type(panel._remembered)())
        before = control.value
        move(control)
        assert panel.wait(SECONDS)
        if control.value != before:  # a single choice cannot move
            assert seen(panel, FileNotFoundError), control.name
            assert "role='alert'" in panel._error_box.value
            assert "<here>" not in panel._error_box.value
        panel._error_box.value = ""


@pytest.mark.parametrize("where", ["_evaluate", "_draw", "_say"])
def test_an_exception_behind_any_control_fails_a_run_where_nobody_looks(panel, where, monkeypatch, headless):
    monkeypatch.setattr(panel, where, plant)
    for control in panel.controls.values():
        before = control.value
        try:
            move(control)
        except (Planted, FileNotFoundError):
            continue
        assert control.value == before, control.name
    with pytest.raises((Planted, FileNotFoundError)):
        _ = panel.value


def test_a_value_that_a_control_refuses_is_seen_as_well(panel, monkeypatch):
    for control in panel.controls.values():
        monkeypatch.setattr(control, "accept", plant)
        before = control.value
        move(control)
        assert seen(panel), control.name
        assert control.value == before
        panel._error_box.value = ""


def test_an_exception_behind_a_button_is_seen(panel, monkeypatch):
    monkeypatch.setattr(panel, "to_parameters", plant)
    panel._parameters.toggle.click()
    assert seen(panel)


@pytest.mark.parametrize("panel", LIVE, indirect=True)
def test_an_exception_in_work_is_seen_and_raised_where_nobody_looks(panel, monkeypatch):
    monkeypatch.setattr(panel, "_missing", lambda settings: ["a piece"])
    monkeypatch.setattr(panel, "_work", plant)
    panel._start_button.click()
    assert panel.wait(SECONDS)
    assert seen(panel)
    monkeypatch.setenv("LABKIT_HEADLESS", "1")
    with pytest.raises(Planted):
        panel.set()


def test_every_input_is_named_and_every_slider_has_a_number_box_of_its_name(resting):
    kinds = (Button, Checkbox, Dropdown, Textarea, Combobox, *NUMBERS)
    inputs = [widget for widget in parts(resting.widget) if isinstance(widget, kinds)]
    assert all(widget.description and widget.tooltip for widget in inputs)
    sliders = [widget for widget in parts(resting.widget) if type(widget).__name__.endswith("Slider")]
    for slider in sliders:
        (row,) = [box for box in parts(resting.widget) if isinstance(box, Box) and slider in box.children]
        (number,) = [one for one in row.children if isinstance(one, NUMBERS)]
        assert slider.description.startswith(number.description)
        ends = [10**end if type(slider).__name__ == "FloatLogSlider" else end for end in (slider.min, slider.max)]
        assert ends == pytest.approx([number.min, number.max])


def test_its_status_is_read_out(resting):
    assert resting.value is not None
    assert re.search(r"role='status' aria-live='polite'>[^<]+<", resting._status_line.value)


def test_it_leaves_view_chart_picture_and_sentence(resting):
    bundle = resting.bundle()
    assert list(bundle) == [VIEW, "application/vnd.vegalite.v5+json", "image/svg+xml", "text/plain"]
    assert 'role="img"' in bundle["image/svg+xml"]
    assert bundle["text/plain"].strip()
    assert "\n" not in bundle["text/plain"]


def test_its_chart_is_valid_and_nothing_in_it_is_warned_about(resting, capfd):
    assert resting.figure.to_dict()["description"]
    capfd.readouterr()
    vl_convert.vegalite_to_vega(
        resting.bundle()["application/vnd.vegalite.v5+json"], vl_version="5.20", show_warnings=True
    )
    said = "".join(capfd.readouterr())
    assert "WARN" not in said, said


def test_its_parameters_paste_into_the_parameters_cell_and_make_the_same_panel(resting, made):
    names: dict = {}
    text = resting.to_parameters()
    exec(text, names)
    for line in text.splitlines():
        assert re.fullmatch(r"\w+: (int|float|str|bool|list\[\w+\]) \| None = \S.*  # \S.*", line), line
    name = made[0]
    given = {key: names[key] for key in resting.settings}
    again = getattr(panels, name)(*ARGUMENTS.get(name, ()), **given)
    assert again.settings == resting.settings


def test_an_unknown_setting_is_refused_with_the_nearest_and_nothing_moves(panel):
    name, before = next(iter(panel.settings)), panel.settings
    with pytest.raises(ValueError, match=f"did you mean '{name}'"):
        panel.set(**{f"{name}s_": 1})
    assert panel.settings == before
