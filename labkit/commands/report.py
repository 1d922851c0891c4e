"""``labkit report``: run notebooks without a front end and turn them into offline pages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise click.BadParameter(
                f"got {setting!r}, expected NAME=VALUE, for example --set seeds=5", param_hint="--set"
            )
        pairs[name.strip()] = value.strip()
    return pairs


@click.command(
    epilog="""\b
Examples:
  labkit report
  labkit report notebooks/01_learning_curves.ipynb --preset smoke
  labkit report notebooks/01_learning_curves.ipynb --set seeds=5 --set 'sizes=[64,128,256]'"""
)
@click.argument("notebooks", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--preset", default="lesson", show_default=True, help="smoke, lesson, full, or one of the notebook's own."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the notebook; repeatable.")
@click.option(
    "--out", default="reports", show_default=True, type=click.Path(path_type=Path), help="Folder of the pages."
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Notebooks run at once.")
@click.option("--wall", type=click.FloatRange(min=0, min_open=True), help="Seconds a notebook may take.")
@click.option("--memory", type=click.FloatRange(min=0, min_open=True), help="Gigabytes a notebook may use.")
@click.option("--pdf", is_flag=True, help="Print every page to PDF too, where a browser is found.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
def report(notebooks, preset, settings, out, jobs, wall, memory, pdf, as_json):
    """Run NOTEBOOKS (default: all lessons) and write one page for each, and the index with the ledger of claims."""
    from labkit import places, reports

    notebooks = list(notebooks) or sorted(places.notebooks().glob("[0-9]*.ipynb"))
    if not notebooks:
        raise click.UsageError(f"no notebooks in {places.notebooks()}: name some, or run from the checkout")
    outcomes = reports.run(
        notebooks,
        preset=preset,
        parameters=_pairs(settings),
        out=out,
        jobs=jobs,
        wall_seconds=wall,
        memory_bytes=int(memory * 2**30) if memory else None,
    )
    index = reports.index(out)
    if pdf:
        _print_pages(outcomes, quiet=as_json)
    if as_json:
        click.echo(json.dumps({"index": str(index), "outcomes": [outcome.as_dict() for outcome in outcomes]}, indent=2))
    else:
        for outcome in outcomes:
            click.echo(f"{outcome.notebook}: {outcome.sentence}")
        click.echo(f"Open {index}")
    sys.exit(reports.exit_code(outcomes))


def _print_pages(outcomes, quiet: bool) -> None:
    from labkit.reports import pdf

    for outcome in outcomes:
        if outcome.page is None:
            continue
        try:
            path = pdf.print_page(outcome.page)
        except pdf.NoBrowser as missing:
            click.echo(f"No PDF: {missing}", err=True)
            return
        if not quiet:
            click.echo(f"Printed {path}")
