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
        active = self._runs[:runs]
        chosen = [row for row, run in enumerate(active) if run.method is not None]
        places = targets = np.empty(0)
        while steps:
            turn([(row, each) for row in chosen if not (each := self.rounds[active[row].row]).until()], score)
            if not len(places):
                places, targets = self._fixed(min(chunk, steps), active)
            count = min([len(places), *(self.rounds[active[row].row].until() for row in chosen)])
            given = self._fill(places[:count], targets[:count], active, chosen) if chosen else {}
            weights = self._weigh(places[:count], active, given)
            parts = (places[:count], targets[:count], weights)
            yield Plan(*(None if part is None else torch.from_numpy(part).to(self._device) for part in parts))
            places, targets, steps = places[count:], targets[count:], steps - count

    def note(self, losses: Tensor) -> None:
        """Tell methods of selection the losses (steps, runs, 1, batch) of the last plan's examples."""
        if not self.rounds:
            return
        found = losses.squeeze(2).cpu().numpy()
        for row, run in enumerate(self._runs[: losses.shape[1]]):
            if run.method is not None:
                self.rounds[run.row].note(found[:, row, : run.batch].reshape(-1))

    def _fixed(self, steps: int, runs: list[Run]) -> tuple[np.ndarray, np.ndarray]:
        """Places and targets (steps, runs, batch) of the runs that go through their examples in an order of their own.

        Those with a method of selection are left open: what they are shown is known for a few steps at a time.
        """
        places = np.zeros((steps, len(runs), self.width), dtype=np.int64)
        taken: dict[tuple[int, ...], np.ndarray] = {}
        for row, run in enumerate(runs):
            if run.method is None:
                key = _order_key(run)
                if key not in taken:
                    taken[key] = self._orders[key].take(steps * run.batch)
                examples = self._examples[_subset_key(run)]
                chosen = examples_at(run, taken[key]) if examples is None else examples[taken[key]]
                places[:, row, : run.batch] = chosen.reshape(steps, run.batch)
        targets = self._source.targets[places]
        for row, run in enumerate(runs):
            if run.label_noise and run.method is None:
                targets[:, row] = relabelled(run, places[:, row], targets[:, row], self._classes)
        return places, targets

    def _fill(
        self, places: np.ndarray, targets: np.ndarray, runs: list[Run], chosen: list[int]
    ) -> dict[int, np.ndarray]:
        """Enter what methods of selection show in some steps; the weights that they give, by row."""
        weights = {}
        for row in chosen:
            run = runs[row]
            rounds = self.rounds[run.row]
            shown = rounds.take(len(places) * run.batch)
            places[:, row, : run.batch] = rounds.examples[shown.places].reshape(-1, run.batch)
            if shown.weights is not None:
                weights[row] = shown.weights
        targets[:, chosen] = self._source.targets[places[:, chosen]]
        for row in chosen:
            if runs[row].label_noise:
                targets[:, row] = relabelled(runs[row], places[:, row], targets[:, row], self._classes)
        return weights

    def _weigh(self, places: np.ndarray, runs: list[Run], given: dict[int, np.ndarray]) -> np.ndarray | None:
        """Weights of the runs' own, times those that methods of selection gave."""
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
