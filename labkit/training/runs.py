"""What a run is: seeds, examples, learning rate and so on, checked once before anything is trained."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.models import Model
from labkit.registry import UnknownName, nearest
from labkit.training.schedules import Schedule, read
from labkit.training.selection import Selection

SEEDS = ("init_seed", "subset_seed", "order_seed", "noise_seed", "dropout_seed", "selection_seed")
KEYS = (
    "seed", *SEEDS, "examples", "indices", "selection", "weights", "mixture", "learning_rate", "schedule",
    "weight_decay", "momentum", "label_noise", "batch_size",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Run:
    """One model to train: where it stands in the table, its specification, its examples and its dials.

    ``pool`` is what examples are taken from (None: all of the data), of which the run takes ``examples``. ``weights``
    are of all training examples; ``shares`` are of the groups, in their order. ``method`` chooses anew, while the run
    is trained, what it is shown of its examples (None: all of them).
    """

    row: int
    model: Model
    given: dict[str, Any]
    seed: int
    init_seed: int
    subset_seed: int
    order_seed: int
    noise_seed: int
    dropout_seed: int
    selection_seed: int
    pool: np.ndarray | None
    pool_size: int
    examples: int
    method: Selection | None
    weights: np.ndarray | None
    shares: np.ndarray | None
    learning_rate: float
    schedule: Schedule
    weight_decay: float | None
    momentum: float
    label_noise: float
    batch: int
    steps: int


def parse(
    model: Model,
    runs: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    available: int,
    selection: np.ndarray | Selection | None,
    steps: int | None,
    epochs: float | None,
    batch_size: int,
    learning_rate: float,
    schedule: Schedule,
    groups: Groups | None = None,
) -> list[Run]:
    """The runs in order, or an error that names the run, the key, what was given and what was expected."""
    rows = runs.to_dict("records") if isinstance(runs, pd.DataFrame) else [dict(run) for run in _listed(runs)]
    if not rows:
        raise ValueError("runs is empty; give at least one, such as [{'seed': 0, 'learning_rate': 0.1}]")
    method = method_of("selection", selection) if isinstance(selection, (Selection, type)) else None
    pool = None if selection is None or method is not None else indices("selection", selection, available)
    known = (*KEYS, *model.dials())
    parsed = []
    for row, given in enumerate(rows):
        given = {key: value for key, value in given.items() if not _missing(value)}
        for key in given:
            if key not in known:
                raise UnknownName(f"run {row} has an unknown key {key!r}: {nearest(key, known)}")
        ask = _Ask(row, given)
        dials = {key: _plain(given[key]) for key in model.dials() if key in given}
        own = pool if "indices" not in given else indices(f"run {row}: indices", given["indices"], available)
        size = available if own is None else len(own)
        examples = ask.whole("examples", size, least=1, most=size)
        batch = min(ask.whole("batch_size", batch_size, least=1), examples)
        seed = ask.whole("seed", 0, least=0)
        made = int(steps) if epochs is None else math.ceil(epochs * examples / batch)
        parsed.append(
            Run(
                row=row,
                model=model.with_dials(**dials) if dials else model,
                given={key: value for key, value in given.items() if np.ndim(value) == 0 and not callable(value)},
                seed=seed,
                **{key: ask.whole(key, seed, least=0) for key in SEEDS},
                pool=own,
                pool_size=size,
                examples=examples,
                method=method_of(f"run {row}: selection", given["selection"]) if "selection" in given else method,
                weights=_weights(row, given["weights"], available) if "weights" in given else None,
                shares=_shares(row, given["mixture"], groups) if "mixture" in given else None,
                learning_rate=ask.real("learning_rate", learning_rate),
                schedule=_fitting(row, _schedule(row, given["schedule"]) if "schedule" in given else schedule, made),
                weight_decay=ask.real("weight_decay", None),
                momentum=ask.real("momentum", 0.0, below=1.0),
                label_noise=ask.real("label_noise", 0.0, most=1.0),
                batch=batch,
                steps=made,
            )
        )
    return parsed


def method_of(name: str, given: object) -> Selection:
    """A method of dynamic selection, or an error."""
    if not isinstance(given, Selection):
        what = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
        raise TypeError(f"{name} is {what}; expected an object of a subclass of training.Selection")
    every = given.every
    if every is not None and (isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1):
        raise ValueError(
            f"{name}: {given!r} has every={every!r}; expected a whole number of steps, at least 1, or None"
        )
    return given


def indices(name: str, given: object, available: int) -> np.ndarray:
    """Places of training examples as int64, or an error.

    >>> indices("selection", [3, 1], available=10)
    array([3, 1])
    """
    array = np.asarray(given)
    if array.ndim == 1 and array.size == 0:
        raise ValueError(f"{name} is empty; a model needs at least one example")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"{name} is an array {array.shape} of {array.dtype}; expected whole numbers (m,)")
    if array.min() < 0 or array.max() >= available:
        wrong = array[(array < 0) | (array >= available)][0]
        raise ValueError(f"{name} contains {wrong}; expected places from 0 to {available - 1}")
    return array.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group every training example belongs to: ``of`` (n,), places in ``names``.

    >>> Groups.read(["b", "a", "b"], 3).of
    array([1, 0, 1])
    """

    names: list[Any]
    of: np.ndarray

    @classmethod
    def read(cls, given: object, available: int) -> Groups:
        array = np.asarray(given)
        if array.shape != (available,):
            raise ValueError(f"groups has shape {array.shape}; expected one label per training example, ({available},)")
        names, of = np.unique(array, return_inverse=True)
        return cls(names.tolist(), of)


