"""The rounds of one run whose examples are selected while it is trained: asks the method, keeps what was shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.seeds import derive, generator
from labkit.training.order import SHUFFLED_UP_TO, keyed
from labkit.training.runs import Run, indices
from labkit.training.selection import Moment, Round

Score = Callable[[list[int], list[np.ndarray], list[np.ndarray]], list[np.ndarray]]
"""Losses that some rows of the stack have now, given the examples of each and their targets."""


def turn(due: Sequence[tuple[int, Rounds]], score: Score) -> None:
    """Begin the next round of some rows of the stack; what their methods want scored is scored together."""
    asked = [(row, rounds, places) for row, rounds in due if (places := rounds.open()) is not None]
    if asked:
        began = time.perf_counter()
        losses = score(
            [row for row, _, _ in asked],
            [rounds.examples[places] for _, rounds, places in asked],
            [rounds.targets[places] for _, rounds, places in asked],
        )
        seconds = (time.perf_counter() - began) / len(asked)
        for (_, rounds, places), found in zip(asked, losses, strict=True):
            rounds.scores(places, found, seconds)
    for _, rounds in due:
        rounds.turn()


class Rounds:
    """A run's stream of examples, cut into the rounds that its method chooses.

    Arguments:
        run: the run; its ``method`` is asked.
        examples: (m,) numbers in the training data of what the run may be shown.
        targets: (m,) labels as the run is trained on them.

    Fields that tell what happened: ``seen`` (m,) how often each was shown; ``round`` the number of the last round;
    ``scored`` how many examples were measured for the method; ``seconds`` the method took; ``sizes`` of the rounds
    where they changed, as (step, examples).
    """

    def __init__(self, run: Run, examples: np.ndarray, targets: np.ndarray) -> None:
        self.run, self.examples, self.targets = run, examples, targets
        self.losses = np.full(len(examples), np.nan, dtype=np.float32)
        self.seen = np.zeros(len(examples), dtype=np.int32)
        self.round, self.scored, self.seconds = -1, 0, 0.0
        self.sizes: list[tuple[int, int]] = []
        self._random = generator(run.selection_seed, "selection")
        self._random_order, self._epoch = generator(run.order_seed, "order"), 0
        self._memory: dict[str, Any] = {}
        self._chosen = Round(np.empty(0, dtype=np.int64))
        self._left = np.empty(0, dtype=np.int64)  # what is to come of the round, as places in its list
        self._carried = Round(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))  # left of the last round
        self._taken = self._left
        self._step = self._ends = 0
        self._diverged = False

    def until(self) -> int:
        """Steps that can be planned before the method has to be asked; 0: now."""
        if self.run.method.every is None:
            return (len(self._carried.places) + len(self._left)) // self.run.batch
        return self._ends - self._step

    def open(self) -> np.ndarray | None:
        """Places that the method wants scored before it chooses the next round; `turn` follows."""
        self.round += 1
        if self._diverged:
            return None
        began = time.perf_counter()
        found = self.run.method.score(self._moment())
        self.seconds += time.perf_counter() - began
        return None if found is None else self._places("wants to score", found)

    def scores(self, places: np.ndarray, losses: np.ndarray, seconds: float) -> None:
        """Take in losses that were measured for the method, and how long that took."""
        self.scored += len(places)
        self.seconds += seconds
        self._learn(places, losses)

    def note(self, losses: np.ndarray) -> None:
        """Take in the losses of what was taken last, in its order."""
        self._learn(self._taken, losses)

    def _learn(self, places: np.ndarray, losses: np.ndarray) -> None:
        self.losses[places] = losses  # of one shown twice, the last counts
        self._diverged |= not np.isfinite(losses).all()

    def turn(self) -> None:
        """Choose the next round. A run that has diverged keeps what it has to its end: its losses say nothing."""
        began = time.perf_counter()
        last, every = self._chosen, self.run.method.every
        if not self._diverged or not self.round:
            self._chosen = self._ask()
        if len(self._chosen.places) != len(last.places):
            self.sizes.append((self._step, len(self._chosen.places)))
        if every is None:
            left = self._resolve(last, self._left)
            self._carried = Round(*map(np.concatenate, zip(_parts(self._carried), _parts(left), strict=True)))
            self._left = self._shuffled(len(self._chosen.places))
            self._fill(self.run.batch)
        else:
            self._ends = self._step + every
            if not np.array_equal(self._chosen.places, last.places):
                self._left = self._left[:0]
        self.seconds += time.perf_counter() - began

    def take(self, count: int) -> Round:
        """The next ``count`` places and their weights, which are None where all are 1."""
        self._fill(count)
        old = self._carried
        fresh = self._resolve(self._chosen, self._left[: max(0, count - len(old.places))])
        self._left = self._left[len(fresh.places) :]
        if len(old.places):
            places, weights = map(np.concatenate, zip(_parts(old), _parts(fresh), strict=True))
            self._carried = Round(places[count:], weights[count:])
            fresh = Round(places[:count], weights[:count])
        self._step += count // self.run.batch
        self._taken = fresh.places
        np.add.at(self.seen, self._taken, 1)
        return Round(self._taken, None if (fresh.weights == 1).all() else fresh.weights)

    def _fill(self, count: int) -> None:
        """Shuffle the round's examples, once and again, until there are ``count`` to take."""
        pieces, ready = [self._left], len(self._carried.places) + len(self._left)
        while ready < count:
            pieces.append(self._shuffled(len(self._chosen.places)))
            ready += len(pieces[-1])
        if len(pieces) > 1:
            self._left = np.concatenate(pieces)

    def _shuffled(self, size: int) -> np.ndarray:
        """One epoch, in the order of a run that is not selected for (`labkit.training.order.Order`)."""
        if size > SHUFFLED_UP_TO:
            self._epoch += 1
            return keyed(size, derive(self.run.order_seed, "order", self._epoch - 1), np.arange(size))
        return self._random_order.permuted(np.arange(size)[None], axis=1)[0]

    def _resolve(self, of: Round, left: np.ndarray) -> Round:
        """Places and weights for places in a round's list."""
        weights = np.ones(len(left), dtype=np.float32) if of.weights is None else of.weights[left]
        return Round(of.places[left], weights)

    def _moment(self) -> Moment:
        arrays = [array.view() for array in (self.examples, self.targets, self.losses, self.seen)]
        for array in arrays:
            array.flags.writeable = False
        run = self.run
        return Moment(self.round, self._step, run.steps, run.batch, *arrays, self._random, self._memory)

    def _ask(self) -> Round:
        given = self.run.method.choose(self._moment())
        given = given if isinstance(given, Round) else Round(given)
        places = self._places("chose", given.places)
        if given.weights is None:
            return Round(places)
        weights = np.asarray(given.weights, dtype=np.float32)
        if weights.shape != places.shape or not np.isfinite(weights).all() or weights.min() < 0:
            raise ValueError(
                f"{self._name()} gave weights of shape {weights.shape} for {len(places):,} places; "
                "expected one finite number of at least 0 for each"
            )
        return Round(places, weights)

    def _places(self, did: str, given: object) -> np.ndarray:
        return indices(f"what {self._name()} {did}", given, len(self.examples))

    def _name(self) -> str:
        return f"{self.run.method!r} in round {self.round} of run {self.run.row}"


def _parts(of: Round) -> tuple[np.ndarray, np.ndarray]:
    return of.places, of.weights
