"""A live run in a real JupyterLab: it redraws while other cells run, and Stop ends it."""

import time

import pytest

pytestmark = pytest.mark.browser

ENDLESS = """
import time
from labkit.lessons import panels
ticks = []
def work(should_stop):
    while not should_stop():
        ticks.append(time.time())
        yield len(ticks)
        time.sleep(0.02)
def chart(count):
    meta = {"embedOptions": {"renderer": "svg"}}
    import altair as alt, pandas as pd
    frame = pd.DataFrame({"x": range(count % 50 + 2), "y": range(count % 50 + 2)})
    return alt.Chart(frame).mark_line().encode(x="x", y="y").properties(description="Growing.", usermeta=meta)
run = panels.run_live(work, chart, label="Endless training")
"""
STOPPED = "() => document.body.innerText.includes('Endless training: stopped')"


def test_stop_ends_a_live_run_while_other_cells_run(laboratory, desk):
    page = desk
    laboratory.open(page, laboratory.write("stop.ipynb", ENDLESS, "print('the second cell ran')"))
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.locator(".jp-OutputArea-output", has_text="the second cell ran").wait_for(timeout=60_000)
    page.wait_for_selector(".vega-embed .marks path", state="attached", timeout=30_000)
    button = page.get_by_role("button", name="Stop", exact=True)
    button.focus()
    start = time.monotonic()
    page.keyboard.press("Enter")
    page.wait_for_function(STOPPED, timeout=20_000, polling=20)
    print(f"Stop to stopped, live run: {1000 * (time.monotonic() - start):.0f} ms")
    assert page.outside == []
