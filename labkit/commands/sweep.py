"""``labkit sweep``: a study written in a TOML file, run here or on a cluster, kept point by point."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ("function", "grid", "random", "store", "jobs")


@click.command(
    epilog="""\b
Examples:
  labkit sweep study.toml
  labkit sweep study.toml seed=0,1,2 --out points.csv
  labkit sweep study.toml --explain
  labkit sweep study.toml --backend dask --address tcp://10.0.0.5:8786

\b
A study names a function (package.module:function, or file.py:function
beside it) and the values of its parameters; what it returns, a dict or
a frame, is added to the table as one row or several:
  function = "measure.py:error"
  [grid]
  examples = [64, 256, 1024]
  seed = [0, 1, 2]

\b
[random] in place of [grid] draws configurations:
  points = 50
  draw_seed = 0
  seed = [0, 1, 2]
  learning_rate = { low = 1e-4, high = 1e-1, log = true }"""
)
@click.argument("study", type=click.Path(path_type=Path))
@click.argument("values", nargs=-1, metavar="[KEY=1,2,3]...")
@click.option("--store", help="Folder or URL of the point store; default: the study's, else the checkout's.")
@click.option("--jobs", type=int, help="Workers; -1 is one per core. Default: the study's, else 1.")
@click.option("--backend", help="loky, threading, dask, ray or any other backend of joblib.")
@click.option("--address", help="Of a running scheduler of dask or ray; default: one on this machine.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to this CSV file.")
@click.option("--explain", is_flag=True, help="Compute nothing: say which points are stored, and why others are not.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def sweep(study, values, store, jobs, backend, address, out, explain, as_json):
    """Run the function of STUDY at every point of its design; finished points are stored and never computed twice."""
    from labkit import sweeps

    given = _read(study)
    function, design = _function(given["function"], study.parent), _design(given, values, study)
    store, jobs = store or given.get("store"), jobs if jobs is not None else given.get("jobs", 1)
    if out is not None and not out.parent.is_dir():
        raise click.UsageError(f"there is no folder {str(out.parent)!r} to write {out.name!r} into")
    if explain:
        table = sweeps.explain(function, design, store=store)
    else:
        try:
            with _cluster(backend, address, jobs):
                table = sweeps.run(function, design, store=store, jobs=jobs, backend=backend, progress=not as_json)
        except sweeps.PointFailed as failure:
            click.echo(f"Error: {failure}", err=True)
            sys.exit(1)
    _write(table, out, as_json)


def _read(study: Path) -> dict[str, Any]:
    from labkit.registry import nearest

    try:
        given = tomllib.loads(study.read_text())
    except FileNotFoundError:
        raise click.UsageError(f"there is no file {str(study)!r}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise click.UsageError(f"{study} is not a TOML file: {error}") from None
    for key in given:
        if key not in _KEYS:
            raise click.UsageError(f"{study} has an unknown key {key!r}: {nearest(key, _KEYS)}")
    if not isinstance(given.get("function"), str) or ":" not in given["function"]:
        raise click.UsageError(f'{study} needs a line such as function = "measure.py:error"')
    if ("grid" in given) == ("random" in given):
        raise click.UsageError(f"{study} needs a table [grid] or a table [random], and not both")
    return given


def _function(name: str, folder: Path) -> Callable:
    """The function behind ``package.module:function`` or ``file.py:function``."""
    from labkit.registry import nearest

    place, _, attribute = name.rpartition(":")
    if place.endswith(".py"):
        path = (folder / place).resolve()
        if not path.is_file():
            raise click.UsageError(f"the study's function {name!r} is in a file that is not there: {path}")
        # The file's folder goes on the path as if the file were run, so what stands beside it can be imported.
        sys.path.insert(0, str(path.parent))
        place = path.stem
    try:
        module = importlib.import_module(place)
    except ModuleNotFoundError as error:
        raise click.UsageError(f"the study's function {name!r} cannot be imported: {error}") from None
    if not callable(getattr(module, attribute, None)):
        names = [one for one, value in vars(module).items() if callable(value) and not one.startswith("_")]
        raise click.UsageError(f"{place} has no function {attribute!r}: {nearest(attribute, names)}")
    return getattr(module, attribute)


def _design(given: dict[str, Any], values: tuple[str, ...], study: Path) -> list[dict[str, Any]]:
    """The points of the study, with the axes named on the command line in place of its own."""
    from labkit import sweeps

    axes = dict(given.get("grid", given.get("random")))
    axes.update(_axis(value) for value in values)
    if "grid" in given:
        return sweeps.grid(**axes)
    points, seed = _single(axes.pop("points", None)), _single(axes.pop("draw_seed", 0))
    if type(points) is not int or type(seed) is not int:
        raise click.UsageError(f"[random] of {study} needs points = 50 (a whole number); draw_seed is one too")
    return sweeps.random_design(points, {name: _span(name, axis) for name, axis in axes.items()}, seed=seed)


def _single(value: Any) -> Any:
    """The one value of an axis that was given on the command line."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _axis(text: str) -> tuple[str, Any]:
    """``width=8,16`` as ``("width", [8, 16])``; what is not a value of TOML is text."""
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        raise click.BadParameter(f"got {text!r}, expected KEY=VALUES, for example seed=0,1,2", param_hint="KEY=VALUES")
    try:
        return name.strip(), tomllib.loads(f"axis = [{values}]")["axis"]
    except tomllib.TOMLDecodeError:
        return name.strip(), [_value(part.strip()) for part in values.split(",")]


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _span(name: str, axis: Any) -> Any:
    from labkit import sweeps

    if not isinstance(axis, dict):
        return axis
    try:
        return sweeps.Span(**axis)
    except TypeError:
        raise click.UsageError(
            f"{name} is {axis}; a span has low and high, and may have log = true and whole = true"
        ) from None


