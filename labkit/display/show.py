"""Putting charts in front of the reader, and failing in the right place.

With someone looking, a chart that cannot be drawn becomes a plain box saying why, and the lesson goes on. With
nobody looking, or outside a notebook, the error is raised: a run must not be green and broken.
"""

from __future__ import annotations

import base64
import html
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from labkit.display.render import SVG, TEXT, bundle

HTML, PNG = "text/html", "image/png"


def headless() -> bool:
    """Whether nobody is looking: ``LABKIT_HEADLESS=1``, as report runs set it.

    >>> headless() in (True, False)
    True
    """
    return os.environ.get("LABKIT_HEADLESS") == "1"


class Live:
    """A chart on the page that can be drawn again in place; `show` with ``live=True`` returns one."""

    def __init__(self, chart) -> None:
        self._handle = None
        self.update(chart)

    def update(self, chart) -> None:
        """Draw ``chart`` (a chart, or a function without arguments that returns one) where the last one stands.

        Errors are shown or raised as `show` does.
        """
        data = _content(chart)
        if not _in_notebook():
            sys.stdout.write(data[TEXT] + "\n")
        elif self._handle is None:
            from IPython.display import display

            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def show(chart, *, live: bool = False) -> Live | None:
    """Show a chart as Vega-Lite, SVG and one sentence, and as PNG while someone is looking.

    ``chart`` is a chart, or a function without arguments that returns one (its errors are then handled too). With
    ``live=True`` a `Live` is returned whose ``update`` draws the next chart in the same place, from any thread.
    A problem is displayed as a box while someone is looking; headless, or outside a notebook, it is raised.
    Outside a notebook the sentence is written to the terminal.

    >>> import altair as alt
    >>> show(alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q"))
    Point chart of a, 1 row.
    """
    shown = Live(chart)
    return shown if live else None


def error_box(error: BaseException) -> dict[str, str]:
    """The MIME bundle that says what went wrong, as HTML and as text; everything in it is escaped.

    >>> error_box(ValueError("<b>no</b>"))["text/plain"]
    'This chart could not be drawn. ValueError: <b>no</b>'
    """
    name, message = type(error).__name__, str(error)
    trace = "".join(traceback.format_exception(error))
    box = (
        '<div role="alert" style="border:1px solid #D55E00;border-left-width:6px;border-radius:3px;padding:8px 12px;'
        'max-width:640px"><strong>This chart could not be drawn.</strong>'
        f"<div>{html.escape(name)}: {html.escape(message)}</div>"
        f"<details><summary>Where it happened</summary><pre>{html.escape(trace)}</pre></details></div>"
    )
    return {HTML: box, TEXT: f"This chart could not be drawn. {name}: {message}"}


def _content(chart: Any | Callable[[], Any]) -> dict[str, Any]:
    try:
        built = chart() if callable(chart) and not hasattr(chart, "to_dict") else chart
        data = bundle(built)
        # JupyterLab makes a picture of every chart that comes without one, and then draws the chart once more
        return data if headless() or not _in_notebook() else {**data, PNG: _picture(data[SVG])}
    except Exception as error:
        if headless() or not _in_notebook():
            raise
        return error_box(error)


def _picture(svg: str) -> str:
    import vl_convert

    return base64.b64encode(vl_convert.svg_to_png(svg)).decode()


def _in_notebook() -> bool:
    # Looked up, not imported: where IPython runs it is loaded already.
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
