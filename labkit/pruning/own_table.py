"""A reader's own table as something to prune: every row is a training example, and nothing is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit.datasets import Dataset
from labkit.datasets.columns import Encoder
from labkit.registry import UnknownName, nearest

FEWEST_ROWS = 50
_CATEGORIES = 50


@dataclass(frozen=True, eq=False)
class OwnTable:
    """A table with labels.

    Fields:
        data: all rows as training examples, in their order; validation and test are empty.
        labels: the label of every class, as text.
        notes: what was done to columns, in sentences.
    """

    data: Dataset
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def own_table(frame: pd.DataFrame, label: str, name: str = "table") -> OwnTable:
    """Read a frame for pruning: numbers are standardised, everything else becomes one feature per category.

    Arguments:
        frame: one row per example; at least 50.
        label: name of the column with the classes.
        name: of the dataset.

    A missing number becomes the column's mean with a feature that says so, a missing category a category of its own;
    constant columns and identifiers are left out. The notes say all of it.

    Raises ``ValueError`` for an unknown column, fewer than 50 rows, rows without a label, a single class, or a label
    that looks like a number to predict rather than a class.

    >>> frame = pd.DataFrame({"size": range(60), "kind": ["a", "b", "b"] * 20})
    >>> table = own_table(frame, "kind")
    >>> table.labels, table.data.inputs.shape
    (('a', 'b'), (60, 1))
    """
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    if label not in frame.columns:
        raise UnknownName(f"no column {label!r} for the label: {nearest(label, frame.columns)}")
    if len(frame) < FEWEST_ROWS:
        raise ValueError(f"the table has {len(frame)} rows; choosing among them takes at least {FEWEST_ROWS}")
    missing = frame[label].isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"{missing.sum():,} rows have no {label!r} (the first is row {missing.argmax() + 1}); "
            "fill in their labels or remove them"
        )
    targets, labels = _classes(frame[label])
    features = frame.drop(columns=label)
    if not len(features.columns):
        raise ValueError(f"the table has no column beside the label {label!r}; expected at least one feature")
    encoder = Encoder.learn(features, _CATEGORIES)
    inputs = encoder.apply(features)
    empty = np.zeros((0, inputs.shape[1]), dtype=np.float32)
    none = np.zeros(0, dtype=np.int64)
    data = Dataset(
        name=name,
        kind="classification",
        inputs=inputs,
        targets=targets,
        validation_inputs=empty,
        validation_targets=none,
        test_inputs=empty,
        test_targets=none,
        classes=len(labels),
        labels=labels,
        truth={"features": encoder.names, "dropped": encoder.dropped},
    )
    return OwnTable(data, labels, tuple(_notes(features, encoder)))


def _classes(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    codes, values = pd.factorize(column.astype(object).map(str), sort=True)
    if len(values) < 2:
        raise ValueError(f"column {column.name!r} is {values[0]!r} in every row; expected at least 2 classes")
    if len(values) > len(column) / 2:
        raise ValueError(
            f"column {column.name!r} has {len(values):,} different values in {len(column):,} rows; expected classes "
            "with 2 rows each on average. A number to predict can be cut into classes first"
        )
    return codes.astype(np.int64), tuple(map(str, values))


def _notes(features: pd.DataFrame, encoder: Encoder) -> list[str]:
    found = [f"Column {name!r} is left out: {reason}." for name, reason in encoder.dropped.items()]
    for name in features.columns:
        holes = int(features[name].isna().sum())
        if not holes or name in encoder.dropped:
            continue
        numeric = f"{name} missing" in encoder.names
        what = "their mean, with a feature that says so" if numeric else "a category of its own"
        found.append(f"{holes:,} missing values of {name!r} count as {what}; the rows themselves stay as they are.")
    return found