@contextlib.contextmanager
def _cluster(backend: str | None, address: str | None, jobs: int) -> Iterator[None]:
    """The scheduler that a backend needs around it."""
    if backend not in ("dask", "ray"):
        if address:
            raise click.UsageError("--address goes with --backend dask or --backend ray")
        yield
        return
    needed = {"dask": "distributed", "ray": "ray"}[backend]
    if importlib.util.find_spec(needed) is None:
        raise click.UsageError(f"--backend {backend} needs a package that is not here: pip install 'labkit[{backend}]'")
    if backend == "dask":
        from distributed import Client, LocalCluster

        with contextlib.ExitStack() as stack:
            if address is None:
                workers = None if jobs == -1 else jobs
                # a port of its own, seen from here alone: two sweeps may run at once
                local = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
                address = stack.enter_context(local)
            try:
                stack.enter_context(Client(address, timeout=10))
            except (OSError, TimeoutError, ValueError) as error:
                raise click.UsageError(f"no scheduler of dask answers at {address}: {error}") from None
            yield
    else:
        import ray

        with ray.init(address=address, log_to_driver=False):
            yield


def _write(table: pd.DataFrame, out: Path | None, as_json: bool) -> None:
    if out is not None:
        table.to_csv(out, index=False)
    if as_json:
        click.echo(json.dumps(json.loads(table.to_json(orient="records")), indent=2))
    elif out is None:
        click.echo(table.to_string(index=False))
    else:
        click.echo(f"Wrote {len(table)} row{'s' if len(table) != 1 else ''} to {out}")
    counts = table.attrs.get("sweep")
    if counts and not as_json:
        stored, computed = ((n, "was" if n == 1 else "were") for n in (counts["stored"], counts["computed"]))
        points = "point" if stored[0] == 1 else "points"
        click.echo(f"{stored[0]} {points} {stored[1]} stored, {computed[0]} {computed[1]} computed.", err=True)
