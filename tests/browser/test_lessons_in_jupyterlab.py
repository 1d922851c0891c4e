"""The lessons themselves in a real JupyterLab: Run All ends, draws every chart, and shows no error."""

from __future__ import annotations

import shutil

import nbformat
import pytest

from labkit import places

NOTEBOOKS = sorted(places.notebooks().glob("[0-9]*.ipynb"))
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not NOTEBOOKS, reason="only a checkout has the notebooks")]

EVERY_CELL_RAN = """() => {
    const cells = [...document.querySelectorAll('.jp-CodeCell')];
    const numbers = cells.map(cell => cell.querySelector('.jp-InputPrompt')?.textContent ?? '');
    return cells.length > 0 && numbers.every(text => /\\[\\d+\\]/.test(text));
}"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_draws_every_chart_and_the_panel_and_shows_no_error(path, laboratory, open_page):
    shutil.copytree(path.parent / "presets", laboratory.folder / "presets", dirs_exist_ok=True)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace("preset: str | None = None", 'preset: str | None = "smoke"')
    nbformat.write(notebook, laboratory.folder / path.name)
    page = open_page()
    laboratory.open(page, path.name)
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(EVERY_CELL_RAN, timeout=120_000)
    assert (
        page.locator('.jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"] >> text=Traceback').count() == 0
    )
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    asked = sum("lab.show(" in cell.source for cell in notebook.cells)
    drawn = page.locator(".vega-embed svg.marks, .vega-embed canvas.marks")
    page.wait_for_function(
        "count => document.querySelectorAll('.vega-embed svg.marks, .vega-embed canvas.marks').length >= count",
        arg=asked,
    )
    assert drawn.count() >= asked
    sliders = page.locator(".jp-OutputArea [role=slider]")
    assert sliders.count() > 0
    assert page.locator("text=not attempted yet").count() == sum(
        tag.startswith("exercise-") for cell in notebook.cells for tag in cell.metadata.get("tags", [])
    )
