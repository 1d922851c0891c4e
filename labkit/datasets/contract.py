"""What every dataset owes those who train on it, checked on ours and on a reader's own alike."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import ANY, Entry

_SHARED = 1 / 200
"""The largest share of a held-out split whose inputs may also occur in another: published sets have a few twins."""


def check(entry: Entry, **options: Any) -> None:
    """Check that an entry keeps the contract of datasets.

    Arguments:
        entry: what was, or will be, registered.
        options: load it with these, for instance to make a slow one small.

    It is loaded several times. The checks: shapes, dtypes, labels and ids in range, values of about unit scale,
    splits that do not overlap; the same contents for the same options; a fingerprint that follows the contents; faults
    that tell the truth and stay out of the held-out splits; truth that is the same each time, with a row for every
    example and entropies in range; no use of the network unless declared; no use of global random state. It does not
    judge whether the split is a fair one, nor whether an entropy or exponent is right.

    Raises ``AssertionError`` with one sentence about the first thing that is wrong.

    >>> from labkit import datasets
    >>> check(datasets.entry("digits"))
    """
    _require(entry.name and entry.purpose, f"dataset {entry.name!r} needs a name and a purpose")
    before = _global_state()
    data = _build(entry, options)
    _require(
        before == _global_state(),
        f"loading {entry.name!r} draws from the global random state; use labkit.seeds.generator",
    )
    _require(entry.kind in (data.kind, ANY), f"{entry.name!r} says {entry.kind!r} and returns {data.kind!r}")
    if not options and entry.examples is not None:
        count = len(data.inputs)
        _require(count == entry.examples, f"{entry.name!r} says {entry.examples:,} examples and returns {count:,}")
    _check_arrays(data)
    _check_splits(data)
    again = _build(entry, options)
    _check_fingerprint(data, again)
    _check_faults(data)
    _check_truth(data, again)
    _check_dials(entry, data, options)


def _require(holds: Any, otherwise: str) -> None:
    """An assertion that also stands under ``python -O``."""
    if not holds:
        raise AssertionError(otherwise)


def _global_state() -> tuple:
    """Where the global generators stand: the words that numpy holds change only once they are used up."""
    _, words, *place = np.random.get_state()
    return random.getstate(), words.tobytes(), *place


def _build(entry: Entry, options: dict[str, Any]) -> Dataset:
    """A fresh copy, past the ones kept, with the network closed to those that should not need it."""

    def closed(*_: object, **__: object) -> None:
        raise AssertionError(f"loading {entry.name!r} uses the network; declare needs_network=True")

    network: AbstractContextManager = nullcontext()
    if not entry.needs_network:
        network = mock.patch.multiple("socket.socket", connect=closed, connect_ex=closed)
    with network:
        data = entry.build(**{**entry.options, **options})
    _require(isinstance(data, Dataset), f"{entry.name!r} returns a {type(data).__name__}, not a Dataset")
    return data


def _check_arrays(data: Dataset) -> None:
    text, classification = data.kind == "text", data.kind == "classification"
    _require(len(data.inputs) and len(data.test_inputs), f"{data.name!r} needs training and test examples")
    expected_inputs = np.uint8 if text else np.float32
    expected_targets = np.uint8 if text else np.int64 if classification else np.float32
    limit = data.vocabulary if text else data.classes if classification else None
    if text or classification:
        what = "vocabulary" if text else "classes"
        _require(limit is not None and limit >= 2, f"{data.name!r} needs {what}=, at least 2")
    for split in SPLITS:
        inputs, targets = data.split(split)
        where = f"the {split} split of {data.name!r}"
        _require(
            inputs.dtype == expected_inputs, f"inputs in {where} are {inputs.dtype}, not {expected_inputs.__name__}"
        )
        _require(
            targets.dtype == expected_targets,
            f"targets in {where} are {targets.dtype}, not {expected_targets.__name__}",
        )
        if limit is not None and len(targets):
            _require(
                targets.min() >= 0 and targets.max() < limit, f"targets in {where} leave the range 0 to {limit - 1}"
            )
        if not text:
            _require(
                np.isfinite(inputs).all() and np.isfinite(targets).all(), f"{where} has values that are not finite"
            )
    if text:
        _require(data.inputs.shape[1] == data.context, f"windows of {data.name!r} are not context={data.context} long")
        _require(
            (data.inputs[1:, -1] == data.targets[:-1]).all(), f"targets of {data.name!r} do not follow their windows"
        )
        line = data.stream()
        _require(
            line.base is not None and np.shares_memory(line, data.inputs[:1]), f"windows of {data.name!r} are copies"
        )
    else:
        scale = float(np.sqrt(np.mean(np.square(data.inputs, dtype=np.float64))))
        _require(0.05 < scale < 20, f"inputs of {data.name!r} have root mean square {scale:.3g}; bring them to about 1")
    if data.image_shape is not None:
        width = data.inputs.shape[1]
        _require(np.prod(data.image_shape) == width, f"{data.name!r} has images {data.image_shape} in {width} columns")
    if data.labels is not None:
        _require(len(data.labels) == data.classes, f"{data.name!r} names {len(data.labels)} of {data.classes} classes")


def _check_splits(data: Dataset) -> None:
    pieces = {split: _pieces(data, split) for split in SPLITS}
    for held in ("validation", "test"):
        for other in SPLITS[: SPLITS.index(held)]:
            if data.kind == "text":
                line = bytes(data.stream(other))
                twins = sum(piece in line for piece in pieces[held])
            else:
                twins = len(pieces[held] & pieces[other])
            most = _SHARED * len(pieces[held])
            _require(twins <= most, f"{twins} pieces of the {held} split of {data.name!r} occur in the {other} split")


def _pieces(data: Dataset, split: str) -> set[bytes]:
    """What is looked for in the other splits: the inputs, or stretches of text from all over the split."""
    if data.kind != "text":
        return {row.tobytes() for row in data.split(split)[0]}
    line = data.stream(split)
    if not len(line):
        return set()
    length = min(1000, len(line) // 2)
    return {line[start : start + length].tobytes() for start in np.linspace(0, len(line) - length, 24).astype(int)}


def _check_fingerprint(data: Dataset, again: Dataset) -> None:
    for split in SPLITS:
        for one, two in zip(data.split(split), again.split(split), strict=True):
            _require(np.array_equal(one, two), f"{data.name!r} loaded twice differs in its {split} split")
    _require(data.faults.equals(again.faults), f"{data.name!r} loaded twice differs in its faults")
    _require(data.fingerprint == again.fingerprint, f"{data.name!r} loaded twice has two fingerprints")
    if data.kind != "text":
        inputs = data.test_inputs.copy()
        inputs[-1, -1] += 1
        changed = replace(data, test_inputs=inputs)
        _require(
            changed.fingerprint != data.fingerprint, f"the fingerprint of {data.name!r} misses a change of contents"
        )


def _check_faults(data: Dataset) -> None:
    faults = data.faults
    if faults.empty:
        return
    _require(len(faults) == len(data.inputs), f"{data.name!r} has {len(faults)} rows of faults, not one per example")
    if "label_flipped" in faults:
        told = faults["label_flipped"].to_numpy()
        _require(
            ((data.targets != faults["true_label"].to_numpy()) == told).all(),
            f"label_flipped in the faults of {data.name!r} does not say where the label differs from true_label",
        )
    if "duplicate_of" in faults:
        source = faults["duplicate_of"].to_numpy()
        copies = np.flatnonzero(source >= 0)
        _require((source[source[copies]] < 0).all(), f"a duplicate in {data.name!r} is said to copy another duplicate")
        _require(
            np.array_equal(data.inputs[copies], data.inputs[source[copies]]),
            f"duplicate_of in the faults of {data.name!r} names examples that are not equal",
        )
    if "leak_of" in faults:
        source = faults["leak_of"].to_numpy()
        leaks = np.flatnonzero(source >= 0)
        same = np.array_equal(data.inputs[leaks], data.test_inputs[source[leaks]])
        _require(same, f"leak_of in the faults of {data.name!r} names test examples that are not equal")


def _check_truth(data: Dataset, again: Dataset) -> None:
    """What is known: the same each time, one row per example where it is told for the test, entropies in range."""
    _require(_equal(data.truth, again.truth), f"{data.name!r} loaded twice differs in its truth")
    for name in [name for name in data.truth if f"test_{name}" in data.truth]:
        for split in SPLITS:
            key = name if split == "train" else f"{split}_{name}"
            rows, count = len(data.truth.get(key, ())), len(data.split(split)[0])
            _require(rows == count, f"truth[{key!r}] of {data.name!r} has {rows:,} rows for {count:,} examples")
    if data.kind == "text" and "entropy_rate" in data.truth:
        rate, most = data.truth["entropy_rate"], np.log(data.vocabulary)
        _require(0 <= rate <= most, f"entropy_rate of {data.name!r} is {rate:.4g}; expected 0 to {most:.4g} nats")


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, Mapping):
        return isinstance(two, Mapping) and one.keys() == two.keys() and all(_equal(one[k], two[k]) for k in one)
    if isinstance(one, np.ndarray):
        return isinstance(two, np.ndarray) and one.dtype == two.dtype and np.array_equal(one, two)
    return bool(one == two)


def _check_dials(entry: Entry, data: Dataset, options: dict[str, Any]) -> None:
    """Faults stay out of the held-out splits, and the seed reaches what is random."""
    faulty = {**options, **({"label_noise": 0.2} if "label_noise" in entry.options else {})}
    if faulty != options:
        noisy = _build(entry, faulty)
        _check_faults(noisy)
        _require(not noisy.faults.empty, f"{entry.name!r} flips labels and does not say which")
        for name in ("validation_inputs", "validation_targets", "test_inputs", "test_targets"):
            same = np.array_equal(getattr(noisy, name), getattr(data, name))
            _require(same, f"label noise of {entry.name!r} reaches {name}")
    if "seed" in entry.options:
        one, two = (_build(entry, {**faulty, "seed": seed}) for seed in (1, 2))
        _require(one.fingerprint != two.fingerprint, f"another seed of {entry.name!r} gives the same contents")
