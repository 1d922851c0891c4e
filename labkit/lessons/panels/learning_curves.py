"""Measure learning curves live: choose data, model, widths and seeds, and watch the error fall with the examples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from labkit.lessons.panels import charts
from labkit.lessons.panels.controls import Choice, Several, Slider
from labkit.lessons.panels.live_panel import LivePanel

_COLUMNS = ["examples", "width", "seed", "error"]


@dataclass(frozen=True)
class LearningCurves:
    """What has been measured so far: every run as a point, and the mean over seeds with its standard error.

    ``points`` has columns examples, width, seed, error; ``means`` has examples, width, error, se, n. ``missing``
    counts the pairs of width and size that were not trained yet.
    """

    dataset: str
    model: str
    points: pd.DataFrame
    means: pd.DataFrame
    missing: int

    def __str__(self) -> str:
        if self.means.empty:
            return f"Nothing trained yet: {self.missing} point{'s' * (self.missing > 1)} to go; press Train."
        best = self.means.loc[self.means["error"].idxmin()]
        are = "point is" if self.missing == 1 else "points are"
        left = f" {self.missing} {are} missing; press Train." if self.missing else ""
        return (
            f"{self.model} on {self.dataset}: the lowest mean error so far is {best['error']:.1%}, with width "
            f"{best['width']} and {int(best['examples']):,} examples ({int(best['n'])} seeds).{left}"
        )


def learning_curve_explorer(
    *,
    datasets: Sequence[str] = ("digits", "glyphs"),
    models: Sequence[str] = ("mlp", "random_features", "softmax"),
    all_widths: Sequence[int] = (4, 16, 64, 256),
    sizes: Sequence[int] = (32, 64, 128, 256, 512, 1024),
    dataset: str | None = None,
    model: str | None = None,
    widths: Sequence[int] | None = None,
    largest: int | None = None,
    seeds: int = 3,
    steps: int = 500,
) -> LivePanel:
    """Train one model family on growing subsets of a dataset, and watch the curve appear.

    Arguments:
        datasets, models, all_widths, sizes: what there is to choose from; sizes are numbers of training examples.
        dataset, model, widths, largest, seeds: where the controls start: the first dataset and model, the middle
            width, the largest size, 3 seeds.
        steps: of every training, whatever its size.

    ``panel.start()`` trains what the settings miss and ``panel.stop()`` ends that; finished points are kept in the
    point store and found again by the next panel. ``panel.value`` is a ``LearningCurves`` record. A model without a
    width is trained once and shown under width "-".
    Raises ``ValueError`` for an unknown name or a start that is not among the choices.

    >>> panel = learning_curve_explorer(sizes=[32, 64])
    >>> panel.settings["largest"], panel.running
    (64, False)
    """
    names = _known(datasets), _known_models(models)
    sizes = sorted(int(size) for size in sizes)
    all_widths = list(all_widths)
    middle = all_widths[len(all_widths) // 2]
    done: dict[tuple[Any, ...], pd.DataFrame] = {}
    controls = [
        Choice("dataset", "dataset", names[0], dataset or names[0][0], note="dataset"),
        Choice("model", "model", names[1], model or names[1][0], note="model family"),
        Several("widths", "widths", all_widths, widths or [middle], note="widths of the model"),
        Choice("largest", "examples up to", sizes, largest or sizes[-1], note="largest number of training examples"),
        Slider("seeds", "seeds", 1, 10, seeds, step=1, note="runs per point, each with its own subset and start"),
    ]

    def pieces(settings: dict[str, Any]) -> list[tuple[Any, ...]]:
        of_model = settings["widths"] if _has_width(settings["model"]) else [None]
        chosen = [size for size in sizes if size <= settings["largest"]]
        return [
            (settings["dataset"], settings["model"], width, size, settings["seeds"])
            for size in chosen
            for width in of_model
        ]

    def missing(settings: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [piece for piece in pieces(settings) if piece not in done]

    def work(piece: tuple[Any, ...], should_stop: Callable[[], bool]) -> None:
        done[piece] = measure(*piece, steps=steps, should_stop=should_stop)

    def evaluate(settings: dict[str, Any]) -> LearningCurves:
        wanted = pieces(settings)
        frames = [done[piece] for piece in wanted if piece in done]
        points = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_COLUMNS)
        grouped = points.groupby(["width", "examples"])["error"]
        means = grouped.agg(error="mean", se="sem", n="count").reset_index()
        return LearningCurves(settings["dataset"], settings["model"], points, means, len(wanted) - len(frames))

    def draw(record: LearningCurves) -> Any:
        sentence = f"{record.model} on {record.dataset}: validation error against training examples"
        return charts.learning_curves(record.means, record.points, sizes, sentence)

    return LivePanel(
        "Learning curves, trained live",
        controls,
        evaluate=evaluate,
        draw=draw,
        say=str,
        missing=missing,
        work=work,
        stopped_by=_stopped(),
    )


def measure(
    dataset: str,
    model: str,
    width: int | None,
    examples: int,
    seeds: int,
    *,
    steps: int,
    should_stop: Callable[[], bool],
) -> pd.DataFrame:
    """Train one size and width with so many seeds, or find it in the point store: one row per seed."""
    from labkit import sweeps, training

    point = {"dataset": dataset, "model": model, "examples": [examples], "seeds": list(range(seeds)), "steps": steps}
    point |= {} if width is None else {"widths": [width]}
    table = sweeps.run(
        training.learning_curve, [point], fingerprint=_fingerprint(dataset), progress=False, should_stop=should_stop
    )
    shown = "-" if width is None else str(width)
    return pd.DataFrame(
        {"examples": table["examples"], "width": shown, "seed": table["seed"], "error": table["validation_error"]}
    )


@functools.cache
def _fingerprint(dataset: str) -> str:
    from labkit import datasets

    return datasets.load(dataset).fingerprint


def _stopped() -> tuple[type[Exception], ...]:
    from labkit import sweeps

    return (sweeps.Stopped,)


def _known(names: Sequence[str]) -> list[str]:
    from labkit import datasets
    from labkit.registry import UnknownName, nearest

    known = list(datasets.available()["name"])
    for name in names:
        if name not in known:
            raise UnknownName(f"unknown dataset {name!r}: {nearest(name, known)}")
    return list(names)


def _known_models(names: Sequence[str]) -> list[str]:
    from labkit import models

    return [models.build(name).name for name in names]


def _has_width(model: str) -> bool:
    from labkit import models

    return hasattr(models.build(model), "width")
