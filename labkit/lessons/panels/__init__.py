"""Panels: a few controls, one evaluation, one chart; usable without a front end and drawn into every report."""

from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.by_hand import ByHand, dial
from labkit.lessons.panels.fitting import Fit, fit_explorer
from labkit.lessons.panels.live import LiveRun, run_live

__all__ = ["ByHand", "Fit", "LiveRun", "Panel", "dial", "fit_explorer", "run_live"]
