"""What a panel says: status lines that are read out, and error boxes. Every text is escaped."""

from __future__ import annotations

import html
import traceback


def status_html(text: str) -> str:
    """A line that assistive technology reads out when it changes.

    >>> status_html("3 < 4")
    "<div style='line-height:1.4' role='status' aria-live='polite'>3 &lt; 4</div>"
    """
    return f"<div style='line-height:1.4' role='status' aria-live='polite'>{html.escape(text)}</div>"


def error_html(error: BaseException) -> str:
    """An error box: what was raised in one line, and the traceback folded below it."""
    trace = "".join(traceback.format_exception(error))
    return (
        "<div role='alert' style='border:1px solid #c0392b;border-left-width:5px;padding:0.4em 0.8em'>"
        f"<b>{html.escape(type(error).__name__)}</b>: {html.escape(str(error))}"
        f"<details><summary>Where it happened</summary><pre>{html.escape(trace)}</pre></details></div>"
    )
