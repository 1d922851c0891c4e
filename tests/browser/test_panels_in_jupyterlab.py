"""Panels in a real JupyterLab: keyboard, live chart, Stop, errors, dark theme, and no word to anybody outside.

What is asserted is meaning (numbers, paths, states), never pixels. The panels share one notebook, a cell each.
"""

import re
import time

import pytest

pytestmark = pytest.mark.browser

CELLS = {
    "dial": """
from labkit.lessons import panels
points = ([16, 32, 64, 128, 256, 512], [0.55, 0.42, 0.30, 0.22, 0.17, 0.13])
panel = panels.dial(points, amplitude=2.0, exponent=0.5, floor=0.01)
panel
""",
    "fit": """
import numpy as np
x = np.repeat(2.0 ** np.arange(4, 12), 3)
y = (0.05 + 2 * x**-0.5) * np.exp(0.05 * np.sin(np.arange(x.size)))
fitting = panels.fit_explorer((x, y), forms=["forecast", "power", "power_floor"])
fitting
""",
    "broken": """
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
""",
    "curves": """
panels.learning_curve_explorer(sizes=[32, 64, 128, 256, 512, 1024], widths=[4, 16, 64, 256], steps=5_000)
""",
    "monitor": """
panels.training_monitor(steps=200_000, seeds=1, learning_rate=0.001)
""",
}
LINES = """cell => [...cell.querySelectorAll('.vega-embed .mark-line path')].map(p => p.getAttribute('d')).join(' ')"""
BANDS = """cell => [...cell.querySelectorAll('.vega-embed .mark-area path')].map(p => p.getAttribute('d')).join(' ')"""
TEXTS = """cell => [...cell.querySelectorAll('.vega-embed text')].map(text => text.textContent).join(' ')"""


def until(look, wanted, seconds=20):
    """Look until it is as wanted, soon at first and then seldom, as looking costs; returns how long, in seconds."""
    start = time.monotonic()
    while not wanted(look()):
        took = time.monotonic() - start
        assert took < seconds, f"still {look()!r:.1000}"
        time.sleep(0.005 if took < 0.5 else 0.1)
    return time.monotonic() - start


def run_all(page):
    # void: the command's promise ends with the last cell, and waiting for it has no time limit
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")


def use_theme(page, name):
    page.evaluate("name => void window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
    light = "true" if name.endswith("Light") else "false"
    page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light)


def lines(cell):
    """The path data of the chart's lines, the marks that follow the settings."""
    return cell.evaluate(LINES)


def slider(cell, place=0):
    return cell.locator(".widget-slider [role=slider]").nth(place)


def number(cell, place=0):
    return cell.locator("input[type=number]").nth(place)


def type_into(box, text):
    box.fill(text)
    box.press("Enter")


@pytest.fixture(scope="module")
def notebook(laboratory, _lab_page):
    """One notebook with every panel, run once, alone in JupyterLab: none of the tests here may clear the desk."""
    page = _lab_page
    page.outside.clear()
    laboratory.open(page, laboratory.write("panels.ipynb", *CELLS.values()))
    run_all(page)
    for cell in (cell_of(page, name) for name in CELLS):
        cell.locator(".widget-vbox").first.wait_for(timeout=60_000)
        cell.locator(".vega-embed .marks path").first.wait_for(state="attached", timeout=60_000)
    yield page
    laboratory.clear(page)


def cell_of(page, name):
    return page.locator(".jp-CodeCell").nth(list(CELLS).index(name))


@pytest.fixture
def cell(notebook, lab_page):
    """A panel's cell by name; nothing that happens to it may be said to anybody outside."""
    yield lambda name: cell_of(notebook, name)
    assert notebook.outside == []


@pytest.fixture
def dial(cell):
    """The dial with the exponent back at 0.5."""
    found = cell("dial")
    type_into(number(found, 1), "0.5")
    until(lambda: found.evaluate(TEXTS), lambda text: "examples^−0.5 " in text)
    return found


def test_a_slider_moved_by_keyboard_changes_label_number_and_curve(dial):
    assert "exponent α = 0.5" in dial.inner_text()
    slider(dial, 1).focus()
    took = []
    for step in [*range(1, 11), *range(9, 4, -1)]:
        before, start = lines(dial), time.monotonic()
        dial.page.keyboard.press("ArrowRight" if len(took) < 10 else "ArrowLeft")
        until(lambda: lines(dial), lambda now, before=before: now and now != before)
        took.append(time.monotonic() - start)
        assert f"exponent α = {0.5 + step / 100:.4g}" in dial.inner_text()
    assert float(number(dial, 1).input_value()) == pytest.approx(0.55)
    new, again = sorted(took[:10]), sorted(took[10:])
    print(f"keyboard to redrawn chart, p95: new {1000 * new[9]:.0f} ms, seen before {1000 * again[4]:.0f} ms")


