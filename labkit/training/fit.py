"""`fit_many`: every run is one model, and all of them train together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from labkit.datasets import Dataset
from labkit.models import Model, build
from labkit.registry import UnknownName, nearest
from labkit.training import evaluate, ridge
from labkit.training.ensemble import Trace, quick_arithmetic, train
from labkit.training.optimizers import LEARNING_RATES, OPTIMIZERS
from labkit.training.result import FitResult, Part
from labkit.training.runs import Run, parse
from labkit.training.schedules import SCHEDULES
from labkit.training.source import Source
from labkit.training.stop import Watch

_STACK_NUMBERS = {"cpu": 1 << 21, "cuda": 1 << 28}
"""About how many numbers the parameters, momenta and activations of one stack may take: on a CPU they should stay in
its caches, on a GPU in its memory."""

METRICS = [f"{split}_{what}" for split in ("train", "validation", "test") for what in ("loss", "error")]


def fit_many(
    model: Model | str,
    data: Dataset,
    runs: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    steps: int | None = None,
    epochs: float | None = None,
    batch_size: int = 32,
    optimizer: str = "sgd",
    schedule: str = "constant",
    selection: np.ndarray | None = None,
    device: str = "auto",
    evaluate_every: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FitResult:
    """Train one model per run, all runs of one architecture as one stacked tensor program.

    Arguments:
        model: a specification or a name.
        data: the dataset.
        runs: dicts or the rows of a frame. Keys, all optional: ``seed`` (0) of everything random, or apart
            ``init_seed``, ``subset_seed``, ``order_seed``, ``noise_seed``; ``examples``, the size of the training
            set: the first so many of the seed's own permutation, so that smaller sets are nested in larger ones
            (all); ``indices``, the training examples themselves; ``learning_rate`` (0.1, Adam 0.001); ``momentum``
            (0, SGD only); ``weight_decay`` (0); ``label_noise``, the share of labels replaced by another class (0);
            ``batch_size``; and any dial of the model.
        steps, epochs: the budget of every run: updates, or passes over its own training set. One of the two.
        batch_size: examples per update; clipped to the run's examples, which it then sees whole at each update.
        optimizer: ``sgd``, ``adam`` or ``adamw``.
        schedule: of the learning rate over a run's steps: ``constant``, ``cosine``, ``warmup_cosine`` or
            ``warmup_linear``.
        selection: numbers of the training examples that all runs draw from (all).
        device: ``cpu``, ``cuda`` or ``auto``.
        evaluate_every: steps between measurements that enter the history; none by default.
        progress: called with (step, steps) now and then.
        should_stop: asked now and then; training ends with `Stopped` when it returns True.

    A run's result follows from its own keys: it does not depend on the runs beside it (to about 1e-5, since sums may
    be rounded in another order). The history always has the batch loss, in at most 50 points. Text is measured on
    8,192 held-out windows drawn from a fixed seed, a training set on its first 4,096 examples. A run whose loss is
    no longer a number is marked ``diverged`` with its step and the others go on. Models with a closed form ignore
    steps, learning rate, momentum and batch size, and take ``weight_decay`` as their ridge.

    Raises ``ValueError``, ``TypeError`` or ``UnknownName`` for what cannot be, naming the run.
    It does not save anything, and holds no more than one stack of activations in memory.

    >>> from labkit import datasets, models, training
    >>> runs = [{"seed": seed, "examples": 256, "learning_rate": 0.1} for seed in range(3)]
    >>> fit = training.fit_many(models.build("mlp", width=16), datasets.load("digits"), runs, steps=50)
    >>> fit.table[["seed", "examples", "steps", "parameters"]].values.tolist()
    [[0, 256, 50, 1210], [1, 256, 50, 1210], [2, 256, 50, 1210]]
    """
    model = build(model) if isinstance(model, str) else model
    if not isinstance(model, Model):
        raise TypeError(f"model is a {type(model).__name__}; expected models.build(...) or the name of a model")
    model.check(data)
    _check(model, steps, epochs, batch_size, evaluate_every)
    for kind, name, known in (("optimizer", optimizer, OPTIMIZERS), ("schedule", schedule, SCHEDULES)):
        if name not in known:
            raise UnknownName(f"unknown {kind} {name!r}: {nearest(name, known)}")
    parsed = parse(
        model,
        runs,
        available=len(data.inputs),
        selection=selection,
        steps=0 if model.closed_form else steps,
        epochs=None if model.closed_form else epochs,
        batch_size=batch_size,
        learning_rate=LEARNING_RATES[optimizer],
    )
    device = resolve(device)
    job = _Job(
        data=data,
        sources={split: Source(data, split, device) for split in ("train", "validation", "test")},
        classes=data.vocabulary if data.kind == "text" else data.classes,
        device=device,
        optimizer=optimizer,
        schedule=schedule,
        evaluate_every=evaluate_every,
    )
    stacks = list(_stacks(parsed, job))
    total = sum(max(run.steps for run in stack) or 1 for stack in stacks)
    watch = Watch(total, should_stop, progress)
    watch.poll()
    with quick_arithmetic():
        fitted = [job.fit(stack, watch) for stack in stacks]
    return _assemble(parsed, fitted, data)


def resolve(device: str) -> str:
    """The device to use; ``auto`` is a GPU where there is one.

    >>> resolve("cpu")
    'cpu'
    """
    known = ("auto", "cpu", "cuda")
    if device not in known:
        raise UnknownName(f"unknown device {device!r}: {nearest(device, known)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device='cuda' was asked for and this torch finds no GPU; use device='auto' or 'cpu'")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def _check(model: Model, steps: object, epochs: object, batch_size: object, evaluate_every: object) -> None:
    if not model.closed_form and (steps is None) == (epochs is None):
        given = "neither" if steps is None else "both"
        raise ValueError(f"{given} of steps= and epochs= given; expected exactly one, such as steps=500")
    for name, value in (("steps", steps), ("batch_size", batch_size), ("evaluate_every", evaluate_every)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < (name != "steps"):
            least = int(name != "steps")
            raise ValueError(f"{name}={value!r}; expected a whole number of at least {least}")
    if epochs is not None and not (isinstance(epochs, (int, float, np.number)) and 0 < epochs < float("inf")):
        raise ValueError(f"epochs={epochs!r}; expected a number above 0")


@dataclass(frozen=True)
class _Fitted:
    """One trained stack."""

    runs: list[Run]
    parameters: dict[str, Tensor]
    trace: Trace | None
    metrics: dict[str, np.ndarray]
    measured: list[tuple[int, int, str, float]]
    seconds: float


@dataclass(frozen=True)
class _Job:
    """What all stacks of one call share."""

    data: Dataset
    sources: dict[str, Source]
    classes: int | None
    device: str
    optimizer: str
    schedule: str
    evaluate_every: int | None

    def fit(self, runs: list[Run], watch: Watch) -> _Fitted:
        began = time.perf_counter()
        watch.poll()
        model, trace, measured = runs[0].model, None, []
        start = model.initialise(self.data, [run.init_seed for run in runs], self.device)

        def measure(step: int, parameters: Mapping[str, Tensor]) -> None:
            here = runs[: len(next(iter(parameters.values())))]
            for metric, values in self.measure(model, parameters, here, watch).items():
                measured.extend((run.row, step, metric, float(v)) for run, v in zip(here, values, strict=True))

        if model.closed_form:
            parameters = ridge.solve(model, runs, self.sources["train"], self.classes, start, watch)
            watch.advance()
        else:
            parameters, trace = train(
                model,
                runs,
                self.sources["train"],
                self.classes,
                model.loss(model.check(self.data)),
                start,
                optimizer=self.optimizer,
                schedule=self.schedule,
                watch=watch,
                measure_every=self.evaluate_every,
                measure=measure,
            )
        metrics = self.measure(model, parameters, runs, watch)
        return _Fitted(runs, parameters, trace, metrics, measured, time.perf_counter() - began)

    def measure(
        self, model: Model, parameters: Mapping[str, Tensor], runs: list[Run], watch: Watch
    ) -> dict[str, np.ndarray]:
        """Loss and error of every run on its own examples and on the held-out ones."""
        loss = model.loss(model.check(self.data))
        found = {"train": evaluate.own(model, parameters, self.sources["train"], runs, self.classes, loss, watch.poll)}
        for split in ("validation", "test"):
            source = self.sources[split]
            places = evaluate.held_out(source, self.data.kind == "text")
            found[split] = evaluate.shared(model, parameters, source, places, loss, watch.poll)
        return {f"{split}_{what}": found[split][i] for split in found for i, what in enumerate(("loss", "error"))}


def _stacks(runs: list[Run], job: _Job) -> Iterable[list[Run]]:
    """Runs of one architecture in the order of falling steps, cut into stacks of bounded size."""
    groups: dict[Model, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.model, []).append(run)
    for model, group in groups.items():
        batch = max(run.batch for run in group)
        ends = model.check(job.data)
        numbers = 3 * model.parameter_count(ends) + 2 * batch * (ends.inputs + model.parameter_count(ends) ** 0.5)
        if model.closed_form:
            numbers = 4 * model.width**2
        most = max(1, int(_STACK_NUMBERS[job.device] // numbers))
        pieces = -(-len(group) // most)
        size = -(-len(group) // pieces)
        ordered = sorted(group, key=lambda run: (-run.steps, -run.examples))
        yield from (ordered[first : first + size] for first in range(0, len(ordered), size))


def _assemble(runs: list[Run], fitted: list[_Fitted], data: Dataset) -> FitResult:
    rows: list[dict[str, Any]] = [{} for _ in runs]
    history: list[tuple[int, int, str, float]] = []
    for stack in fitted:
        parameters = stack.runs[0].model.parameter_count(data)
        flops = stack.runs[0].model.flops_per_example(data, training=True)
        sums = [tensor.flatten(1).sum(1, dtype=torch.float64) for tensor in stack.parameters.values()]
        finite = torch.isfinite(torch.stack(sums)).all(0).tolist()
        for place, run in enumerate(stack.runs):
            lost = 0 if stack.trace is None else int(stack.trace.diverged[place])
            broken = lost > 0 or not finite[place]
            seen = run.examples if run.model.closed_form else run.steps * run.batch
            rows[run.row] = {
                **run.given,
                "seed": run.seed,
                "examples": run.examples,
                "steps": run.steps,
                "parameters": parameters,
                "flops": flops * seen,
                **{name: np.nan if broken else float(stack.metrics[name][place]) for name in METRICS},
                "diverged": broken,
                "diverged_step": (lost or run.steps) if broken else None,
                "seconds": stack.seconds / len(stack.runs),
            }
            if stack.trace is not None:
                steps, values = stack.trace.points(place)
                history.extend((run.row, int(s), "batch_loss", float(v)) for s, v in zip(steps, values, strict=True))
        history.extend(stack.measured)
    table = pd.DataFrame(rows).astype({"diverged_step": "Int64"})
    frame = pd.DataFrame(history, columns=["run", "step", "metric", "value"])
    frame = frame.sort_values(["run", "metric", "step"], kind="stable", ignore_index=True)
    parts = tuple(Part(stack.runs[0].model, [run.row for run in stack.runs], stack.parameters) for stack in fitted)
    return FitResult(table, frame, parts, data.inputs.shape[1])
