"""Panels: a few controls, one evaluation, one chart; usable without a front end and drawn into every report."""

from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.by_hand import ByHand, dial
from labkit.lessons.panels.compute_explorer import ComputeOptimal, compute_explorer
from labkit.lessons.panels.fitting import Fit, fit_explorer
from labkit.lessons.panels.learning_curves import LearningCurves, learning_curve_explorer
from labkit.lessons.panels.live import LiveRun, run_live
from labkit.lessons.panels.live_panel import LivePanel
from labkit.lessons.panels.own_file import OwnFile, own_file
from labkit.lessons.panels.phase_diagram import PhaseDiagram, phase_diagram
from labkit.lessons.panels.pruning_explorer import Pruned, pruning_explorer
from labkit.lessons.panels.repetition_explorer import Repetition, repetition_explorer
from labkit.lessons.panels.training_monitor import Monitored, training_monitor

__all__ = [
    "ByHand",
    "ComputeOptimal",
    "Fit",
    "LearningCurves",
    "LivePanel",
    "LiveRun",
    "Monitored",
    "OwnFile",
    "Panel",
    "PhaseDiagram",
    "Pruned",
    "Repetition",
    "compute_explorer",
    "dial",
    "fit_explorer",
    "learning_curve_explorer",
    "own_file",
    "phase_diagram",
    "pruning_explorer",
    "repetition_explorer",
    "run_live",
    "training_monitor",
]
