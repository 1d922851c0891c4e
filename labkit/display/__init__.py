"""Charts as values, and showing them."""

from labkit.display.describe import number, title_of
from labkit.display.render import ChartTooLarge, bundle, specification, svg
from labkit.display.show import Live, error_box, headless, show
from labkit.display.theme import ink, theme, with_ink

__all__ = [
    "ChartTooLarge",
    "Live",
    "bundle",
    "error_box",
    "headless",
    "ink",
    "number",
    "show",
    "specification",
    "svg",
    "theme",
    "title_of",
    "with_ink",
]
