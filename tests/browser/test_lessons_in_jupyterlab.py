"""The lessons themselves in a real JupyterLab, on a dark page: Run All, every chart, and every panel by keyboard.

A lesson is found by its file and a panel by its field of parameters, so that new ones are covered as they come.
"""

from __future__ import annotations

import re
import shutil
import time

import nbformat
import pytest

from labkit import places

NOTEBOOKS = sorted(places.notebooks().glob("[0-9]*.ipynb"))
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not NOTEBOOKS, reason="only a checkout has the notebooks")]

LOOK_MS = 200  # between two looks at the page: looking costs a redrawing
EVERY_CELL_RAN = """() => {
    const cells = [...document.querySelectorAll('.jp-CodeCell')];
    const numbers = cells.map(cell => cell.querySelector('.jp-InputPrompt')?.textContent ?? '');
    return cells.length > 0 && numbers.every(text => /\\[\\d+\\]/.test(text));
}"""
NAMELESS = """cell => [...cell.querySelectorAll('.jp-OutputArea :is(input, select, button, textarea)')]
    .filter(part => part.offsetParent && ![part.labels?.[0]?.textContent, part.textContent, part.title,
        part.getAttribute('aria-label')].some(name => name?.trim()))
    .map(part => part.outerHTML)"""
# what a reader sees of a panel: its status lines and its charts
SEEN = """cell => [...cell.querySelectorAll('[role=status], [role=alert]')].map(e => e.textContent).join(' ') +
    [...cell.querySelectorAll('.vega-embed .marks path')].map(e => e.getAttribute('d') + e.getAttribute('fill')) +
    [...cell.querySelectorAll('.vega-embed canvas.marks')].map(e => e.toDataURL())"""
FAINT = """() => [...document.querySelectorAll('.vega-embed .role-axis-label text, .widget-label')]
    .map(part => getComputedStyle(part)[part.closest('.vega-embed') ? 'fill' : 'color'])
    .filter(colour => (colour.match(/\\d+/g) ?? []).slice(0, 3).reduce((sum, part) => sum + +part, 0) < 380)"""


def use_theme(page, name):
    page.evaluate("name => void window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
    light = "true" if name.endswith("Light") else "false"
    page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light)


def until(look, changed, seconds=20):
    """Look until it is as wanted, soon at first and then seldom; returns how long that took, in milliseconds."""
    start = time.monotonic()
    while not changed(look()):
        took = time.monotonic() - start
        assert took < seconds, f"still {look()!r:.500}"
        time.sleep(0.01 if took < 0.5 else 0.1)
    return round(1000 * (time.monotonic() - start))


def move_by_keyboard(cell, follows):
    """Move the panel's first slider one step: its number box follows, or chart and status; returns milliseconds."""
    slider = cell.locator("[role=slider]").first
    number, before = cell.locator("input[type=number]").first, cell.evaluate(SEEN)
    value = number.input_value()
    at_end = float(slider.get_attribute("aria-valuenow")) >= float(slider.get_attribute("aria-valuemax"))
    slider.press("ArrowLeft" if at_end else "ArrowRight")
    if follows:
        return until(lambda: cell.evaluate(SEEN), lambda seen: seen != before)
    return until(number.input_value, lambda now: now != value)


def start_and_stop(cell):
    """Press the button that starts the work, then Stop, both by keyboard; returns milliseconds to stopped."""
    stop = cell.get_by_role("button", name="Stop", exact=True)
    cell.locator(".widget-button").first.press("Enter")
    ended = re.compile(r"(stopped|finished) after \d")
    until(lambda: stop.is_enabled() or bool(ended.search(cell.inner_text())), bool)
    if stop.is_enabled():
        stop.press("Enter")
    return until(cell.inner_text, ended.search)


@pytest.fixture(scope="module")
def dark(_lab_page):
    """JupyterLab is dark until the last lesson has run: it keeps its theme from page to page."""
    use_theme(_lab_page, "JupyterLab Dark")
    yield
    use_theme(_lab_page, "JupyterLab Light")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.usefixtures("dark")
def test_run_all_draws_every_chart_and_every_panel_obeys_the_keyboard(path, laboratory, desk):
    shutil.copytree(path.parent / "presets", laboratory.folder / "presets", dirs_exist_ok=True)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace("preset: str | None = None", 'preset: str | None = "smoke"')
    nbformat.write(notebook, laboratory.folder / path.name)
    page = desk
    laboratory.open(page, path.name)
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(EVERY_CELL_RAN, timeout=120_000, polling=LOOK_MS)
    assert (
        page.locator('.jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"] >> text=Traceback').count() == 0
    )
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    asked = sum("lab.show(" in cell.source for cell in notebook.cells)
    page.wait_for_function(
        "count => document.querySelectorAll('.vega-embed svg.marks, .vega-embed canvas.marks').length >= count",
        arg=asked,
        polling=LOOK_MS,
    )
    assert page.locator("text=not attempted yet").count() == sum(
        tag.startswith("exercise-") for cell in notebook.cells for tag in cell.metadata.get("tags", [])
    )
    cells = page.locator(".jp-CodeCell", has=page.locator(".widget-textarea"))
    assert cells.count() > 0
    for cell in cells.all():
        cell.locator(".vega-embed .marks").first.wait_for(state="attached")
        assert cell.evaluate(NAMELESS) == []
        live = cell.get_by_role("button", name="Stop", exact=True).count() > 0
        if live:
            print(f"{path.stem}: Stop to stopped {start_and_stop(cell)} ms")
        print(f"{path.stem}: keyboard to {'number' if live else 'chart'} {move_by_keyboard(cell, not live)} ms")
        cell.get_by_role("button", name="Show as parameters").press("Enter")
        area = cell.locator(".widget-textarea textarea")
        until(area.input_value, bool)
        lines = area.input_value().splitlines()
        assert all(re.fullmatch(r"\w+: .+ \| None = .+  # .+", line) for line in lines), lines
        assert cell.locator("[role=alert]").count() == 0
    assert page.evaluate(FAINT) == []
    assert page.outside == []
