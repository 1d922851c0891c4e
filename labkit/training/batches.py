"""The batches of a stack of runs, planned many steps ahead so that a step only gathers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from labkit.training.order import SHUFFLED_UP_TO, Mixed, Order, noisy, subset
from labkit.training.rounds import Rounds, Score, turn
from labkit.training.runs import Groups, Run
from labkit.training.source import Source

_PLACES = 1 << 20
_STEPS = 1000  # planning more at once would keep a request to stop waiting


@dataclass(frozen=True)
class Plan:
    """Some steps' batches: places (steps, runs, batch), targets of the same shape, and weights of the examples.

    The weights (steps, runs, 1, batch) are None where every example counts alike.
    """

    places: Tensor
    targets: Tensor
    weights: Tensor | None

    def __len__(self) -> int:
        return len(self.places)


class Batches:
    """Plans for the first so many of a list of runs.

    A batch is the next slice of an endless stream of shuffled epochs over the run's examples, so an epoch's end may
    fall inside a batch. A batch larger than a run's examples is clipped to them: the run then sees all of its examples
    at every step, and the places left over in the stack are filled with example 0 at weight zero.
    """

    def __init__(
        self, runs: list[Run], source: Source, classes: int | None, device: str, groups: Groups | None = None
    ) -> None:
        self._runs, self._source, self._classes, self._device = runs, source, classes, device
        self._orders = {_order_key(run): _order(run, groups) for run in runs if run.method is None}
        self._weights = {run.row: _normalised(run) for run in runs if run.weights is not None}
        self._examples = {_subset_key(run): None for run in runs}
        for run in runs:
            key = _subset_key(run)
            if self._examples[key] is None and run.pool_size <= SHUFFLED_UP_TO:
                self._examples[key] = examples_at(run, np.arange(run.examples))
        self.rounds = {run.row: self._selected(run) for run in runs if run.method is not None}
        self.width = max(run.batch for run in runs)

    def _selected(self, run: Run) -> Rounds:
        examples = self._examples[_subset_key(run)]
        examples = examples_at(run, np.arange(run.examples)) if examples is None else examples
        return Rounds(run, examples, relabelled(run, examples, self._source.targets[examples], self._classes))

    def plans(self, steps: int, runs: int, score: Score) -> Iterator[Plan]:
        """Plans that add up to ``steps`` steps of the first ``runs`` runs; `note` what came of one before the next."""
        chunk = min(_STEPS, max(1, _PLACES // (runs * self.width)))
        selected = [(row, self.rounds[run.row]) for row, run in enumerate(self._runs[:runs]) if run.method is not None]
        while steps:
            turn([each for each in selected if not each[1].until()], score)
            plan = self._plan(min(chunk, steps, *(rounds.until() for _, rounds in selected)), self._runs[:runs])
            yield plan
            steps -= len(plan)

    def note(self, losses: Tensor) -> None:
        """Tell methods of selection the losses (steps, runs, 1, batch) of the last plan's examples."""
        for row, run in enumerate(self._runs[: losses.shape[1]]):
            if run.method is not None:
                self.rounds[run.row].note(losses[:, row, 0, : run.batch].reshape(-1).cpu().numpy())

    def _plan(self, steps: int, runs: list[Run]) -> Plan:
        places = np.zeros((steps, len(runs), self.width), dtype=np.int64)
        taken: dict[tuple[int, ...], np.ndarray] = {}
        weights: dict[int, np.ndarray | None] = {}
        for row, run in enumerate(runs):
            key = _order_key(run)
            if run.method is not None:
                shown = self.rounds[run.row].take(steps * run.batch)
                taken[key], weights[row] = shown.places, shown.weights
            elif key not in taken:
                taken[key] = self._orders[key].take(steps * run.batch)
            examples = self._examples[_subset_key(run)]
            chosen = examples_at(run, taken[key]) if examples is None else examples[taken[key]]
            places[:, row, : run.batch] = chosen.reshape(steps, run.batch)
        targets = self._source.targets[places]
        for row, run in enumerate(runs):
            if run.label_noise:
                targets[:, row] = relabelled(run, places[:, row], targets[:, row], self._classes)
        parts = (places, targets, self._weigh(places, runs, weights))
        return Plan(*(None if part is None else torch.from_numpy(part).to(self._device) for part in parts))

    def _weigh(self, places: np.ndarray, runs: list[Run], chosen: dict[int, np.ndarray | None]) -> np.ndarray | None:
        """Weights of the runs' own, times those that methods of selection gave."""
        given = {row: weights for row, weights in chosen.items() if weights is not None}
        if not given and not any(run.row in self._weights for run in runs):
            return None
        weights = np.ones((len(places), len(runs), 1, self.width), dtype=np.float32)
        for row, run in enumerate(runs):
            if run.row in self._weights:
                weights[:, row, 0] = self._weights[run.row][places[:, row]]
            if row in given:
                weights[:, row, 0, : run.batch] *= given[row].reshape(-1, run.batch)
        return weights

    def weights(self, runs: int) -> Tensor:
        """Weight of each place, 1 / batch or 0: (runs, 1, 1) where all batches are full, else (runs, 1, batch)."""
        sizes = np.array([run.batch for run in self._runs[:runs]], dtype=np.float32).reshape(-1, 1, 1)
        weights = 1 / sizes
        if (sizes < self.width).any():
            weights = np.where(np.arange(self.width) < sizes, weights, np.float32(0))
        return torch.from_numpy(weights).to(self._device)


def _order_key(run: Run) -> tuple[int, ...]:
    """Runs of one key go through their examples in the same order and share the drawing of it."""
    alone = () if run.shares is None and run.method is None else (run.row,)
    return run.order_seed, run.examples, run.batch, *alone


def _order(run: Run, groups: Groups | None) -> Order | Mixed:
    if run.shares is None:
        return Order(run.examples, run.order_seed)
    members = groups.of[examples_at(run, np.arange(run.examples))]
    parts = [np.flatnonzero(members == group) for group in range(len(groups.names))]
    for name, part, share in zip(groups.names, parts, run.shares, strict=True):
        if share > 0 and not len(part):
            raise ValueError(f"run {run.row}: mixture gives {name!r} a share of {share:g} and its examples have none")
    return Mixed(parts, run.shares, run.order_seed)


def _normalised(run: Run) -> np.ndarray:
    """Weights of all training examples, scaled to a mean of 1 over those of the run."""
    mean = run.weights[examples_at(run, np.arange(run.examples))].mean()
    if mean == 0:
        raise ValueError(f"run {run.row}: the weights of all its examples are 0; give some of them more")
    return (run.weights / mean).astype(np.float32)


def _subset_key(run: Run) -> tuple[int, ...]:
    """Runs of one key have the same examples."""
    return id(run.pool), run.subset_seed, run.examples


def examples_at(run: Run, places: np.ndarray) -> np.ndarray:
    """Numbers of the training examples at places of the run's own list of them."""
    if run.examples < run.pool_size:
        places = subset(run.pool_size, run.subset_seed, places)
    return places if run.pool is None else run.pool[places]


def relabelled(run: Run, examples: np.ndarray, targets: np.ndarray, classes: int | None) -> np.ndarray:
    """The targets that the run is trained on."""
    if not run.label_noise:
        return targets
    if classes is None or classes < 2:
        raise ValueError(f"run {run.row}: label_noise={run.label_noise} needs data with at least two classes")
    return noisy(targets, examples, run.label_noise, classes, run.noise_seed)
