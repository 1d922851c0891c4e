"""Solutions: injected into a copy, and each stub held against its own."""

import pytest

from labkit.lessons import solutions


def notebook(*stubs):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "# What?"}]
    for name, source in stubs:
        cells.append({"cell_type": "code", "metadata": {"tags": [f"exercise-{name}"]}, "source": source})
    return {"cells": cells}


STUB = "def f(x):\n    # your turn\n    return ...\n"
SOLUTION = "def f(x):\n    return x + 1\n"


def test_injection_replaces_the_tagged_cell_and_leaves_the_original_alone():
    given = notebook(("01.1", STUB))
    solved = solutions.inject(given, {"01.1": SOLUTION})
    assert solved["cells"][1]["source"] == SOLUTION.strip()
    assert given["cells"][1]["source"] == STUB


def test_an_exercise_without_solution_is_named():
    with pytest.raises(ValueError, match=r"no solution for exercise 01\.2"):
        solutions.inject(notebook(("01.1", STUB), ("01.2", STUB)), {"01.1": SOLUTION})


def test_a_solution_without_exercise_names_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean '01\.1'"):
        solutions.inject(notebook(("01.1", STUB)), {"01.1": SOLUTION, "01.11": SOLUTION})


def test_one_tag_on_two_cells_is_refused():
    with pytest.raises(ValueError, match="cells 1 and 2"):
        solutions.exercises(notebook(("01.1", STUB), ("01.1", STUB)))


@pytest.mark.parametrize(
    ("stub", "solution", "fits"),
    [
        (STUB, SOLUTION, True),
        ("answer = ...", "answer = 2 ** 4", True),
        ("def f(x):\n    ...", "def f(x):\n    y = x\n    return y\n", True),
        ("a = ...\nb = ...", "a = 1\nb = 2", True),
        ("f(x, ...)", "f(x,  y=3)  # with y", True),
        ("answer = ...", "other = 2", False),
        ("def f(x):\n    return ...", "def f(x, y):\n    return x", False),
        ("a = ...\nb = ...", "a = 1", False),
        ("answer = (...", "answer = (1)", False),
        ("answer = ...", "answer =", False),
    ],
)
def test_a_stub_is_its_solution_with_parts_left_out(stub, solution, fits):
    assert solutions.elides(stub, solution) is fits


def test_verify_names_every_problem():
    given = notebook(("01.1", "x = 1"), ("01.2", "y = ..."), ("01.3", "z = ..."), ("01.4", STUB))
    problems = solutions.verify(given, {"01.1": "x = 1", "01.2": "q = 1", "01.4": SOLUTION, "01.9": "w = 1"})
    text = "\n".join(problems)
    assert len(problems) == 4
    assert "solution 01.9 has no cell" in text
    assert "exercise 01.1 leaves nothing out" in text
    assert "exercise 01.2: its cell is not the solution" in text
    assert "exercise 01.3 has no solution" in text


def test_solutions_are_read_from_the_file_beside_the_notebook(tmp_path):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_x.toml").write_text("\"01.1\" = '''\nx = 1\n'''\n")
    assert solutions.load(tmp_path / "01_x.ipynb") == {"01.1": "x = 1\n"}
    assert solutions.load(tmp_path / "02_y.ipynb") == {}


@pytest.mark.parametrize(("content", "match"), [("01.1 = 'x'", "quote the id"), ("x = ", "not valid TOML")])
def test_a_broken_file_of_solutions_is_named(tmp_path, content, match):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_x.toml").write_text(content)
    with pytest.raises(ValueError, match=match):
        solutions.load(tmp_path / "01_x.ipynb")
