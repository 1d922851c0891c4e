"""What may enter a page: HTML and SVG by allow-lists, so that text from a user's file stays text."""

from __future__ import annotations

import functools
import hashlib
import re
import xml.etree.ElementTree as ElementTree

_TABLE = ("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td")
_TEXT = """
    a abbr b blockquote br code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd
    li mark ol p pre q s samp small span strong sub summary sup u ul var
""".split()  # noqa: SIM905
_ATTRIBUTES = {
    "*": ["class", "title", "lang", "dir", "role", "aria-label"],
    "a": ["href"],
    "details": ["open"],
    "img": ["src", "alt", "width", "height"],
    "ol": ["start"],
    "td": ["colspan", "rowspan", "style"],
    "th": ["colspan", "rowspan", "scope", "style"],
    **{f"h{level}": ["id"] for level in range(1, 7)},
}
# Content of these is not text to be read: dropped whole, where the allow-list would only unwrap it.
_CODE = re.compile(r"<(style|script|template|title)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_ACTIVE = ("script", "foreignObject", "iframe", "handler", "listener", "animate", "set", "animateTransform")
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


@functools.cache
def _cleaner():
    from bleach.css_sanitizer import CSSSanitizer
    from bleach.sanitizer import Cleaner

    css = CSSSanitizer(allowed_css_properties=["text-align", "font-weight", "background-color", "color"])
    protocols = ["http", "https", "mailto", "data"]
    return Cleaner([*_TABLE, *_TEXT], _ATTRIBUTES, protocols, strip=True, strip_comments=True, css_sanitizer=css)


def clean_html(html: str) -> str:
    """HTML reduced to what only formats: no scripts, styles, forms, frames, and no picture from outside.

    >>> clean_html('<b onclick="x()">bold</b><script>alert(1)</script><img src="https://a.example/p.png" alt="p">')
    '<b>bold</b><em>[p]</em>'
    """
    cleaned = _cleaner().clean(_CODE.sub("", html))
    cleaned = re.sub(r"<img\b[^>]*>", _picture, cleaned)
    return re.sub(r'(<a\b[^>]*?)\s*\bhref="\s*data:[^"]*"', r"\1", cleaned)


def _picture(tag: re.Match[str]) -> str:
    """The tag where it carries its picture along, else what it says of it."""
    if re.search(r'\bsrc="data:image/', tag[0]):
        return tag[0]
    label = re.search(r'\balt="([^"]*)"', tag[0])
    return f"<em>[{label[1]}]</em>" if label and label[1] else ""


def clean_svg(svg: str, label: str) -> str:
    """An SVG that shows and does nothing else, named for those who cannot see it, with ids of its own.

    Raises ``ValueError`` for what is no SVG or brings entities.

    >>> clean_svg('<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><a href="https://a.example"/></svg>', "Line")
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Line"><a /></svg>'
    """
    text = re.sub(r"<\?xml[^>]*\?>|<!DOCTYPE[^>\[]*>", "", svg).strip()
    if "<!" in re.sub(r"<!--.*?-->|<!\[CDATA\[", "", text, flags=re.DOTALL):
        raise ValueError("the SVG declares entities; pictures here need none")
    for prefix, namespace in (("", _SVG), ("xlink", _XLINK)):
        ElementTree.register_namespace(prefix, namespace)
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"not an SVG: {error}") from None
    if _local(root.tag) != "svg":
        raise ValueError(f"not an SVG but <{_local(root.tag)}>")
    _disarm(root)
    root.set("role", "img")
    root.set("aria-label", label)
    return _with_own_ids(ElementTree.tostring(root, encoding="unicode"))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _disarm(element: ElementTree.Element) -> None:
    for name, value in list(element.attrib.items()):
        inside = value.strip().startswith(("#", "data:image/"))
        outside_url = "url(" in value and not re.search(r"url\(\s*['\"]?#", value)
        if _local(name).lower().startswith("on") or (_local(name) in ("href", "src") and not inside) or outside_url:
            del element.attrib[name]
    for child in list(element):
        loads = _local(child.tag) == "style" and re.search(r"@import|url\((?!['\"]?#)", child.text or "")
        if _local(child.tag) in _ACTIVE or _local(child.tag) == "metadata" or loads:
            element.remove(child)
        else:
            _disarm(child)


def _with_own_ids(svg: str) -> str:
    """Ids that no other picture of the page has; labkit's own charts have them already."""
    if re.search(r'<svg[^>]*\bid="lk[0-9a-f]{10}"', svg):
        return svg
    own = "s" + hashlib.sha256(svg.encode()).hexdigest()[:10]
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\1{own}-", svg)
