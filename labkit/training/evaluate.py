"""Loss and error of a stack of models on many examples, in pieces of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from labkit.models import Loss, Model
from labkit.models.model import Parameters
from labkit.seeds import generator
from labkit.training.batches import examples_at, relabelled
from labkit.training.runs import Run
from labkit.training.source import Source

MOST_WINDOWS = 8192
"""Windows of held-out text on which a model is measured, drawn once from a fixed seed."""

MOST_TRAINING = 4096
"""Training examples on which a run is measured: the first so many of its own."""

_NUMBERS = 1 << 22


def _count(parameters: Parameters) -> int:
    return next(iter(parameters.values())).shape[0]


def pieces(parameters: Parameters, total: int, width: int) -> Iterator[slice]:
    """Slices of the examples, at least one, each small enough for the activations (``width``) of all runs together."""
    # The widest activation of a model is seldom wider than its largest matrix is tall.
    widest = max(width, *(max(tensor.shape[1:]) for tensor in parameters.values()))
    step = max(1, _NUMBERS // (_count(parameters) * widest))
    for start in range(0, max(total, 1), step):
        yield slice(start, min(start + step, total))


def held_out(source: Source, text: bool, predictions: int = 1) -> np.ndarray:
    """The held-out examples that are measured: all of them, or so many windows of text that hold enough predictions."""
    total, most = len(source), at_most(MOST_WINDOWS, predictions)
    if text and total > most:
        return np.sort(generator(0, "held-out windows").choice(total, most, replace=False))
    return np.arange(total)


def at_most(examples: int, predictions: int) -> int:
    """How many examples are measured where each holds so many predictions: fewer, and never under a sixteenth."""
    return max(examples // predictions, examples // 16)


def width_of(model: Model, source: Source) -> int:
    """Numbers of the activations of one example, for `pieces`."""
    return max(source.width, model.widest(source.ends))


@torch.no_grad()
def shared(
    model: Model, parameters: Parameters, source: Source, places: np.ndarray, loss: Loss, poll: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss and error (runs,) on examples that all runs share; NaN where there are none."""
    runs = _count(parameters)
    if not len(places):
        return np.full(runs, np.nan), np.full(runs, np.nan)
    device = next(iter(parameters.values())).device
    sums = torch.zeros(2, runs, dtype=torch.float64, device=device)
    for piece in pieces(parameters, len(places), width_of(model, source)):
        poll()
        chosen = places[piece]
        inputs = source.gather(torch.from_numpy(chosen).to(device)).expand(runs, -1, -1)
        targets = torch.from_numpy(source.targets[chosen]).to(device).expand(runs, -1)
        _accumulate(sums, model, parameters, inputs, targets, loss, None)
    return _means(sums, torch.full((runs,), float(len(places)), device=device))


@torch.no_grad()
def own(
    model: Model,
    parameters: Parameters,
    source: Source,
    runs: list[Run],
    classes: int | None,
    loss: Loss,
    poll: Callable[[], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss and error (runs,) of every run on its own training examples, with the labels it was trained on."""
    device = next(iter(parameters.values())).device
    most = at_most(MOST_TRAINING, model.predictions(source.ends))
    sizes = np.array([min(run.examples, most) for run in runs])
    sums = torch.zeros(2, len(runs), dtype=torch.float64, device=device)
    tables = {}
    for run in runs:
        key = id(run.pool), run.subset_seed, run.examples
        if key not in tables:
            tables[key] = examples_at(run, np.arange(min(run.examples, most)))
    for piece in pieces(parameters, int(sizes.max()), width_of(model, source)):
        poll()
        span = np.arange(piece.start, piece.stop)
        places = np.zeros((len(runs), len(span)), dtype=np.int64)
        for row, run in enumerate(runs):
            mine = tables[id(run.pool), run.subset_seed, run.examples][piece]
            places[row, : len(mine)] = mine
        targets = source.targets[places]
        for row, run in enumerate(runs):
            targets[row] = relabelled(run, places[row], targets[row], classes)
        inside = torch.from_numpy(span < sizes[:, None]).to(device)
        inputs = source.gather(torch.from_numpy(places).to(device))
        _accumulate(sums, model, parameters, inputs, torch.from_numpy(targets).to(device), loss, inside)
    return _means(sums, torch.from_numpy(sizes).to(device))


def _accumulate(
    sums: Tensor,
    model: Model,
    parameters: Parameters,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    inside: Tensor | None,
) -> None:
    outputs, wanted = model.outcomes(parameters, inputs, targets)
    for row, measure in enumerate((loss.values, loss.errors)):
        values = measure(outputs, wanted).view(*targets.shape, -1).mean(2)
        values = values if inside is None else torch.where(inside, values, 0.0)
        sums[row] += values.sum(1, dtype=torch.float64)


def _means(sums: Tensor, counts: Tensor) -> tuple[np.ndarray, np.ndarray]:
    loss, error = (sums / counts).cpu().numpy()
    return loss, error


@torch.no_grad()
def outputs(model: Model, parameters: Parameters, inputs: np.ndarray, widest: int = 0) -> np.ndarray:
    """Outputs (runs, n, outputs) for shared inputs (n, d)."""
    device = next(iter(parameters.values())).device
    runs = _count(parameters)
    found = []
    for piece in pieces(parameters, len(inputs), max(inputs.shape[1], widest)):
        part = torch.tensor(inputs[piece], device=device)
        part = part.float() if part.is_floating_point() else part.long()
        found.append(model.forward(parameters, part.expand(runs, -1, -1)).cpu().numpy())
    return np.concatenate(found, axis=1)
