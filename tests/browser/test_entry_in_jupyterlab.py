"""The first look at JupyterLab as ``labkit lab`` opens it: the page of lessons, rendered, and a way into each."""

import shutil

import pytest

from labkit import places
from labkit.lessons import course, jupyterlab

ROOT = places.checkout()
pytestmark = [pytest.mark.browser, pytest.mark.skipif(ROOT is None, reason="only a checkout has the lessons")]


def test_it_opens_on_the_lessons_with_the_contents_beside_them_and_a_picture_opens_one(laboratory, open_page):
    for name in ("notebooks", "docs/thumbnails"):
        shutil.copytree(ROOT / name, laboratory.folder / "course" / name, dirs_exist_ok=True)
    _, (option,) = jupyterlab.entry(ROOT / "notebooks")
    address = option.partition("=")[2].replace("/tree/", "/tree/course/")
    page = open_page()
    page.goto(f"{laboratory.url}{address}?token={laboratory.token}", wait_until="commit")
    rendered = page.locator(".jp-MarkdownViewer .jp-RenderedMarkdown")
    rendered.locator("h1", has_text="The lessons").wait_for(timeout=60_000)
    lessons = course.entries(laboratory.folder / "course" / "notebooks")
    listed = [lesson for lesson in lessons if rendered.locator(f"a[href*='{lesson.path.name}']").count()]
    assert listed
    pictures = rendered.locator("img")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-MarkdownViewer img')].every(one => one.naturalWidth > 0)"
    )
    assert all(pictures.nth(place).get_attribute("alt") for place in range(pictures.count()))
    contents = page.locator("#table-of-contents")
    contents.wait_for(state="visible")
    assert "The lessons" in contents.inner_text()
    assert page.locator(".jp-Dialog").count() == 0
    rendered.locator("td a", has=page.locator("img")).first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(
        """() => {
            const session = window.jupyterapp.shell.currentWidget?.sessionContext;
            return session?.isReady && session.session?.kernel?.name === 'python3';
        }"""
    )
    assert page.locator(".jp-Dialog").count() == 0
    assert page.outside == []
    shown = page.locator("#table-of-contents").inner_text()
    assert "You will be able to" in shown
