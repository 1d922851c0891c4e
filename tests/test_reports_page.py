"""Pages: complete without a network, readable without scripts, and text from a user's file stays text."""

import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import made_run

from labkit.reports import files, media, outputs, page, pdf, prose, safe

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://a.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src='https://a.example'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<details ontoggle=alert(1) open>x</details>",
    "<style>body{background:url(https://a.example/p.png)}</style>",
    "<link rel=stylesheet href=https://a.example/a.css>",
    "<meta http-equiv=refresh content='0;url=https://a.example'>",
    "<form action=https://a.example><input autofocus onfocus=alert(1)></form>",
    "<td style=\"background:url('https://a.example/p.png')\">x</td>",
    "<math><mtext><img src=x onerror=alert(1)></mtext></math>",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$x<script>alert(1)</script>$",
    "![x](https://a.example/p.png)",
    "![x](javascript:alert(1))",
    "[x](javascript:alert(1))",
    "[x]( data:text/html;base64,PHNjcmlwdD4=)",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "`</code><script>alert(1)</script>`",
    "</section></main><script>alert(1)</script>",
]
_FORBIDDEN = {
    "script",
    "iframe",
    "style",
    "link",
    "meta",
    "form",
    "input",
    "object",
    "embed",
    "base",
    "svg",
    "template",
}


