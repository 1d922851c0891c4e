"""A reader's own file: choose the file and its columns, and see its curve, the forecast and the interval at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labkit import curve_files, laws, places
from labkit.laws.forecast import FAR
from labkit.lessons import own_data
from labkit.lessons.panels import own_file_chart
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Choice, Slider, levels
from labkit.lessons.panels.own_file_controls import Typed, save_upload, upload_button
from labkit.lessons.panels.points import SE

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
_REACH = (2, 1000)  # how many times the largest size a forecast may go
_STEP = 0.05  # of the reach, in powers of ten


@dataclass(frozen=True)
class OwnFile:
    """A curve from a file and its forecast.

    Fields: ``path``; ``names`` of the columns of size and error; ``columns`` of the file; ``points`` (frame x, y, and
    se where the file has standard errors);
    ``line`` (frame x, y, low, high, from the largest size measured to the furthest asked about); ``reach``, how many
    times the largest size that is; ``interval``; ``notes`` of the reading and warnings of the forecast.
    """

    path: str
    names: tuple[str, str]
    columns: tuple[str, ...]
    points: pd.DataFrame
    line: pd.DataFrame
    reach: float
    interval: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        last, (x, y) = self.line.iloc[-1], self.names
        said = [
            f"{Path(self.path).name}: {len(self.points):,} points of {y} against {x}.",
            f"At {float(f'{last.x:.3g}'):,.12g} {x}: {last.y:.4g}, {self.interval:.0%} interval {last.low:.4g} "
            f"to {last.high:.4g}.",
            *(f"{note[0].upper()}{note[1:].removesuffix('.')}." for note in self.notes),
        ]
        return " ".join(said)


class OwnFilePanel(Panel):
    """The panel of ``own_file``: it takes uploads, and offers the columns of the file that was read."""

    def __init__(self, controls: dict[str, Any], **functions: Any) -> None:
        controls["curve"].listen(self._another_file)
        super().__init__("Your own curve", list(controls.values()), **functions)

    def take_upload(self, name: str, content: bytes) -> None:
        """Store an uploaded file and read it; what is wrong with it stands in the panel."""
        try:
            self.controls["curve"].value = str(save_upload(name, content))
        except Exception as error:
            self._fail(error)

    def to_parameters(self) -> str:
        # an empty field means the usual name, which a parameters cell writes as None
        return super().to_parameters().replace("= ''", "= None")

    def _another_file(self) -> None:
        for name in ("x", "y"):  # the columns of one file say nothing about those of the next
            self.controls[name].quietly("")

    def _buttons(self) -> Any:
        import ipywidgets as widgets

        self._upload = upload_button(ENDINGS, self.take_upload)
        return widgets.VBox([self._upload, super()._buttons()])

    def _key(self, settings: dict[str, Any]) -> str:
        return f"{settings!r} {_version(settings['curve'])}"

    def _deliver(self, drawn: Any) -> None:
        super()._deliver(drawn)
        for name in ("x", "y"):
            self.controls[name].suggest(drawn.record.columns)


def own_file(
    curve: str | Path | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    se: str | None = None,
    reach: float = 10.0,
    interval: float = 0.9,
    bounds: tuple[float, float | None] = (0, None),
) -> Panel:
    """Read a file of points or a training log, and forecast it.

    Arguments:
        curve: path of a file as in ``curve_files.read_curve``; None: an example that ships with labkit.
        x, y: columns of the size and of the error or loss; None: those with usual names.
        se: column of the standard errors of y, drawn as bars; the forecast weighs the points by them. None: the
            column "se" of a file that has one.
        reach: how many times the largest size to forecast, 2 to 1,000.
        interval: share of new observations the interval should hold; where the control starts.
        bounds: the range of y, (0, 1) for error rates.

    The path comes first, since a file of any size can be read from it; the upload button takes files up to 10 MB.
    ``panel.value`` is an ``OwnFile`` record. Raises what ``read_curve`` raises where nobody is looking.

    >>> panel = own_file(reach=4)
    >>> panel.value.names
    ('examples', 'error')
    """
    example = str(places.data() / "examples" / "curve.csv")
    curve = str(curve) if curve else example
    here, far = "empty: by its usual name", "how many times the largest size to forecast"
    controls = {
        "curve": Typed("curve", "Path of the file", curve, placeholder="empty: the example", note="path of your file"),
        "x": Typed("x", "Column of the size", x or "", placeholder=here, note="column of the size"),
        "y": Typed("y", "Column of the error or loss", y or "", placeholder=here, note="column of the error or loss"),
        "reach": Slider("reach", "times the largest size", *_REACH, reach, step=_STEP, log=True, note=far),
        "interval": Choice(
            "interval", "Interval", levels(interval), interval, note="share of new points it should hold"
        ),
    }
    controls["curve"].suggest([str(path) for path in sorted((places.data() / "examples").glob("*.*"))])

    def evaluate(settings: dict[str, Any]) -> OwnFile:
        path = settings["curve"] or example
        own = se if path == curve else None  # the columns of one file say nothing about those of the next
        return _told(**{**settings, "curve": path}, se=own, bounds=tuple(bounds))

    return OwnFilePanel(controls, evaluate=evaluate, draw=own_file_chart.draw, say=str)


def _version(path: str) -> tuple[int, int] | None:
    """What changes when the file does; for a folder, when any file in it does."""
    place = Path(path).expanduser()
    if not place.exists():
        return None
    states = [one.stat() for one in ([place] if place.is_file() else place.rglob("*"))]
    return max((state.st_mtime_ns for state in states), default=0), sum(state.st_size for state in states)


@lru_cache(maxsize=4)
def _read(path: str, x: str, y: str, se: str | None, version: Any) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The curve and the columns of the file; kept, since a large file takes a second and a slider moves often."""
    table = curve_files.read_table(path)
    curve = own_data.curve_of(table, x or None, y or None, se, name=Path(path).name)
    return curve, tuple(table.columns)


