"""Loss, error and calibration of a stack of models on many examples, in pieces of bounded memory."""

from __future__ import annotations

import itertools
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

MOST_SETTLING = 1024
"""Training examples from which a model takes what it needs to answer alone: the first so many of its own."""

WHAT = ("loss", "error", "calibration")
"""What is measured on a split."""

BINS = 15
"""Bins of the confidence, of equal width, in which calibration is measured."""

_NUMBERS = 1 << 22
_AT_ONCE = 1 << 19  # of these on a CPU: as quick, and an eighth of the memory
_WIDE = 1 << 12  # numbers of one example from which smaller pieces, which stay in the caches, are a fifth quicker


def _count(parameters: Parameters) -> int:
    return next(iter(parameters.values())).shape[0]


def _widest(parameters: Parameters, width: int) -> int:
    """Numbers of a model's widest activation, which is seldom wider than its largest matrix is tall."""
    return max(width, *(max(tensor.shape[1:]) for tensor in parameters.values()))


def pieces(parameters: Parameters, total: int, width: int, together: int = 1) -> Iterator[slice]:
    """Slices of the examples, at least one, each small enough for the activations (``width``) of all runs together.

    They begin at multiples of ``together``.
    """
    widest = _widest(parameters, width)
    most = _NUMBERS if widest < _WIDE else _NUMBERS // 8
    step = max(1, most // (_count(parameters) * widest * together)) * together
    for start in range(0, max(total, 1), step):
        yield slice(start, min(start + step, total))


def _whole(total: int, together: int) -> int:
    """The most examples that fill groups of ``together``; all where they do not fill one."""
    return total - total % together if total > together else total


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
) -> tuple[np.ndarray, ...]:
    """Mean loss, error and calibration (runs,) on examples that all runs share; NaN where there are none."""
    runs = _count(parameters)
    if not len(places):
        return (np.full(runs, np.nan),) * len(WHAT)
    device = next(iter(parameters.values())).device
    total = _whole(len(places), model.together)
    width = width_of(model, source)
    sums = Sums(runs, device, _widest(parameters, width))
    for piece in pieces(parameters, total, width, model.together):
        poll()
        chosen = places[piece]
        inputs = source.gather(torch.from_numpy(chosen).to(device)).expand(runs, -1, -1)
        targets = torch.from_numpy(source.targets[chosen]).to(device).expand(runs, -1)
        sums.add(model, parameters, inputs, targets, loss, None)
    return sums.means(torch.full((runs,), float(total), device=device))


@torch.no_grad()
def own(
    model: Model,
    parameters: Parameters,
    source: Source,
    runs: list[Run],
    classes: int | None,
    loss: Loss,
    poll: Callable[[], None],
) -> tuple[np.ndarray, ...]:
    """Mean loss, error and calibration (runs,) of every run on its own training examples, as they were labelled."""
    device = next(iter(parameters.values())).device
    tables = _firsts(runs, at_most(MOST_TRAINING, model.predictions(source.ends)))
    sizes = np.array([_whole(len(table), model.together) for table in tables])
    width = width_of(model, source)
    sums = Sums(len(runs), device, _widest(parameters, width))
    for piece in pieces(parameters, int(sizes.max()), width, model.together):
        poll()
        places, inside = _side_by_side(tables, sizes, piece)
        targets = source.targets[places]
        for row, run in enumerate(runs):
            targets[row] = relabelled(run, places[row], targets[row], classes)
        inputs = source.gather(torch.from_numpy(places).to(device))
        inside = torch.from_numpy(inside).to(device)
        sums.add(model, parameters, inputs, torch.from_numpy(targets).to(device), loss, inside)
    return sums.means(torch.from_numpy(sizes).to(device))


