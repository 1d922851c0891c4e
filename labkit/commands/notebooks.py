"""``labkit notebooks``: keep the committed notebooks clean and linked, and make copies for a class."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


def _chosen(paths: tuple[Path, ...]) -> list[Path]:
    from labkit import places

    return list(paths) or sorted(places.notebooks().glob("*.ipynb"))


@click.group()
def notebooks():
    """Check the notebooks against the house rules, strip, link and list them, or copy them for a class."""


@notebooks.command(
    epilog="""\b
Examples:
  labkit notebooks lint
  labkit notebooks lint notebooks/01_learning_curves.ipynb --json"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def lint(paths, as_json):
    """Check PATHS (default: all notebooks): outputs, tags, cell lengths, imports, links, alt text."""
    from labkit.lessons.lint import lint as examine

    findings = {str(path): [str(finding) for finding in examine(path)] for path in _chosen(paths)}
    if as_json:
        click.echo(json.dumps(findings, indent=2))
    else:
        for path, found in findings.items():
            for finding in found:
                click.echo(f"{path}: {finding}")
        click.echo(f"{len(findings)} notebooks, {sum(map(len, findings.values()))} findings.")
    sys.exit(1 if any(findings.values()) else 0)


@notebooks.command(
    epilog="""\b
Examples:
  labkit notebooks strip
  labkit notebooks strip notebooks/00_start_here.ipynb"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def strip(paths):
    """Remove outputs, counts and widget state from PATHS (default: all notebooks)."""
    from labkit.lessons.lint import strip as clean

    for path in _chosen(paths):
        if clean(path):
            click.echo(f"stripped {path}")


@notebooks.command(
    "class",
    epilog="""\b
Examples:
  labkit notebooks class
  labkit notebooks class notebooks/03_pruning_theory.ipynb --out week3""",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", default="class", show_default=True, type=click.Path(path_type=Path), help="Folder to write.")
def copies(paths, out):
    """Write students' copies of PATHS (default: all notebooks), without solutions, and the answer key."""
    from labkit.lessons import classroom

    written = classroom.build(_chosen(paths), out)
    click.echo(f"Wrote {len(written) // 2} notebooks for students, and {len(written) // 2} with answers, to {out}")


@notebooks.command(
    epilog="""\b
Examples:
  labkit notebooks index"""
)
def index():
    """Write the links from each lesson to its neighbours, and the page of all lessons with its thumbnails."""
    from labkit import places
    from labkit.lessons import course

    folder = places.notebooks()
    for lesson in course.entries(folder):
        if course.link(lesson.path):
            click.echo(f"linked {lesson.path}")
    click.echo(f"wrote {_page(folder)}")


@notebooks.command(
    epilog="""\b
Examples:
  labkit report --preset lesson && labkit notebooks thumbnails"""
)
@click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Folder of the reports."
)
def thumbnails(reports):
    """Make the lessons' thumbnails from the pictures of their last reports, and write the page that shows them.

    A lesson's picture is that of the cell tagged thumbnail, or the first."""
    from labkit import places
    from labkit.lessons import course, notebook_files

    folder = places.notebooks()
    for lesson in course.entries(folder):
        executed = reports / "runs" / lesson.path.stem / "executed.ipynb"
        made = course.thumbnail(*map(notebook_files.read, (lesson.path, executed))) if executed.is_file() else None
        if made is None:
            click.echo(f"{lesson.path.stem}: no picture in {executed}; its thumbnail stays as it is", err=True)
            continue
        kind, picture = made
        _pictures().mkdir(parents=True, exist_ok=True)
        for old in _pictures().glob(f"{lesson.path.stem}.*"):
            old.unlink()
        (_pictures() / f"{lesson.path.stem}.{kind}").write_bytes(picture)
        click.echo(f"{lesson.path.stem}: {len(picture) / 1000:.0f} kB, {kind}")
    click.echo(f"wrote {_page(folder)}")


def _pictures() -> Path:
    from labkit import places

    return places.work() / "docs" / "thumbnails"


def _page(folder: Path) -> Path:
    from labkit.lessons import course

    path = folder / course.PAGE
    path.write_text(course.page(course.entries(folder), course.found(folder, _pictures())), encoding="utf-8")
    return path
