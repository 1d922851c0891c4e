"""A file of the reader's own, with a header and one example per line, as a dataset."""

from __future__ import annotations

import warnings
from dataclasses import replace
from os import PathLike
from pathlib import Path

import pandas as pd

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import ANY, Entry, register
from labkit.datasets.frames import from_frame

MOST_BYTES = 512 * 2**20
"""The largest file that is read."""

_MOST_COLUMNS = 10_000
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def tables(
    *,
    path: str | PathLike[str] | None = None,
    target: str | None = None,
    kind: str | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    categories: int = 50,
    seed: int = 0,
) -> Dataset:
    """A CSV file of the reader's own as examples to learn from.

    Arguments:
        path: a local file, ``.csv`` (commas) or ``.tsv`` (tabs), UTF-8, with names in its first line; at most 512 MiB.
        target: the column to predict.
        kind, validation, test, categories, seed: as in ``from_frame``, which says what becomes of the columns.

    The file is read anew each time, and never changed. Dates in it are text: turn them into numbers first, or read the
    file yourself with them parsed and use ``from_frame``.

    Raises ``ValueError`` where the path or target is not given or the file is no such table, ``FileNotFoundError``
    where there is none.

    >>> from labkit import datasets
    >>> datasets.load("tables", path="flats.csv", target="price")
    Traceback (most recent call last):
    FileNotFoundError: there is no file flats.csv; give the path of a local .csv or .tsv file
    """
    if path is None or target is None:
        raise ValueError(
            f"path={path!r} and target={target!r}; give both: the file, such as path='flats.csv', and the column to "
            "predict, such as target='price'"
        )
    frame = read(Path(path))
    data = from_frame(
        frame,
        target,
        kind=kind,
        validation=validation,
        test=test,
        categories=categories,
        seed=seed,
        name=Path(path).stem,
    )
    return replace(data, options={"path": str(path), **data.options})


def read(path: Path) -> pd.DataFrame:
    """The table in a file, with a sentence for each way in which it can fail to be one.

    >>> read(Path("x.pkl"))
    Traceback (most recent call last):
    ValueError: x.pkl ends in '.pkl'; expected a .csv or .tsv file
    """
    if path.suffix.lower() not in _SEPARATORS:
        raise ValueError(f"{path} ends in {path.suffix!r}; expected a .csv or .tsv file")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of a local .csv or .tsv file")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path} has {size:,} bytes; expected at most {MOST_BYTES:,}: take a sample of its lines")
    separator = _SEPARATORS[path.suffix.lower()]
    with path.open("rb") as file:
        first = file.read(2**20)
    if not first.strip():
        raise ValueError(f"{path} is empty; expected a line of names and one line per example")
    if b"\0" in first:
        raise ValueError(f"{path} is not text; expected comma- or tab-separated values in UTF-8")
    columns = first.split(b"\n", 1)[0].count(separator.encode()) + 1
    if columns > _MOST_COLUMNS:
        raise ValueError(f"{path} has {columns:,} columns; expected at most {_MOST_COLUMNS:,}")
    try:
        with warnings.catch_warnings():
            # Lines longer than the header would lose their last values with a warning only.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            names = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, encoding="utf-8-sig").iloc[0]
            frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", index_col=False, low_memory=False)
    except (UnicodeError, pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as problem:
        raise ValueError(f"{path} is no table in UTF-8: {' '.join(str(problem).split())}") from problem
    twice = sorted(set(names[names.notna() & names.duplicated()]))
    if twice:
        raise ValueError(f"{path} has more than one column named {', '.join(map(repr, twice))}; rename them")
    return frame


register(
    Entry(
        name="tables",
        kind=ANY,
        purpose="a CSV file of your own with numbers and categories: path= and target= say which file and column",
        build=tables,
        keep=False,
    )
)
