"""A panel's settings as lines for the parameters cell: copied by a button, or shown to be copied by hand.

The page copies by itself, while the button is pressed: browsers refuse a copy that comes later, from the kernel. Where
it may not (a page that is served without encryption by another machine, a locked-down browser), the lines are shown
and selected instead.
"""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets

PANEL, LINES = "labkit-panel", "labkit-lines"
_COPY = f"""
(async button => {{
    const lines = button.closest('.{PANEL}').querySelector('.{LINES}'), text = lines.querySelector('textarea');
    const say = words => button.nextElementSibling.textContent = words;
    try {{
        await navigator.clipboard.writeText(text.value);
        say('Copied: paste them over their lines in the parameters cell.');
    }} catch (refused) {{
        lines.style.display = '';
        text.focus();
        text.select();
        say('This page may not copy: press Ctrl+C (on a Mac ⌘C), the lines are selected.');
    }}
}})(this)
"""
_BUTTON = (
    '<button type="button" class="lm-Widget jupyter-widgets jupyter-button widget-button"'
    ' style="width:auto;margin:0 2px 0 0"'
    ' title="Copies these settings as lines for the parameters cell" onclick="{script}">Copy these parameters</button>'
    ' <span role="status" aria-live="polite"></span>'
)


class Parameters:
    """A button that copies, a button that shows, and the lines themselves, which are kept up to date.

    Arguments:
        lines: returns the lines as they are now.
        rows: how many lines the field has room for.
    """

    def __init__(self, lines: Callable[[], str], rows: int) -> None:
        self._lines = lines
        self.copy = widgets.HTML(_BUTTON.format(script=html.escape(_COPY)))
        self.toggle = widgets.Button(
            description="Show as parameters",
            tooltip="Shows these settings as lines for the parameters cell",
            layout=widgets.Layout(width="auto"),
        )
        self.buttons = [self.copy, self.toggle]
        self.field = widgets.Textarea(
            description="For the parameters cell",
            style={"description_width": "15em"},
            tooltip="Select all, copy, and paste into the parameters cell",
            rows=rows,
            layout=widgets.Layout(display="none", width="95%"),
        )
        self.field.add_class(LINES)

    def refresh(self) -> None:
        """Write the lines anew."""
        self.field.value = self._lines()

    def show_or_hide(self) -> None:
        """What the second button does."""
        self.refresh()
        hidden = self.field.layout.display == "none"
        self.field.layout.display = "" if hidden else "none"
        self.toggle.description = "Hide parameters" if hidden else "Show as parameters"
