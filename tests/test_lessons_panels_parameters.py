"""What a panel gives for the parameters cell, a notebook takes: the lines paste, and a report shows the same."""

from __future__ import annotations

import ast
import functools
import inspect

import nbformat
import numpy as np
import pytest

from labkit import places
from labkit.lessons import panels

NOTEBOOKS = sorted(places.notebooks().glob("[0-9]*.ipynb"))
SECONDS = 30
SIZES = 2.0 ** np.arange(4, 12)
ARGUMENTS = dict.fromkeys(("dial", "fit_explorer"), ((SIZES, 0.05 + 2 * SIZES**-0.5),))


@functools.cache
def trees(path):
    """Of every code cell whether it declares the parameters, and its syntax tree."""
    return [
        ("parameters" in cell.metadata.get("tags", []), ast.parse(cell.source))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]


def names_in(node):
    """Every name that an expression reads; of ``lab.seeds`` the parameter."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "lab":
            yield part.attr
        elif isinstance(part, ast.Name):
            yield part.id


@functools.cache
def written(path):
    """The notebook's parameters, what each of its variables is made from, and its calls."""
    parameters, made_from, calls = set(), {}, []
    for declares, tree in trees(path):
        for node in ast.walk(tree):
            if declares and isinstance(node, ast.AnnAssign):
                parameters.add(node.target.id)
            elif isinstance(node, ast.Assign):
                targets = [
                    part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)
                ]
                for name in targets:
                    made_from.setdefault(name, set()).update(names_in(node.value))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                calls.append(node)
    return parameters, made_from, calls


def reached(node, made_from):
    """Every name that an expression depends on, through the variables it reads."""
    found, waiting = set(), list(names_in(node))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(made_from.get(name, ()))
    return found


def shown(path):
    """The calls that make a panel to be looked at; one that is asked for a value at once only computes."""
    asked = [
        ast.dump(node.value)
        for _, tree in trees(path)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr != "in_parameter"
    ]
    for call in written(path)[2]:
        on = call.func.value
        if isinstance(on, ast.Name) and on.id == "panels" and ast.dump(call) not in asked:
            yield call


def kept_in(call, calls, path):
    """The call of ``in_parameter`` that belongs to a panel: on the panel itself or on the variable that holds it."""
    holders = {
        target.id
        for _, tree in trees(path)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.dump(node.value) == ast.dump(call)
        for target in node.targets
    }
    for one in calls:
        on = one.func.value
        direct = isinstance(on, ast.Call) and ast.dump(on) == ast.dump(call)
        if one.func.attr == "in_parameter" and (direct or (isinstance(on, ast.Name) and on.id in holders)):
            return one
    return None


USES = [(path, call) for path in NOTEBOOKS for call in shown(path)]


@pytest.mark.skipif(not NOTEBOOKS, reason="only a checkout has the notebooks")
def test_every_notebook_has_a_panel():
    assert {path.name for path, _ in USES} == {path.name for path in NOTEBOOKS}


@pytest.mark.parametrize(("path", "call"), USES, ids=[f"{path.stem[:2]} {call.func.attr}" for path, call in USES])
def test_what_a_panel_gives_to_paste_its_notebook_takes(path, call):
    parameters, made_from, calls = written(path)
    one = kept_in(call, calls, path)
    if one is not None:
        name, given = one.args
        assert name.value in parameters
        assert name.value in reached(given, made_from)
        return
    make = getattr(panels, call.func.attr)
    passed = {keyword.arg: keyword.value for keyword in call.keywords}
    passed |= dict(zip(inspect.signature(make).parameters, call.args, strict=False))
    for name in make(*ARGUMENTS.get(call.func.attr, ())).settings:
        assert name in parameters, f"{name} is no parameter of {path.name}"
        handed = reached(passed[name], made_from) if name in passed else ()
        assert name in handed, f"{path.name} does not hand {name} to its panel"


def test_settings_kept_in_one_parameter_paste_as_one_line_and_make_the_same_panel():
    def made(given):
        return panels.learning_curve_explorer(largest=256).in_parameter("explorer", given)

    panel = made(None)
    assert panel.settings["largest"] == 256
    panel.controls["widths"].value, panel.controls["seeds"].value = [4, 16], 1
    assert panel.wait(SECONDS)
    line, names = panel.to_parameters(), {}
    assert "\n" not in line
    exec(line, names)
    assert made(names["explorer"]).settings == panel.settings
    assert panel._parameters.field.value == line


def test_a_setting_that_no_control_has_is_refused_with_the_nearest():
    panel = panels.learning_curve_explorer()
    with pytest.raises(ValueError, match="did you mean 'widths'"):
        panel.in_parameter("explorer", {"width": [4]})
    with pytest.raises(ValueError, match="seeds got 99"):
        panel.in_parameter("explorer", {"seeds": 99})
    with pytest.raises(TypeError, match="expected a dict such as"):
        panel.in_parameter("explorer", ["widths", 4])
