"""A score by name, of a log or of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset
from labkit.models import Model, build
from labkit.pruning.entry import Score, find_score
from labkit.pruning.log import Log
from labkit.pruning.observing import observe
from labkit.registry import UnknownName, nearest

_TRAINING = ("seeds", "steps", "batch_size", "optimizer", "learning_rate", "record_every", "device")


def score(
    name: str | Score, log: Log | Dataset, *, model: Model | str | None = None, seed: int = 0, **options: Any
) -> np.ndarray:
    """How hard every training example is by one score, float64 (n,); larger is harder, always.

    Arguments:
        name: one of ``pruning.available("score")`` or an alias, or a `Score`.
        log: what ``pruning.observe`` returned; or a dataset, which is observed first where the score needs it.
        model: for a dataset, the model to observe.
        seed: of what a score draws itself; scores that draw nothing ignore it.
        options: of the score; for a dataset also those of ``pruning.observe``, such as ``seeds=10``.

    Raises ``UnknownName`` for an unknown score or option, ``ValueError`` where the log lacks what the score needs or
    the score's function does not return one finite number per example.

    >>> from labkit import datasets, pruning
    >>> log = pruning.observe(datasets.load("digits"), seeds=2, steps=100)
    >>> pruning.score("el2n", log).shape
    (1024,)
    >>> pruning.score("random", datasets.load("digits"), seed=1).shape
    (1024,)
    """
    entry = name if isinstance(name, Score) else find_score(name)
    settings = {key: options.pop(key) for key in _TRAINING if key in options and key not in entry.options}
    if isinstance(log, Dataset):
        log = _logged(entry, log, model, settings)
    elif not isinstance(log, Log):
        raise TypeError(f"log is a {type(log).__name__}; expected what pruning.observe returns, or a dataset")
    elif model is not None or settings:
        given = ", ".join([*(["model"] if model is not None else []), *settings])
        raise ValueError(f"{given} given with a log, whose training is over; give a dataset instead of the log")
    for option in options:
        if option not in entry.options:
            known = (*entry.options, *_TRAINING)
            raise UnknownName(f"score {entry.name!r} has no option {option!r}: {nearest(option, known)}")
    missing = [need for need in entry.needs if not log.has(need)]
    if missing:
        raise ValueError(f"score {entry.name!r} needs {', '.join(missing)}, which this log has not: {_advice(log)}")
    if "seed" in entry.options:
        options["seed"] = seed
    return _checked(entry, np.asarray(entry(log, **options)), len(log))


def scores(names: Sequence[str | Score], log: Log, *, seed: int = 0) -> pd.DataFrame:
    """Several scores of one log: a frame with one row per training example and one column per score.

    >>> from labkit import datasets, pruning
    >>> log = pruning.observe(datasets.load("digits"), seeds=2, steps=100)
    >>> list(pruning.scores(["el2n", "aum"], log))
    ['el2n', 'aum']
    """
    if isinstance(names, str):
        raise TypeError(f"names={names!r} is a str; expected a list such as [{names!r}]")
    columns = {name if isinstance(name, str) else name.name: score(name, log, seed=seed) for name in names}
    return pd.DataFrame(columns)


def _logged(entry: Score, data: Dataset, model: Model | str | None, settings: dict[str, Any]) -> Log:
    if set(entry.needs) - {"classes"}:
        return observe(data, model, **settings)
    if model is None or isinstance(model, str):
        model = build(model or "mlp")
    return Log.of(data, model, **settings)


def _advice(log: Log) -> str:
    if log.data.kind != "classification":
        return f"{log.data.kind} has no classes"
    if not log.runs:
        return "no training was observed; use pruning.observe(data)"
    return "observe fewer seeds, or with a larger record_every"


def _checked(entry: Score, found: np.ndarray, count: int) -> np.ndarray:
    if found.shape != (count,) or found.dtype.kind not in "fiub":
        raise ValueError(
            f"score {entry.name!r} gave an array {found.shape} of {found.dtype}; expected one number per training "
            f"example, ({count},)"
        )
    found = found.astype(np.float64)
    if not np.isfinite(found).all():
        place = int(np.flatnonzero(~np.isfinite(found))[0])
        raise ValueError(f"score {entry.name!r} gave {found[place]} for example {place}; expected finite numbers")
    return found
