"""Several parts of the examples, each observed as if it were all there is: trained side by side where that will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset
from labkit.models import Model
from labkit.pruning.log import Log, sealed
from labkit.pruning.observing import ADAM_RATE, RECORDED, moments, observe
from labkit.training import fit_many


def observe_parts(
    data: Dataset,
    model: Model,
    parts: Sequence[np.ndarray],
    seeds: Sequence[Sequence[int]],
    *,
    names: Sequence[str],
    steps: int,
    batch_size: int,
    optimizer: str,
    learning_rate: float | None = None,
    should_stop: Callable[[], bool] | None = None,
    **more: Any,
) -> list[Log]:
    """A log of each part, of models that were trained on that part alone.

    Arguments:
        data, model: as in `observe`.
        parts: numbers of training examples, each part of as many.
        seeds: of the models of each part, as many for each.
        names: what is read of the logs, as in ``Score.needs``. Where that is recorded values alone, all models train
            as one stack and nothing else is kept; with nothing to read, none do; else each part is observed by itself.
        steps, batch_size, optimizer, learning_rate, should_stop, more: as in `observe`.

    Raises what `observe` does.

    >>> from labkit import datasets, models
    >>> parts = [np.arange(40), np.arange(20, 60)]
    >>> logs = observe_parts(datasets.load("digits"), models.build("softmax"), parts, [[0], [1]], names=["margin"],
    ...                      steps=20, batch_size=32, optimizer="sgd")
    >>> [log["margin"].shape for log in logs]
    [(1, 21, 40), (1, 21, 40)]
    """
    settings = {"steps": steps, "batch_size": batch_size, "optimizer": optimizer, "learning_rate": learning_rate}
    wanted = set(names) - {"classes"}
    if not wanted:
        return [Log.of(_part(data, part), model, seeds=tuple(own), **settings, **more)
                for part, own in zip(parts, seeds, strict=True)]  # fmt: skip
    if not wanted <= set(RECORDED) or data.kind != "classification":
        return [observe(_part(data, part), model, seeds=own, should_stop=should_stop, **settings, **more)
                for part, own in zip(parts, seeds, strict=True)]  # fmt: skip
    if learning_rate is None and optimizer in ("adam", "adamw"):
        settings["learning_rate"] = ADAM_RATE
    count = len(parts[0])
    every = moments(count, steps, min(batch_size, count))
    together = np.unique(np.concatenate(parts))
    fit = fit_many(
        model,
        sealed(data),
        [{"seed": seed, "indices": part, "learning_rate": settings["learning_rate"]}
         for part, own in zip(parts, seeds, strict=True) for seed in own],
        steps=steps,
        batch_size=batch_size,
        optimizer=optimizer,
        record=sorted(wanted),
        record_at=sorted({*range(0, steps + 1, every), steps}),
        record_examples=together,
        should_stop=should_stop,
        **more,
    )  # fmt: skip
    if fit.table["diverged"].any():
        wrong = fit.table.loc[fit.table["diverged"], "seed"].tolist()
        raise ValueError(f"the loss of the models with seeds {wrong} is no longer a number; lower the learning rate")
    logs, first = [], 0
    for part, own in zip(parts, seeds, strict=True):
        where, rows = np.searchsorted(together, part), slice(first, first + len(own))
        first += len(own)
        values = {name: value[rows][:, :, where] for name, value in fit.dynamics.values.items()}
        about = {**settings, "seeds": tuple(own), "device": more.get("device", "auto")}
        logs.append(Log(sealed(_part(data, part)), model, about, fit.dynamics.steps, values))
    return logs


def _part(data: Dataset, places: np.ndarray) -> Dataset:
    """The data with some of the training examples."""
    return replace(data, inputs=data.inputs[places], targets=data.targets[places], faults=pd.DataFrame(), truth={})
