"""Markdown of a notebook as HTML: equations as MathML, headings with anchors, raw HTML reduced to formatting."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from . import media, safe

_ENVIRONMENTS = "equation|align|eqnarray|gather|multline"
# In this order: what is code is never an equation, and an escaped dollar is a dollar.
_TOKENS = re.compile(
    rf"""
      (?P<fence> ^[ ]{{0,3}}(?P<mark>`{{3,}}|~{{3,}})[^\n]*\n .*? (?:^[ ]{{0,3}}(?P=mark)[ ]*$|\Z) )
    | (?P<code> (?<!`)(?P<ticks>`+)(?!`) .+? (?<!`)(?P=ticks)(?!`) )
    | (?P<escaped> \\[\\$] )
    | \$\$ (?P<display> .+? ) \$\$
    | (?P<environment> \\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}} .+? \\end\{{(?P=name)\}} )
    | (?<![\w$]) \$ (?=[^\s$]) (?P<inline> (?: \\. | [^$\\\n] | \n(?!\s*\n) )+? ) (?<=\S) \$ (?!\d)
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_BARS = ("|", "∣", "‖")
_OPEN, _CLOSE = "\ue000", "\ue001"
_HELD = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_PER_CENT = re.compile(r"(?P<code><(?P<tag>code|pre)\b.*?</(?P=tag)>)|(?<=\d) %", re.DOTALL)
# Code within a line, and the options in it: else a line may end within "--out", which then reads as "-".
_SPAN = re.compile(r'(?<!<pre class="source">)<code>[^<]*</code>')
_OPTION = re.compile(r"(?<![\w-])-{1,2}[a-z][\w-]*")
# An equation and the signs next to it: else a line may begin with a comma.
_MARKED = re.compile(r'\(?<math\b[^>]*\bdisplay="inline"(?:(?!</math>).)*</math>[,.;:?!)]+', re.DOTALL)
_ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|align|eqnarray|gather|gathered|split|multline)\*?\}")


def mathml(tex: str, block: bool = False) -> str:
    """TeX as MathML that keeps the TeX as ``alttext``; TeX that cannot be typeset is shown as it is.

    >>> mathml("x^2")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline" alttext="x^2"><mrow><msup><mi>x</mi>...
    >>> mathml(r"\\nonsense{x}")
    '<code class="untypeset">\\\\nonsense{x}</code>'
    """
    from latex2mathml.converter import convert_to_element

    source = _ALIGNED.sub(r"\\\1{align*}", re.sub(r"\\(?:begin|end)\{equation\*?\}", "", tex)).strip()
    try:
        element = convert_to_element(source, display="block" if block else "inline")
    except Exception:  # a dozen classes without a common base, and plain look-up errors
        return f'<code class="untypeset">{html.escape(tex.strip())}</code>'
    for part in element.iter():
        # The converter leaves references in its text for a serialiser of its own, which escapes nothing.
        part.text = html.unescape(part.text) if part.text else part.text
        if part.tag == "mo" and part.text in _BARS:  # a fence here, while a browser takes it for an operator
            part.attrib.update(lspace="0", rspace="0")
        if (part.text or "").startswith("\\"):
            return f'<code class="untypeset">{html.escape(tex.strip())}</code>'
    _space_functions(element)
    element.set("alttext", tex.strip())
    return ElementTree.tostring(element, encoding="unicode")


def _space_functions(element: ElementTree.Element) -> None:
    """Thin spaces around names such as ln and cos, which the converter leaves next to what they apply to."""
    for row in list(element.iter("mrow")):
        for place in range(len(row) - 1, 0, -1):
            pair = row[place - 1], row[place]
            named = any(part.tag == "mi" and len(part.text or "") > 1 for part in pair)
            if named and not any(part.tag in ("mo", "mspace") for part in pair):
                row.insert(place, ElementTree.Element("mspace", width="0.17em"))


@dataclass(frozen=True)
class Heading:
    """An entry of the table of contents; ``html`` may hold equations."""

    level: int
    html: str
    anchor: str