class _Active(HTMLParser):
    """What in a piece of HTML would run, load or leave, read as a browser reads it."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [tag] if tag in _FORBIDDEN else []
        for name, value in attributes:
            value = re.sub(r"\s", "", value or "").lower()
            runs = name.startswith("on") or value.startswith(("javascript:", "vbscript:", "data:text"))
            loads = name in ("src", "srcset", "background", "poster") and not value.startswith("data:image/")
            if runs or loads or (name == "style" and "url" in value):
                self.found.append(f"{tag} {name}={value}")


def _prose(text):
    return prose.Prose(Path("/nonexistent")).render(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_markdown_does_nothing(text):
    assert _Active(_prose(text)).found == []
    assert _Active(_prose(f"# {text}\n\n| a |\n|---|\n| {text} |\n\n<details>{text}\n\n</details>")).found == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_outputs_does_nothing(text):
    for data in ({"text/html": text}, {"text/plain": text}, {"text/markdown": text}, {"text/latex": text}):
        shown = outputs.Outputs(prose.Prose(Path("/nonexistent"))).render(
            {"output_type": "display_data", "data": data, "metadata": {}}, "cell"
        )
        assert _Active(shown).found == []
    for output in (
        {"output_type": "stream", "name": "stdout", "text": text},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
    ):
        assert _Active(outputs.Outputs(prose.Prose(Path("/nonexistent"))).render(output, "cell")).found == []


@given(st.text(alphabet="<>/\"'=ab onclick:$`\\{}&;script![](){}\n#|-", max_size=60))
@settings(deadline=None, max_examples=300)
def test_no_markdown_becomes_active(text):
    assert _Active(_prose(text)).found == []


@pytest.mark.parametrize(
    ("svg", "gone"),
    [
        ("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "alert"),
        ("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "alert"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><foreignObject><p>x</p></foreignObject></svg>", "<p"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><image href='https://a.example/p.png'/></svg>", "a.example"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><style>@import 'https://a.example'</style></svg>", "a.example"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><rect fill='url(https://a.example)'/></svg>", "a.example"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><a href='javascript:alert(1)'>x</a></svg>", "alert"),
    ],
)
def test_an_svg_only_shows(svg, gone):
    assert gone not in safe.clean_svg(svg, "A picture")


@pytest.mark.parametrize("svg", ["<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>", "no svg", "<html/>", "<svg"])
def test_what_is_no_plain_svg_is_refused(svg):
    with pytest.raises(ValueError, match="SVG"):
        safe.clean_svg(svg, "A picture")


def test_pictures_of_one_page_do_not_share_ids():
    one, two = (
        f"<svg xmlns='http://www.w3.org/2000/svg'><clipPath id='clip0'/><g clip-path='url(#clip0)'>{n}</g></svg>"
        for n in "12"
    )
    ids = [re.search(r'id="([^"]*)"', safe.clean_svg(svg, "x"))[1] for svg in (one, two)]
    assert ids[0] != ids[1]
    assert f"url(#{ids[0]})" in safe.clean_svg(one, "x")


@pytest.mark.parametrize(
    ("text", "equations"),
    [
        ("$x$", 1),
        ("$x$ and $y$", 2),
        ("$$x$$", 1),
        ("a $$\nx = \\frac{1}{2}\n$$ b", 1),
        ("\\begin{align}a &= b\\\\c &= d\\end{align}", 1),
        ("costs $5 or $6", 0),
        ("costs \\$5, or $x$", 1),
        ("`$x$`", 0),
        ("``a ` $x$``", 0),
        ("```\n$x$\n```", 0),
        ("~~~python\n$x$\n~~~\n$y$", 1),
        ("US$ and A$ only", 0),
        ("| $a|b$ | $c$ |\n|---|---|\n| $d$ | `$e$` |", 3),
        ("<details><summary>Why $x$?</summary>\n\n$y$\n\n</details>", 2),
        ("# Title $x_1$", 1),
        ("$a$-$b$", 2),
        ("an $open\n\nparagraph$", 0),
    ],
)
def test_every_equation_and_nothing_else_becomes_mathml(text, equations):
    shown = _prose(text)
    assert shown.count("<math") == equations
    assert "untypeset" not in shown
    assert "\ue000" not in shown


@pytest.mark.parametrize(
    "tex",
    [
        r"L(N, D) = E + \frac{A}{N^\alpha} + \frac{B}{D^\beta}",
        r"\hat{\varepsilon} \le 10^{-3}\,\text{nats}",
        r"\sum_{i=1}^{n} \log\left(1 + e^{-x_i}\right)",
        r"\mathbb{E}[x] \approx \bar{x} \pm 1.96\,\frac{s}{\sqrt{n}}",
        r"\begin{cases} a & x < 0 \\ b & x \ge 0 \end{cases}",
        r"\operatorname{argmin}_\theta \lVert \theta \rVert_2^2",
    ],
)
def test_the_equations_of_the_field_are_typeset_and_keep_their_tex(tex):
    import xml.etree.ElementTree as ElementTree

    element = ElementTree.fromstring(prose.mathml(tex))
    assert element.tag.endswith("math")
    assert element.get("alttext") == tex


def test_tex_that_cannot_be_typeset_is_shown_as_it_is():
    for tex in (r"\frac{", r"\nonsense{x}", "a_b_c"):
        assert prose.mathml(tex) == f'<code class="untypeset">{tex}</code>'


def test_headings_get_anchors_of_their_own():
    text = prose.Prose(Path())
    text.render("## What we found")
    text.render("## What we found\n### Größe & `x` $y$")
    assert [heading.anchor for heading in text.headings] == ["what-we-found", "what-we-found-2", "größe-x"]


def test_links_lead_to_pages_and_not_to_files_that_stay_behind():
    shown = _prose("[a](02_next.ipynb#part) [b](../data/README.md) [c](https://a.example/) [d](#here)")
    assert re.findall(r'href="([^"]*)"', shown) == ["02_next.html#part", "#", "https://a.example/", "#here"]


def test_pictures_beside_the_notebook_travel_with_the_page_and_no_other_file_does(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.png").write_bytes(b"secret")
    (tmp_path / "inside" / "p.png").write_bytes(b"picture")
    assert media.picture("p.png", tmp_path / "inside", {}).startswith("data:image/png;base64,")
    assert media.picture("../outside.png", tmp_path / "inside", {}) is None
    assert media.picture("https://a.example/p.png", tmp_path / "inside", {}) is None
    shown = prose.Prose(tmp_path / "inside").render("![a $x$ picture](p.png)")
    assert 'alt="a ' in shown
    assert "data:image/png" in shown


def test_names_of_functions_keep_their_distance():
    shown = prose.mathml(r"z \cos\theta - \ln(x)")
    assert re.sub(r"<mspace[^>]*>", "_", shown).count("_") == 2
    assert "<mi>ln</mi><mo" in shown


def test_per_cent_stays_with_its_number_and_code_as_it_is():
    shown = _prose("An interval of 90 % and `7 % 3`.")
    assert "90\u00a0%" in shown
    assert "7 % 3" in shown


def test_an_option_in_code_stays_on_one_line_and_minus_signs_are_left_alone():
    shown = _prose("Run `labkit prune a.csv --out b-c.csv -h`: `x - 1`, `-1`.\n\n    labkit list --json\n")
    assert re.findall(r'<span class="whole">(.*?)</span>', shown) == ["--out", "-h"]


def test_an_equation_keeps_the_signs_next_to_it():
    shown = _prose("We keep $f$, so ($a = 1$) or $b$ and $$c$$, all.")
    kept = re.findall(r'<span class="whole">(.*?)</span>', shown)
    assert [re.sub(r"<math.*?</math>", "_", part) for part in kept] == ["_,", "(_)"]


def test_lines_of_progress_stand_together_and_around_what_was_shown_between():
    line = {"output_type": "stream", "name": "stderr", "text": "working\n"}
    shown = {"output_type": "stream", "name": "stdout", "text": ["found", " it"]}
    whole = outputs.merged([line, line, shown, shown, line])
    assert [one["text"] for one in whole] == ["working\nworking\n", "found itfound it", "working\n"]
    assert line["text"] == "working\n"


def _bundle(**more):
    return {"output_type": "display_data", "data": more, "metadata": {}}


def _shown(output):
    return outputs.Outputs(prose.Prose(Path())).render(output, "cell 3")


SPEC = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.20.1.json",
    "description": "A line </script><b>falls</b>.",
    "data": {"values": [{"a": 1, "b": 2}, {"a": 2, "b": 1.23456}]},
    "mark": "line",
    "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}},
}


@pytest.mark.parametrize("kind", ["application/vnd.vegalite.v5+json", "application/vnd.vegalite.v5.20.1+json"])
def test_a_chart_is_a_picture_with_a_label_a_caption_its_data_and_its_specification(kind):
    figure = _shown(_bundle(**{kind: SPEC, "text/plain": "x"}))
    assert figure.count("<svg") == 1
    assert 'aria-label="A line &lt;/script&gt;&lt;b&gt;falls&lt;/b&gt;."' in figure
    assert "<figcaption>A line &lt;/script&gt;&lt;b&gt;falls&lt;/b&gt;.</figcaption>" in figure
    assert "Data (2 rows)" in figure
    assert "1.235" in figure
    (spec,) = re.findall(r'<script type="application/json">(.*?)</script>', figure)
    assert json.loads(spec)["description"] == SPEC["description"]


def test_a_widget_gives_way_to_the_next_form_it_brings():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "IntSlider()"}
    assert "needs a running kernel" in _shown(_bundle(**widget))
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
    assert "<path" in _shown(_bundle(**widget, **{"image/svg+xml": svg}))


def test_every_picture_has_a_description():
    png = _bundle(**{"image/png": "aGk=", "text/plain": "<Figure size 640x480 with 1 Axes>"})
    assert 'alt="cell 3"' in _shown(png)
    assert 'alt="A curve"' in _shown(png | {"metadata": {"image/png": {"alt": "A curve"}}})


def test_terminal_colours_become_classes():
    assert '<span class="ansi-red-fg">red</span>' in _shown(
        {"output_type": "stream", "name": "stdout", "text": "\x1b[31mred\x1b[0m"}
    )


def test_everything_a_user_gives_is_escaped_in_the_header(tmp_path):
    bad = "<script>alert(1)</script>"
    directory = made_run(
        tmp_path / "run",
        title=f"# {bad} & `{bad}`",
        parameters={bad: bad},
        sentence=bad,
        details=bad,
        preset=bad,
        seeds=bad,
        machine=bad,
        path=bad,
        drift={"sentence": bad, "drifted": [], "by_name": {bad: bad}},
    )
    record = {"name": bad, "value": bad, "se": None, "n": None, "unit": bad, "kind": bad}
    files.write_json(directory / files.RECORDS, {"schema": 1, "records": [record]})
    html = page.build(directory, tmp_path / "p.html").read_text("utf-8")
    assert bad not in html
    assert "<script" not in html  # no chart, no script
    assert "&lt;script&gt;" in html


def test_a_page_without_charts_carries_no_bundle_and_lets_no_scriptmade_run(tmp_path):
    html = page.build(made_run(tmp_path), tmp_path / "p.html").read_text("utf-8")
    assert len(html) < 30_000
    assert "script-src 'none'" in unescape(html)


def test_charts_share_one_bundle_and_the_page_stays_small(tmp_path):
    chart = {"cell_type": "code", "metadata": {}, "source": "x", "outputs": [_bundle(**{outputs_kind(): SPEC})]}
    files.write_json(tmp_path / files.EXECUTED, {"cells": [chart] * 5, "metadata": {}})
    built = page.build(made_run(tmp_path), tmp_path / "p.html")
    html = built.read_text("utf-8")
    assert html.count('<script type="module">') == 2
    assert html.count('<figure class="chart">') == 5
    assert built.stat().st_size < page.MAX_BYTES / 2
    hashes = re.findall(r"'sha256-([^']+)'", unescape(html[:20_000]))
    scripts = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    assert [page._digest(script) for script in scripts] == hashes


def outputs_kind():
    return "application/vnd.vegalite.v5+json"


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "p.html"
    page.build(made_run(tmp_path), target)
    before = target.read_text("utf-8")

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        page.build(tmp_path, target)
    assert target.read_text("utf-8") == before
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_page_needs_amade_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing has run there"):
        page.build(tmp_path, tmp_path / "p.html")


def test_without_a_browser_a_pdf_is_refused_with_advice(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (tmp_path / "p.html").write_text("<p>x</p>")
    with pytest.raises(pdf.NoBrowser, match="print it from there"):
        pdf.print_page(tmp_path / "p.html")
    with pytest.raises(FileNotFoundError, match="labkit report"):
        pdf.print_page(tmp_path / "missing.html")


def test_the_front_page_shows_what_the_cell_tagged_for_it_drew(tmp_path):
    def drawn(colour, *tags):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><rect fill="{colour}"/></svg>'
        output = _bundle(**{"image/svg+xml": svg, "text/plain": colour})
        return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": "x", "outputs": [output]}

    def picture(*cells):
        files.write_json(tmp_path / files.EXECUTED, {"cells": cells, "metadata": {}})
        page.build(made_run(tmp_path), tmp_path / "p.html")
        return (tmp_path / files.PICTURE).read_text("utf-8")

    tagged = drawn("green", page.THUMBNAIL)
    assert "green" in picture(drawn("red"), tagged, drawn("blue"))
    assert "red" in picture(drawn("red"), drawn("blue"))
    assert "red" in picture(drawn("red"), tagged | {"outputs": []}, drawn("blue"))


def test_a_claim_reads_as_sentences_and_a_share_as_per_cent():
    row = {"verdict": "reproduced", "evidence": ["kept: rule"], "unit": "share", "seeds": 200, "note": "on all curves"}
    claim = page.claim_row(row | {"effect": 0.965, "low": 0.94, "high": 1.0})
    words = claim["effect"].replace("\u00a0", " ")
    assert words == "Kept: rule = 96.5% (90% interval 94% to 100%), n = 200."
    assert claim["note"] == "On all curves."
    claim = page.claim_row(row | {"effect": -0.06, "low": None, "unit": "ln", "evidence": ["ratio"], "note": ""})
    assert claim["effect"].replace("\u00a0", " ") == "Ratio: -0.06 ln, n = 200."
    assert claim["note"] == ""
