"""What scoring costs, in FLOPs: the training that a score reads, the measuring on the way, and further models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.pruning.entry import Score
from labkit.pruning.log import Log
from labkit.pruning.methods.reducible import FOLDS, REPEATS

_AT_START = ("grand_at_init",)


def observed(entry: Score) -> bool:
    """Whether a score reads an observed training."""
    return bool(set(entry.needs) - {"classes"})


def scored(entry: Score, log: Log, options: Mapping[str, Any]) -> float:
    """FLOPs of a score by itself.

    A score that is read early in the training (option ``at``) is charged for the training up to there. A score that
    trains further models is charged for those; where it is not known how many, the answer is NaN. Distances and
    neighbours, which train nothing, count as free.
    """
    options = {**entry.options, **options}
    spent = 0.0
    if observed(entry):
        spent += watched(log, 0.0 if entry.name in _AT_START else float(options.get("at", 1.0)))
    if not entry.trains:
        return spent
    if {"folds", "repeats"} <= options.keys():
        return spent + retrained(log, options["folds"] * options["repeats"], 1 - 1 / options["folds"])
    if {"runs", "share"} <= options.keys():
        return spent + retrained(log, options["runs"], options["share"])
    return float("nan")


def prepared(log: Log, name: str) -> float:
    """FLOPs of what a dynamic method needs measured before; NaN where that is not known."""
    return retrained(log, FOLDS * REPEATS, 1 - 1 / FOLDS) if name == "reducible_loss" else float("nan")


def watched(log: Log, share: float) -> float:
    """FLOPs of an observed training up to a share of its steps; each recorded moment is a pass over the examples."""
    once = log.model.flops_per_example(log.data, training=True)
    place = 0 if share == 0 else log.place(share)
    batch = min(log.settings["batch_size"], len(log))
    return float(log.runs * once * (int(log.steps[place]) * batch + (place + 1) * len(log) / 3))


def retrained(log: Log, models: int, share: float) -> float:
    """FLOPs of further models, each trained for the steps of the log and asked about the examples it has not seen."""
    once = log.model.flops_per_example(log.data, training=True)
    steps, batch = log.settings.get("steps", 1500), min(log.settings.get("batch_size", 32), len(log))
    return float(models * once * (steps * batch + (1 - share) * len(log) / 3))