def test_a_number_typed_into_the_box_moves_slider_and_curve(dial):
    before = lines(dial)
    type_into(number(dial, 1), "1.2")
    until(dial.inner_text, lambda text: "exponent α = 1.2" in text)
    until(lambda: lines(dial), lambda now: now and now != before)
    assert float(slider(dial, 1).get_attribute("aria-valuenow")) == pytest.approx(1.2)


def test_fast_steps_end_at_the_newest_value(dial):
    slider(dial, 1).focus()
    for _ in range(30):
        dial.page.keyboard.press("ArrowRight")
    until(dial.inner_text, lambda text: "exponent α = 0.8" in text)
    until(lambda: dial.evaluate(TEXTS), lambda text: "examples^−0.8 " in text)


def test_the_chart_stands_on_the_page_once_and_keeps_its_place(dial):
    chart = dial.locator(".vega-embed")
    assert chart.count() == 1
    top = chart.bounding_box()
    before = lines(dial)
    slider(dial, 1).press("PageUp")
    until(lambda: lines(dial), lambda now: now and now != before)
    assert chart.count() == 1
    after = chart.bounding_box()
    assert (after["y"], after["height"]) == pytest.approx((top["y"], top["height"]), abs=2)


def test_a_moved_control_draws_the_chart_once_and_a_rested_chart_has_a_picture(dial):
    watch = """cell => {
        window.drawn = 0;
        const look = changes => changes.forEach(one => one.addedNodes.forEach(
            node => window.drawn += node.nodeName === 'svg' && node.classList.contains('marks')));
        window.watcher = new MutationObserver(look);
        window.watcher.observe(cell, {childList: true, subtree: true});
    }"""
    dial.evaluate(watch)
    before = lines(dial)
    slider(dial, 1).press("ArrowRight")
    until(lambda: lines(dial), lambda now: now and now != before)
    dial.page.wait_for_timeout(600)  # what JupyterLab would do once more comes at once
    assert dial.page.evaluate("window.drawn") == 1
    kept = """() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON().at(-1).data"""
    assert len(dial.page.evaluate(kept)["image/png"]) < 200
    until(lambda: dial.page.evaluate(kept), lambda data: len(data.get("image/png", "")) > 2000)
    dial.page.evaluate("window.watcher.disconnect()")


def test_every_control_is_reached_by_tab_and_has_a_name(cell):
    fit = cell("fit")
    slider(fit).focus()
    reached = []
    for _ in range(15):
        reached.append(
            fit.page.evaluate(
                """() => { const e = document.activeElement; return [e.getAttribute('role') || e.tagName.toLowerCase(),
                    e.labels?.[0]?.textContent || e.textContent.trim().split('\\n')[0] ||
                    e.closest('.widget-hbox, .jupyter-widgets')?.innerText || ''] }"""
            )
        )
        fit.page.keyboard.press("Tab")
    kinds = [kind for kind, _ in reached]
    # hold-out with its number box, a box for each form, interval, target with its number box
    controls = ["slider", "input", *["input"] * 7, "select", "slider", "input", "button", "button"]
    assert kinds[: len(controls)] == controls, reached
    assert all(name.strip() for _, name in reached[: len(controls)]), reached
    tree = fit.locator(".widget-vbox").first.aria_snapshot()
    assert re.search(r'spinbutton "largest sizes held out"', tree), tree
    assert re.search(r'checkbox "power_floor"', tree), tree
    assert re.search(r'combobox "interval"', tree), tree
    assert re.search(r'spinbutton "target for error"', tree), tree
    assert re.search(r"status", tree), tree


def test_the_hold_out_is_moved_by_keyboard_and_every_form_is_refitted_at_once(cell):
    fit = cell("fit")
    slider(fit).focus()
    took = []
    for held, key in [(3, "ArrowRight"), (4, "ArrowRight"), (5, "ArrowRight"), (4, "ArrowLeft"), (3, "ArrowLeft")]:
        before, start = lines(fit), time.monotonic()
        fit.page.keyboard.press(key)
        until(fit.inner_text, lambda text, held=held: f"largest sizes held out = {held}" in text)
        until(lambda: lines(fit), lambda now, before=before: now and now != before)
        took.append(round(1000 * (time.monotonic() - start)))
    print(f"keyboard to redrawn chart, three forms: first time {took[:3]} ms, seen before {took[3:]} ms")
    until(fit.inner_text, lambda text: len(re.findall(r"\(\d of 9 inside\)", text)) == 3)
    assert fit.locator(".vega-embed .mark-line path").count() == 3
    assert float(number(fit).input_value()) == 3


