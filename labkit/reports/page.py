"""One self-contained HTML page from an executed notebook: readable without scripts, complete without a network."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import html
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import places
from labkit.progress import duration

from . import files, media
from .outputs import Outputs, merged
from .parameters import TAG
from .prose import Prose

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_BYTES = 3_000_000
_ASSETS = Path(__file__).parent / "assets"
_STATUS_WORDS = {"ok": "complete", "failed": "failed", "interrupted": "interrupted", "running": "running"}
THUMBNAIL = "thumbnail"  # tag of the cell whose picture stands for the page on the front page
VERDICT_CLASSES = {"reproduced": "ok", "not reproduced": "failed", "inconclusive": "open"}


def build(directory: str | Path, target: str | Path, folder: str | Path | None = None) -> Path:
    """Write the page of a run.

    ``directory``: of the run, with ``run.json`` and ``executed.ipynb``; without the latter the page only says how the
    run ended. ``target``: the HTML file, written whole or not at all. ``folder``: where pictures named in markdown
    are read from (default: none are). Raises ``FileNotFoundError`` without ``run.json``.

    Not covered: widgets; a control is left out, and its picture shown where its output carries one.

    >>> from labkit.reports import page
    >>> page.build("reports/runs/00_start_here", "reports/00_start_here.html")  # doctest: +SKIP
    PosixPath('reports/00_start_here.html')
    """
    directory, target = Path(directory), Path(target)
    run = files.read_run(directory)
    if run is None:
        raise FileNotFoundError(f"{directory / files.RUN} does not exist: nothing has run there")
    notebook = files.read_json(directory / files.EXECUTED) or {"cells": [], "metadata": {}}
    prose = Prose(Path(folder) if folder else directory)
    outputs = Outputs(prose)
    title = prose.line(run["title"])
    parts = _parts(notebook["cells"], prose, outputs)
    bundle, upgrade = (vega_bundle(), asset("upgrade.js")) if outputs.charts else (None, None)
    records = _records(directory)
    drift = run.get("drift") or {}
    started = datetime.fromisoformat(run["started"])
    content = {
        "run": run,
        "lang": notebook["metadata"].get("lang", "en"),
        "title": safe(title),
        "title_text": plain(title),
        "policy": policy(bundle, upgrade),
        "style": asset("page.css"),
        "status_word": _STATUS_WORDS[run["status"]],
        "took": duration(run["seconds"]),
        "started": f"{started.day} {started:%B %Y, %H:%M} UTC",
        "memory": f"{run['peak_bytes'] / 2**20:,.0f} MiB",
        "drift_words": drift.get("sentence", "not compared with a baseline"),
        "drift": drift.get("by_name", {}),
        "parameters": _parameters(directory, run),
        "contents": [heading for heading in prose.headings if heading.level in (2, 3)],
        "parts": parts,
        "records": records,
        "claims": _claims(directory),
        "bundle": bundle,
        "upgrade": upgrade,
    }
    files.write_text(target, render("page.html", content))
    if outputs.first_picture:
        files.write_text(directory / files.PICTURE, outputs.first_picture)
    return target


def prepare() -> None:
    """Load now what a page with charts takes seconds to load when it is built: the parts of all pages."""
    vega_bundle()
    media.terminal(media.highlight("x"))
    prose = Prose(_ASSETS)
    prose.render("$x$")
    Outputs(prose).render({"output_type": "display_data", "data": {"text/html": "<b>x</b>"}}, "")
    _environment().get_template("page.html")


def safe(text: str) -> Markup:
    """Text that is HTML already."""
    from markupsafe import Markup

    return Markup(text)


@functools.cache
def asset(name: str) -> Markup:
    """A file that goes into pages as it is."""
    return safe((_ASSETS / name).read_text("utf-8"))


@functools.cache
def vega_bundle() -> Markup:
    """Vega, Vega-Lite and Vega-Embed as one script; kept, as making it takes seconds in which no other thread runs."""
    import vl_convert

    kept = places.var() / "cache" / f"vega-5.20-{vl_convert.__version__}.js"
    with contextlib.suppress(OSError):
        return safe(kept.read_text("utf-8"))
    script = vl_convert.javascript_bundle(vl_version="5.20")
    with contextlib.suppress(OSError):  # where nothing can be kept it is made again
        files.write_text(kept, script)
    return safe(script)


def render(template: str, content: Mapping[str, Any]) -> str:
    """A template of ``assets`` with everything escaped that is not marked as safe."""
    return _environment().get_template(template).render(content)


@functools.cache
def _environment():
    import jinja2

    loader = jinja2.FileSystemLoader(_ASSETS)
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )


def policy(*scripts: str | None) -> str:
    """A content policy that lets the browser itself refuse every outside request and every script but ours."""
    hashes = [f"'sha256-{_digest(script)}'" for script in scripts if script]
    allowed = " ".join([*hashes, "'unsafe-eval'"]) if hashes else "'none'"  # Vega compiles its expressions
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def plain(title: str) -> str:
    """A title without its formatting, equations as TeX.

    >>> plain('Is <b>it</b> <math alttext="x &lt; 1"><mi>x</mi></math>?')
    'Is it x < 1?'
    """
    title = re.sub(r'<math[^>]*\balttext="([^"]*)".*?</math>', r"\1", title, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", "", title)).strip()


def _parts(cells: list[dict[str, Any]], prose: Prose, outputs: Outputs) -> list[Markup]:
    parts, titled = [], False
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            if not titled:  # the first heading is the page's own
                source, titled = _without_title(source)
            parts.append(safe(f"<section>{prose.render(source, cell.get('attachments'))}</section>\n"))
        elif cell["cell_type"] == "code" and source.strip() and not _injected(cell):
            parts.append(safe(_code_cell(cell, source, outputs)))
    return parts


def _injected(cell: dict[str, Any]) -> bool:
    """Whether papermill put the cell there; the header shows the values."""
    return "injected-parameters" in cell["metadata"].get("tags", [])


def _without_title(source: str) -> tuple[str, bool]:
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("#"):
            return "\n".join(lines[:number] + lines[number + 1 :]), True
    return source, False


def _code_cell(cell: dict[str, Any], source: str, outputs: Outputs) -> str:
    lines = source.strip().splitlines()
    tags = cell["metadata"].get("tags", [])
    summary = "parameters" if TAG in tags else lines[0]
    skipped = ' <span class="note">not run in reports</span>' if "skip-execution" in tags else ""
    size = f"{len(lines)} line{'s' if len(lines) > 1 else ''}"
    label = f"Output of the cell that begins with: {lines[0]}"
    before = outputs.first_picture
    if THUMBNAIL in tags:
        outputs.first_picture = None
    shown = "".join(outputs.render(output, label) for output in merged(cell.get("outputs", ())))
    outputs.first_picture = outputs.first_picture or before
    return (
        f'<section class="cell"><details class="code"><summary><code>{html.escape(summary)}</code>'
        f'<span class="note">{size}</span>{skipped}</summary>{media.highlight(source)}</details>{shown}</section>\n'
    )


def _parameters(directory: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    lesson = files.read_json(directory / files.LESSON) or {}
    return {**run["parameters"], **(lesson.get("parameters") or {})}


def _records(directory: Path) -> list[dict[str, Any]]:
    content = files.read_json(directory / files.RECORDS) or {}
    columns = ("name", "value", "se", "n", "unit", "kind")
    return [{column: shown(record.get(column)) for column in columns} for record in content.get("records", ())]


def shown(value: Any) -> str:
    """A recorded value for a table.

    >>> shown(0.123456), shown(224563.1), shown(["a", "b"]), shown(None)
    ('0.123', '224,563', 'a, b', '')
    """
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    if not isinstance(value, float | int):
        return str(value)
    from labkit.display import describe  # loads numpy, which the process that runs a notebook does without

    return describe.number(value)


def _claims(directory: Path) -> list[dict[str, Any]]:
    from labkit import results

    if not (directory / files.CLAIMS).is_file():
        return []
    return [claim_row(row) for row in results.ledger([directory]).to_dict("records")]


def claim_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the ledger of claims with its effect, interval and repeats in words."""
    evidence, share = row["evidence"][0], row["unit"] == "share"
    amount = _percent if share else shown
    effect = f"{evidence}{' =' if ':' in evidence else ':'} {amount(row['effect'])}"
    effect += f" {row['unit']}" if row["unit"] and not share else ""
    interval = "" if row["low"] is None else f" (90% interval {amount(row['low'])} to {amount(row['high'])})"
    repeats = f", n\u00a0=\u00a0{row['seeds']}" if row["seeds"] else ""
    return {
        **row,
        "class": VERDICT_CLASSES[row["verdict"]],
        "effect": _sentence(f"{effect}{interval}{repeats}"),
        "note": _sentence(row["note"]),
    }


def _percent(value: Any) -> str:
    return f"{100 * value:.3g}%" if isinstance(value, float | int) else shown(value)


def _sentence(text: str | None) -> str:
    """Words of a notebook with a stop at the end, and a capital at the start unless that is a symbol.

    >>> _sentence("ratio 0.1"), _sentence("k of streams: 0.26")
    ('Ratio 0.1.', 'k of streams: 0.26.')
    """
    text = (text or "").strip()
    symbol = len(text.partition(" ")[0]) == 1 and text[:1] != "a"
    return (text if symbol else text[:1].upper() + text[1:]) + ("" if not text or text[-1] in ".!?" else ".")
