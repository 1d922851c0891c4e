"""Reads a learning curve from a reader's own file: a table of points, or the log of a training run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from labkit import log_files, several_curves, usual_names, written_numbers
from labkit.table_files import read_table

LONG = 2_000  # rows above which the trend is kept: a fit to more takes minutes and says no more
_TURNED = re.compile(r"(1|100)\s*-\s*(.+)")  # an error made of a score
_RISING = 0.7  # rank correlation from which y is said to rise with x


def _choose(table: pd.DataFrame, given: str | None, common: Sequence[Sequence[str]], option: str) -> str:
    """The column that was asked for, or the only one with a usual name of the first kind that there is."""
    if given is not None:
        try:
            return log_files.tag_of(table, given)
        except ValueError as error:
            raise ValueError(f"{option} {given!r}: {error}") from None
    found = []
    for names in common:
        found = [name for name in table.columns if name.lower() in names] or [
            name for name in table.columns if usual_names.plain(name) in names
        ]
        if len(found) == 1:
            return found[0]
        if found:
            break
    why = f"several would do ({', '.join(found)})" if found else "none has a usual name"
    said = f"say which column {option} is, {why}: the columns are {', '.join(table.columns)}"
    numbered = [name for name in table.columns if re.fullmatch(r"\D*\d+", name)]
    if not found and len(numbered) > 1:  # a column for each repeat
        said += f". Repeats such as {numbered[0]} and {numbered[1]} go into rows of their own"
    raise ValueError(said)


def choose_columns(table: pd.DataFrame, x: str | None = None, y: str | None = None) -> tuple[str, str]:
    """The columns of the size and of the error or loss.

    Arguments:
        table: with a name for each column.
        x, y: a column, or how its name ends after "/" or " - " ("loss" for "train/loss"); None: the one with a usual
            name, or the only one left. An error is made of a score by "1-accuracy", or "100-accuracy" of percents.

    Raises ``ValueError`` naming the columns where none or several would do.

    >>> choose_columns(pd.DataFrame(columns=["epoch", "Step", "train/loss", "val/loss"]), y="val/loss")
    ('Step', 'val/loss')
    >>> choose_columns(pd.DataFrame(columns=["train_size", "mistakes"]))
    ('train_size', 'mistakes')
    >>> choose_columns(pd.DataFrame(columns=["n", "accuracy", "fold"]), y="1-accuracy")
    ('n', '1-accuracy')
    """
    x = _choose(table, x, usual_names.SIZES, "--x")
    left = [name for name in table.columns if name != x and not usual_names.no_error(name)]
    if y is not None and y not in table.columns and (turned := _TURNED.fullmatch(y.strip())):
        return x, f"{turned[1]}-{_choose(table, turned[2], (), '--y')}"
    y = left[0] if y is None and len(left) == 1 else _choose(table, y, usual_names.ERRORS, "--y")
    if y == x:
        raise ValueError(f"--x and --y are both {x!r}: name two columns of {', '.join(table.columns)}")
    return x, y


def _numbers(table: pd.DataFrame, column: str, sizes: bool = False) -> tuple[np.ndarray, str]:
    if (whole := _TURNED.fullmatch(column)) and column not in table.columns:
        values, remark = _numbers(table, whole[2])
        return float(whole[1]) - values, remark
    return written_numbers.read(table[column], decimal_comma=table.attrs.get("decimal") == ",", sizes=sizes)


def read_curve(
    path: str | Path,
    x: str | None = None,
    y: str | None = None,
    se: str | None = None,
    *,
    where: Sequence[str] = (),
) -> pd.DataFrame:
    """Read the points of one curve.

    Arguments:
        path: a ``.csv``, ``.tsv``, ``.json``, ``.jsonl`` or ``.parquet`` file with named columns, a chart exported from
            Weights & Biases as CSV, or a TensorBoard event file or the folder of one run's.
        x, y: the columns of the size and of the error or loss, as in ``choose_columns``.
        se: the column of the standard error of y, if there is one.
        where: conditions such as ``"model=a"`` that the rows must meet, where the file holds several curves.

    Returns a frame with columns ``x``, ``y`` and, if asked for, ``se``. Rows without a value and rows at size 0 are
    dropped; of more than 2,000 rows the trend is kept: a log as means of at most 200 bins even in log x, repeats of few
    sizes as means of some of them.
    Its ``attrs`` hold the columns' own names (``x_name``, ``y_name``), the number of rows ``dropped`` for want of a
    value, and ``notes``: sentences about what was done and what looks odd.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = file.write_text("examples,error\\n0,0.9\\n100,0.30\\n200,0.22\\n")
    >>> curve = read_curve(file)
    >>> curve.y.tolist(), curve.attrs["notes"]
    ([0.3, 0.22], ('1 row at examples 0 is left out: logarithms have no zero.',))
    """
    return curve_of(several_curves.only(read_table(path), where), x, y, se, name=Path(path).name)


def curve_of(
    table: pd.DataFrame, x: str | None = None, y: str | None = None, se: str | None = None, *, name: str = "the table"
) -> pd.DataFrame:
    """The points of one curve in a table that was read, as ``read_curve`` returns them; ``name`` is for its errors.

    >>> curve_of(pd.DataFrame({"examples": [10, 20], "error": [0.5, 0.4]})).attrs["y_name"]
    'error'
    """
    if any(table.index.names):  # of a Parquet file
        table = table.reset_index()
    x, y = choose_columns(table, x, y)
    read = {"x": _numbers(table, x, sizes=True), "y": _numbers(table, y)}
    if se is not None:
        read["se"] = _numbers(table, _choose(table, se, (), "--se"))
    columns = {key: values for key, (values, _) in read.items()}
    curve = pd.DataFrame(columns)
    usable = np.isfinite(curve).all(axis=1)
    dropped = int((~usable).sum())
    curve = curve[usable]
    if curve.empty:
        raise ValueError(f"{name} has no row with a finite {x} and {y}")
    if (curve.x < 0).any():
        raise ValueError(f"column {x!r} holds {curve.x.min():g}, but sizes must be above 0")
    called = {"x": x, "y": y, "se": se}
    lacking = [name for key, name in called.items() if key in columns and not np.isfinite(columns[key]).all()]
    notes = [f"{_rows(dropped, ' without ' + ' or '.join(lacking))} left out."] if dropped else []
    notes += [remark for _, remark in read.values() if remark]
    source = y if y in table.columns else _TURNED.fullmatch(y)[2]
    if written_numbers.is_percent(table[source]):
        notes.append(f"{source} is in percent and read as a share: 5% is 0.05.")
    zeros = int((curve.x == 0).sum())
    if zeros:
        curve = curve[curve.x > 0]
        notes.append(f"{_rows(zeros, f' at {x} 0')} left out: logarithms have no zero.")
        if curve.empty:
            raise ValueError(f"{name} has no row with {x} above 0")
    others = [name for name in table.columns if name not in (x, source, se) and not usual_names.no_curve(name)]
    mixed = several_curves.remark(table, columns["x"], columns["y"], others)
    notes += [mixed] if mixed else []
    curve, more = _trend(curve.reset_index(drop=True), x, y)
    curve.attrs.update(x_name=x, y_name=y, dropped=dropped, notes=(*notes, *more))
    return curve


def _rows(count: int, which: str = "") -> str:
    return f"{count:,} row{'s' if count > 1 else ''}{which} {'are' if count > 1 else 'is'}"


def _trend(curve: pd.DataFrame, x: str, y: str) -> tuple[pd.DataFrame, list[str]]:
    """A long curve as its trend, and what a reader should know about it."""
    notes = []
    if len(curve) > LONG:
        many = curve.x.nunique() > LONG // 2
        short = log_files.thin(curve).drop(columns="rows") if many else _batches(curve, LONG)
        how = f"even in log {x}" if many else f"each of one {x}"
        notes.append(
            f"{len(curve):,} rows are averaged to {len(short):,} points, {how}: the trend is forecast, and "
            "single rows scatter more widely than its interval."
        )
        curve = short
    if curve.x.nunique() > 2 and curve.y.nunique() > 1 and curve.x.rank().corr(curve.y.rank()) > _RISING:
        notes.append(
            f"{y} rises with {x}, but lower is better here. If it is a score such as an accuracy, ask for "
            f"{'1' if curve.y.max() <= 1 else '100'}-{y} as y; if it is a loss, look whether training diverged."
        )
    return curve, notes


def _batches(curve: pd.DataFrame, rows: int) -> pd.DataFrame:
    """About so many means of equally many repeats, each of one size, so that no size gains or loses weight."""
    repeats = curve.groupby("x").cumcount() // -(-len(curve) // rows)
    groups = curve.groupby([curve.x, repeats.rename("batch")])
    columns = {"y": groups["y"].mean()}
    if "se" in curve:  # of a mean of independent values
        columns["se"] = np.sqrt((curve.se**2).groupby([curve.x, repeats]).sum().to_numpy()) / groups.size()
    return pd.DataFrame(columns).reset_index().drop(columns="batch")


def by_size(rows: pd.DataFrame, bounds: Sequence[float] = (0, np.inf)) -> pd.DataFrame:
    """The means of a curve's repeats at every size where logarithms can be taken of them.

    Arguments:
        rows: columns x, y and optionally se, as from ``read_curve``.
        bounds: range of y; rows outside it are left out, as a forecast leaves them out.

    Returns a frame x, y, a row per size; with se (of the mean) where every one is above zero. Its ``attrs`` hold
    ``noise``, by how much a mean is off as its repeats have it (relative, RMS; 0 without repeats), and ``zeros``, the
    number of sizes left out for a mean at or below zero.

    >>> curve = by_size(pd.DataFrame({"x": [10, 10, 20, 40], "y": [0.5, 0.3, 0.2, 0.0]}))
    >>> curve.y.tolist(), curve.attrs["zeros"], round(curve.attrs["noise"], 3)
    ([0.4, 0.2], 1, 0.25)
    """
    sizes = rows[rows.y.between(*bounds)].groupby("x")
    means = sizes.y.agg(["mean", "sem"])
    positive = means["mean"] > 0
    curve = means["mean"].rename("y").to_frame()
    if "se" in rows:
        curve["se"] = sizes.se.agg(lambda se: float(np.sqrt((se**2).sum())) / len(se))
    curve, means = curve[positive].reset_index(), means[positive]
    if "se" in curve and not (curve.se > 0).all():
        curve = curve.drop(columns="se")
    noise = float(np.nan_to_num(np.sqrt(((means["sem"] / means["mean"]) ** 2).mean())))
    curve.attrs.update(noise=noise, zeros=int((~positive).sum()))
    return curve


def weights(curve: pd.DataFrame, objective: str = "log_squared") -> pd.Series | None:
    """What each point counts in a fit: the inverse of its variance, that of ln y where logarithms are fitted.

    None, all alike, without a column se. Raises ``ValueError`` for a standard error that is not above zero.

    >>> weights(pd.DataFrame({"x": [1, 2], "y": [0.4, 0.4], "se": [0.1, 0.2]})).round(2).tolist()
    [1.6, 0.4]
    """
    if "se" not in curve:
        return None
    if not (curve.se > 0).all():
        raise ValueError(
            f"--se: a fit weighs points by their standard errors, so none may be {curve.se.min():g}: leave such rows "
            "out, or fit without --se"
        )
    precision = (1.0 if objective == "squared" else curve.y) / curve.se
    return precision**2 / (precision**2).mean()
