"""Tables that come as HTML: columns of numbers stand to the right under their heads, text to the left."""

from __future__ import annotations

import html
import re

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[hd])\b([^>]*)>(.*?)</t[hd]>", re.DOTALL)
_NUMBER = re.compile(r"[-+−±]?\s*[\d,.]*\d(?:\.)?(?:e[-+]?\d+)?\s*%?|nan|-?inf|<na>|none|", re.IGNORECASE)


def align(page: str) -> str:
    """Mark the cells of columns of numbers with the class ``number``, in every table of the HTML.

    >>> align("<table><tr><th></th><th>a</th></tr><tr><th>x</th><td>1.5</td></tr></table>")
    '<table><tr><th></th><th class="number">a</th></tr><tr><th>x</th><td class="number">1.5</td></tr></table>'
    """
    return _TABLE.sub(lambda table: _align(table[0]), page)


def _align(table: str) -> str:
    rows = [_CELL.findall(row) for row in _ROW.findall(table)]
    body = [row for row in rows if any(kind == "td" for kind, _, _ in row)]
    width = max((len(row) for row in rows), default=0)
    # A label that spans rows leaves its cell out of the later ones: from the right, columns count the same in all.
    ends = [
        all(_is_number(row[-place]) for row in body if len(row) >= place) and any(len(row) >= place for row in body)
        for place in range(1, width + 1)
    ]

    def mark(row: re.Match[str]) -> str:
        cells = _CELL.findall(row[0])
        if any("colspan" in attributes for _, attributes, _ in cells):
            return row[0]
        places = iter(range(len(cells) - 1, -1, -1))

        def cell(found: re.Match[str]) -> str:
            marked = ' class="number"' if ends[next(places)] and "class=" not in found[2] else ""
            return f"<{found[1]}{found[2]}{marked}>{found[3]}</{found[1]}>"

        return _CELL.sub(cell, row[0])

    return _ROW.sub(mark, table)


def _is_number(cell: tuple[str, str, str]) -> bool:
    kind, _, content = cell
    return kind == "td" and _NUMBER.fullmatch(html.unescape(re.sub(r"<[^>]*>", "", content)).strip()) is not None
