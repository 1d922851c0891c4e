"""The outputs of a cell as HTML: the richest form that stands still, and its interactive twin where it has one."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from . import media, safe, tables
from .prose import Prose

_VEGALITE = re.compile(r"application/vnd\.vegalite\.v5(\.\d+)*\+json")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_ROWS_SHOWN = 100


@dataclass
class Outputs:
    """Turns outputs into HTML and counts the charts among them."""

    prose: Prose
    charts: int = 0
    first_picture: str | None = None

    def render(self, output: Mapping[str, Any], cell: str) -> str:
        """One output as safe HTML; ``cell`` names the cell for pictures that bring no description."""
        kind = output["output_type"]
        if kind == "stream":
            return _stream(output["name"], _text(output["text"]))
        if kind == "error":
            trace = media.terminal("\n".join(output["traceback"]))
            return f'<div class="error" role="alert"><pre>{trace}</pre></div>\n'
        return self._bundle(output["data"], output.get("metadata", {}), cell)

    def _bundle(self, data: Mapping[str, Any], metadata: Mapping[str, Any], cell: str) -> str:
        text = _text(data.get("text/plain", ""))
        for kind in data:
            if _VEGALITE.fullmatch(kind):
                return self._chart(data[kind], data.get("image/svg+xml"), text)
        if "image/svg+xml" in data:
            return self._drawing(_text(data["image/svg+xml"]), _label(text, cell))
        for kind in ("image/png", "image/jpeg", "image/gif"):
            if kind in data:
                label = metadata.get(kind, {}).get("alt") or metadata.get("alt") or _label(text, cell)
                return _picture(kind, _text(data[kind]), label)
        if "text/html" in data:
            content = tables.align(safe.clean_html(_text(data["text/html"])))
            if content.strip():
                return f'<div class="result wide">{content}</div>\n'
        if "text/markdown" in data:
            return f'<div class="result">{self.prose.render(_text(data["text/markdown"]))}</div>\n'
        if "text/latex" in data:
            return f'<div class="result">{self.prose.render(_text(data["text/latex"]))}</div>\n'
        if _WIDGET in data:
            return '<p class="absent">A control stands here in the notebook; it needs a running kernel.</p>\n'
        return f'<pre class="result">{media.terminal(text)}</pre>\n' if text else ""

    def _drawing(self, svg: str, label: str) -> str:
        try:
            picture = safe.clean_svg(svg, label)
        except ValueError as error:
            return f'<p class="absent">{html.escape(label)} (not shown: {html.escape(str(error))})</p>\n'
        self.first_picture = self.first_picture or picture
        return f'<figure class="picture">{picture}</figure>\n'

    def _chart(self, spec: Mapping[str, Any], svg: Any, text: str) -> str:
        label = " ".join(str(spec.get("description") or text or "Chart").split())
        try:
            picture = safe.clean_svg(_text(svg) if svg else _draw(spec), label)
        except ValueError as error:
            return f'<p class="absent">{html.escape(label)} (not drawn: {html.escape(str(error))})</p>\n'
        self.first_picture = self.first_picture or picture
        self.charts += 1
        caption = f"<figcaption>{html.escape(label)}</figcaption>"
        source = f'<script type="application/json">{script_json(_with_ink(spec))}</script>'
        still = f'<div class="still">{picture}</div>'
        return f'<figure class="chart">{still}{caption}{_data_table(spec)}{source}</figure>\n'


def script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in.

    >>> script_json("</script>")
    '"\\\\u003c/script>"'
    """
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def merged(outputs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The outputs with neighbouring pieces of one stream put together, as they came from the kernel one by one.

    >>> line = {"output_type": "stream", "name": "stderr", "text": "1 of 2\\n"}
    >>> [output["text"] for output in merged([line, line])]
    ['1 of 2\\n1 of 2\\n']
    """
    whole: list[Mapping[str, Any]] = []
    for output in outputs:
        last = whole[-1] if whole else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            whole[-1] = {**last, "text": _text(last["text"]) + _text(output["text"])}
        else:
            whole.append(output)
    return whole


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)


def _label(text: str, cell: str) -> str:
    """A description from the output's text, unless that only names an object."""
    return cell if not text or text.startswith("<") else " ".join(text.split())


def _stream(name: str, text: str) -> str:
    body = f"<pre>{media.terminal(text)}</pre>"
    if name == "stderr":  # progress and remarks: at hand, not in the way
        return f'<details class="remarks"><summary>Messages while it ran</summary>{body}</details>\n'
    return f'<div class="result">{body}</div>\n'


def _picture(kind: str, content: str, label: str) -> str:
    try:
        content = base64.b64encode(base64.b64decode(content)).decode()
    except ValueError:
        return f'<p class="absent">{html.escape(label)} (a damaged picture)</p>\n'
    return f'<figure class="picture"><img src="data:{kind};base64,{content}" alt="{html.escape(label)}"></figure>\n'


def _with_ink(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification with text and axes in the page's own colour, which changes with light and dark."""
    from labkit.display.theme import with_ink

    return with_ink(spec, "currentColor")


def _draw(spec: Mapping[str, Any]) -> str:
    """A picture of a chart that came without one; nothing is fetched for it."""
    import vl_convert

    return vl_convert.vegalite_to_svg(_with_ink(spec), vl_version="5.20", allowed_base_urls=[])


def _data_table(spec: Mapping[str, Any]) -> str:
    """The rows behind a chart as a folded table, for those who read rather than look."""
    from labkit.display.specs import rows_of

    rows = [row for row in rows_of(dict(spec)) if isinstance(row, dict)]
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in columns) + "</tr>" for row in rows[:_ROWS_SHOWN]
    )
    count = f"{len(rows):,} rows" if len(rows) != 1 else "1 row"
    shown = f"{count}, the first {_ROWS_SHOWN} shown" if len(rows) > _ROWS_SHOWN else count
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    link = f'<p><a download="data.csv" href="{_csv(rows, columns)}">Download all rows (CSV)</a></p>'
    return f'<details class="data"><summary>Data ({shown})</summary>{link}{tables.align(table)}</details>'


def _csv(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """The rows as a data address, so that a page without a network and without scripts can save them."""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return "data:text/csv;charset=utf-8," + quote(lines.getvalue(), safe=" ,:;/()[]{}=+-_.*")


def _inert(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula, quoted."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        from labkit.display.describe import number  # loads numpy, which the process that runs a notebook does without

        return number(value, digits=4)
    if isinstance(value, str) and value.startswith("data:image/"):
        return "picture"  # which the chart above shows; the file of all rows has it whole
    return html.escape(str(value))
