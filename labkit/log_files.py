"""Training logs as tables: TensorBoard event files, Weights & Biases exports, and curves too long to fit whole."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from labkit.registry import nearest

MAX_BYTES = 100 * 2**20
POINTS = 200  # that a log is thinned to
_EVENTS = "tfevents"
_EXTREMES = re.compile(r"__(MIN|MAX)$")


def is_events(path: str | Path) -> bool:
    """Whether a path is a TensorBoard event file, or a folder with some in it.

    >>> is_events("runs/events.out.tfevents.1700000000.host"), is_events("errors.csv")
    (True, False)
    """
    path = Path(path)
    return any(path.rglob(f"*{_EVENTS}*")) if path.is_dir() else _EVENTS in path.name


def read_events(path: str | Path) -> pd.DataFrame:
    """The scalars of one TensorBoard run: a row per step, a column per tag, and the column ``step``.

    Arguments:
        path: an event file, or a folder in which one run's event files lie.

    A step that was logged again (a resumed run) keeps its last value. Raises ``FileNotFoundError``, and ``ValueError``
    where the folder holds several runs, more than 100 MB, no scalars, or TensorBoard is not installed.
    """
    path = Path(path)
    files = sorted(path.rglob(f"*{_EVENTS}*")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise FileNotFoundError(f"there is no TensorBoard event file at {str(path)!r}")
    folders = sorted({file.parent for file in files})
    if len(folders) > 1:
        names = ", ".join(str(folder.relative_to(path)) for folder in folders[:5])
        raise ValueError(f"{path.name} holds {len(folders)} runs ({names}): name the folder of one")
    size = sum(file.stat().st_size for file in files)
    if size > MAX_BYTES:
        raise ValueError(f"{path.name} has {size / 2**20:.0f} MB of events, but at most {MAX_BYTES >> 20} MB are read")
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.util import tensor_util
    except ImportError:
        raise ValueError("reading event files needs TensorBoard: pip install 'labkit[tensorboard]'") from None
    events = EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    columns = {}
    for tag in events.Tags()["scalars"]:
        columns[tag] = {event.step: event.value for event in events.Scalars(tag)}
    for tag in events.Tags()["tensors"]:  # what TensorFlow 2 writes
        arrays = {event.step: tensor_util.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)}
        if all(array.ndim == 0 and array.dtype.kind in "fiu" for array in arrays.values()):
            columns[tag] = {step: float(array) for step, array in arrays.items()}
    if not columns:
        raise ValueError(f"{path.name} holds no scalars: log the loss with add_scalar, or export it as CSV")
    return pd.DataFrame(columns).rename_axis("step").sort_index().reset_index()


def is_export(table: pd.DataFrame) -> bool:
    """Whether a table is a chart exported from Weights & Biases: a step, and columns such as "my run - loss".

    >>> is_export(pd.DataFrame(columns=["Step", "a - loss", "a - loss__MIN", "a - loss__MAX"]))
    True
    """
    return any(
        _EXTREMES.sub("", name) in set(table.columns) - {name} for name in table.columns if _EXTREMES.search(name)
    )


def runs_of_export(table: pd.DataFrame) -> pd.DataFrame:
    """An export without the extremes of each point: the first column, and those called "run - metric".

    >>> export = pd.DataFrame({"Step": [1], "a - loss": [0.5], "a - loss__MIN": [0.4], "a - loss__MAX": [0.6]})
    >>> runs_of_export(export).columns.tolist()
    ['Step', 'a - loss']
    """
    return table[[name for name in table.columns if not _EXTREMES.search(name) and not name.endswith(" - _step")]]


def thin(curve: pd.DataFrame, points: int = POINTS) -> pd.DataFrame:
    """A long log as few points, evenly spread in log x: the means of the rows in each bin.

    Arguments:
        curve: frame with columns x (above 0), y and perhaps se, the standard error of y.
        points: at most so many; a shorter curve comes back as it is.

    Returns a frame x, y, se where it was given, and rows. A mean follows the trend, so a forecast of it is one of the
    smoothed curve, and single steps scatter more widely than its interval says.

    >>> log = pd.DataFrame({"x": range(1, 10_001), "y": 1.0})
    >>> thin(log, 50)[["y", "rows"]].agg({"y": "mean", "rows": "sum"}).tolist()
    [1.0, 10000.0]
    """
    if points < 2:
        raise ValueError(f"a curve keeps at least 2 points, not {points}")
    if len(curve) <= points:
        return curve.assign(rows=1)
    edges = np.geomspace(curve.x.min(), curve.x.max(), points + 1)
    places = np.clip(np.searchsorted(edges, curve.x.to_numpy(), side="right") - 1, 0, points - 1)
    bins = curve.groupby(places)
    columns = {"x": bins["x"].mean(), "y": bins["y"].mean()}
    if "se" in curve:  # of a mean of independent values
        columns["se"] = np.sqrt((curve.se**2).groupby(places).sum()) / bins.size()
    return pd.DataFrame({**columns, "rows": bins.size()}).reset_index(drop=True)


def tag_of(table: pd.DataFrame, name: str) -> str:
    """The one column that is called ``name`` or ends in it, as "loss/validation" or "my run - loss" do.

    >>> tag_of(pd.DataFrame(columns=["step", "train/loss", "train/lr"]), "loss")
    'train/loss'
    """
    if name in table.columns:
        return name
    ending = [column for column in table.columns if re.split(r"/| - ", column)[-1] == name]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise ValueError(f"several columns are called {name!r}: name one of {', '.join(ending)}")
    raise ValueError(f"no column {name!r}: {nearest(name, table.columns)}")
