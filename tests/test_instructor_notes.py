"""Every lesson has a note for whoever teaches it, of one page and one shape."""

from __future__ import annotations

import re

import pytest

from labkit import places

NOTES = places.notebooks() / "instructor"
LESSONS = sorted(path.stem for path in places.notebooks().glob("[0-9]*.ipynb"))
SECTIONS = ("Timing", "Misconceptions to expect", "What to skip", "Questions that start a discussion")


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_a_note_of_one_page_with_every_section(lesson):
    path = NOTES / f"{lesson}.md"
    assert path.is_file(), f"write {path.name}: timings, misconceptions, what to skip"
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# Instructor's note: {lesson[:2]} · ")
    assert [name for name in SECTIONS if not re.search(rf"^## {name}", text, flags=re.MULTILINE)] == []
    assert len(text.splitlines()) <= 60
    assert len(text.split()) <= 600


def test_every_note_belongs_to_a_lesson():
    assert {path.stem for path in NOTES.glob("*.md")} <= set(LESSONS)
