"""Several curves in one table: tell when there seem to be, and take one of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit.registry import nearest

MOST = 50  # values of a column that tells curves apart
APART = 0.5  # share of the scatter about each size's mean that a column of numbers explains before it is remarked on


def only(table: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """The rows where every named column has the value given, ``"model=a"``; numbers are compared as numbers.

    Raises ``ValueError`` for what is no condition, and for an unknown column or value, with the nearest match.

    >>> only(pd.DataFrame({"model": ["a", "b"], "error": [0.3, 0.2]}), ["model=b"]).error.tolist()
    [0.2]
    """
    if wanted and any(table.index.names):  # of a Parquet file
        table = table.reset_index()
    for condition in wanted:
        name, mark, value = (part.strip() for part in condition.partition("="))
        if not mark:
            raise ValueError(f"--where takes COLUMN=VALUE, such as model=a; got {condition!r}")
        if name not in table.columns:
            raise ValueError(f"--where {condition!r}: no column {name!r}: {nearest(name, table.columns)}")
        texts = table[name].map(_text)
        rows = texts == _text(value)
        if not rows.any():
            known = texts.drop_duplicates().tolist()
            said = nearest(value, known) if len(known) <= MOST else f"the first is {known[0]!r}"
            raise ValueError(f"--where {condition!r}: no row has that {name}: {said}")
        table = table[rows].reset_index(drop=True)
    return table


def _text(value) -> str:
    """One spelling for each value: 8, 8.0 and "8" are one."""
    try:
        return f"{float(value):.15g}"
    except (TypeError, ValueError):
        return str(value).strip()


def remark(table: pd.DataFrame, x: np.ndarray, y: np.ndarray, others: Sequence[str]) -> str:
    """A sentence where rows of one size seem to belong to different curves; empty where they do not.

    Arguments:
        table: the rows; x, y: (n,) their sizes and errors, NaN where there is none.
        others: columns that could tell curves apart. Text does where two of its values have two sizes each, as
            the names of models do; numbers do where they also explain half of the scatter at equal size.

    >>> rows = pd.DataFrame({"x": [1, 2, 1, 2], "y": [0.9, 0.8, 0.5, 0.4], "model": ["a", "a", "b", "b"]})
    >>> remark(rows, rows.x, rows.y, ["model"])
    'model has 2 values (a, b), averaged here as repeats of one curve: to take one, --where model=a.'
    """
    rows = pd.DataFrame({"x": np.asarray(x, float), "y": np.asarray(y, float)})
    known = np.isfinite(rows).all(axis=1).to_numpy()
    if not rows[known].x.duplicated().any():
        return ""
    for name in others:
        column = table[name]
        try:
            codes, values = pd.factorize(column)
        except TypeError:  # cells that are lists
            continue
        if not 2 <= len(values) <= MOST:
            continue
        used = known & (codes >= 0)
        here = rows[used].assign(group=codes[used])
        if _tells_apart(here, text=not pd.api.types.is_numeric_dtype(column)):
            values = [_text(values[code]) for code in here.group.drop_duplicates()]
            listed = ", ".join(values[:3]) + (" …" if len(values) > 3 else "")
            return (
                f"{name} has {len(values)} values ({listed}), averaged here as repeats of one curve: to take one, "
                f"--where {shlex.quote(f'{name}={values[0]}')}."
            )
    return ""


def _tells_apart(rows: pd.DataFrame, text: bool) -> bool:
    sizes = rows.groupby("group").x.nunique()
    shared = rows.groupby("x").group.nunique()
    if (sizes >= 2).sum() < 2 or not (shared >= 2).any():
        return False
    if text:
        return True
    about = rows.y - rows.groupby("x").y.transform("mean")
    explained = about.groupby(rows.group).transform("mean")
    # of as few sizes as two or three, chance alone gives a column a large share
    return len(shared) > 3 and bool((explained**2).sum() > APART * (about**2).sum() > 0)
