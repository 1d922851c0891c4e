"""A finished page as PDF, printed by a Chromium or Chrome that is on the machine already."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from labkit import places

_SECONDS = 120


class NoBrowser(RuntimeError):
    """There is no browser to print with."""


def print_page(page: str | os.PathLike, target: str | os.PathLike | None = None) -> Path:
    """Print a page to PDF, beside it unless ``target`` says where; whole or not at all.

    Raises ``NoBrowser`` where no Chromium or Chrome is found, ``FileNotFoundError`` without the page, and
    ``RuntimeError`` when the browser prints nothing.

    >>> from labkit.reports import pdf
    >>> pdf.print_page("reports/00_start_here.html")  # doctest: +SKIP
    PosixPath('reports/00_start_here.pdf')
    """
    page = Path(page).resolve()
    if not page.is_file():
        raise FileNotFoundError(f"{page} does not exist: run `labkit report` first")
    target = Path(target).resolve() if target else page.with_suffix(".pdf")
    program = places.browser()
    if program is None:
        raise NoBrowser("no Chromium or Chrome is installed; open the page in any browser and print it from there")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".print-") as folder:
        printed = Path(folder) / "page.pdf"
        command = [
            program,
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--no-pdf-header-footer",
            "--virtual-time-budget=10000",
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={printed}",
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            page.as_uri(),
        ]
        own = {**os.environ, "XDG_CONFIG_HOME": f"{folder}/config"}  # else its crash reports go to the user's home
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=own)
            said = done.stderr
        except subprocess.TimeoutExpired:
            said = f"no answer within {_SECONDS} seconds"
        if not printed.is_file():
            raise RuntimeError(f"{program} printed nothing: {said.strip()[-500:]}")
        os.replace(printed, target)
    return target
