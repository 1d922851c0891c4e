"""Reads a learning curve from a reader's own file: CSV, JSON lines or Parquet with named columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from labkit.registry import nearest

MAX_BYTES = 100 * 2**20
_COMMON_X = ("examples", "tokens", "params", "compute", "steps", "x", "n", "size", "train_size", "epoch")
_COMMON_Y = ("error", "loss", "validation_loss", "validation_error", "test_error", "test_loss", "y")
_READERS = {
    ".csv": pd.read_csv,
    ".tsv": lambda path: pd.read_csv(path, sep="\t"),
    ".jsonl": lambda path: pd.read_json(path, lines=True),
    ".ndjson": lambda path: pd.read_json(path, lines=True),
    ".parquet": pd.read_parquet,
}


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table by its ending; nothing in it is executed or unpickled.

    Raises ``FileNotFoundError`` or ``ValueError`` saying what was given, what is read, and what to do.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}: give the path of a CSV, JSON lines or Parquet file")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path.name}: unknown ending {path.suffix!r}: {nearest(path.suffix, _READERS)}")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{path.name} has {size / 2**20:.0f} MB, but at most {MAX_BYTES >> 20} MB are read: "
            "a curve needs a few hundred points, so keep every k-th line"
        )
    try:
        table = reader(path)
    except (ValueError, ImportError, OSError) as error:  # pandas' parse errors are ValueErrors
        raise ValueError(f"{path.name} cannot be read as {path.suffix[1:]}: {str(error).strip()}") from error
    if table.empty:
        raise ValueError(f"{path.name} has no rows: expected a header and at least one point")
    return table.rename(columns=str)


def _choose(table: pd.DataFrame, given: str | None, common: tuple[str, ...], option: str) -> str:
    if given is not None:
        if given in table.columns:
            return given
        raise ValueError(f"{option} {given!r} is not a column: {nearest(given, table.columns)}")
    found = [name for name in common if name in table.columns]
    if len(found) == 1:
        return found[0]
    why = f"several would do ({', '.join(found)})" if found else "none has a usual name"
    raise ValueError(f"say which column {option} is, {why}: the columns are {', '.join(table.columns)}")


def _numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    values = pd.to_numeric(table[column], errors="coerce")
    text = values.isna() & table[column].notna()
    if text.any():
        row = int(np.flatnonzero(text)[0])
        raise ValueError(f"column {column!r} holds {table[column].iloc[row]!r} in row {row + 1}, which is not a number")
    return values.to_numpy(dtype=float)


def read_curve(path: str | Path, x: str | None = None, y: str | None = None, se: str | None = None) -> pd.DataFrame:
    """Read the points of one curve.

    Arguments:
        path: a ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` file with named columns.
        x, y: the columns of the size and of the error or loss; None: the one with a usual name.
        se: the column of the standard error of y, if there is one.

    Returns a frame with columns ``x``, ``y`` and, if asked for, ``se``, rows with a missing value dropped.
    Its ``attrs`` hold the columns' own names (``x_name``, ``y_name``) and the number of rows ``dropped``.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = file.write_text("examples,error\\n100,0.30\\n200,0.22\\n")
    >>> read_curve(file).y.tolist()
    [0.3, 0.22]
    """
    table = read_table(path)
    x = _choose(table, x, _COMMON_X, "--x")
    y = _choose(table, y, _COMMON_Y, "--y")
    columns = {"x": _numbers(table, x), "y": _numbers(table, y)}
    if se is not None:
        columns["se"] = _numbers(table, _choose(table, se, (), "--se"))
    curve = pd.DataFrame(columns)
    usable = np.isfinite(curve).all(axis=1)
    dropped = int((~usable).sum())
    curve = curve[usable].reset_index(drop=True)
    if curve.empty:
        raise ValueError(f"{Path(path).name} has no row with a finite {x} and {y}")
    if (curve.x <= 0).any():
        raise ValueError(f"column {x!r} holds {curve.x.min():g}, but sizes must be above 0")
    curve.attrs.update(x_name=x, y_name=y, dropped=dropped)
    return curve
