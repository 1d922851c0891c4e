"""One stack of runs from its starting values to its measurements, and how runs are cut into stacks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from labkit.datasets import Dataset
from labkit.models import Model, NGram
from labkit.training import counts, evaluate, ridge
from labkit.training.dynamics import Recorder
from labkit.training.ensemble import Trace, train
from labkit.training.rounds import Rounds
from labkit.training.runs import Groups, Run
from labkit.training.source import Source
from labkit.training.stop import Relay, Watch

_STACK_NUMBERS = {"cpu": 1 << 21, "cuda": 1 << 28}
"""About how many numbers the parameters, momenta and activations of one stack may take: on a CPU they should stay in
its caches, on a GPU in its memory."""

_SMALL_BATCH = 64


@dataclass(frozen=True)
class Fitted:
    """One trained stack."""

    runs: list[Run]
    parameters: dict[str, Tensor]
    snapshots: dict[int, dict[str, Tensor]]
    trace: Trace | None
    rounds: dict[int, Rounds]
    metrics: dict[str, np.ndarray]
    measured: list[tuple[int, int, str, float]]
    seconds: float


@dataclass(frozen=True)
class Job:
    """What all stacks of one call share."""

    data: Dataset
    sources: dict[str, Source]
    classes: int | None
    groups: Groups | None
    device: str
    optimizer: str
    precision: str
    evaluate_every: int | None
    recorder: Recorder | None
    snapshots: list[int]

    def fit(self, runs: list[Run], watch: Watch | Relay) -> Fitted:
        """Train, or solve, one stack and measure it."""
        began = time.perf_counter()
        watch.poll()
        model, trace, rounds, measured = runs[0].model, None, {}, []
        ends, source = model.check(self.data), self.sources["train"]
        start = model.initialise(self.data, [run.init_seed for run in runs], self.device)
        snapshots: dict[int, dict[str, Tensor]] = {}
        every = self.evaluate_every
        evaluated = set(range(every, max(run.steps for run in runs) + 1, every)) if every else set()
        recorded = set() if self.recorder is None else set(self.recorder.steps)

        def at(step: int, parameters: Mapping[str, Tensor]) -> None:
            here = runs[: len(next(iter(parameters.values())))]
            parameters = evaluate.settled(model, parameters, source, here)
            if step in evaluated:
                for metric, values in self.measure(model, parameters, here, watch).items():
                    measured.extend((run.row, step, metric, float(v)) for run, v in zip(here, values, strict=True))
            if step in recorded:
                self.recorder.record(step, model, parameters, here, source, self.classes, watch.poll)
            if step in self.snapshots:
                snapshots[step] = {name: tensor.clone() for name, tensor in parameters.items()}

        if model.closed_form:
            solve = counts.solve if isinstance(model, NGram) else ridge.solve
            parameters = solve(model, runs, source, self.classes, start, watch)
            watch.advance()
        else:
            parameters, trace, rounds = train(
                model,
                runs,
                source,
                self.classes,
                model.loss(ends),
                start,
                optimizer=self.optimizer,
                precision=self.precision,
                watch=watch,
                groups=self.groups,
                noise=model.noise(ends),
                marks={*evaluated, *recorded, *self.snapshots},
                at=at,
            )
        parameters = evaluate.settled(model, parameters, source, runs)
        for step in self.snapshots:
            # A run that had ended by then stays as it was at its end.
            kept = snapshots.get(step, {name: tensor[:0] for name, tensor in parameters.items()})
            snapshots[step] = {
                name: torch.cat([kept[name], end[len(kept[name]) :]]) for name, end in parameters.items()
            }
        metrics = self.measure(model, parameters, runs, watch)
        return Fitted(runs, parameters, snapshots, trace, rounds, metrics, measured, time.perf_counter() - began)

    def flops(self, runs: list[Run]) -> float:
        """Floating-point operations that training a stack takes, about."""
        return float(sum(run.steps * run.batch for run in runs)) * runs[0].model.flops_per_example(self.data)

    def measure(
        self, model: Model, parameters: Mapping[str, Tensor], runs: list[Run], watch: Watch | Relay
    ) -> dict[str, np.ndarray]:
        """Loss, error and calibration of every run on its own examples and on the held-out ones."""
        ends = model.check(self.data)
        loss = model.loss(ends)
        found = {"train": evaluate.own(model, parameters, self.sources["train"], runs, self.classes, loss, watch.poll)}
        for split in ("validation", "test"):
            source = self.sources[split]
            places = evaluate.held_out(source, self.data.kind == "text", model.predictions(ends))
            found[split] = evaluate.shared(model, parameters, source, places, loss, watch.poll)
        return {f"{split}_{what}": found[split][i] for i, what in enumerate(evaluate.WHAT) for split in found}


def stacked(runs: list[Run], data: Dataset, device: str) -> Iterable[list[Run]]:
    """Runs of one architecture in the order of falling steps, cut into stacks of bounded size."""
    groups: dict[Model, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.model, []).append(run)
    for model, group in groups.items():
        ends = model.check(data)
        for part in [group] if model.closed_form else _alike(group):
            numbers = 3 * model.parameter_count(ends) + max(run.batch for run in part) * model.step_numbers(ends)
            if model.closed_form:
                numbers = model.step_numbers(ends)
            most = max(1, int(_STACK_NUMBERS[device] // numbers))
            pieces = -(-len(part) // most)
            size = -(-len(part) // pieces)
            ordered = sorted(part, key=lambda run: (-run.steps, -run.examples))
            yield from (ordered[first : first + size] for first in range(0, len(ordered), size))


def _alike(runs: list[Run]) -> Iterable[list[Run]]:
    """Runs of one architecture apart by their batches, since in a stack each is filled up to the largest.

    Small batches stay together: there a step costs about as much for one model as for many.
    """
    left = sorted(runs, key=lambda run: -run.batch)
    while left:
        least = 0 if left[0].batch <= _SMALL_BATCH else left[0].batch // 2
        part = [run for run in left if run.batch > least]
        yield part
        left = left[len(part) :]
