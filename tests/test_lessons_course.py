"""The lessons as a course: links to the neighbours, the page that lists them, and thumbnails."""

import copy
import json
import re

import altair as alt
import pandas as pd
import pytest

from labkit import display, places
from labkit.lessons import course
from labkit.lessons.lint import lint
from labkit.lessons.notebook_files import read

ROOT = places.checkout()


def cell(kind, source, **more):
    return {"cell_type": kind, "id": f"c{abs(hash(source)) % 10**6}", "metadata": {}, "source": source, **more}


def notebook(*cells):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


def written(folder, name, *cells):
    title = cell("markdown", f"# {name[:2]} · Lesson {name[:2]}: why | how?\n\n**The question: why, and\nhow?**")
    (folder / name).write_text(json.dumps(notebook(title, *cells)))
    return folder / name


@pytest.fixture
def lessons(tmp_path):
    aims = cell("markdown", "Reading time: 25 minutes.")
    return [written(tmp_path, name, aims) for name in ("00_a.ipynb", "02_b.ipynb", "90_c.ipynb")]


def navigation(path):
    return [finding.message for finding in lint(path) if finding.rule == "navigation"]


def test_an_entry_is_read_from_the_first_cells(lessons):
    one = course.entry(lessons[0])
    assert (one.title, one.question, one.minutes) == ("00 · Lesson 00", "Why, and how?", 25)


def test_every_lesson_leads_to_the_one_before_and_the_one_after(lessons):
    assert all(navigation(path) for path in lessons)
    assert [course.link(path) for path in lessons] == [True, True, True]
    assert not any(navigation(path) for path in lessons)
    last = read(lessons[1])["cells"][-1]["source"]
    assert last == "## Next\n\nPrevious: [00 · Lesson 00](00_a.ipynb) · Next: [90 · Lesson 90](90_c.ipynb)"
    assert [course.link(path) for path in lessons] == [False, False, False]


def test_a_new_lesson_in_between_is_linked_and_what_the_author_wrote_stays(lessons, tmp_path):
    written(tmp_path, "00_a.ipynb", cell("markdown", "## Next\n\nMore data.\n\nNext: [old](02_b.ipynb)"))
    new = written(tmp_path, "01_n.ipynb")
    assert "does not link to 01_n.ipynb" in navigation(lessons[0])[0]
    for path in (*lessons, new):
        course.link(path)
    assert read(lessons[0])["cells"][-1]["source"] == "## Next\n\nMore data.\n\nNext: [01 · Lesson 01](01_n.ipynb)"
    assert not any(navigation(path) for path in (*lessons, new))


def test_a_notebook_of_ones_own_needs_no_neighbours(lessons, tmp_path):
    mine = written(tmp_path, "mine.ipynb")
    assert navigation(mine) == []
    assert course.neighbours(mine) == (None, None)


def test_the_page_lists_every_lesson_with_picture_question_and_minutes(lessons, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "02_b.svg").write_text("<svg/>")
    page = course.page(course.entries(tmp_path), course.found(tmp_path, tmp_path / "pictures"))
    rows = [line for line in page.splitlines() if ".ipynb" in line]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [4, 4, 4]
    assert "[![02 · Lesson 02: Why, and how?](pictures/02_b.svg)](02_b.ipynb)" in rows[1]
    assert "25 min" in rows[0]


def picture(points):
    frame = pd.DataFrame({"x": range(points), "y": range(points)})
    return display.svg(alt.Chart(frame).mark_point().encode(x="x", y="y").properties(description="A | b."))


def executed(*pictures, tagged=None):
    cells = [cell("code", str(place), outputs=[{"data": {"image/svg+xml": one}}]) for place, one in enumerate(pictures)]
    lesson = copy.deepcopy(notebook(*cells))
    if tagged is not None:
        lesson["cells"][tagged]["metadata"]["tags"] = ["thumbnail"]
    return lesson, notebook(*cells)


def test_a_thumbnail_is_the_tagged_picture_small_with_ink_on_paper():
    kind, data = course.thumbnail(*executed(picture(3), picture(50), tagged=1))
    text = data.decode()
    assert kind == "svg"
    width, height = (int(re.search(rf'<svg[^>]*? {name}="(\d+)"', text)[1]) for name in ("width", "height"))
    assert width <= 260
    assert height <= 190
    assert "currentColor" not in text
    assert "<style>" not in text
    assert text.count("<path") >= 50


def test_without_a_tag_it_is_the_first():
    _, data = course.thumbnail(*executed(picture(3), picture(50)))
    assert data.decode().count("<path") < 50


def test_a_large_drawing_becomes_a_small_raster():
    kind, data = course.thumbnail(*executed(picture(2500)))
    assert kind == "png"
    assert data[:4] == b"\x89PNG"
    assert len(data) <= course.MAX_THUMBNAIL


def test_a_lesson_without_pictures_has_no_thumbnail():
    assert course.thumbnail(*executed()) is None


@pytest.mark.skipif(ROOT is None, reason="only a checkout has the lessons")
def test_the_committed_page_is_what_the_lessons_say_and_every_thumbnail_is_small():
    folder, pictures = ROOT / "notebooks", ROOT / "docs" / "thumbnails"
    page = course.page(course.entries(folder), course.found(folder, pictures))
    assert (folder / course.PAGE).read_text(encoding="utf-8") == page, "run labkit notebooks thumbnails"
    named = {path.stem for path in pictures.iterdir()}
    assert {lesson.path.stem for lesson in course.entries(folder)} == named, "run labkit notebooks thumbnails"
    assert max(path.stat().st_size for path in pictures.iterdir()) <= course.MAX_THUMBNAIL