@torch.no_grad()
def settled(model: Model, parameters: Parameters, source: Source, runs: list[Run]) -> Parameters:
    """The parameters with what a model needs to answer for one example alone; see ``Model.settle``."""
    if not model.batchwise:
        return parameters
    device = next(iter(parameters.values())).device
    tables = _firsts(runs, MOST_SETTLING)
    sizes = np.array([len(table) for table in tables])
    step = max(1, _NUMBERS // (int(sizes.max()) * width_of(model, source)))
    found = []
    for first in range(0, len(runs), step):
        part = slice(first, first + step)
        places, inside = _side_by_side(tables[part], sizes[part], slice(0, int(sizes[part].max())))
        inputs = source.gather(torch.from_numpy(places).to(device))
        here = {name: tensor[part] for name, tensor in parameters.items()}
        found.append(model.settle(here, inputs, torch.from_numpy(inside).to(device)))
    return {**parameters, **{name: torch.cat([each[name] for each in found]) for name in found[0]}}


def _firsts(runs: list[Run], most: int) -> list[np.ndarray]:
    """Numbers of the first training examples of every run; runs with the same ones share the array."""
    tables: dict[tuple[int, ...], np.ndarray] = {}
    keys = [(id(run.pool), run.subset_seed, run.examples) for run in runs]
    for key, run in zip(keys, runs, strict=True):
        if key not in tables:
            tables[key] = examples_at(run, np.arange(min(run.examples, most)))
    return [tables[key] for key in keys]


def _side_by_side(tables: list[np.ndarray], sizes: np.ndarray, piece: slice) -> tuple[np.ndarray, np.ndarray]:
    """A piece of each table as places (runs, n), with example 0 where one has no more, and whether it has (runs, n)."""
    inside = np.arange(piece.start, piece.stop) < sizes[:, None]
    places = np.zeros(inside.shape, dtype=np.int64)
    for row, table in enumerate(tables):
        mine = table[piece]
        places[row, : len(mine)] = mine
    return places, inside


class Sums:
    """What adds up to the mean loss, error and expected calibration error of a stack of models.

    The last is the mean over examples, bin by bin of the confidence, of how far the share of right answers is from
    the mean confidence: the absolute sum of right (1 or 0) minus confidence in each bin, over the examples.

    Source: Guo et al. (2017).
    """

    def __init__(self, runs: int, device: torch.device, width: int) -> None:
        self._width = width
        self._sums = torch.zeros(2, runs, dtype=torch.float64, device=device)
        self._gaps: Tensor | None = torch.zeros(runs, BINS, dtype=torch.float64, device=device)
        self._predictions = 1

    def add(
        self,
        model: Model,
        parameters: Parameters,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        inside: Tensor | None,
    ) -> None:
        """Count examples (runs, n) in; ``inside`` (runs, n) says which are there, None all."""
        runs, examples = targets.shape
        # Two runs at least: one alone is multiplied in another order, and its numbers would be rounded otherwise.
        least = runs if targets.is_cuda else max(2, _AT_ONCE // (examples * self._width))
        parts = max(1, runs // least)
        for first, last in itertools.pairwise(runs * part // parts for part in range(parts + 1)):
            rows = slice(first, last)
            here = {name: tensor[rows] for name, tensor in parameters.items()}
            self._add(rows, model, here, inputs[rows], targets[rows], loss, None if inside is None else inside[rows])

    def _add(
        self,
        rows: slice,
        model: Model,
        parameters: Parameters,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        inside: Tensor | None,
    ) -> None:
        outputs, wanted = model.outcomes(parameters, inputs, targets)
        losses, errors, confidence = loss.measure(outputs, wanted)
        for row, values in enumerate((losses, errors)):
            values = values.view(*targets.shape, -1).mean(2)
            values = values if inside is None else torch.where(inside, values, 0.0)
            self._sums[row, rows] += values.sum(1, dtype=torch.float64)
        if confidence is None:
            self._gaps = None
            return
        self._predictions = wanted.shape[1] // targets.shape[1]
        gaps = 1.0 - errors - confidence
        if inside is not None:
            gaps = torch.where(inside.repeat_interleave(self._predictions, 1), gaps, 0.0)
        self._gaps[rows] += in_bins(confidence, gaps)

    def means(self, counts: Tensor) -> tuple[np.ndarray, ...]:
        """Loss, error and calibration (runs,), given the examples of every run (runs,); NaN for what there is not."""
        loss, error = (self._sums / counts).cpu().numpy()
        if self._gaps is None:
            return loss, error, np.full(len(loss), np.nan)
        return loss, error, (self._gaps.abs().sum(1) / (counts * self._predictions)).cpu().numpy()


def in_bins(confidence: Tensor, values: Tensor) -> Tensor:
    """Sums (runs, `BINS`) of values (runs, n) over bins of the confidence (runs, n), each without its lower edge.

    >>> in_bins(torch.tensor([[0.05, 0.99, 1.0]]), torch.tensor([[1.0, 2.0, 3.0]]))[0, [0, 14]].tolist()
    [1.0, 5.0]
    """
    bins = confidence.mul(BINS).ceil_().long().sub_(1).clamp_(0, BINS - 1)
    sums = torch.zeros(len(values), BINS, dtype=torch.float64, device=values.device)
    if values.is_cuda:  # sorts first, so that sums do not depend on which thread comes first
        rows = torch.arange(len(values), device=values.device).view(-1, 1).expand_as(bins)
        return sums.index_put_((rows, bins), values.double(), accumulate=True)
    return sums.scatter_add_(1, bins, values.double())


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
