"""What decides, while a run is trained, which examples it is shown next: the protocol of dynamic selection.

A method is a frozen dataclass that subclasses `Selection`; its fields are its dials. A run's training is cut into
rounds. At the start of each the method is asked, with what is known of the run by then (a `Moment`), for the examples
of the round and, if it likes, for weights of their losses (a `Round`). The trainer shuffles them with the run's own
order, fills every batch, keeps the number of steps exactly, and counts what the choosing costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.models import Loss


@dataclass(frozen=True, eq=False)
class Moment:
    """What is known of one run at the start of a round.

    Fields:
        round: number of the round, 0 the first.
        step, steps: updates made so far, and the run's budget of them.
        batch: examples per update.
        examples: (m,) numbers in the training data of what the run may be shown: its own pool, in a fixed order.
        targets: (m,) labels as the run is trained on them, wrong ones included.
        losses: (m,) float32, the loss of each when it was last shown or scored; NaN where that never happened.
        seen: (m,) int32, how often each has been shown.
        random: the run's own generator, seeded by its ``selection_seed``. Draw from nothing else.
        memory: a dict of the run's own, empty at first, for whatever the method wants to keep between rounds.

    The arrays are the trainer's own and cannot be written to.
    """

    round: int
    step: int
    steps: int
    batch: int
    examples: np.ndarray
    targets: np.ndarray
    losses: np.ndarray
    seen: np.ndarray
    random: np.random.Generator
    memory: dict[str, Any]

    @property
    def progress(self) -> float:
        """Share of the budget that is used up, from 0 to below 1."""
        return self.step / self.steps


@dataclass(frozen=True, eq=False)
class Round:
    """What a run is shown in a round.

    Fields:
        places: (k,) whole numbers, at least one: places in ``Moment.examples``. One that stands twice is shown twice.
        weights: (k,) factors of the losses, at least 0, used as they are and not scaled to a mean of 1; None: all 1.

    >>> Round(np.array([3, 5])).weights is None
    True
    """

    places: np.ndarray
    weights: np.ndarray | None = None


class Selection:
    """A method of dynamic selection; this one shows everything. A subclass overrides what it needs.

    A round lasts until its examples have been shown once, or ``every`` steps where a method says so (as a field or a
    class attribute); then the examples go round as often as it takes. Batches are always full: what is left of a
    round fills the first batch of the next, and a round of fewer examples than a batch repeats them. A round that
    keeps the examples of the last goes on in their shuffled order, so that showing everything is plain training.

    The results of a run must follow from its `Moment` alone: the object is shared by all runs and by threads.

    >>> from dataclasses import dataclass
    >>> from labkit import datasets, training
    >>> @dataclass(frozen=True)
    ... class Halves(training.Selection):
    ...     share: float = 0.5
    ...     def choose(self, moment):
    ...         count = round(self.share * len(moment.examples))
    ...         return moment.random.choice(len(moment.examples), count, replace=False)
    >>> fit = training.fit_many("softmax", datasets.load("digits"), [{"seed": 0}], steps=64, selection=Halves())
    >>> fit.table[["steps", "selection", "selection_rounds", "selection_flops"]].values.tolist()
    [[64, 'Halves(share=0.5)', 4, 0]]
    """

    every: int | None = None

    def score(self, moment: Moment) -> np.ndarray | None:
        """Places whose losses are to be measured with the run's parameters of now, before `choose`; None: no pass.

        Return ``np.arange(len(moment.examples))`` for a pass over the whole pool, or candidates alone. It costs the
        FLOPs of a forward pass over them, which the table counts.
        """
        return None

    def choose(self, moment: Moment) -> Round | np.ndarray:
        """The next round, or its places alone."""
        return np.arange(len(moment.examples))

    def weigh(self, losses: Tensor, progress: Tensor) -> Tensor:
        """Factors of the losses inside a batch, for methods that override this.

        Arguments:
            losses: (runs, batch), of the batch's examples at this step; rows are runs, and must not be mixed.
            progress: (runs, 1), the share of the steps that each run has made.

        Returns (runs, batch); no gradient goes through it. They are used as they are: let them have a mean of 1 where
        the learning rate is to mean the same.
        """
        raise NotImplementedError

    @classmethod
    def weighs(cls) -> bool:
        """Whether this method overrides `weigh`."""
        return cls.weigh is not Selection.weigh


class Weighing:
    """A loss whose gradient is weighed by what methods make of the batch's losses; what it reports is not.

    Arguments:
        inner: the loss itself.
        batch: places of a batch in the stack.
        steps: (runs, 1), the budget of every run.
        groups: a method, a batch size and the rows of the stack that the method weighs at once.
    """

    def __init__(
        self, inner: Loss, batch: int, steps: Tensor, groups: Sequence[tuple[Selection, int, list[int]]]
    ) -> None:
        self._inner, self._batch, self._steps, self._groups = inner, batch, steps, groups
        self._step = 0
        self.losses: Tensor | None = None

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """For models that leave the way back to autograd: weighed losses; the true ones are kept in ``losses``."""
        values = self._inner.values(outputs, targets)
        self.losses = self._examples(values.detach())
        return values * self._factors(self.losses, values.shape[1])

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._inner.errors(outputs, targets)

    def backward(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        slope = self._inner.backward(outputs, targets, torch.ones_like(scale), trace)
        factors = self._factors(self._examples(trace.squeeze(1)), trace.shape[2])
        return slope.mul_(scale * factors.unsqueeze(1))

    def backward_last(self, outputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> Tensor:
        slope = self._inner.backward_last(outputs, targets, torch.ones_like(scale), trace)
        factors = self._factors(self._examples(trace.squeeze(2)), trace.shape[1])
        return slope.mul_(scale * factors.unsqueeze(2))

    def _examples(self, values: Tensor) -> Tensor:
        """Losses of the examples, (runs, batch), from those of their predictions."""
        return values.view(len(values), self._batch, -1).mean(2)

    def _factors(self, losses: Tensor, predictions: int) -> Tensor:
        """The factor of every prediction, (runs, predictions), at the next step."""
        factors = torch.ones_like(losses)
        for method, batch, members in self._groups:
            rows = [row for row in members if row < len(losses)]
            if rows:
                found = method.weigh(losses[rows, :batch], self._step / self._steps[rows])
                if found.shape != (len(rows), batch):
                    raise ValueError(
                        f"{method!r} weighs losses ({len(rows)}, {batch}) by a tensor {tuple(found.shape)}; "
                        "expected one factor each"
                    )
                factors[rows, :batch] = found
        self._step += 1
        return factors.repeat_interleave(predictions // self._batch, 1)
