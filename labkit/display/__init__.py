"""Charts as values, and showing them."""

from labkit.display.describe import number, title_of
from labkit.display.fits import forecast, law_fit
from labkit.display.learning import learning_curves
from labkit.display.render import ChartTooLarge, bundle, specification, svg
from labkit.display.show import Live, error_box, headless, show
from labkit.display.theme import ink, theme, with_ink

__all__ = [
    "ChartTooLarge",
    "Live",
    "bundle",
    "error_box",
    "forecast",
    "headless",
    "ink",
    "law_fit",
    "learning_curves",
    "number",
    "show",
    "specification",
    "svg",
    "theme",
    "title_of",
    "with_ink",
]