def test_forms_target_and_interval_change_line_plan_and_band(cell):
    fit = cell("fit")
    fit.get_by_role("checkbox", name="power", exact=True).press("Space")
    until(fit.locator(".vega-embed .mark-line path").count, lambda count: count == 2)
    type_into(number(fit, 1), "0.12")
    until(fit.inner_text, lambda text: "error 0.12 takes this many examples: forecast" in text)
    before = fit.evaluate(BANDS)
    fit.locator(".widget-dropdown select").first.select_option("50%")
    until(lambda: fit.evaluate(BANDS), lambda now: now and now != before)
    fit.get_by_role("button", name="Show as parameters", exact=True).press("Enter")
    pasted = fit.locator(".widget-textarea textarea").first
    until(pasted.input_value, lambda text: "interval: float" in text)
    assert "forms: list[str] | None = ['forecast', 'power_floor']" in pasted.input_value()
    assert "target: float | None = 0.12" in pasted.input_value()


def test_one_press_copies_the_settings_as_they_are_now(cell, laboratory):
    dial = cell("dial")
    dial.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=laboratory.url)
    type_into(number(dial, 1), "0.75")
    until(dial.inner_text, lambda text: "exponent α = 0.75" in text)
    dial.get_by_role("button", name="Copy these parameters").press("Enter")
    until(dial.inner_text, lambda text: "Copied: paste them" in text)
    copied = dial.page.evaluate("navigator.clipboard.readText()")
    assert [line.split(":")[0] for line in copied.splitlines()] == ["amplitude", "exponent", "floor"]
    assert "exponent: float | None = 0.75  #" in copied
    assert not dial.locator(".widget-textarea").is_visible()


def test_where_a_page_may_not_copy_the_lines_are_shown_and_selected(cell):
    monitor = cell("monitor")
    refuse = "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }"
    monitor.page.evaluate(refuse)
    monitor.get_by_role("button", name="Copy these parameters").press("Enter")
    until(monitor.inner_text, lambda text: "press Ctrl+C" in text)
    selected = monitor.locator(".widget-textarea textarea").evaluate(
        "field => document.activeElement === field && field.value.slice(field.selectionStart, field.selectionEnd)"
    )
    assert selected.startswith("learning_rate: float | None = 0.001")
    assert selected.endswith("start")
    monitor.page.evaluate("delete navigator.clipboard.writeText")


def test_an_exception_in_a_callback_is_seen_and_goes_away_again(cell):
    broken = cell("broken")
    slider(broken).press("ArrowRight")
    slider(broken).press("ArrowRight")
    alert = broken.locator("[role=alert]")
    alert.wait_for(timeout=10_000)
    assert "ZeroDivisionError" in alert.inner_text()
    slider(broken).press("ArrowRight")
    alert.wait_for(state="detached", timeout=10_000)


def stop(cell):
    """Press Stop by keyboard; returns milliseconds until the panel says that its work has stopped."""
    cell.get_by_role("button", name="Stop", exact=True).press("Enter")
    return round(1000 * until(cell.inner_text, lambda text: re.search(r"stopped after \d", text)))


def test_curves_are_trained_live_and_stop_is_heard(cell):
    curves = cell("curves")
    curves.get_by_role("button", name="Train", exact=True).press("Enter")
    until(curves.locator(".vega-embed .mark-symbol path").count, lambda count: count >= 6, 60)
    print(f"Stop to stopped, learning curves: {stop(curves)} ms")
    until(curves.inner_text, lambda text: re.search(r"\d+ points are missing; press Train", text))


def test_a_training_is_watched_live_and_stop_leaves_what_was_seen(cell):
    monitor = cell("monitor")
    monitor.get_by_role("button", name="Start", exact=True).press("Enter")
    until(monitor.inner_text, lambda text: re.search(r"\d% done, about .+ left", text), 60)
    # training and validation loss, noise scale, learning rate
    until(monitor.locator(".vega-embed .mark-line path").count, lambda count: count == 4, 60)
    print(f"Stop to stopped, monitor: {stop(monitor)} ms")
    until(monitor.inner_text, lambda text: re.search(r"Step [\d,]+ of 200,000: training loss \d", text))


def test_every_panel_and_chart_follows_the_theme_at_once_and_when_it_is_run_again(notebook, cell):
    ink = """() => [...document.querySelectorAll('.vega-embed text:not([fill=none]), .widget-label')]
        .map(part => getComputedStyle(part)[part.closest('.vega-embed') ? 'fill' : 'color'])"""

    def brightness():
        return [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in notebook.evaluate(ink)]

    def bright(sums):
        return sums and min(sums) > 380

    def dark(sums):
        return sums and max(sums) < 380

    until(brightness, dark)
    use_theme(notebook, "JupyterLab Dark")
    until(brightness, bright)
    run_all(notebook)
    until(notebook.locator(".vega-embed svg.marks").count, lambda count: count == len(CELLS), 60)
    until(brightness, bright, 60)
    use_theme(notebook, "JupyterLab Light")
    until(brightness, dark)


def test_nothing_is_written_into_the_home_folder_and_no_news_is_fetched(laboratory, notebook):
    assert list(laboratory.home.iterdir()) == []
    assert "Would you like to get notified about official Jupyter news" not in notebook.inner_text("body")
