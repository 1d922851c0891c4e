"""A built page in a real browser: nothing is asked of anyone, everything is drawn, with scripts and without."""

import re
from pathlib import Path

import pytest

from labkit import reports
from labkit.reports import pdf

pytestmark = [pytest.mark.browser, pytest.mark.notebooks, pytest.mark.usefixtures("open_page")]  # keeps screenshots

FIXTURES = Path(__file__).parents[1] / "notebooks" / "fixtures"
CHARTS, EQUATIONS = 5, 8


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The page of the fixture with everything on it, and the index."""
    out = tmp_path_factory.mktemp("reports")
    (outcome,) = reports.run(FIXTURES / "page.ipynb", preset="smoke", out=out, progress=False)
    assert outcome.exit_code == 0, outcome.details
    return {"page": outcome.page, "index": reports.index(out)}


def _open(open_page, path, **options):
    page = open_page(**options)
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("dialog", lambda dialog: (page.said.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(path.as_uri())
    if options.get("java_script_enabled", True) and 'class="chart"' in path.read_text("utf-8"):
        page.wait_for_function("document.documentElement.dataset.charts === 'ready'")
    return page


@pytest.fixture(scope="module")
def page(pages, built):
    """The page as most read it, loaded once; a test leaves it as it found it."""
    return _open(pages, built["page"])


@pytest.fixture(scope="module")
def dark_page(pages, built):
    return _open(pages, built["page"], color_scheme="dark")


@pytest.fixture(scope="module")
def scriptless_page(pages, built):
    return _open(pages, built["page"], java_script_enabled=False)


def _visible(page, selector):
    return sum(part.is_visible() for part in page.query_selector_all(selector))


@pytest.mark.parametrize("name", ["page", "index"])
def test_nothing_is_asked_of_anyone_and_nothing_fails(open_page, page, built, name):
    page = page if name == "page" else _open(open_page, built[name])
    page.wait_for_timeout(300)
    assert [url for url in page.asked if url != built[name].as_uri() and not url.startswith(("data:", "blob:"))] == []
    assert page.outside == []
    assert page.said == []


def test_every_chart_becomes_interactive_and_keeps_its_description(page):
    assert page.locator("figure.chart").count() == CHARTS
    assert page.locator("figure.chart.live").count() == CHARTS
    assert _visible(page, "figure.chart .stage svg.marks") == CHARTS
    assert _visible(page, "figure.chart .still") == 0
    for chart in page.query_selector_all("figure.chart"):
        assert (
            len(chart.query_selector_all(".stage .mark-line path, .stage .mark-symbol path, .stage .mark-rect path"))
            > 0
        )
        label = chart.query_selector(".stage svg.marks").get_attribute("aria-label")
        assert label == chart.query_selector("figcaption").inner_text()


def test_a_chart_answers_the_mouse(page):
    page.locator("figure.chart").nth(1).locator(".stage .mark-symbol path").first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "examples" in page.inner_text("#vg-tooltip-element")
    page.mouse.move(0, 0)


def test_a_dial_is_turned_by_keyboard_and_the_chart_answers_without_a_kernel(open_page, built):
    page = _open(open_page, built["page"])
    slider = page.get_by_label("target test error")
    chart = page.locator("figure.chart", has=slider)

    def needed():
        return re.search(r"([\d.]+) needs ([\d,]+) ", chart.locator(".stage").inner_text())

    before = needed()
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")  # a lower target
    page.wait_for_function("before => !document.body.innerText.includes(before)", arg=before[0])
    after = needed()
    assert float(after[1]) < float(before[1])
    assert int(after[2].replace(",", "")) > int(before[2].replace(",", ""))
    assert page.outside == []
    assert page.said == []


def test_without_scripts_every_chart_is_visible(scriptless_page):
    assert _visible(scriptless_page, "figure.chart .still svg") == CHARTS
    assert scriptless_page.said == []


def test_the_numbers_of_a_chart_can_be_saved_without_a_network_and_without_scripts(scriptless_page, tmp_path):
    scriptless_page.locator("details.data summary").first.click()
    with scriptless_page.expect_download() as started:
        scriptless_page.locator("details.data a[download]").first.click()
    started.value.save_as(tmp_path / "data.csv")
    assert started.value.suggested_filename == "data.csv"
    assert len((tmp_path / "data.csv").read_text().splitlines()) > 2


def test_every_equation_is_typeset(page):
    assert page.locator("math").count() == EQUATIONS
    assert page.locator("math:not([alttext])").count() == 0
    assert page.locator(".untypeset").count() == 0
    page.locator("summary", has_text="Answer").click()
    assert _visible(page, "main math, h1 math") == page.locator("main math, h1 math").count()
    assert page.locator("math[display=block]").first.bounding_box()["height"] > 15


def test_a_hostile_title_is_text(page):
    assert page.title() == "Does n grow as n^{2}? &"
    assert page.locator("h1 script, h1 img").count() == 0


def test_text_can_be_read_on_light_and_on_dark(page, dark_page):
    for scheme, seen in (("light", page), ("dark", dark_page)):
        assert seen.evaluate("scheme => matchMedia(`(prefers-color-scheme: ${scheme})`).matches", scheme)
        for selector in ("main p", "figcaption", ".note", "figure .stage svg.marks text", ".provenance dt", ".chip"):
            assert seen.eval_on_selector(selector, CONTRAST) > 4.5, (scheme, selector)


def test_a_printed_page_is_dark_on_white_and_whole(dark_page):
    dark_page.emulate_media(media="print", color_scheme="dark")
    assert dark_page.eval_on_selector("body", "body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"
    assert dark_page.eval_on_selector("figure .stage svg.marks text", CONTRAST) > 7
    assert _visible(dark_page, "nav.contents") == 0
    assert _visible(dark_page, "figure.chart .stage svg.marks") == CHARTS
    dark_page.emulate_media(media="screen", color_scheme="dark")


def test_the_ledger_fits_a_sheet_of_paper(open_page, built):
    page = _open(open_page, built["index"])
    page.set_viewport_size({"width": 716, "height": 900})  # what A4 leaves between its margins
    page.emulate_media(media="print")
    page.evaluate("""() => {
        const long = 'word '.repeat(40);
        const longest = {'.chip': 'not reproduced', 'a': '04_pruning_in_practice', 'td:nth-of-type(2)': long};
        for (const [part, words] of Object.entries(longest))
            for (const one of document.querySelectorAll(`.ledger ${part}`)) one.textContent = words;
    }""")
    ledger = page.locator("table.ledger").bounding_box()
    assert ledger["x"] + ledger["width"] <= 716


def test_the_page_fits_a_phone(page):
    before = page.viewport_size
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.set_viewport_size(before)


def test_everything_is_reached_by_keyboard(open_page, built):
    page = _open(open_page, built["page"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached, unseen = set(), []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
        unseen += page.evaluate(UNSEEN)
    assert {"SUMMARY", "A"} <= reached
    assert unseen == []


def test_a_page_prints_to_pdf(built, chromium, tmp_path):
    printed = pdf.print_page(built["page"], tmp_path / "page.pdf")
    assert printed.read_bytes().startswith(b"%PDF")
    assert printed.stat().st_size > 20_000
    assert list(tmp_path.iterdir()) == [printed]


# The element in focus, where a reader could not see that it is, or hear what it is.
UNSEEN = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const name = one.ariaLabel || one.title || one.textContent.trim() || one.labels?.[0]?.textContent.trim();
  const seen = one === document.body || (style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2 && name);
  return seen ? [] : [one.outerHTML.slice(0, 200)];
}"""
CONTRAST = """element => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [r, g, b] = parts(colour).slice(0, 3).map(v => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const style = getComputedStyle(element);
  const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
  let behind = element, paper = "rgba(0, 0, 0, 0)";
  while (behind && parts(paper)[3] === 0) {
    paper = getComputedStyle(behind).backgroundColor;
    behind = behind.parentElement;
  }
  const [high, low] = [light(ink), light(paper)].sort((a, b) => b - a);
  return (high + .05) / (low + .05);
}"""
