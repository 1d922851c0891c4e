"""A table of the reader's own as a dataset: columns become features, rows are split by their contents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets.columns import Encoder, is_numeric, middle_and_spread, numbers
from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.faults import number, whole
from labkit.datasets.splits import mixed
from labkit.seeds import derive

_MOST_NUMBERS = 2**28
_FEW = 20
_FARTHEST = 1e6


def from_frame(
    frame: pd.DataFrame,
    target: str,
    *,
    kind: str | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    categories: int = 50,
    seed: int = 0,
    name: str = "table",
) -> Dataset:
    """A dataset out of a frame with numeric and categorical columns.

    Arguments:
        frame: one row per example. Numbers, booleans and times become one feature each, standardised and cut at 100
            spreads; everything else becomes one feature per category.
        target: name of the column to predict. Rows without a target are left out.
        kind: ``classification`` or ``regression``; None decides: regression for numbers, unless they are whole and
            20 different ones or fewer.
        validation, test: shares of the rows held out, 0 to 0.9 together (0 rows for validation is allowed).
        categories: the most features made of one column: what is rarer in training is pooled as one.
        seed: which rows are held out. Rows with equal features go to the same split, unless fewer than half of the rows
            differ: then repeats are taken for examples of their own.
        name: of the dataset.

    Everything learned from the data (means, spreads, categories) is learned from the training rows. A missing number
    becomes the training mean, and a feature of its own says so where training has some; a missing category is a
    category. A category that training does not have makes all features of that column 0. A regression target is
    standardised: ``truth`` has ``target_mean`` and ``target_scale`` to go back.
    ``truth`` also has ``features``, the name of each, ``dropped``, the columns left out with the reason (constant, or
    an identifier: text that differs in nearly every row), and ``rows_without_target``.

    It does not keep time in order: rows are held out at random. Raises ``ValueError`` for a table without usable rows
    or columns, infinite numbers, a target that has one value, or more than 2 ** 28 numbers; ``TypeError`` for what is
    no frame.

    >>> table = pd.DataFrame({"size": [1.0, 2.0, None, 4.0] * 25, "colour": ["red", "blue"] * 50, "price": range(100)})
    >>> data = from_frame(table, "price")
    >>> data.kind, data.truth["features"]
    ('regression', ('size', 'size missing', 'colour=blue', 'colour=red'))
    """
    options = {"target": target, "kind": kind, "validation": validation, "test": test, "categories": categories}
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"the table is a {type(frame).__name__}; expected a pandas frame")
    number("validation", validation, most=0.9)
    number("test", test, most=0.9)
    whole("categories", categories, least=1, most=10_000)
    whole("seed", seed)
    if not 0 < test <= 0.9 - validation:
        raise ValueError(f"validation={validation!r} and test={test!r}; expected some test and at most 0.9 together")
    target = str(target)
    frame, missing = _usable(frame, target)
    kind, answers, about = _targets(frame[target], kind)
    features = frame.drop(columns=target)
    places = _split(features, validation, test, seed)
    encoder = Encoder.learn(features.iloc[places["train"]], categories)
    if len(frame) * len(encoder.names) > _MOST_NUMBERS:
        raise ValueError(
            f"{len(frame):,} rows of {len(encoder.names):,} features are more than {_MOST_NUMBERS:,} numbers; drop "
            "columns, lower categories= or sample rows"
        )
    if kind == "regression":
        trained = answers[places["train"]]
        mean, scale = middle_and_spread(trained)
        if not scale:
            raise ValueError(f"target {target!r} is {mean:g} in all training rows; there is nothing to predict")
        answers = answers / scale - mean / scale
        farthest = float(np.abs(answers).max())
        if farthest > _FARTHEST:
            raise ValueError(
                f"target {target!r} has a value {farthest:.3g} spreads of the training rows from their mean; remove it "
                "or predict its logarithm"
            )
        answers = answers.astype(np.float32)
        about = {"target_mean": mean, "target_scale": scale}
    arrays: dict[str, np.ndarray] = {}
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        arrays[f"{prefix}inputs"] = encoder.apply(features.iloc[places[split]])
        arrays[f"{prefix}targets"] = answers[places[split]]
    labels = about.pop("labels", None)
    truth = {"features": encoder.names, "dropped": encoder.dropped, "rows_without_target": missing, **about}
    return Dataset(
        name=name,
        kind=kind,
        classes=len(labels) if labels else None,
        labels=labels,
        truth=truth,
        options={**options, "seed": seed},
        **arrays,
    )


def _usable(frame: pd.DataFrame, target: str) -> tuple[pd.DataFrame, int]:
    """The rows that have a target, and how many have none."""
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise ValueError(f"the table has more than one column named {', '.join(map(repr, twice))}; rename them")
    if target not in frame.columns:
        known = ", ".join(map(repr, frame.columns[:20]))
        raise ValueError(f"target {target!r} is no column of the table; expected one of {known}")
    kept = frame[frame[target].notna()].reset_index(drop=True)
    if len(kept) < 10:
        raise ValueError(f"the table has {len(kept)} rows with a target {target!r}; expected at least 10")
    if kept.shape[1] < 2:
        raise ValueError(f"the table has no column beside the target {target!r}; expected at least one feature")
    return kept, len(frame) - len(kept)


def _targets(column: pd.Series, kind: str | None) -> tuple[str, np.ndarray, dict[str, Any]]:
    numeric = is_numeric(column) and column.dtype.kind not in "mM"
    if kind is None:
        few = numeric and column.nunique() <= _FEW and (numbers(column) % 1 == 0).all()
        kind = "regression" if numeric and not few else "classification"
    if kind == "regression":
        if not numeric:
            raise ValueError(f"target {column.name!r} is not numeric; give kind='classification' or another target")
        return kind, numbers(column), {}
    if kind != "classification":
        raise ValueError(f"kind={kind!r}; expected 'classification', 'regression' or None")
    values = column.astype(object).to_numpy()
    # Numbers in their own order, everything else in that of its text.
    order = sorted(set(values), key=lambda value: (0, value, "") if numeric else (1, 0, str(value)))
    labels = tuple(map(str, order))
    if len(labels) < 2 or len(labels) > len(values) / 2:
        raise ValueError(
            f"target {column.name!r} has {len(labels):,} different values in {len(values):,} rows; expected at least "
            "2 classes of 2 rows on average"
        )
    place = {value: index for index, value in enumerate(order)}
    return kind, np.array([place[value] for value in values], dtype=np.int64), {"labels": labels}


def _split(features: pd.DataFrame, validation: float, test: float, seed: int) -> dict[str, np.ndarray]:
    """Rows of each split, chosen and ordered by a hash of their contents, so that equal rows stay together."""
    columns = {name: features[name] for name in features}
    plain = pd.DataFrame({n: column if is_numeric(column) else column.astype(str) for n, column in columns.items()})
    contents = pd.util.hash_pandas_object(plain, index=False, categorize=False).to_numpy()
    if len(np.unique(contents)) < len(contents) / 2:
        contents = contents ^ mixed(np.arange(len(contents)))
    key = mixed(contents ^ np.uint64(derive(seed, "table", "held out")))
    order = np.argsort(key, kind="stable")
    # A boundary moves up to the next row that differs from the one before it.
    differs = np.append(np.flatnonzero(np.diff(key[order], prepend=key[order[:1]] ^ np.uint64(1))), len(order))
    ends = [differs[np.searchsorted(differs, round(share * len(order)))] for share in (test, test + validation)]
    places = dict(zip(("test", "validation", "train"), np.split(order, ends), strict=True))
    for split in ("train", "test"):
        if not len(places[split]):
            raise ValueError(f"no row of {len(order):,} is left for the {split} split; give other shares or more rows")
    return places
