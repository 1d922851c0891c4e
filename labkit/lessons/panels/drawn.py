"""A record and its chart, in the forms a page needs; each form is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from labkit import display
from labkit.display.render import TEXT, VEGALITE

PNG = "image/png"
# one transparent pixel
_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII="


@dataclass(frozen=True)
class Drawn:
    """One evaluation: the record and its chart, an Altair chart or a Vega-Lite specification as a dictionary."""

    record: Any
    chart: Any

    @cached_property
    def figure(self) -> Any:
        """The chart as a chart value of Altair, which is slow to make and seldom asked for."""
        if not isinstance(self.chart, Mapping):
            return self.chart
        import altair as alt
        from altair.utils.schemapi import debug_mode

        with debug_mode(False):  # the whole is checked against the schema all the same, its parts not once more each
            return alt.Chart.from_dict(self.chart)

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """The chart with its static picture."""
        return display.bundle(self._specification)

    @property
    def live(self) -> dict[str, Any]:
        """The chart for a page while it changes: one dot stands for its picture, which nobody then has to make."""
        return {**self.kept, PNG: _DOT}

    @property
    def kept(self) -> dict[str, Any]:
        """The chart for a page that draws it and makes its picture; here that would take longer than all the rest."""
        return {VEGALITE: self._specification, TEXT: self._specification["description"]}

    @cached_property
    def _specification(self) -> dict[str, Any]:
        """With text in the page's own colour, which follows a page whose theme is changed while the chart is there."""
        return display.with_ink(display.specification(self.chart), "currentColor")
