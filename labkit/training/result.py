"""What a fit gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from labkit.datasets import Dataset
from labkit.models import Model, Ports, ports
from labkit.training import evaluate
from labkit.training.dynamics import Dynamics, Recorder
from labkit.training.job import Fitted
from labkit.training.runs import Run

_SPLITS = ("train", "validation", "test")
METRICS = [
    *(f"{split}_{what}" for split in _SPLITS for what in ("loss", "error")),
    *(f"{split}_calibration" for split in _SPLITS),
]


@dataclass(frozen=True, eq=False)
class Part:
    """Trained models of one architecture: the rows of the table they stand in, and their stacked parameters.

    ``snapshots`` holds the parameters at the steps that were asked for.
    """

    model: Model
    rows: Sequence[int]
    parameters: dict[str, Tensor]
    snapshots: dict[int, dict[str, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FitResult:
    """Many trained models.

    Fields:
        table: frame, one row per run in the order given: the run's own columns, then examples, steps, parameters,
            flops (of its training), train_loss, train_error (on its own examples, with the labels it was given),
            validation_loss, validation_error, test_loss, test_error, train_calibration, validation_calibration,
            test_calibration, diverged, diverged_step, seconds (its share). A diverged run has no losses. Losses are
            in nats; an error is the share of wrong answers; a calibration is the expected calibration error over 15
            bins of equal width of the confidence (Guo et al., 2017), NaN for models that give no probabilities.
            Where methods of selection choose on the way, selection (the method and its dials), selection_rounds,
            selection_flops (of measuring examples for it alone) and selection_seconds follow. Those FLOPs are not part
            of flops.
        history: frame (run, step, metric, value), where run is the row of the table; selected is the number of
            examples of a round, where it changed.
        parts: the models themselves, by architecture.
        dynamics: the log of the training examples that ``record`` asked for, else None.
        memory: bytes that the process grew by at most while it trained (on a GPU: the most allocated beyond what was),
            as seen every 50 ms. What an earlier call left for reuse does not count again.
    """

    table: pd.DataFrame
    history: pd.DataFrame
    parts: tuple[Part, ...] = field(repr=False)
    dynamics: Dynamics | None = field(repr=False)
    memory: int
    _ends: Ports = field(repr=False)
    _exposures: dict[int, tuple[np.ndarray, np.ndarray]] = field(repr=False)
    _examples: int = field(repr=False)

    def exposures(self, run: int) -> np.ndarray:
        """How often a run was shown each training example, int64 (n,), where a method of selection chose them.

        Raises ``ValueError`` for a run without such a method: it is shown its examples in turn.
        """
        if run not in self._exposures:
            raise ValueError(f"run {run!r} has no method of selection; those that have: {sorted(self._exposures)}")
        counts = np.zeros(self._examples, dtype=np.int64)
        np.add.at(counts, *self._exposures[run])
        return counts

    def predict(self, inputs: np.ndarray, *, step: int | None = None) -> np.ndarray:
        """Logits (runs, n, classes) for inputs (n, d), or windows of ids (n, context) for text.

        Arguments:
            inputs: what to answer.
            step: one of the ``snapshots`` of the training instead of its end; a run that had ended by then is as at
                its end.

        Raises ``ValueError`` for inputs of another width, and for a step of which no snapshot was kept.

        >>> from labkit import datasets, models, training
        >>> data = datasets.load("digits")
        >>> fit = training.fit_many(models.build("softmax"), data, [{"seed": 0}, {"seed": 1}], steps=5)
        >>> fit.predict(data.test_inputs).shape
        (2, 500, 10)
        """
        inputs = np.asarray(inputs)
        if inputs.ndim != 2 or inputs.shape[1] != self._ends.inputs:
            raise ValueError(f"inputs have shape {inputs.shape}; expected (n, {self._ends.inputs})")
        kept = sorted(self.parts[0].snapshots)
        if step is not None and step not in kept:
            raise ValueError(f"no snapshot of step {step!r} was kept; there are {kept}: give fit_many snapshots=[...]")
        found = None
        for part in self.parts:
            parameters = part.parameters if step is None else part.snapshots[step]
            outputs = evaluate.outputs(part.model, parameters, inputs, part.model.widest(self._ends))
            if found is None:
                found = np.empty((len(self.table), *outputs.shape[1:]), dtype=np.float32)
            found[list(part.rows)] = outputs
        return found


def assemble(runs: list[Run], fitted: list[Fitted], data: Dataset, recorder: Recorder | None, memory: int) -> FitResult:
    """The result of some trained stacks, each run in its place."""
    rows: list[dict[str, Any]] = [{} for _ in runs]
    history: list[tuple[int, int, str, float]] = []
    exposures: dict[int, tuple[np.ndarray, np.ndarray]] = {}
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
            if run.row in stack.rounds:
                rounds = stack.rounds[run.row]
                rows[run.row] |= {
                    "selection": repr(run.method),
                    "selection_rounds": rounds.round + 1,
                    "selection_flops": flops // 3 * rounds.scored,  # a forward pass is a third of a training step
                    "selection_seconds": rounds.seconds,
                }
                exposures[run.row] = rounds.examples, rounds.seen
                history.extend((run.row, step, "selected", float(size)) for step, size in rounds.sizes)
            if stack.trace is not None:
                steps, values = stack.trace.points(place)
                history.extend((run.row, int(s), "batch_loss", float(v)) for s, v in zip(steps, values, strict=True))
        history.extend(stack.measured)
    table = pd.DataFrame(rows).astype({"diverged_step": "Int64"})
    frame = pd.DataFrame(history, columns=["run", "step", "metric", "value"])
    frame = frame.sort_values(["run", "metric", "step"], kind="stable", ignore_index=True)
    parts = tuple(
        Part(stack.runs[0].model, [run.row for run in stack.runs], stack.parameters, stack.snapshots)
        for stack in fitted
    )
    log = None if recorder is None else recorder.result()
    return FitResult(table, frame, parts, log, memory, ports(data), exposures, len(data.inputs))