def _weights(row: int, given: object, available: int) -> np.ndarray:
    array = np.asarray(given)
    if array.shape != (available,) or array.dtype.kind not in "fiub":
        raise ValueError(
            f"run {row}: weights is an array {array.shape} of {array.dtype}; expected one number per training example, "
            f"({available},)"
        )
    if not np.isfinite(array).all() or array.min() < 0:
        raise ValueError(f"run {row}: weights contain a number below 0 or none at all; expected 0 or more")
    return array.astype(np.float64)


def _shares(row: int, given: object, groups: Groups | None) -> np.ndarray:
    if groups is None:
        raise ValueError(f"run {row} has a mixture and the call no groups=; give the group of every training example")
    if isinstance(given, Mapping):
        for name in given:
            if name not in groups.names:
                raise UnknownName(f"run {row}: mixture names {name!r}: {nearest(name, groups.names)}")
        given = [given.get(name, 0.0) for name in groups.names]
    shares = np.asarray(given, dtype=float)
    if shares.shape != (len(groups.names),):
        raise ValueError(f"run {row}: mixture has shape {shares.shape}; expected a share for each of {groups.names}")
    if not np.isfinite(shares).all() or shares.min() < 0 or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"run {row}: mixture={shares.tolist()}; expected shares of at least 0 that add up to 1")
    return shares / shares.sum()


def _schedule(row: int, given: Any) -> Schedule:
    try:
        return read(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"run {row}: {error}") from None


def _fitting(row: int, schedule: Schedule, steps: int) -> Schedule:
    if schedule.table and len(schedule.table) != steps:
        raise ValueError(f"run {row} makes {steps:,} steps and its schedule has {len(schedule.table):,} factors")
    return schedule


class _Ask:
    """Reads the keys of one run."""

    def __init__(self, row: int, given: Mapping[str, Any]) -> None:
        self.row, self.given = row, given

    def whole(self, key: str, default: int, *, least: int, most: int | None = None) -> int:
        value = _plain(self.given.get(key, default))
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # a frame with gaps turns its whole numbers into floats
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"run {self.row}: {key}={value!r} is a {type(value).__name__}; expected a whole number")
        if value < least or (most is not None and value > most):
            limit = f"at least {least:,}" if most is None else f"from {least:,} to {most:,}"
            raise ValueError(f"run {self.row}: {key}={value:,} is outside its range; expected {limit}")
        return value

    def real(self, key: str, default: float | None, *, most: float = math.inf, below: float = math.inf) -> Any:
        value = _plain(self.given.get(key, default))
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"run {self.row}: {key}={value!r} is a {type(value).__name__}; expected a number")
        if not 0 <= value <= most or not value < below:
            limit = f"below {below:g}" if below < math.inf else f"to {most:g}" if most < math.inf else "upwards"
            raise ValueError(f"run {self.row}: {key}={value!r} is outside its range; expected a number from 0 {limit}")
        return float(value)


def _listed(runs: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(runs, Mapping) or not isinstance(runs, Iterable) or isinstance(runs, str):
        raise TypeError(f"runs is a {type(runs).__name__}; expected a list of dicts or a frame, one per model")
    for row, run in enumerate(runs):
        if not isinstance(run, Mapping):
            raise TypeError(f"run {row} is a {type(run).__name__}; expected a dict such as {{'seed': 0}}")
        yield run


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
