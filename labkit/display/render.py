"""From a chart value to what is shown: Vega-Lite JSON, an SVG for any page, and one sentence.

Three rules hold for everything that leaves here: it is small, it refers to nothing outside itself, and it can be
read without seeing it.
"""

from __future__ import annotations

import hashlib
import html
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from labkit.display.describe import one_line
from labkit.display.specs import addresses, description, rows_of
from labkit.display.theme import theme, themed, with_ink

MAX_ROWS = 3_000
MAX_BYTES = 400_000
VEGALITE = "application/vnd.vegalite.v5+json"
SVG = "image/svg+xml"
TEXT = "text/plain"

# The grammar that the pinned Altair writes; newer grammars lay some layered charts out differently.
_GRAMMAR = "5.20"
# A colour no palette contains: it marks "the page's own text colour" through the conversion.
_INK = "#0a0b0d"
_REFERENCE = re.compile(r'(\bid="|url\(#|href="#)')
_ID = re.compile(r'(?<=\bid=")[^"]+|(?<=url\(#)[^)]+|(?<=href="#)[^"]+')


class ChartTooLarge(ValueError):
    """A chart with more rows or bytes than a page should carry."""


def specification(chart) -> dict[str, Any]:
    """The themed, checked Vega-Lite specification of a chart, as a dictionary.

    ``chart`` is an Altair chart, or a Vega-Lite specification as a dictionary, which is not changed.
    Raises ``ChartTooLarge`` above 3,000 rows or 400 kB, ``ValueError`` when the chart would load something from
    outside, and ``TypeError`` for anything else.

    >>> import altair as alt
    >>> spec = specification(alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q"))
    >>> spec["description"]
    'Point chart of a, 1 row.'
    """
    spec = themed(chart) if isinstance(chart, Mapping) else _of_altair(chart)
    rows = len(rows_of(spec))
    if rows > MAX_ROWS:
        raise ChartTooLarge(_too_large(f"{rows:,} rows"))
    for address in addresses(spec):
        raise ValueError(f"the chart would load {address!r} when it is opened; put the data into the chart instead")
    spec["description"] = one_line(spec.get("description") or description(spec))
    # The editor and source entries of the viewer's menu lead to a web site; saving a picture does not.
    menu = {"export": True, "source": False, "compiled": False, "editor": False}
    usermeta = spec.get("usermeta", {})
    spec["usermeta"] = {**usermeta, "embedOptions": {"actions": menu, **usermeta.get("embedOptions", {})}}
    try:
        text = json.dumps(spec, allow_nan=False)
    except ValueError:  # JSON has no word for what is not a number; a kernel warns and a strict reader refuses
        spec = _finite(spec)
        text = json.dumps(spec, allow_nan=False)
    if len(text) > MAX_BYTES:
        raise ChartTooLarge(_too_large(f"{len(text) / 1000:,.0f} kB"))
    return spec


def _finite(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {key: _finite(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_finite(value) for value in part]
    return None if isinstance(part, float) and not math.isfinite(part) else part


def _of_altair(chart) -> dict[str, Any]:
    import altair as alt

    if not isinstance(chart, alt.TopLevelMixin):
        raise TypeError(f"expected an Altair chart, got {type(chart).__name__}; the chart functions return one")
    try:
        # Not checked against the schema again: the parts were when they were made, and drawing is the better test.
        return theme(chart).to_dict(validate=False)
    except alt.MaxRowsError as error:
        raise ChartTooLarge(_too_large("more than 5,000 rows")) from error


def bundle(chart) -> dict[str, Any]:
    """What a notebook output holds: Vega-Lite JSON, an SVG and one sentence, by MIME type, and no HTML.

    Raises as `specification` does.

    >>> import altair as alt
    >>> sorted(bundle(alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q")))
    ['application/vnd.vegalite.v5+json', 'image/svg+xml', 'text/plain']
    """
    spec = specification(chart)
    return {VEGALITE: spec, SVG: _svg(spec), TEXT: spec["description"]}


def svg(chart) -> str:
    """A chart as a self-contained SVG whose text follows the page.

    Text and axes are drawn in ``currentColor``. A page sets them with the CSS variable ``--labkit-ink``; without it
    they follow ``prefers-color-scheme``, also when the picture is a file of its own. All ids are unique to the
    chart's content, so that many charts can share one page.

    >>> import altair as alt
    >>> picture = svg(alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q").properties(description="A."))
    >>> 'aria-label="A."' in picture
    True
    """
    return _svg(specification(chart))


def _too_large(what: str) -> str:
    limit = f"the limit is {MAX_ROWS:,} rows and {MAX_BYTES // 1000} kB"
    return f"the chart carries {what}; {limit}: aggregate first, for example to one row per size and seed"


def _svg(spec: dict[str, Any]) -> str:
    import vl_convert

    picture = vl_convert.vegalite_to_svg(with_ink(spec, _INK), vl_version=_GRAMMAR, allowed_base_urls=[])
    # The converter numbers clip paths over its whole life; numbered per picture, equal charts give equal pictures.
    order = {old: str(index) for index, old in enumerate(dict.fromkeys(_ID.findall(picture)))}
    picture = _ID.sub(lambda found: order[found[0]], picture)
    name = "lk" + hashlib.sha256(picture.encode()).hexdigest()[:10]
    picture = _REFERENCE.sub(rf"\1{name}-", picture).replace(_INK, "currentColor")
    head, _, body = picture.partition(">")
    size = re.search(r'width="([\d.]+)" height="([\d.]+)"', head)
    label = html.escape(spec["description"])
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
        f'id="{name}" class="labkit-chart" role="img" aria-label="{label}" width="{size[1]}" height="{size[2]}" '
        f'viewBox="0 0 {size[1]} {size[2]}" style="max-width:100%;height:auto"'
    )
    return f"{head}><style>{_style(name)}</style>{body}"


def _style(name: str) -> str:
    light, dark = "color:var(--labkit-ink,#1f2328)", "color:var(--labkit-ink,#e6e8ea)"
    return (
        f"#{name}{{{light}}}@media (prefers-color-scheme:dark){{#{name}{{{dark}}}}}@media print{{#{name}{{{light}}}}}"
    )
