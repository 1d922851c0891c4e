"""The record that every source of examples returns."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets.windows import unroll, windows

KINDS = ("classification", "text", "regression")
_PREFIXES = {"train": "", "validation": "validation_", "test": "test_"}
SPLITS = tuple(_PREFIXES)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Dataset:
    """Training, validation and test examples, with what is known about them.

    The arrays are read-only, since a loaded dataset is shared by everyone who asks for it: copy before writing
    (``torch.tensor(array)`` copies, ``torch.from_numpy`` does not).

    Fields:
        name, kind: what it is called; one of ``classification``, ``text``, ``regression``.
        inputs, targets: training examples. Classification and regression: float32 (n, d) of about unit scale;
            targets int64 (n,) or float32 (n,). Text: uint8 windows (n, context), a view that costs no memory,
            and the id that follows each, uint8 (n,).
        validation_inputs, validation_targets, test_inputs, test_targets: the same for held-out examples. An
            empty validation split has no rows. Planted faults never reach them.
        classes: number of classes, for classification.
        labels: the names of the classes, in order, where they have names.
        vocabulary, context: number of ids and length of a window, for text.
        image_shape: shape of one image, where an input is a flattened image.
        faults: frame with one row per training example that says what was planted where; empty without faults.
        truth: what is known exactly about where the examples come from, by name, such as ``entropy_rate`` (nats per
            id) or ``exponent``; read-only, empty for real data. What is known of every example stands under one name
            for training and under the same with ``validation_`` and ``test_`` before it for the held-out ones.
        options: the options it was loaded with.
        fingerprint: hex digest of the contents: numbers measured on two datasets can be compared only where
            their fingerprints are equal.

    Raises ``ValueError`` where the arrays do not fit each other or the kind.

    >>> from labkit import datasets
    >>> data = datasets.load("digits")
    >>> data.inputs.shape, data.validation_inputs.shape, data.test_inputs.shape
    ((1024, 64), (273, 64), (500, 64))
    """

    name: str
    kind: str
    inputs: np.ndarray
    targets: np.ndarray
    validation_inputs: np.ndarray
    validation_targets: np.ndarray
    test_inputs: np.ndarray
    test_targets: np.ndarray
    classes: int | None = None
    labels: tuple[str, ...] | None = None
    vocabulary: int | None = None
    context: int | None = None
    image_shape: tuple[int, ...] | None = None
    faults: pd.DataFrame = field(default_factory=pd.DataFrame)
    truth: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind of dataset {self.name!r} is {self.kind!r}; expected one of {', '.join(KINDS)}")
        self._freeze()
        width = self.inputs.shape[1:]
        for split in SPLITS:
            inputs, targets = self.split(split)
            if inputs.ndim != 2 or targets.ndim != 1 or len(inputs) != len(targets) or inputs.shape[1:] != width:
                raise ValueError(
                    f"the {split} split of {self.name!r} has inputs {inputs.shape} and targets {targets.shape}; "
                    f"expected (n, {', '.join(map(str, width))}) and (n,)"
                )
        if len(self.faults) not in (0, len(self.inputs)):
            raise ValueError(f"{self.name!r} has {len(self.faults)} rows of faults for {len(self.inputs)} examples")
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    def _freeze(self) -> None:
        for prefix in _PREFIXES.values():
            for name in (f"{prefix}inputs", f"{prefix}targets"):
                # A view, so that the array that was given stays as it is.
                array = np.asarray(getattr(self, name)).view()
                array.flags.writeable = False
                object.__setattr__(self, name, array)
        object.__setattr__(self, "truth", _frozen(self.truth))

    def split(self, name: str = "train") -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of one split: ``train``, ``validation`` or ``test``."""
        if name not in SPLITS:
            raise ValueError(f"unknown split {name!r}; expected one of {', '.join(SPLITS)}")
        prefix = _PREFIXES[name]
        return getattr(self, f"{prefix}inputs"), getattr(self, f"{prefix}targets")

    def stream(self, split: str = "train") -> np.ndarray:
        """The ids of a text split as one line, uint8 (n + context,), without copying; the last id is only a target."""
        if self.kind != "text":
            raise ValueError(f"dataset {self.name!r} is of kind {self.kind!r}; only text has a stream of ids")
        inputs, targets = self.split(split)
        return unroll(inputs, targets)

    @functools.cached_property
    def nbytes(self) -> int:
        """Memory that the examples take, in bytes."""
        if self.kind == "text":
            return sum(self.stream(split).nbytes for split in SPLITS)
        return sum(array.nbytes for split in SPLITS for array in self.split(split))

    def describe(self) -> str:
        """One paragraph in plain words: what it is, how much of it, what was planted, the fingerprint."""
        n, v, t = (f"{len(self.split(split)[0]):,}" for split in SPLITS)
        lines = [f"{self.name} ({self.kind}): {n} training, {v} validation and {t} test examples"]
        if self.image_shape:
            lines.append(f"images of {' x '.join(map(str, self.image_shape))} pixels")
        elif self.kind == "text":
            lines.append(f"windows of {self.context} ids out of {self.vocabulary}")
        else:
            lines.append(f"{self.inputs.shape[1]} features")
        if self.classes:
            lines.append(f"{self.classes} classes")
        planted = [f"{count:,} {words}" for words, count in _planted(self.faults) if count]
        if planted:
            lines.append("planted among the training examples: " + ", ".join(planted))
        known = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.truth.items() if _is_number(value)]
        if known:
            lines.append("known: " + ", ".join(known))
        return "; ".join(lines) + f". Fingerprint {self.fingerprint[:12]}."

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: of a text the line itself, since windows would be written out in full."""
        state = {**self.__dict__, "truth": _thawed(self.truth)}
        if self.kind == "text":
            for split, prefix in _PREFIXES.items():
                del state[f"{prefix}inputs"]
                state[f"{prefix}targets"] = self.stream(split)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.kind == "text":
            for prefix in _PREFIXES.values():
                pair = windows(state[f"{prefix}targets"], self.context, empty=True)
                self.__dict__.update(zip((f"{prefix}inputs", f"{prefix}targets"), pair, strict=True))
        self._freeze()

    def __repr__(self) -> str:
        return f"<Dataset {self.describe()}>"


def _frozen(value: Any) -> Any:
    """The same with read-only arrays and mappings, and tuples for lists."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    elif isinstance(value, Mapping):
        return MappingProxyType({name: _frozen(item) for name, item in value.items()})
    elif isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return value


