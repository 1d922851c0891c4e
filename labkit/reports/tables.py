"""Tables that come as HTML: columns of numbers stand to the right under their heads, text to the left."""

from __future__ import annotations

import html
import re

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[hd])\b([^>]*)>(.*?)</t[hd]>", re.DOTALL)
_HEAD = re.compile(r"<thead\b.*?</thead>", re.DOTALL)
_NUMBER = re.compile(
    r"[-+−±]?\s*[\d,.]*\d(?:\.)?(?:e[-+]?\d+|(?:×10)?[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?\s*%?\*?|nan|[-−]?(?:inf|∞)|<na>|none|unknown|",
    re.IGNORECASE,
)
_TRUTHS = {"True", "False"}
_LONG = 14  # letters


def align(page: str) -> str:
    """Mark the cells of columns of numbers with the class ``number``, in every table of the HTML.

    Names of an index, for which pandas adds a row to the head, move up into the empty cells above them.

    >>> align("<table><tr><th></th><th>a</th></tr><tr><th>x</th><td>1.5</td></tr></table>")
    '<table><tr><th></th><th class="number">a</th></tr><tr><th>x</th><td class="number">1.5</td></tr></table>'
    """
    return _TABLE.sub(lambda table: _align(_HEAD.sub(lambda head: _closed(head[0]), table[0])), page)


def _closed(head: str) -> str:
    """The head of a table without a last row that holds nothing but names below empty cells."""
    rows = _ROW.findall(head)
    if len(rows) < 2:
        return head
    above, last = (_CELL.findall(row) for row in rows[-2:])
    names = [content for _, _, content in last if content.strip()]
    fits = len(above) == len(last) > len(names) and "span" not in rows[-2] + rows[-1]
    empty = not any(content.strip() for _, _, content in [*above[: len(names)], *last[len(names) :]])
    if not (names and fits and empty):
        return head
    given = iter(names)
    filled = _CELL.sub(lambda cell: f"<{cell[1]}{cell[2]}>{cell[3].strip() or next(given, '')}</{cell[1]}>", rows[-2])
    return head.replace(rows[-2], filled).replace(rows[-1], "")


def _align(table: str) -> str:
    rows = [_CELL.findall(row) for row in _ROW.findall(table)]
    body = [row for row in rows if any(kind == "td" for kind, _, _ in row)]
    width = max((len(row) for row in rows), default=0)
    # A label that spans rows leaves its cell out of the later ones: from the right, columns count the same in all.
    ends = [_are_numbers([row[-place] for row in body if len(row) >= place]) for place in range(1, width + 1)]

    def mark(row: re.Match[str]) -> str:
        cells = _CELL.findall(row[0])
        if any("colspan" in attributes for _, attributes, _ in cells):
            return row[0]
        places = iter(range(len(cells) - 1, -1, -1))

        def cell(found: re.Match[str]) -> str:
            kind = "number" if ends[next(places)] else _width(found, row[0])
            marked = f' class="{kind}"' if kind and "class=" not in found[2] else ""
            return f"<{found[1]}{found[2]}{marked}>{found[3]}</{found[1]}>"

        return _CELL.sub(cell, row[0])

    return _ROW.sub(mark, table)


def _width(cell: re.Match[str], row: str) -> str:
    """A class for what a narrow page shall not squeeze, and for labels that need no room."""
    text = _text(cell[3])
    if cell[1] == "td":
        return "long" if len(text) > _LONG else ""
    return "short" if "<td" in row and _NUMBER.fullmatch(text) else ""


def _text(content: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", content)).strip()


def _are_numbers(column: list[tuple[str, str, str]]) -> bool:
    """Whether a column holds numbers; True and False may stand among them, though not alone."""
    texts = [_text(content) for kind, _, content in column if kind == "td"]
    counted = [text for text in texts if text not in _TRUTHS]
    if not texts or len(texts) < len(column) or not all(_NUMBER.fullmatch(text) for text in counted):
        return False
    return len(counted) == len(texts) or any(counted)
