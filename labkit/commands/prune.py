"""``labkit prune``: the rows of a reader's own table that are worth training on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from labkit.commands.curve_options import Level


@click.command(
    epilog="""\b
Examples:
  labkit prune table.csv --label kind --keep 0.3 --score aum --out kept.csv
  labkit prune table.csv --label kind --keep 0.3 --policy hardest --cutoff 0.1 --out kept.csv
  labkit prune table.csv --label kind --keep 0.3 --advise --report --out kept.csv

Scores and policies: labkit list scores, labkit list policies. The hardest rows are often wrongly labelled ones:
--advise finds out whether they are worth keeping, and --report shows them."""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--label", required=True, help="Column of the class of each row.")
@click.option("--keep", "share", type=Level(), required=True, help="Share of the rows to keep: 0.3 or 30%.")
@click.option("--score", help="How hard a row is: one of labkit list scores. Default: aum.")
@click.option("--policy", help="Which rows to keep by their scores: one of labkit list policies. Default: hardest.")
@click.option("--cutoff", type=float, help="Share of the very hardest to leave out first, for policies that have it.")
@click.option("--advise", is_flag=True, help="Let a pilot on the table choose score and policy; it takes minutes.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the rows kept.")
@click.option("--force", is_flag=True, help="Overwrite that file.")
@click.option("--model", default="mlp", show_default=True, help="What learns the table: one of labkit list models.")
@click.option("--steps", default=1000, show_default=True, type=click.IntRange(1), help="Updates of each model.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of everything random.")
@click.option("--report", "page", is_flag=True, help="Write a page: scores, what is kept, suspicious rows, evidence.")
@click.option(
    "--report-out", default="reports", show_default=True, type=click.Path(path_type=Path), help="Folder of that page."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def prune(file, label, share, score, policy, cutoff, advise, out, force, model, steps, seed, page, report_out, as_json):
    """Keep the rows of FILE that are worth training on, and write them as they stand, in their order."""
    _refuse(file, share, score, policy, cutoff, advise, out, force)
    from labkit import curve_files
    from labkit.pruning.own_table import own_table

    frame = curve_files.read_table(file)
    table = own_table(frame, label, file.stem)
    count = round(share * len(frame))
    if count < 1:
        raise click.UsageError(f"--keep {share:g} of {len(frame):,} rows keeps none; give a larger share")
    from labkit.commands import prune_choice

    asked = {"score": score or "aum", "policy": policy or "hardest", "cutoff": cutoff, "advise": advise}
    choice = prune_choice.choose(table.data, share, model=model, steps=steps, seed=seed, doubts=page, **asked)
    from labkit.commands.row_files import write_rows

    write_rows(file, choice.kept, len(frame), out)
    found = _found(file, label, share, table, choice, out)
    if page:
        from labkit.commands import prune_page

        found["report"] = str(prune_page.write(file, frame, label, table, choice, found, report_out))
    click.echo(json.dumps(found, indent=2, default=str) if as_json else _words(found))


def _refuse(file, share, score, policy, cutoff, advise, out, force) -> None:
    """What can be refused before anything heavy is loaded."""
    from labkit.commands.row_files import ENDINGS

    if file.is_file() and file.suffix.lower() not in ENDINGS:
        raise click.UsageError(
            f"rows of a {file.suffix!r} file cannot be copied as they stand; save {file.name} as one of "
            f"{', '.join(ENDINGS)}"
        )
    if not 0 < share <= 1:
        raise click.UsageError(
            f"--keep {share:g} is no share of the rows; expected a number above 0, to 1, such as 0.3 or 30%"
        )
    if advise and (score or policy or cutoff is not None):
        raise click.UsageError("--advise chooses score and policy; leave out --score, --policy and --cutoff")
    if advise and share == 1:
        raise click.UsageError("--keep 1 keeps everything; there is nothing to advise")
    if not out.resolve().parent.is_dir():
        raise click.UsageError(f"there is no folder {str(out.parent)!r} to write {out.name!r} into")
    if out.resolve() == file.resolve():
        raise click.UsageError(f"--out {str(out)!r} is the file itself; give another name")
    if out.is_dir() or (out.exists() and not force):
        raise click.UsageError(f"{str(out)!r} exists; give another name, or --force to overwrite a file")
    if out.suffix.lower() != file.suffix.lower():
        raise click.UsageError(
            f"rows are written as they stand, so --out needs the ending {file.suffix!r}, not {out.suffix!r}"
        )


def _found(file: Path, label: str, share: float, table, choice, out: Path) -> dict[str, Any]:
    import numpy as np

    targets = table.data.targets
    before = np.bincount(targets, minlength=len(table.labels)).tolist()
    after = np.bincount(targets[choice.kept], minlength=len(table.labels)).tolist()
    notes = list(table.notes)
    lost = [name for name, had, has in zip(table.labels, before, after, strict=True) if had and not has]
    if lost:
        notes.append(f"No row of class {', '.join(map(repr, lost))} is kept.")
    if choice.advice is not None:
        notes += [] if choice.advice.fraction < 1 else ["The pilot would rather keep everything."]
    found = {
        "file": str(file),
        "label": label,
        "rows": len(targets),
        "keep": share,
        "kept": len(choice.kept),
        "score": choice.score,
        "policy": choice.policy,
        "classes": {
            name: {"rows": had, "kept": has} for name, had, has in zip(table.labels, before, after, strict=True)
        },
        "notes": notes,
        "out": str(out),
    }
    if choice.advice is not None:
        noise = choice.advice.noise
        found["advice"] = {
            "confidence": choice.advice.confidence,
            "sentences": list(choice.advice.sentences),
            "suspected": {"share": noise.estimate, "low": noise.low, "high": noise.high},
        }
    return found


def _words(found: dict[str, Any]) -> str:
    by = f"{found['policy']} by {found['score']}" if found["score"] else found["policy"]
    lines = [f"{found['kept']:,} of {found['rows']:,} rows kept ({by}): {found['out']}", ""]
    width = max(len("class"), *map(len, found["classes"])) + 2
    lines.append(f"{'class':<{width}}{'rows':>8}{'kept':>8}")
    lines += [f"{name:<{width}}{c['rows']:>8,}{c['kept']:>8,}" for name, c in found["classes"].items()]
    lines += [f"Note: {note}" for note in found["notes"]]
    if "advice" in found:
        lines += ["", *found["advice"]["sentences"]]
    if "report" in found:
        lines += ["", f"Report: {found['report']}"]
    return "\n".join(lines)
