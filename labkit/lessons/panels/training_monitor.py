"""Watch a training while it goes on: losses, noise of the gradient, learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from labkit.display.describe import number
from labkit.lessons.panels import training_monitor_chart as chart
from labkit.lessons.panels.controls import Choice, Control, Slider
from labkit.lessons.panels.live_panel import LivePanel
from labkit.lessons.panels.training_monitor_noise import scale

MOST_RUNS = 12
_COLUMNS = ["run", "step", "metric", "value"]
_RATE_POINTS = 100
_FIXED = ("progress", "should_stop", "epochs")


@dataclass(frozen=True)
class Monitored:
    """A training as far as it is.

    ``history`` has columns run, step, metric, value: ``batch_loss`` (mean since the last point), ``validation_loss``
    (on at most 1,024 examples), ``learning_rate``, and of the gradient ``squared_gradient`` (squared norm of the mean
    gradient), ``gradient_variance`` (the trace of the covariance of one example's gradient) and ``noise_scale``, their
    quotient in examples. ``step`` of ``steps`` are done; ``table`` is that of the fit, None until it is complete.
    """

    model: str
    dataset: str
    batch_size: int
    step: int
    steps: int
    history: pd.DataFrame = field(repr=False)
    table: pd.DataFrame | None = field(repr=False)

    def last(self, metric: str) -> float:
        """The newest value of a metric, the median over the runs; NaN where there is none."""
        mine = self.history[self.history["metric"] == metric]
        return float(mine.groupby("run")["value"].last().median()) if len(mine) else float("nan")

    def diverged(self) -> str:
        """How many runs lost their loss; nothing where none did."""
        losses = self.history[self.history["metric"] == "batch_loss"].groupby("run")["value"]
        lost = losses.apply(lambda values: not np.isfinite(values).all())
        return f"{int(lost.sum())} of {len(lost)} runs" if lost.any() else ""

    def __str__(self) -> str:
        if not self.step:
            return f"{self.model} on {self.dataset}: not trained yet; press Start."
        lost = self.diverged()
        if lost:
            return f"Step {self.step:,} of {self.steps:,}: {lost} diverged; a lower learning rate may help."
        noise = self.last("noise_scale")
        if "squared_gradient" not in set(self.history["metric"]):
            said = "The noise of its gradient is not measured: its loss is not a sum over examples."
        elif np.isnan(noise):
            said = "The gradient is lost in its noise."
        else:
            said = f"Noise and gradient are equal at {number(noise)} examples; a batch has {self.batch_size}."
        losses = f"training loss {self.last('batch_loss'):.3g}, validation loss {self.last('validation_loss'):.3g}"
        return f"Step {self.step:,} of {self.steps:,}: {losses}. {said}"


def training_monitor(
    model: Any = "mlp",
    data: Any = "digits",
    runs: Sequence[Mapping[str, Any]] | pd.DataFrame | None = None,
    *,
    learning_rate: float | None = None,
    batch_size: int = 32,
    schedule: Any = "constant",
    steps: int = 500,
    seeds: int = 3,
    optimizer: str = "sgd",
    **options: Any,
) -> LivePanel:
    """Train with `labkit.training.fit_many` and watch losses, noise of the gradient and learning rate meanwhile.

    Arguments:
        model, data: specifications or names; models with a closed form have no steps to watch.
        runs: as `fit_many` takes them, at most 12; what they say themselves has no control. None: one run per seed.
        learning_rate, batch_size, schedule, steps, seeds: where the controls start; None is the optimiser's own rate. A
            schedule that is no name has no control.
        optimizer, options: as `fit_many` takes them.

    ``panel.start()`` trains and ``panel.stop()`` ends that at the next step. ``panel.value`` is a `Monitored` record.
    The noise is that of McCandlish et al. (2018): B = tr(Σ) / |G|², from the gradients of single examples, at each of
    50 points those of the last batches, about 512 examples, averaged over about ten points. It takes examples as drawn
    independently, leaves masks and weights out, and is not measured where an example has no loss of its own (batch
    norm, contrast in a batch).
    Raises ``ValueError`` or ``UnknownName`` for what `fit_many` would refuse, or a start outside its control.

    >>> panel = training_monitor(steps=100, seeds=2)
    >>> panel.settings["batch_size"], panel.running
    (32, False)
    """
    from labkit import datasets, models

    spec = models.build(model) if isinstance(model, str) else model
    source = datasets.load(data) if isinstance(data, str) else data
    spec.check(source)
    if spec.closed_form:
        raise ValueError(f"model {spec.name!r} is solved at once, so there are no steps to watch")
    for name in _FIXED:
        if name in options:
            raise ValueError(f"training_monitor got {name}=, which the panel decides itself; leave it out")
    given = _listed(runs)
    controls = _controls(given, learning_rate, batch_size, schedule, steps, seeds, optimizer)
    started: dict[str, tuple[Any, pd.DataFrame | None]] = {}

    def of(settings: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        rows = given if given is not None else [{"seed": seed} for seed in range(settings["seeds"])]
        rate = {"learning_rate": settings["learning_rate"]} if "learning_rate" in settings else {}
        shared = {"batch_size": settings.get("batch_size", batch_size), "schedule": settings.get("schedule", schedule)}
        return [{**rate, **row} for row in rows], {**shared, "steps": settings["steps"], "optimizer": optimizer}

    def missing(settings: dict[str, Any]) -> list[dict[str, Any]]:
        return [settings] if started.get(repr(settings), (None, None))[1] is None else []

    def work(settings: dict[str, Any], should_stop: Callable[[], bool]) -> None:
        from labkit.lessons.panels.training_monitor_watch import Watch
        from labkit.training import fit_many

        rows, shared = of(settings)
        watch = Watch(spec, source, rows, settings["steps"])
        started[repr(settings)] = (watch, None)

        def progress(step: int, of_steps: int) -> None:
            panel.advance(step / of_steps)

        fit = fit_many(watch.model(spec), source, rows, should_stop=should_stop, progress=progress, **shared, **options)
        started[repr(settings)] = (watch, fit.table)

    def evaluate(settings: dict[str, Any]) -> Monitored:
        rows, shared = of(settings)
        watch, table = started.get(repr(settings), (None, None))
        seen = pd.DataFrame([] if watch is None else watch.rows(), columns=_COLUMNS).astype({"value": float})
        history = pd.concat([seen, *_noise(seen), _rates(rows, shared)], ignore_index=True)
        step = int(seen["step"].max()) if len(seen) else 0
        batch = min(int(row.get("batch_size", shared["batch_size"])) for row in rows)
        return Monitored(spec.name, source.name, batch, step, shared["steps"], history, table)

    def draw(record: Monitored) -> Any:
        sentence = f"{record.model} on {record.dataset}: loss, gradient noise, learning rate"
        return chart.draw(record.history, record.steps, record.batch_size, sentence)

    panel = LivePanel(
        "Training monitor",
        controls,
        evaluate=evaluate,
        draw=draw,
        say=str,
        missing=missing,
        work=work,
        verb="Start",
        stopped_by=_stopped(),
    )
    return panel


def _listed(runs: Any) -> list[dict[str, Any]] | None:
    if runs is None:
        return None
    rows = runs.to_dict("records") if isinstance(runs, pd.DataFrame) else [dict(run) for run in runs]
    if not 1 <= len(rows) <= MOST_RUNS:
        raise ValueError(f"training_monitor got {len(rows)} runs, expected 1 to {MOST_RUNS}: more cannot be told apart")
    return rows


def _controls(given, learning_rate, batch_size, schedule, steps, seeds, optimizer) -> list[Control]:
    from labkit.registry import UnknownName, nearest
    from labkit.training import SCHEDULES
    from labkit.training.optimizers import LEARNING_RATES

    if optimizer not in LEARNING_RATES:
        raise UnknownName(f"unknown optimizer {optimizer!r}: {nearest(optimizer, LEARNING_RATES)}")

    def free(name: str) -> bool:
        return given is None or not all(name in row for row in given)

    controls: list[Control] = []
    if free("learning_rate"):
        rate = LEARNING_RATES[optimizer] if learning_rate is None else learning_rate
        note = "how far each step goes"
        controls.append(Slider("learning_rate", "learning rate", 1e-5, 10.0, rate, step=0.05, log=True, note=note))
    if free("batch_size"):
        note = "examples whose mean gradient makes a step"
        controls.append(Slider("batch_size", "batch size", 1, 512, batch_size, step=1, note=note))
    if free("schedule") and isinstance(schedule, str):
        note = "how the learning rate changes over the steps"
        controls.append(Choice("schedule", "schedule", list(SCHEDULES), schedule, note=note))
    most = max(5000, steps)
    controls.append(Slider("steps", "steps", 10, most, steps, step=10, note="steps of the whole training"))
    if given is None:
        controls.append(Slider("seeds", "seeds", 1, MOST_RUNS, seeds, step=1, note="runs, each with its own start"))
    return controls


def _noise(seen: pd.DataFrame) -> list[pd.DataFrame]:
    """The noise scale of each run after each measurement."""
    mine = seen[seen["metric"].isin(["squared_gradient", "gradient_variance"])]
    found = []
    for run, rows in mine.groupby("run"):
        wide = rows.pivot(index="step", columns="metric", values="value").sort_index()
        noise = scale(wide["squared_gradient"].to_numpy(), wide["gradient_variance"].to_numpy())
        found.append(pd.DataFrame({"run": run, "step": wide.index, "metric": "noise_scale", "value": noise}))
    return found


def _rates(rows: list[dict[str, Any]], shared: dict[str, Any]) -> pd.DataFrame:
    """The learning rate of each run at evenly chosen steps; known before anything is trained."""
    from labkit.training.optimizers import LEARNING_RATES
    from labkit.training.schedules import read

    steps = shared["steps"]
    at = np.unique(np.linspace(0, steps - 1, min(steps, _RATE_POINTS)).round().astype(int))
    frames = []
    for run, row in enumerate(rows):
        factors = read(row.get("schedule", shared["schedule"])).factors(0, steps, steps)
        rate = row.get("learning_rate", LEARNING_RATES[shared["optimizer"]])
        frames.append(
            pd.DataFrame({"run": run, "step": at + 1, "metric": "learning_rate", "value": rate * factors[at]})
        )
    return pd.concat(frames, ignore_index=True)


def _stopped() -> tuple[type[Exception], ...]:
    from labkit.training import Stopped

    return (Stopped,)
