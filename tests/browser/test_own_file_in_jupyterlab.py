"""The panel for a reader's own file in a real JupyterLab: paths are typed, files uploaded, and forecast."""

import numpy as np
import pytest

pytestmark = pytest.mark.browser

CELL = """
from labkit.lessons import panels
panels.own_file()
"""
SAYS = """part => [...document.querySelectorAll('.widget-html [role=status]')]
    .some(one => one.textContent.includes(part))"""


@pytest.fixture
def page(laboratory, desk):
    laboratory.open(desk, laboratory.write("own_file.ipynb", CELL))
    desk.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    desk.wait_for_selector(".vega-embed .marks path", timeout=90_000, state="attached")
    return desk


def rows(count):
    sizes = 2 ** np.arange(5, 5 + count)
    return "size,mistakes\n" + "".join(f"{n},{2 * n**-0.5:.5f}\n" for n in sizes)


def test_a_path_that_is_typed_and_a_file_that_is_uploaded_are_forecast(page, laboratory, tmp_path):
    page.wait_for_function(SAYS, arg="curve.csv: 50 points of error against examples")
    path = laboratory.folder / "typed.csv"
    path.write_text(rows(7))
    field = page.get_by_label("Path of the file")
    field.fill(str(path))
    field.press("Enter")
    page.wait_for_function(SAYS, arg="typed.csv: 7 points of mistakes against size")

    field.fill(str(path.with_name("nowhere.csv")))
    field.press("Enter")
    page.wait_for_selector("[role=alert] b")
    assert "there is no file" in page.locator("[role=alert]").first.text_content()

    upload = tmp_path / "uploaded.csv"
    upload.write_text(rows(9))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload (at most 10 MB)").click()
    chooser.value.set_files(str(upload))
    page.wait_for_function(SAYS, arg="uploaded.csv: 9 points of mistakes against size")
    assert page.locator("[role=alert]").count() == 0
    assert page.outside == []
