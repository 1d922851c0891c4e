"""Panels in a real JupyterLab: keyboard, live chart, Stop, errors, dark theme, and no word to anybody outside.

What is asserted is meaning (numbers, paths, states), never pixels.
"""

import re
import time

import pytest

pytestmark = pytest.mark.browser

DIAL = """
from labkit.lessons import panels
points = ([16, 32, 64, 128, 256, 512], [0.55, 0.42, 0.30, 0.22, 0.17, 0.13])
panel = panels.dial(points, amplitude=2.0, exponent=0.5, floor=0.01)
panel
"""
FIT = """
import numpy as np
from labkit.lessons import panels
x = np.repeat(2.0 ** np.arange(4, 12), 3)
y = (0.05 + 2 * x**-0.5) * np.exp(0.05 * np.sin(np.arange(x.size)))
fitting = panels.fit_explorer((x, y), forms=["forecast", "power", "power_floor"])
fitting
"""
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
TRAIN = """
from labkit.lessons import panels
explorer = panels.learning_curve_explorer(sizes=[32, 64, 128, 256, 512, 1024], widths=[4, 16, 64, 256], steps=5_000)
explorer
"""
BROKEN = """
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Slider
import altair as alt, pandas as pd
def evaluate(settings):
    return 1 / (3 - settings["size"])
def draw(record):
    meta = {"embedOptions": {"renderer": "svg"}}
    frame = pd.DataFrame({"x": [record]})
    return alt.Chart(frame).mark_point().encode(x="x").properties(description="One point.", usermeta=meta)
Panel("Breaks at three", [Slider("size", "size", 0, 9, 1, step=1)], evaluate=evaluate, draw=draw, say=str)
"""


TITLE = "part => [...document.querySelectorAll('.vega-embed text')].some(text => text.textContent.includes(part))"


CHANGED = (
    "d => { const now = [...document.querySelectorAll('.vega-embed .mark-line path')]"
    ".map(p => p.getAttribute('d')).join(' '); return now && now !== d }"
)


def run_all(page):
    # void: the command's promise ends with the last cell, and waiting for it has no time limit
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")