def _told(curve: str, x: str, y: str, se: str | None, reach: float, interval: float, bounds: Any) -> OwnFile:
    version = _version(curve)
    found, columns = _read(curve, x, y, se, version)
    report = _forecast(curve, x, y, se, version, interval, bounds, reach > _warned_from(found.x))
    weighed = ["points are weighed by their standard errors"] if SE in found else []
    return OwnFile(
        path=curve,
        names=(found.attrs["x_name"], found.attrs["y_name"]),
        columns=columns,
        points=found[[name for name in ("x", "y", SE) if name in found]],
        line=_up_to(report.table.rename(columns={"prediction": "y"}), reach * found.x.max()),
        reach=reach,
        interval=interval,
        notes=(*found.attrs["notes"], *weighed, *report.warnings),
    )


@lru_cache(maxsize=16)
def _forecast(
    path: str, x: str, y: str, se: str | None, version: Any, interval: float, bounds: Any, far: bool
) -> laws.ForecastReport:
    """The forecast at every place of the slider, so that moving it forecasts nothing again.

    Unless asked for, without those so far that the forecast warns.
    """
    found, _ = _read(path, x, y, se, version)
    steps = np.arange(np.log10(_REACH[0]), np.log10(_REACH[1]), _STEP)
    grid = np.unique(np.concatenate([np.geomspace(1, _REACH[1], 121), 10**steps]))
    if not far:
        near = min(_warned_from(found.x), _REACH[1])
        grid = np.append(grid[grid < near], near)
    how = {"interval": interval, "se": found.get(SE), "bounds": bounds}
    return laws.forecast_report(found.x, found.y, grid * found.x.max(), **how)


def _warned_from(x: pd.Series) -> float:
    """From how many times the largest size on a forecast warns that it goes far."""
    return float(max(x.max() / x[x > 0].min(), 1.0) ** FAR * (1 - 1e-9))


def _up_to(line: pd.DataFrame, far: float) -> pd.DataFrame:
    """The line up to a size and at it: straight between two places of the slider, on logarithmic axes if it may be."""

    def at(column: pd.Series) -> float:
        known = np.log(column) if (column > 0).all() else column
        found = float(np.interp(np.log(far), np.log(line.x), known))
        return np.exp(found) if (column > 0).all() else found

    end = pd.DataFrame([{name: at(line[name]) for name in line}])
    return pd.concat([line[line.x < far * (1 - 1e-9)], end], ignore_index=True)
