"""The records of the run under way, kept in memory and, when the run has a folder, on disk after every call."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import places
from labkit.results.files import read_json, write_json
from labkit.results.values import Record, build

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "torch")


@dataclass
class Run:
    """The records and verdicts of one run of a notebook, and the environment it ran in."""

    notebook: str | None = None
    preset: str | None = None
    directory: Path | None = None
    records: dict[str, Record] = field(default_factory=dict)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)


_run: Run | None = None


def environment() -> dict[str, Any]:
    """What decides whether two computations agree to the last digits: platform, Python and library versions."""
    return {
        "platform": f"{platform.system()}-{platform.machine()}",
        "cpus": places.cores(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "versions": dict(_versions()),
    }


@functools.cache
def _versions() -> dict[str, str]:
    """The versions installed, looked up once: each look-up reads a file."""
    versions = {}
    for library in _LIBRARIES:
        try:
            versions[library] = importlib.metadata.version(library).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def start(notebook: str | None = None, preset: str | None = None, directory: str | Path | None = None) -> Run:
    """Begin a run: forget the records of the one before.

    ``directory`` is where ``records.json`` and ``claims.json`` are kept up to date; by default the environment
    variable ``LABKIT_RUN_DIR``, and nowhere when that is not set.

    >>> start("01_learning_curves", "smoke").notebook
    '01_learning_curves'
    """
    global _run
    directory = directory or os.environ.get("LABKIT_RUN_DIR") or None
    _run = Run(notebook, preset, Path(directory) if directory else None, environment=environment())
    if _run.directory:
        (_run.directory / "claims.json").unlink(missing_ok=True)
        _write(_run)
    return _run


def current() -> Run:
    """The run under way; one without a name is begun when there is none."""
    return _run if _run is not None else start()


def headless() -> bool:
    """Whether nobody is looking, so that a mistake must end the run."""
    return os.environ.get("LABKIT_HEADLESS") == "1"


def record(
    name: str,
    value: Any,
    *,
    kind: str,
    se: float | Mapping[str, float] | None = None,
    n: int | None = None,
    unit: str | None = None,
    fingerprint: str | None = None,
) -> Record:
    """Add one number to the records of the run under way, and write them where the run keeps them.

    Arguments: ``name`` (unique in the run); ``value`` (as ``kind`` asks: exact, numeric, statistical, ordinal, time; an
    ordinal takes a mapping from name to score, lower is better, or just the names in order); ``se`` (standard error,
    needed for statistical; for an ordinal one number, or one per name); ``n`` (seeds or resamples behind it); ``unit``;
    ``fingerprint`` (of the data, when the number holds for that data only).

    Raises ``ValueError`` for a value that is not finite, an unknown kind, a missing ``se``, and, headless, for a name
    used twice; when someone runs a cell again, the newer record takes the place of the older.

    >>> _ = start("demo")
    >>> record("exponent", 0.31, se=0.02, n=5, kind="statistical").value
    0.31
    >>> record("order of scores", {"random": 0.21, "el2n": 0.14}, se=0.01, kind="ordinal").value
    ('el2n', 'random')
    >>> record("exponent", float("nan"), se=0.02, kind="statistical")
    Traceback (most recent call last):
    ValueError: record 'exponent': value is nan; a recorded number must be finite. Record why it is missing as an exact text instead
    """  # noqa: E501
    run = current()
    new = build(name, value, kind=kind, se=se, n=n, unit=unit, fingerprint=fingerprint)
    if new.name in run.records and headless():
        raise ValueError(f"record {name!r} exists already in this run: give the second one a name of its own")
    run.records[new.name] = new
    _write(run)
    return new


def table() -> pd.DataFrame:
    """The records of the run under way as a frame: name, value, se, n, unit, kind, fingerprint.

    >>> _ = start("demo")
    >>> _ = record("points", 12, kind="exact")
    >>> table()[["name", "value", "kind"]].to_dict("records")
    [{'name': 'points', 'value': 12, 'kind': 'exact'}]
    """
    import pandas as pd

    columns = ["name", "value", "se", "n", "unit", "kind", "fingerprint"]
    rows = [[getattr(one, column) for column in columns] for one in current().records.values()]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def read(directory: str | Path) -> Run:
    """The run whose records lie in a folder; raises ``FileNotFoundError`` or ``ValueError`` where none can be read."""
    directory = Path(directory)
    path = directory / "records.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: the run in {directory} recorded nothing, or has not run")
    content = read_json(path, SCHEMA)
    records = {}
    for stored in content["records"]:
        known = {one.name: stored.get(one.name) for one in fields(Record)}
        records[known["name"]] = Record(**{key: frozen(value) for key, value in known.items()})
    return Run(content["notebook"], content["preset"], directory, records, environment=content["environment"])


def _write(run: Run) -> None:
    if run.directory is None:
        return
    content = {
        "schema": SCHEMA,
        "notebook": run.notebook,
        "preset": run.preset,
        "environment": run.environment,
        "records": [asdict(one) for one in run.records.values()],
    }
    write_json(run.directory / "records.json", content)


def frozen(value: Any) -> Any:
    """JSON's lists as the tuples that records hold."""
    if isinstance(value, dict):
        return {key: frozen(one) for key, one in value.items()}
    return tuple(frozen(one) for one in value) if isinstance(value, list) else value