def _thawed(value: Any) -> Any:
    """Plain dictionaries, which can be sent to another process, for read-only ones."""
    return {name: _thawed(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _planted(faults: pd.DataFrame) -> list[tuple[str, int]]:
    """The faults in words, with the number of examples that carry each."""
    found = []
    if "label_flipped" in faults:
        found.append(("with a flipped label", int(faults["label_flipped"].sum())))
    if "duplicate_of" in faults:
        found.append(("copied from another", int((faults["duplicate_of"] >= 0).sum())))
    if "leak_of" in faults:
        found.append(("copied from the test", int((faults["leak_of"] >= 0).sum())))
    if "mismatched" in faults:
        found.append(("with views that do not belong together", int(faults["mismatched"].sum())))
    return found


def _fingerprint(data: Dataset) -> str:
    """SHA-256 over kind, shapes, dtypes and bytes of every split, and over the faults."""
    digest = hashlib.sha256()

    def add(*arrays: np.ndarray) -> None:
        for array in arrays:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array))

    digest.update(repr((data.kind, data.classes, data.vocabulary, data.context, data.image_shape)).encode())
    for split in SPLITS:
        if data.kind == "text":
            add(data.stream(split))
        else:
            add(*data.split(split))
    for column in data.faults:
        values = data.faults[column].to_numpy()
        numeric = values.dtype.kind in "biuf"
        digest.update(str(column).encode())
        add(values if numeric else np.frombuffer("\n".join(map(str, values)).encode(), dtype=np.uint8))
    return digest.hexdigest()
