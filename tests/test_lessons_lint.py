"""House rules of the notebooks, broken one at a time in an otherwise clean notebook."""

import copy
import json

import pytest

from labkit.lessons.lint import lint, strip, strip_text


def markdown(name, source):
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def code(name, source, *tags):
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


PARAMETERS = """preset: str | None = None  # smoke, lesson or full
sizes: list[int] | None = None  # training examples"""
STUB = "def f(x):\n    return ...\nlessons.check('01.1', f)"
CLEAN = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    },
    "cells": [
        markdown("title", "# How fast does the error fall?"),
        markdown(
            "aims", "## You will be able to\n\n- read a curve\n\n![a falling curve](curve.svg) [next](other.ipynb#part)"
        ),
        code("parameters", PARAMETERS, "parameters"),
        code("setup", "from labkit import lessons\nlab = lessons.lesson('01', preset=preset, sizes=sizes)", "setup"),
        code("exercise", STUB, "exercise-01.1"),
        markdown("found", "## What we found"),
        markdown("limits", "## Limits: when this would mislead you"),
        markdown("record", "## Records and claims"),
    ],
}
POSITION = {cell["id"]: i for i, cell in enumerate(CLEAN["cells"])}


@pytest.fixture
def examine(tmp_path):
    (tmp_path / "curve.svg").write_text("<svg/>")
    (tmp_path / "other.ipynb").write_text("{}")

    def examine(change=lambda notebook: None):
        notebook = copy.deepcopy(CLEAN)
        change(notebook)
        path = tmp_path / "notebook.ipynb"
        path.write_text(json.dumps(notebook))
        return lint(path)

    return examine


def change(cell, **values):
    """A change of one cell's fields."""
    return lambda notebook: notebook["cells"][POSITION[cell]].update(values)


def add(source, *tags):
    """One more code cell."""
    return lambda notebook: notebook["cells"].append(code("more", source, *tags))


def say(source):
    """One more markdown cell."""
    return lambda notebook: notebook["cells"].append(markdown("more", source))


def test_a_clean_notebook_has_no_finding(examine):
    assert examine() == []


BROKEN = {
    "outputs": change("setup", outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}]),
    "execution-count": change("setup", execution_count=3),
    "widgets": lambda notebook: notebook["metadata"].update(widgets={}),
    "metadata": change("found", metadata={"scrolled": True}),
    "attachments": change("found", attachments={"a.png": {}}),
    "kernel": lambda notebook: notebook["metadata"]["kernelspec"].update(name="my-conda"),
    "size": say("word " * 13_000),
    "cell-id": change("found", id="limits"),
    "tags": change("setup", metadata={}),
    "parameters": change("parameters", source=PARAMETERS + "\nmore = None  # more"),
    "syntax": add("%matplotlib inline"),
    "cell-length": add("\n".join(f"x{i} = {i}" for i in range(16))),
    "definition": add("def f(x):\n" + "\n".join(f"    x{i} = {i}" for i in range(6))),
    "imports": add("import torch"),
    "hidden-errors": add("import labkit\nlabkit.interact(f)"),
    "exercise": change("exercise", source="def f(x):\n    return ..."),
    "title": change("title", source="# Learning curves"),
    "sections": change("limits", source="## The end"),
    "alt-text": say("![](curve.svg)"),
    "links": say("[gone](gone.ipynb)"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_broken_rule_is_found_alone(examine, rule):
    findings = examine(BROKEN[rule])
    assert [finding.rule for finding in findings] == [rule], findings


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("cell-id", lambda notebook: notebook["cells"][0].pop("id")),
        ("cell-id", change("found", id="has space")),
        ("tags", add(PARAMETERS, "parameters")),
        ("parameters", change("parameters", source="sizes: list = list(range(3))  # sizes")),
        ("parameters", change("parameters", source="a: int = 2  # two\nb: int = a  # from a")),
        ("parameters", change("parameters", source="a: int | None = None")),
        ("parameters", change("parameters", source="a, b = 1, 2  # two")),
        ("imports", add("from sklearn.linear_model import Ridge")),
        ("imports", add("from . import helpers")),
        ("hidden-errors", add("import labkit as w\nwith w.Output():\n    pass")),
        ("exercise", change("exercise", source="def f(x):\n    return x\nlessons.check('01.1', f)")),
        ("exercise", change("exercise", source="def f(x):\n    return ...\nlessons.check('01.10', f)")),
        ("definition", change("exercise", source="def f(x):\n" + "    x = 1\n" * 12 + "x = ...\ncheck('01.1', f)")),
        ("title", change("title", source="How fast?")),
        ("alt-text", say('<img src="curve.svg">')),
        ("alt-text", say('<img src="curve.svg" alt=" ">')),
        ("links", say('<a href="gone.html">gone</a>')),
        ("links", say("![a curve](gone.svg)")),
        ("syntax", add("!pip install x")),
        ("syntax", add("x = (")),
    ],
)
def test_other_ways_to_break_a_rule(examine, rule, broken):
    assert {finding.rule for finding in examine(broken)} == {rule}


