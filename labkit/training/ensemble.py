"""The inner loop: some runs of one architecture, trained together step by step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from labkit.models import Loss, Model
from labkit.training.batches import Batches, Plan
from labkit.training.evaluate import settled
from labkit.training.masks import Masks
from labkit.training.optimizers import OPTIMIZERS, Optimizer
from labkit.training.precision import lowered
from labkit.training.rounds import Rounds
from labkit.training.runs import Groups, Run
from labkit.training.schedules import constant, factors
from labkit.training.scoring import losses_of
from labkit.training.selection import Selection, Weighing
from labkit.training.source import Source
from labkit.training.stack import Stack
from labkit.training.stop import Relay, Watch

POINTS = 50
"""Points of the history of the batch loss, each a mean over the steps since the last."""


class Trace:
    """Batch losses thinned to at most `POINTS` means per run, and the step at which a run's loss was no number."""

    def __init__(self, runs: list[Run]) -> None:
        steps = np.array([max(run.steps, 1) for run in runs])
        self.window = -(-steps // POINTS)
        self.steps = steps
        self._sums = np.zeros((len(runs), POINTS))
        self.diverged = np.zeros(len(runs), dtype=np.int64)

    def add(self, first: int, losses: np.ndarray) -> None:
        """Losses (steps, runs) of the steps after ``first``; the runs may be fewer than all."""
        count, runs = losses.shape
        step = np.arange(first, first + count)[:, None]
        point = step // self.window[:runs]
        np.add.at(self._sums, (np.broadcast_to(np.arange(runs), losses.shape), point), losses)
        lost = ~np.isfinite(losses)
        new = lost.any(0) & (self.diverged[:runs] == 0)
        self.diverged[:runs][new] = first + 1 + lost.argmax(0)[new]

    def points(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Steps and mean batch losses of one run."""
        ends = np.minimum(np.arange(1, POINTS + 1) * self.window[row], self.steps[row])
        starts = np.arange(POINTS) * self.window[row]
        used = starts < self.steps[row]
        return ends[used], self._sums[row][used] / (ends - starts)[used]


@contextmanager
def quick_arithmetic() -> Iterator[None]:
    """Numbers below 1e-38 are zero meanwhile: momenta of dead units shrink to them, and would slow steps tenfold."""
    before = float(torch.tensor(1e-30) * 1e-10) == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def train(
    model: Model,
    runs: list[Run],
    source: Source,
    classes: int | None,
    loss: Loss,
    start: dict[str, Tensor],
    *,
    optimizer: str,
    precision: str,
    watch: Watch | Relay,
    groups: Groups | None = None,
    noise: Mapping[str, tuple[int, float]] | None = None,
    marks: Collection[int] = (),
    at: Callable[[int, dict[str, Tensor]], None] = lambda step, parameters: None,
) -> tuple[dict[str, Tensor], Trace, dict[int, Rounds]]:
    """Train runs in the order of falling steps; their final parameters, batch losses and rounds of selection by row.

    A run that has made its steps leaves the stack, so the others go on without it. ``at(step, parameters)`` is called
    at the steps of ``marks`` (0 is before the first) with the parameters of the runs that are still there.
    """
    device = next(iter(start.values())).device
    final = {name: tensor.clone() for name, tensor in start.items()}
    parameters = Stack.like(start)
    state = OPTIMIZERS[optimizer](runs, parameters)
    batches, trace = Batches(runs, source, classes, str(device), groups), Trace(runs)
    masks = Masks(runs, noise, batches.width, str(device)) if noise else None
    steps = np.array([run.steps for run in runs])
    gradient = model.gradient if precision == "float32" else lowered(model.gradient)
    weighing = _weighing(loss, runs, batches.width, device)
    step, active = 0, len(runs)

    def score(rows: list[int], examples: list[np.ndarray], targets: list[np.ndarray]) -> list[np.ndarray]:
        own = parameters.blocks
        if len(rows) < active:
            own = {name: tensor[rows] for name, tensor in own.items()}
        own = settled(model, own, source, [runs[row] for row in rows])
        return losses_of(model, own, source, examples, targets, loss, watch.poll)

    if 0 in marks:
        at(0, parameters.blocks)
    for end in _ends(steps, marks):
        still = int((steps >= end).sum())
        if still < active:
            _store(final, parameters, still, active)
            active, parameters = still, Stack.like(parameters.blocks, still)
            state.shrink(parameters, still)
        weights = batches.weights(active)
        padded = model.batchwise and weights.shape[2] > 1
        beside = {"inside": (weights > 0).squeeze(1)} if padded else {}
        for plan in batches.plans(end - step, active, score):
            factor = _factors(runs[:active], step, step + len(plan), device)
            losses = _follow(
                plan, gradient, parameters, source, weighing or loss, state, weights, factor, masks, beside, watch
            )
            batches.note(losses)
            # Places of weight zero count nothing, whatever became of the example there.
            means = torch.where(weights > 0, losses, 0.0).mul_(weights).sum(3).squeeze(2)
            trace.add(step, means.cpu().numpy())
            step += len(plan)
        if end in marks:
            at(end, parameters.blocks)
    _store(final, parameters, 0, active)
    return final, trace, batches.rounds


def _weighing(loss: Loss, runs: list[Run], width: int, device: torch.device) -> Weighing | None:
    """The loss with the weights that methods give inside a batch; None where no method does."""
    groups: dict[tuple[int, int], tuple[Selection, int, list[int]]] = {}
    for row, run in enumerate(runs):
        if run.method is not None and run.method.weighs():
            groups.setdefault((id(run.method), run.batch), (run.method, run.batch, []))[2].append(row)
    steps = torch.tensor([[run.steps] for run in runs], dtype=torch.float32, device=device)
    return Weighing(loss, width, steps, list(groups.values())) if groups else None


def _follow(
    plan: Plan,
    gradient: Callable[..., None],
    parameters: Stack,
    source: Source,
    loss: Loss | Weighing,
    state: Optimizer,
    weights: Tensor,
    factor: list[float] | Tensor,
    masks: Masks | None,
    beside: Mapping[str, Tensor],
    watch: Watch | Relay,
) -> Tensor:
    """Make the steps of a plan; returns the losses (steps, runs, 1, batch)."""
    scale = weights if state.gain is None else weights * state.gain
    losses = torch.empty(len(plan), plan.places.shape[1], 1, plan.places.shape[2], device=weights.device)
    for step in range(len(plan)):
        state.begin()
        gradient(
            {**parameters.blocks, **beside, **({} if masks is None else masks.draw(plan.places.shape[1]))},
            source.gather(plan.places[step]),
            plan.targets[step],
            scale if plan.weights is None else scale * plan.weights[step],
            loss=loss,
            into=state.into.blocks,
            beta=state.beta,
            trace=losses[step],
        )
        if isinstance(loss, Weighing) and loss.losses is not None:
            losses[step, :, 0] = loss.losses
        state.update(factor[step])
        watch.advance()
    return losses


def _factors(runs: list[Run], first: int, last: int, device: torch.device) -> list[float] | Tensor:
    """Factors of the learning rate by step: numbers where all runs share them, else tensors (runs,)."""
    schedules, steps = [run.schedule for run in runs], np.array([run.steps for run in runs])
    same = schedules.count(schedules[0]) == len(runs)
    alike = same and (schedules[0].shape is constant or (steps == steps[0]).all())
    table = factors(schedules[:1], first, last, steps[:1]) if alike else factors(schedules, first, last, steps)
    return table[:, 0].tolist() if alike else torch.from_numpy(table).to(device)


def _ends(steps: np.ndarray, marks: Collection[int]) -> list[int]:
    """The steps at which something happens between two steps."""
    most = int(steps.max())
    return sorted({*steps.tolist(), *(mark for mark in marks if mark <= most)} - {0})


def _store(final: dict[str, Tensor], parameters: Stack, first: int, last: int) -> None:
    for name, tensor in final.items():
        tensor[first:last] = parameters[name][first:last]
