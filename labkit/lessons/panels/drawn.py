"""A record and its chart, in the forms a page needs; each form is made when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from labkit import display
from labkit.display.render import TEXT, VEGALITE


@dataclass(frozen=True)
class Drawn:
    """One evaluation: the record, its chart, and the chart as MIME bundle, made when first shown."""

    record: Any
    figure: Any

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """The chart with its static picture."""
        return display.bundle(self.figure)

    @cached_property
    def live(self) -> dict[str, Any]:
        """The chart for a page that draws it: drawing the static picture as well would take twice as long."""
        specification = display.specification(self.figure)
        return {VEGALITE: specification, TEXT: specification["description"]}