@pytest.mark.parametrize(
    "fine",
    [
        add("import math, collections.abc\nfrom labkit.lessons import check\nimport numpy as np"),
        add("\n".join(f"x{i} = {i}" for i in range(15))),
        add("def f(x):\n" + "    x = 1\n" * 5),
        change("exercise", source="def f(x):\n" + "    x = 1\n" * 10 + "    return ...\ncheck('01.1', f)"),
        say("[site](https://example.org) [part](#limits) [mail](mailto:a@b.c) `[not](a link)`\n```\n[nor](this)\n```"),
        say('<img src="curve.svg" alt="a curve">'),
        say("[with space](<curve.svg>) and [query](other.ipynb#what-we-found)"),
    ],
)
def test_what_is_allowed_stays_allowed(examine, fine):
    assert examine(fine) == []


def test_the_check_may_stand_in_the_next_code_cell(examine):
    def split(notebook):
        place = POSITION["exercise"]
        notebook["cells"][place]["source"] = "answer = ..."
        notebook["cells"].insert(place + 1, code("check", 'lessons.check("01.1", answer)'))

    assert examine(split) == []


def test_a_finding_reads_as_a_sentence_with_its_place(examine):
    (finding,) = examine(BROKEN["imports"])
    assert str(finding).startswith(f"cell {len(CLEAN['cells'])}: imports torch")


def test_a_file_that_is_no_notebook_is_a_finding(tmp_path):
    path = tmp_path / "x.ipynb"
    for text in ("not json", "[]", '{"nbformat": 3, "worksheets": []}'):
        path.write_text(text)
        (finding,) = lint(path)
        assert finding.rule == "format"


def dirty():
    notebook = copy.deepcopy(CLEAN)
    notebook["metadata"]["widgets"] = {"state": {}}
    notebook["metadata"]["kernelspec"] = {"name": "conda-env-mine", "display_name": "mine"}
    for cell in notebook["cells"]:
        cell["metadata"]["collapsed"] = True
        if cell["cell_type"] == "code":
            cell["execution_count"] = 7
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x"]}]
    return notebook


def test_strip_removes_what_lint_finds_and_keeps_ids_tags_and_text(tmp_path):
    (tmp_path / "curve.svg").write_text("<svg/>")
    (tmp_path / "other.ipynb").write_text("{}")
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps(dirty()))
    assert len(lint(path)) > 5
    assert strip(path)
    assert lint(path) == []
    kept = json.loads(path.read_text())
    assert [cell["id"] for cell in kept["cells"]] == [cell["id"] for cell in CLEAN["cells"]]
    assert ["".join(cell["source"]) for cell in kept["cells"]] == [cell["source"] for cell in CLEAN["cells"]]
    assert kept["cells"][POSITION["parameters"]]["metadata"] == {"tags": ["parameters"]}


def test_strip_twice_changes_nothing(tmp_path):
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps(dirty()))
    assert strip(path)
    assert not strip(path)
    assert strip_text(path.read_text()) == path.read_text()


def test_a_stripped_notebook_is_what_jupyter_itself_would_write(tmp_path):
    import nbformat

    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps(dirty()))
    strip(path)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert nbformat.writes(notebook) + "\n" == path.read_text()
