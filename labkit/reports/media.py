"""Pictures as data, code in colour, terminal text as HTML."""

from __future__ import annotations

import base64
import functools
import html
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
_MAX_PICTURE = 1_000_000


def picture(address: str, folder: Path, attachments: Mapping[str, Any]) -> str | None:
    """A picture named in markdown as a data address; None where it is not at hand (the page fetches nothing)."""
    if address.startswith("data:image/"):
        return html.escape(address)
    name = unquote(address.removeprefix("attachment:"))
    if address.startswith("attachment:"):
        bundle = attachments.get(name, {})
        kind = next((kind for kind in _KINDS if kind in bundle), None)
        return f"data:{kind};base64,{html.escape(bundle[kind].strip())}" if kind else None
    path = (folder / name).resolve()
    kind = mimetypes.guess_type(path.name)[0]
    # Only what lies beside the notebook: a page must not carry off other files of the machine.
    if kind not in _KINDS or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    content = path.read_bytes()
    return f"data:{kind};base64,{base64.b64encode(content).decode()}" if len(content) <= _MAX_PICTURE else None


def highlight(code: str, language: str = "python") -> str:
    """Code as HTML with the classes of ``assets/page.css``.

    >>> highlight("x = 1 < 2")
    '<pre class="source"><code><span class="n">x</span> <span class="o">=</span>...
    """
    from pygments import highlight as colour

    return f'<pre class="source"><code>{colour(code, _lexer(language), _formatter())}</code></pre>\n'


@functools.cache
def _lexer(language: str):
    from pygments.lexers import TextLexer, get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language or "text", stripnl=True)
    except ClassNotFound:
        return TextLexer()


@functools.cache
def _formatter():
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(nowrap=True)


def terminal(text: str) -> str:
    """Text with terminal colours as escaped HTML with the classes ``ansi-…``."""
    from nbconvert.filters.ansi import ansi2html

    return str(ansi2html(text))
