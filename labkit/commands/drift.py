"""``labkit check`` and ``labkit accept``: compare recorded numbers with the accepted ones, or accept new ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

_out = click.option(
    "--out", default="reports", show_default=True, type=click.Path(path_type=Path), help="Folder of the reports."
)


@click.command(
    epilog="""\b
Examples:
  labkit check
  labkit check --out reports --json"""
)
@_out
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def check(out, as_json):
    """Compare the numbers of the last reports with data/baselines; exit code 3 names what drifted."""
    from labkit import results

    if not out.is_dir():
        raise click.UsageError(
            f"there is no folder {str(out)!r}: run labkit report first, or name its folder with --out"
        )
    frame = results.check(out)
    if as_json:
        click.echo(frame.to_json(orient="records", indent=2))
    else:
        for row in frame[~frame.verdict.isin(["same", "new"])].itertuples():
            click.echo(f"{row.notebook}, {row.preset}: {row.sentence}")
        for (notebook, preset), new in frame[frame.verdict == "new"].groupby(["notebook", "preset"]):
            click.echo(f"{notebook}, {preset}: {len(new)} numbers have no baseline yet; labkit accept makes one.")
        same = int((frame.verdict == "same").sum())
        click.echo(f"{same} of {len(frame)} numbers agree with their baselines.")
    sys.exit(3 if frame.failure.any() else 0)


def _bounds(given: tuple[str, ...]) -> dict[str, float]:
    bounds = {}
    for one in given:
        name, equals, value = one.rpartition("=")
        try:
            bounds[name] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise click.BadParameter(f"got {one!r}, expected NAME=VALUE, for example --bound 'exponent=0.05'")
    return bounds


@click.command(
    epilog="""\b
Examples:
  labkit accept notebooks/01_learning_curves.ipynb --reason "wider validation split"
  labkit accept notebooks/00_start_here.ipynb --preset smoke --repeats 20 --reason "first baseline" """
)
@click.argument("notebooks", nargs=-1, type=click.Path(path_type=Path), required=True)
@click.option("--reason", required=True, help="Why the numbers changed; kept in the baseline.")
@click.option("--preset", default="lesson", show_default=True, help="The preset to accept.")
@click.option(
    "--repeats",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Runs with other seeds (at least 20 for statistical numbers).",
)
@click.option("--bound", "bounds", multiple=True, metavar="NAME=VALUE", help="How far a number may move in practice.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Runs at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the accepted records as JSON.")
def accept(notebooks, reason, preset, repeats, bounds, jobs, as_json):
    """Run NOTEBOOKS with many seeds and make their numbers the new baselines."""
    from labkit import reports, results

    written = []
    for notebook in notebooks:
        folders = reports.repeat(notebook, preset=preset, repeats=repeats, jobs=jobs)
        written.append(results.accept(folders, reason, bounds=_bounds(bounds)))
    if as_json:
        click.echo(json.dumps([str(path) for path in written]))
    else:
        for path in written:
            click.echo(f"Accepted {path}")
