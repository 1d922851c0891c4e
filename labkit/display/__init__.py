"""Charts as values, and showing them."""

from labkit.display.curves import curves
from labkit.display.describe import number, title_of
from labkit.display.fits import forecast, law_fit
from labkit.display.forest import forest
from labkit.display.gallery import gallery
from labkit.display.heat import heat
from labkit.display.history import history
from labkit.display.learning import learning_curves
from labkit.display.learning_forecast import LearningCurveForecastDisplay
from labkit.display.margins import margins
from labkit.display.render import ChartTooLarge, bundle, specification, svg
from labkit.display.residuals import residuals
from labkit.display.show import Live, error_box, headless, show
from labkit.display.sizes import best_size
from labkit.display.theme import ink, theme, with_ink
from labkit.display.valleys import valleys

__all__ = [
    "ChartTooLarge",
    "LearningCurveForecastDisplay",
    "Live",
    "best_size",
    "bundle",
    "curves",
    "error_box",
    "forecast",
    "forest",
    "gallery",
    "headless",
    "heat",
    "history",
    "ink",
    "law_fit",
    "learning_curves",
    "margins",
    "number",
    "residuals",
    "show",
    "specification",
    "svg",
    "theme",
    "title_of",
    "valleys",
    "with_ink",
]
