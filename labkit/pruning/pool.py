"""The examples that a selector chooses from, in an order that depends on their contents alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset
from labkit.pruning.keeping import finite_scores
from labkit.pruning.log import Log
from labkit.seeds import generator
from labkit.training.order import mix

CHUNK_WORDS = 2**20
EXTREME = 1e12


@dataclass(frozen=True)
class Pool:
    """The examples to choose from; what was not given and has no default is None.

    Fields:
        n: how many there are.
        features: (n, d) float32 or float64, finite; of extreme size only up to a power of two.
        scores: (n,) float64, finite, larger is harder.
        groups: (n,) int64, numbers of the groups from 0.
        group_names: the groups' labels, in ascending order.
        grouped: whether groups were given, rather than taken from the classes of a dataset.
        log: the observed training that was given in place of a dataset.
    """

    n: int
    features: np.ndarray | None = None
    scores: np.ndarray | None = None
    groups: np.ndarray | None = None
    group_names: tuple[Any, ...] = ()
    grouped: bool = False
    log: Log | None = None

    def __getitem__(self, places: np.ndarray) -> Pool:
        """The pool of the examples at these places, in that order."""
        parts = [None if part is None else part[places] for part in (self.features, self.scores, self.groups)]
        return Pool(len(places), *parts, self.group_names, self.grouped, self.log)

    def members(self) -> list[np.ndarray]:
        """The places of each group's examples."""
        order = np.argsort(self.groups, kind="stable")
        return np.split(order, np.cumsum(self.sizes())[:-1])

    def sizes(self) -> np.ndarray:
        """How many examples each group has."""
        return np.bincount(self.groups, minlength=len(self.group_names))


def gather(data: Any, scores: Any, features: Any, groups: Any) -> tuple[Pool, list[np.ndarray]]:
    """The pool of what was given, and the arrays that tell examples apart.

    ``data`` is a dataset, a log of one, or an array of features; features and groups of their own win over its inputs
    and classes.
    """
    contents = []
    log = data if isinstance(data, Log) else None
    if log is not None:
        data = log.data
    n, default_features, default_groups = None, None, None
    if isinstance(data, Dataset):
        n = len(data.inputs)
        contents += [data.inputs, data.targets]
        if data.kind != "text":
            default_features = data.inputs
        if data.kind == "classification":
            default_groups = data.targets
    elif data is not None:
        default_features = _features("data", data)
        n = len(default_features)
        contents.append(default_features)
    if features is not None:
        features = _features("features", features)
        contents.append(features)
    elif default_features is not None:
        features = _features("data", default_features)
    if scores is not None:
        scores = finite_scores(scores)
        contents.append(scores)
    names: tuple[Any, ...] = ()
    grouped = groups is not None
    if grouped or default_groups is not None:
        groups, names = _groups(groups if grouped else default_groups)
        contents.append(groups)
    counts = {"data": n, "features": features, "scores": scores, "groups": groups}
    counts = {name: len(part) if hasattr(part, "__len__") else part for name, part in counts.items()}
    counts = {name: count for name, count in counts.items() if count is not None}
    if not counts:
        raise ValueError("nothing to select from: pass data, or features, scores or groups of every example")
    if len(set(counts.values())) > 1:
        raise ValueError(f"not of one length: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    n = next(iter(counts.values()))
    if n == 0:
        raise ValueError("there are no examples to select from")
    return Pool(n, _tame(features), scores, groups, names, grouped, log), contents


def content_order(contents: list[np.ndarray], seed: int) -> np.ndarray:
    """The examples ordered by a hash of their contents, keyed by the seed.

    Selectors see the examples in this order and prefer the first of those that are equally good. So a selection is
    the same set however the examples were ordered, and ties are broken as by lot. Examples that are alike in all that
    was given cannot be told apart, and take turns by chance: what is kept of them is alike, if not the same place.
    """
    rng = generator(seed, "order of contents")
    shuffled = rng.permutation(len(contents[0]))
    total = np.zeros(len(contents[0]), np.uint64)
    for array in contents:
        total += _hash_rows(array.reshape(len(array), -1), rng)
    return shuffled[np.argsort(mix(total)[shuffled], kind="stable")]


def _hash_rows(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    width = -(-rows.shape[1] * rows.dtype.itemsize // 8)
    keys = rng.integers(2**64, size=width, dtype=np.uint64)
    hashed = np.empty(len(rows), np.uint64)
    step = max(1, CHUNK_WORDS // max(1, width))
    for start in range(0, len(rows), step):
        # Adding zero makes the two zeros of a float one.
        part = np.ascontiguousarray(rows[start : start + step] + rows.dtype.type(0))
        words = np.zeros((len(part), width * 8), np.uint8)
        words[:, : part.shape[1] * part.itemsize] = part.view(np.uint8).reshape(len(part), -1)
        hashed[start : start + step] = mix(words.view(np.uint64) ^ keys).sum(axis=1, dtype=np.uint64)
    return hashed


def _features(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is of type {array.dtype}; expected a dataset or numbers (n, d)")
    if array.ndim < 2 or 0 in array.shape[1:]:
        raise ValueError(f"{name} has shape {array.shape}; expected (n, d), one row for each example")
    array = array.reshape(len(array), int(np.prod(array.shape[1:])))
    array = array if array.dtype == np.float32 else array.astype(np.float64)
    if not np.isfinite(array).all():
        bad = ~np.isfinite(array).all(axis=1)
        raise ValueError(f"{name} of {bad.sum()} examples are not finite (the first is example {bad.argmax()})")
    return array


def _tame(features: np.ndarray | None) -> np.ndarray | None:
    """Features times a power of two where their squares could overflow or vanish; selectors do not mind the scale."""
    if features is None:
        return None
    largest = np.abs(features).max()
    if largest == 0 or 1 / EXTREME < largest < EXTREME:
        return features
    return np.ldexp(features, -np.frexp(largest)[1])


def _groups(values: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"groups have shape {array.shape}; expected (n,), one label for each example")
    codes, names = pd.factorize(array, sort=True)
    if (codes < 0).any():
        raise ValueError(f"{(codes < 0).sum()} examples have no group (the first is {(codes < 0).argmax()})")
    return codes.astype(np.int64), tuple(names.tolist())