@dataclass
class Prose:
    """The markdown cells of one page: they share anchors, and the folder that pictures are read from."""

    folder: Path
    headings: list[Heading] = field(default_factory=list)
    _anchors: set[str] = field(default_factory=set)

    def render(self, text: str, attachments: Mapping[str, Any] | None = None) -> str:
        """One markdown cell as safe HTML.

        >>> Prose(Path()).render("Costs $5, falls as $n^{-1}$; `$x$` <script>alert(1)</script>")
        '<p>Costs $5, falls as <span class="whole"><math ...</math>;</span> <code>$x$</code> </p>\\n'
        """
        held: list[str] = []
        markdown = _TOKENS.sub(lambda match: self._hold(match, held), re.sub(f"[{_OPEN}{_CLOSE}]", "", text))
        page = safe.clean_html(self._converter(held, attachments or {})(markdown))
        page = re.sub(r'(<a\b[^>]*?href=")([^"]*)"', lambda match: match[1] + _target(match[2]) + '"', page)
        page = _PER_CENT.sub(lambda match: match[0] if match["code"] else "\u00a0%", page)
        page = _SPAN.sub(lambda match: _OPTION.sub(r'<span class="whole">\g<0></span>', match[0]), page)
        page = page.replace("<table", '<div class="wide"><table').replace("</table>", "</table></div>")
        return _MARKED.sub(r'<span class="whole">\g<0></span>', _restore(page, held))

    def line(self, text: str) -> str:
        """A single line of markdown, such as a title, without a paragraph around it."""
        return re.sub(r"^<p>|</p>\s*$", "", self.render(text))

    @staticmethod
    def _hold(match: re.Match[str], held: list[str]) -> str:
        tex = match["display"] or match["environment"] or match["inline"]
        if tex is None:
            return match[0]
        held.append(mathml(tex, block=match["inline"] is None))
        return f"{_OPEN}{len(held) - 1}{_CLOSE}"

    def _converter(self, held: list[str], attachments: Mapping[str, Any]) -> Callable[[str], str]:
        import mistune

        prose = self

        class Renderer(mistune.HTMLRenderer):
            def heading(self, text: str, level: int, **attributes: Any) -> str:
                plain = re.sub(r"<[^>]*>", "", text)
                anchor = prose._anchor(html.unescape(_HELD.sub("", plain)))
                prose.headings.append(Heading(level, _restore(safe.clean_html(plain), held), anchor))
                return f'<h{level} id="{anchor}">{text}</h{level}>\n'

            def image(self, text: str, url: str, title: str | None = None) -> str:
                source = media.picture(url, prose.folder, attachments)
                label = html.escape(text or title or "picture")
                return f'<img src="{source}" alt="{label}">' if source else f"<em>[{label}]</em>"

            def block_code(self, code: str, info: str | None = None) -> str:
                return media.highlight(code, (info or "").split(" ")[0])

        plugins = ["table", "strikethrough", "footnotes", "task_lists", "def_list", "url"]
        return mistune.create_markdown(escape=False, renderer=Renderer(escape=False), plugins=plugins)

    def _anchor(self, title: str) -> str:
        stem = re.sub(r"[^\w]+", "-", title.lower()).strip("-") or "section"
        anchor, number = stem, 2
        while anchor in self._anchors:
            anchor, number = f"{stem}-{number}", number + 1
        self._anchors.add(anchor)
        return anchor


def _restore(page: str, held: list[str]) -> str:
    return _HELD.sub(lambda match: held[int(match[1])] if int(match[1]) < len(held) else "", page)


def _target(address: str) -> str:
    """Links between notebooks lead to their pages; other files of the checkout do not travel with a page."""
    if re.match(r"(?:https?:|mailto:|#)", address):
        return address
    path, _, fragment = address.partition("#")
    name = unquote(path).rpartition("/")[2]
    if name.endswith(".ipynb"):
        return html.escape(name.removesuffix(".ipynb") + ".html" + (f"#{fragment}" if fragment else ""))
    return "#"
