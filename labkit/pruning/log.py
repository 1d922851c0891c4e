"""The log of an observed training: all that scores read, and nothing of the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from labkit.datasets import Dataset
from labkit.models import Model
from labkit.training import FitResult

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Log:
    """Several models of one kind trained on the same examples, example by example.

    Fields:
        data: the training examples and the validation split. The test split is empty, and planted faults are not
            told, so that no score can read either.
        model: the specification of the models.
        settings: how they were trained: seeds, steps, batch_size, optimizer, learning_rate, device.
        steps: (t,) int64, updates made at each recorded moment; the first is 0, the last the end.
        values: by name, float32 (runs, t, n): ``loss`` (nats), ``correct`` (0 or 1), ``margin`` (logit of the label
            minus the largest other), ``probability`` (of the label), ``el2n``, ``entropy``, ``gradient_norm``; and,
            where memory allows, ``probabilities`` (runs, t, n, classes).
        logits: (runs, n, classes) at the end, float32; None for regression.
        fit: the trained models, with snapshots of their parameters at ``snapshots``.
        snapshots: steps of which the parameters were kept.

    A log without a training (``Log.of(data)``) serves the scores that need none.

    >>> from labkit import datasets, pruning
    >>> log = pruning.observe(datasets.load("digits"), seeds=2, steps=60, record_every=20)
    >>> log.steps, log["margin"].shape, log.logits.shape
    (array([ 0, 20, 40, 60]), (2, 4, 1024), (2, 1024, 10))
    """

    data: Dataset
    model: Model
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    values: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    logits: np.ndarray | None = field(default=None, repr=False)
    fit: FitResult | None = field(default=None, repr=False)
    snapshots: tuple[int, ...] = ()
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data: Dataset, model: Model, **settings: Any) -> Log:
        """A log of no training at all."""
        return cls(sealed(data), model, settings)

    def __len__(self) -> int:
        return len(self.data.inputs)

    @property
    def runs(self) -> int:
        """How many models were observed."""
        return len(next(iter(self.values.values()), ()))

    def has(self, name: str) -> bool:
        """Whether something that a score may need is there."""
        if name == "logits":
            return self.logits is not None
        if name == "classes":
            return self.data.kind == "classification"
        return bool(self.snapshots) if name == "snapshots" else name in self.values

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.values:
            known = ", ".join(self.values) or "nothing"
            raise ValueError(f"{name!r} was not recorded in this log, which has {known}: see pruning.observe")
        return self.values[name]

    def place(self, share: float) -> int:
        """The recorded moment closest to a share of the training, never the start.

        Raises ``ValueError`` for a share outside 0 to 1.
        """
        if isinstance(share, bool) or not 0 <= share <= 1:
            raise ValueError(f"at={share!r}; expected a share of the training from 0 to 1, such as 0.1")
        return 1 + int(np.abs(self.steps[1:] - share * self.steps[-1]).argmin())

    def keep(self, key: Any, make: Callable[[], Made]) -> Made:
        """What ``make`` returns, made once: several scores read the same further training."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def take(self, places: Sequence[int] | np.ndarray) -> Log:
        """The log of some of the examples, in the order given; the models are the same.

        >>> from labkit import datasets, pruning
        >>> log = pruning.observe(datasets.load("digits"), seeds=1, steps=10)
        >>> log.take([5, 3])["loss"].shape[2]
        2
        """
        places = np.asarray(places)
        data = replace(self.data, inputs=self.data.inputs[places], targets=self.data.targets[places])
        return replace(
            self,
            data=data,
            values={name: value[:, :, places] for name, value in self.values.items()},
            logits=None if self.logits is None else self.logits[:, places],
            _kept={},
        )


def sealed(data: Dataset) -> Dataset:
    """The data as a score may see it: no test examples, no planted faults, nothing of the truth behind it."""
    return replace(
        data,
        test_inputs=data.test_inputs[:0],
        test_targets=data.test_targets[:0],
        faults=pd.DataFrame(),
        truth={},
    )
