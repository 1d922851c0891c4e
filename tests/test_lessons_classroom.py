"""Copies for a class: no solution reaches a student, and the key answers everything."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from labkit import places
from labkit.commands.notebooks import notebooks as command
from labkit.lessons import classroom, solutions
from labkit.lessons.notebook_files import read

LESSONS = sorted(places.notebooks().glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_solution_reaches_a_student_and_the_key_answers_every_exercise(path, tmp_path):
    student, key = map(read, classroom.build([path], tmp_path))
    answers = solutions.load(path)
    text = json.dumps(student)
    assert "<summary>Solution</summary>" not in text
    for position in solutions.exercises(student).values():
        assert "..." in student["cells"][position]["source"]
    for name, position in solutions.exercises(key).items():
        assert key["cells"][position]["source"] == answers[name].strip("\n")
    hints = [cell["source"].count("<summary>Hint</summary>") for cell in read(path)["cells"]]
    assert text.count("<summary>Hint</summary>") == sum(hints)


def test_the_command_writes_both_folders_with_their_presets(tmp_path):
    outcome = CliRunner().invoke(command, ["class", str(LESSONS[0]), "--out", str(tmp_path / "class")])
    assert outcome.exit_code == 0
    for kind in ("students", "answers"):
        assert (tmp_path / "class" / kind / LESSONS[0].name).is_file()
        assert (tmp_path / "class" / kind / "presets" / f"{LESSONS[0].stem}.toml").is_file()


def test_an_exercise_without_a_solution_stops_everything(tmp_path):
    notebook = read(LESSONS[0])
    (tmp_path / "lesson.ipynb").write_text(json.dumps(notebook))
    with pytest.raises(ValueError, match="no solution for exercise"):
        classroom.build([tmp_path / "lesson.ipynb"], tmp_path / "class")
    assert not (tmp_path / "class").exists()
