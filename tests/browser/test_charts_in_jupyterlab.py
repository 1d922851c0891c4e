"""A chart that display.show puts on a page of JupyterLab is drawn there once."""

import pytest

pytestmark = pytest.mark.browser
CHART = """
import altair as alt

from labkit import display

display.show(alt.Chart(alt.Data(values=[{"a": 1}, {"a": 2}])).mark_point().encode(x="a:Q"))
"""
COUNT = """() => {
    window.drawn = 0;
    const marks = node => node.nodeType === 1 && node.matches('svg.marks, canvas.marks');
    const look = changes => changes.forEach(one => one.addedNodes.forEach(node => window.drawn += marks(node)));
    window.watcher = new MutationObserver(look);
    window.watcher.observe(document.body, {childList: true, subtree: true});
}"""


def test_a_shown_chart_is_drawn_once(laboratory, desk):
    laboratory.open(desk, laboratory.write("chart.ipynb", CHART))
    desk.evaluate(COUNT)
    desk.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    desk.locator(".vega-embed .marks").first.wait_for(state="attached", timeout=60_000)
    desk.wait_for_timeout(1500)  # what JupyterLab would do once more comes at once
    assert desk.evaluate("window.drawn") == 1
    assert desk.locator(".vega-embed .marks").count() == 1
    desk.evaluate("window.watcher.disconnect()")
