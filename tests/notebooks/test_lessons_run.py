"""Every lesson runs at the smoke preset: as given, and with its solutions, which must pass every check."""

from __future__ import annotations

import ast
import json
import linecache

import nbformat
import pytest

from labkit import lessons, places, reports
from labkit.lessons import solutions
from labkit.lessons.lint import lint

NOTEBOOKS = sorted(places.notebooks().glob("[0-9]*.ipynb"))
pytestmark = pytest.mark.skipif(not NOTEBOOKS, reason="only a checkout has the notebooks")
# from the last on: the browser tests run them from the first on, so each finds half of the points in the shared store
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS[::-1], ids=lambda path: path.stem)


def texts(path) -> str:
    """Everything that the cells of an executed notebook printed or showed as text."""
    found = []
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            found.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(found)


@each_notebook
def test_a_committed_notebook_keeps_the_house_rules(path):
    assert [str(finding) for finding in lint(path)] == []


@each_notebook
def test_stubs_are_their_solutions_with_parts_left_out(path):
    assert solutions.verify(nbformat.read(path, as_version=4), solutions.load(path)) == []


@pytest.mark.notebooks
@each_notebook
def test_a_notebook_runs_as_given_and_nothing_is_attempted(path, tmp_path, monkeypatch, shared_points):
    monkeypatch.setenv("LABKIT_STORE", str(shared_points))
    (outcome,) = reports.run([path], preset="smoke", out=tmp_path)
    assert outcome.exit_code == 0, outcome.sentence
    shown = texts(outcome.directory / "executed.ipynb")
    count = len(solutions.load(path))
    assert shown.count("not attempted yet") == count
    assert "△" not in shown
    records = json.loads((outcome.directory / "records.json").read_text())
    assert records["records"]


def run_here(cells, name) -> list:
    """Run the cells in this process, where everything is loaded already, and return what each would show."""
    shown, names = [], {"__name__": "__main__"}
    for number, source in enumerate(cells):
        file = f"{name}[{number}]"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        body = ast.parse(source, file).body
        last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), file, "exec"), names)
        if last is not None:
            shown.append(eval(compile(last, file, "eval"), names))
    return shown


@pytest.mark.notebooks
@each_notebook
@pytest.mark.filterwarnings("default")  # a notebook's warnings are shown, and end nothing
def test_with_its_solutions_every_check_of_a_notebook_passes(path, tmp_path, monkeypatch, shared_points, headless):
    monkeypatch.setenv("LABKIT_STORE", str(shared_points))
    monkeypatch.setenv("LABKIT_STRICT", "1")
    monkeypatch.setenv("LABKIT_PRESET", "smoke")
    monkeypatch.setenv("LABKIT_NOTEBOOKS", str(path.parent))
    monkeypatch.setenv("LABKIT_RUN_DIR", str(tmp_path))
    monkeypatch.setattr("labkit.results.records._run", None)  # the notebook begins a run, which ends with this test
    monkeypatch.chdir(path.parent)
    solved = solutions.inject(nbformat.read(path, as_version=4), solutions.load(path))
    shown = run_here([cell.source for cell in solved.cells if cell.cell_type == "code"], path.stem)
    passed = [verdict for verdict in shown if isinstance(verdict, lessons.Verdict)]
    assert all(passed)
    assert len(passed) == len(solutions.load(path))


def test_every_exercise_that_is_registered_is_asked_somewhere():
    asked = {name for path in NOTEBOOKS for name in solutions.exercises(nbformat.read(path, as_version=4))}
    assert asked == set(lessons.checks.known())
