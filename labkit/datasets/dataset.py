"""The record that every source of examples returns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

KINDS = ("classification", "text", "regression")
SPLITS = ("train", "validation", "test")


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
    options: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind of dataset {self.name!r} is {self.kind!r}; expected one of {', '.join(KINDS)}")
        for name in (f"{prefix}{part}" for prefix in ("", "validation_", "test_") for part in ("inputs", "targets")):
            # A view, so that the array that was given stays as it is.
            array = np.asarray(getattr(self, name)).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
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

    def split(self, name: str = "train") -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of one split: ``train``, ``validation`` or ``test``."""
        if name not in SPLITS:
            raise ValueError(f"unknown split {name!r}; expected one of {', '.join(SPLITS)}")
        prefix = "" if name == "train" else f"{name}_"
        return getattr(self, f"{prefix}inputs"), getattr(self, f"{prefix}targets")

    def stream(self, split: str = "train") -> np.ndarray:
        """The ids of a text split as one line, uint8 (n + context,), without copying; the last id is only a target."""
        if self.kind != "text":
            raise ValueError(f"dataset {self.name!r} is of kind {self.kind!r}; only text has a stream of ids")
        inputs, targets = self.split(split)
        return _unroll(inputs, targets)

    @property
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
        planted = [
            f"{int(np.count_nonzero(flags)):,} {words}" for words, flags in _planted(self.faults) if np.any(flags)
        ]
        if planted:
            lines.append("planted among the training examples: " + ", ".join(planted))
        return "; ".join(lines) + f". Fingerprint {self.fingerprint[:12]}."

    def __repr__(self) -> str:
        return f"<Dataset {self.describe()}>"


def _planted(faults: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """The faults in words, with the examples that carry each."""
    found = []
    if "label_flipped" in faults:
        found.append(("flipped labels", faults["label_flipped"].to_numpy(dtype=bool)))
    if "duplicate_of" in faults:
        found.append(("duplicates", faults["duplicate_of"].to_numpy() >= 0))
    return found


def _unroll(windows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The line of ids under sliding windows and the targets that follow them."""
    if len(windows) == 0:
        return np.empty(0, dtype=windows.dtype)
    step = windows.strides[0]
    length = len(windows) + windows.shape[1]
    starts = windows.__array_interface__["data"][0], targets.__array_interface__["data"][0]
    if windows.strides != (step, step) or starts[1] - starts[0] != windows.shape[1] * step:
        return np.concatenate([windows[:, 0], windows[-1, 1:], targets[-1:]])
    line = np.lib.stride_tricks.as_strided(windows, shape=(length,), strides=(step,), writeable=False)
    return line


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
