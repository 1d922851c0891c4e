"""The front page of the reports: the ledger of claims, and every page with how its run ended."""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import Any

from labkit import results
from labkit.progress import duration

from . import files, page
from .prose import Prose


def index(out: str | Path = "reports") -> Path:
    """Write ``index.html`` of a folder of reports from what lies in its ``runs``, and return its path.

    Failed, interrupted and running runs stand there as what they are; a claim judged by a run that did not end well
    is marked. Raises ``ValueError`` where records or claims cannot be read.

    >>> import tempfile
    >>> from labkit import reports
    >>> reports.index(tempfile.mkdtemp()).name
    'index.html'
    """
    out = Path(out).resolve()
    runs = {path.parent: files.read_run(path.parent) for path in sorted(out.glob(f"runs/*/{files.RUN}"))}
    runs = {directory: run for directory, run in runs.items() if run}
    claims = [_claim(row, runs[Path(row["directory"])]) for row in results.ledger(runs).to_dict("records")]
    content = {
        "claims": sorted(claims, key=lambda claim: (claim["paper"], claim["key"])),
        "counts": _counts(claims),
        "pages": [_page(directory, run, out) for directory, run in runs.items()],
        "style": page.asset("page.css"),
        "policy": page.policy(),
        "version": next((run["versions"]["labkit"] for run in runs.values()), ""),
    }
    files.write_text(out / "index.html", page.render("index.html", content))
    return out / "index.html"


def _claim(row: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    return page.claim_row(row) | {
        "notebook": run["notebook"],
        "preset": run["preset"],
        "page": run.get("page"),
        "run_status": run["status"],
    }


def _counts(claims: list[dict[str, Any]]) -> list[tuple[str, int]]:
    counts = [(verdict, sum(claim["verdict"] == verdict for claim in claims)) for verdict in page.VERDICT_CLASSES]
    return [(verdict, count) for verdict, count in counts if count]


def _page(directory: Path, run: dict[str, Any], out: Path) -> dict[str, Any]:
    there = run.get("page") is not None and (out / run["page"]).is_file()
    picture = directory / files.PICTURE
    drawn = there and picture.is_file()
    return {
        **run,
        "page": run["page"] if there else None,
        "title": page.plain(Prose(directory).line(run["title"])),
        "took": duration(run["seconds"]),
        "date": f"{datetime.fromisoformat(run['started']):%Y-%m-%d %H:%M}",
        # As an image, not inline: drawn once, small, and with no ids in common with anything.
        "picture": base64.b64encode(picture.read_bytes()).decode() if drawn else None,
    }