def curve(page):
    """The path data of the chart's line, the mark that follows the settings."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.vega-embed .mark-line path')].map(p => p.getAttribute('d')).join(' ')"
    )


def eventually(page, script, argument=None, timeout=10_000):
    page.wait_for_function(script, arg=argument, timeout=timeout)


def run_notebook(laboratory, page, name, *cells):
    laboratory.open(page, laboratory.write(name, *cells))
    run_all(page)
    page.wait_for_selector(".widget-vbox", timeout=60_000)
    page.wait_for_selector(".vega-embed .marks path", timeout=60_000, state="attached")
    return page


@pytest.fixture
def shown(laboratory, open_page):
    """A notebook opened and run: returns the page once the panel and, where there is one, its chart are drawn."""

    return lambda name, *cells: run_notebook(laboratory, open_page(), name, *cells)


@pytest.fixture(scope="module")
def dial_page(laboratory, pages):
    """One notebook with the dial, shared by the tests that only move it."""
    return run_notebook(laboratory, pages(), "dial.ipynb", DIAL)


@pytest.fixture
def dial(dial_page, open_page):
    """That page with the exponent back at 0.5."""
    number = dial_page.locator("input[type=number]").nth(1)
    number.fill("0.5")
    number.press("Enter")
    eventually(dial_page, TITLE, "examples^−0.5 ")
    return dial_page


def test_a_slider_moved_by_keyboard_changes_label_number_and_curve(dial):
    page = dial
    label = page.locator(".widget-label", has_text="exponent α")
    assert "0.5" in label.first.inner_text()
    before = curve(page)
    page.locator(".widget-slider [role=slider]").nth(1).focus()
    took = []
    for step in range(1, 6):
        start = time.monotonic()
        page.keyboard.press("ArrowRight")
        expected = f"exponent α = {0.5 + step / 100:.4g}"
        eventually(page, "text => document.body.innerText.includes(text)", expected)
        eventually(
            page,
            "d => [...document.querySelectorAll('.vega-embed .mark-line path')]"
            ".some(p => p.getAttribute('d') !== d) && document.querySelector('.vega-embed .mark-line path') !== null",
            before,
        )
        before = curve(page)
        took.append(time.monotonic() - start)
    number = page.locator("input[type=number]").nth(1)
    assert float(number.input_value()) == pytest.approx(0.55)
    print(f"keyboard to redrawn chart: {sorted(round(1000 * seconds) for seconds in took)} ms")
    assert page.outside == []


def test_a_number_typed_into_the_box_moves_slider_and_curve(dial):
    page = dial
    before = curve(page)
    number = page.locator("input[type=number]").nth(1)
    number.fill("1.2")
    number.press("Enter")
    eventually(page, "() => document.body.innerText.includes('exponent α = 1.2')")
    eventually(page, "d => document.querySelector('.vega-embed .mark-line path')?.getAttribute('d') !== d", before)
    handle = page.locator(".widget-slider [role=slider]").nth(1)
    assert float(handle.get_attribute("aria-valuenow")) == pytest.approx(1.2)


def test_every_control_is_reached_by_tab_and_has_a_name(shown):
    page = shown("tab.ipynb", FIT)
    page.locator(".widget-slider [role=slider]").first.focus()
    reached = []
    for _ in range(14):
        reached.append(
            page.evaluate(
                """() => { const e = document.activeElement; return [e.getAttribute('role') || e.tagName.toLowerCase(),
                    e.labels?.[0]?.textContent || e.textContent.trim().split('\\n')[0] ||
                    e.closest('.widget-hbox, .jupyter-widgets')?.innerText || ''] }"""
            )
        )
        page.keyboard.press("Tab")
    kinds = [kind for kind, _ in reached]
    # hold-out with its number box, a box for each form, interval, target with its number box
    controls = ["slider", "input", *["input"] * 7, "select", "slider", "input", "button"]
    assert kinds[: len(controls)] == controls, reached
    assert all(name.strip() for _, name in reached[: len(controls)]), reached
    tree = page.locator(".widget-vbox").first.aria_snapshot()
    assert re.search(r'spinbutton "largest sizes held out"', tree), tree
    assert re.search(r'checkbox "power_floor"', tree), tree
    assert re.search(r'combobox "interval"', tree), tree
    assert re.search(r'spinbutton "target for error"', tree), tree
    assert re.search(r"status", tree), tree


def test_the_hold_out_is_moved_by_keyboard_and_every_form_is_refitted_at_once(shown):
    page = shown("fit.ipynb", FIT)
    page.locator(".widget-slider [role=slider]").first.focus()
    took = []
    for held, key in [(3, "ArrowRight"), (4, "ArrowRight"), (5, "ArrowRight"), (4, "ArrowLeft"), (3, "ArrowLeft")]:
        before, start = curve(page), time.monotonic()
        page.keyboard.press(key)
        eventually(page, "held => document.body.innerText.includes('largest sizes held out = ' + held)", held)
        eventually(page, CHANGED, before)
        took.append(round(1000 * (time.monotonic() - start)))
    print(f"keyboard to redrawn chart, three forms: first time {took[:3]} ms, seen before {took[3:]} ms")
    eventually(page, "() => (document.body.innerText.match(/\\(\\d of 9 inside\\)/g) || []).length === 3")
    assert page.locator(".vega-embed .mark-line path").count() == 3
    assert float(page.locator("input[type=number]").first.input_value()) == 3
    assert page.outside == []


def test_forms_target_and_interval_change_line_plan_and_band(shown):
    page = shown("forms.ipynb", FIT)
    box = page.get_by_role("checkbox", name="power", exact=True)
    box.focus()
    page.keyboard.press("Space")
    eventually(page, "() => document.querySelectorAll('.vega-embed .mark-line path').length === 2")
    number = page.locator("input[type=number]").nth(1)
    number.fill("0.12")
    number.press("Enter")
    eventually(page, "() => document.body.innerText.includes('error 0.12 takes this many examples: forecast')")
    band = "() => [...document.querySelectorAll('.vega-embed .mark-area path')].map(p => p.getAttribute('d')).join(' ')"
    before = page.evaluate(band)
    page.locator(".widget-dropdown select").first.select_option("50 %")
    eventually(page, f"before => ({band})() !== before", before)
    page.get_by_role("button", name="Show as parameters", exact=True).press("Enter")
    pasted = page.locator(".widget-textarea textarea").first
    eventually(page, "() => document.querySelector('.widget-textarea textarea')?.value.includes('interval: float')")
    assert "forms: list[str] | None = ['forecast', 'power_floor']" in pasted.input_value()
    assert "target: float | None = 0.12" in pasted.input_value()
    assert page.outside == []


def test_fast_steps_end_at_the_newest_value(dial):
    page = dial
    page.locator(".widget-slider [role=slider]").nth(1).focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    eventually(page, "() => document.body.innerText.includes('exponent α = 0.8')")
    eventually(page, TITLE, "examples^−0.8 ")


def test_stop_ends_training_in_half_a_second(laboratory, shown):
    page = shown("stop.ipynb", ENDLESS, "status = 'the second cell ran while the first trains'\nstatus")
    eventually(page, "() => document.body.innerText.includes('the second cell ran')", timeout=30_000)
    page.wait_for_selector(".vega-embed .marks path", state="attached", timeout=30_000)
    button = page.get_by_role("button", name="Stop", exact=True)
    button.focus()
    start = time.monotonic()
    page.keyboard.press("Enter")
    eventually(page, "() => document.body.innerText.includes('Endless training: stopped')", timeout=5_000)
    print(f"Stop to stopped: {1000 * (time.monotonic() - start):.0f} ms")
    assert page.outside == []


def test_curves_are_trained_live_and_stop_is_heard(shown):
    page = shown("train.ipynb", TRAIN)
    page.get_by_role("button", name="Train", exact=True).press("Enter")
    eventually(page, "() => document.querySelectorAll('.vega-embed .mark-symbol path').length >= 6", timeout=60_000)
    start = time.monotonic()
    page.get_by_role("button", name="Stop", exact=True).press("Enter")
    eventually(page, "() => /stopped after \\d/.test(document.body.innerText)")
    print(f"Stop to stopped, training: {1000 * (time.monotonic() - start):.0f} ms")
    eventually(page, "() => /\\d+ points are missing; press Train/.test(document.body.innerText)")
    assert page.outside == []


def test_an_exception_in_a_callback_is_seen_and_goes_away_again(shown):
    page = shown("broken.ipynb", BROKEN)
    handle = page.locator(".widget-slider [role=slider]").first
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[role=alert]", timeout=10_000)
    assert "ZeroDivisionError" in page.locator("[role=alert]").inner_text()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[role=alert]", state="detached", timeout=10_000)


def test_the_chart_stands_on_the_page_once_and_keeps_its_place(dial):
    page = dial
    assert page.locator(".vega-embed").count() == 1
    top = page.locator(".vega-embed").bounding_box()
    page.locator(".widget-slider [role=slider]").nth(1).focus()
    page.keyboard.press("PageUp")
    eventually(page, "() => !document.body.innerText.includes('exponent α = 0.5\\n')")
    page.wait_for_timeout(500)
    assert page.locator(".vega-embed").count() == 1
    after = page.locator(".vega-embed").bounding_box()
    assert (after["y"], after["height"]) == pytest.approx((top["y"], top["height"]), abs=2)


def test_the_dark_theme_reaches_panel_and_chart(shown):
    page = shown("dark.ipynb", DIAL)
    text = "() => { const t = document.querySelector('.vega-embed text'); return t && getComputedStyle(t).fill }"
    light = page.evaluate(text)
    page.evaluate("void window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    eventually(page, "() => document.body.dataset.jpThemeLight === 'false'")
    run_all(page)
    eventually(page, f"before => ({text})() !== null && ({text})() !== before", light, timeout=30_000)
    label = "() => getComputedStyle(document.querySelector('.widget-label')).color"
    assert sum(map(int, re.findall(r"\d+", page.evaluate(label))[:3])) > 380
    assert page.outside == []


def test_nothing_is_written_into_the_home_folder_and_no_news_is_fetched(laboratory, dial):
    assert list(laboratory.home.iterdir()) == []
    assert "Would you like to get notified about official Jupyter news" not in dial.inner_text("body")
