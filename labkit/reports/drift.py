"""What a run's numbers say against their baseline, for ``run.json`` and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit import results

from . import files


def verdict(directory: Path, folder: Path | None = None, given: bool = False) -> dict[str, Any] | None:
    """Compare the records of a run with their baseline; None where the run recorded nothing.

    ``folder``: of the baselines; ``given``: whether parameters were given by hand, so that none applies. Returns
    ``sentence``, ``drifted`` (names) and ``by_name`` (the verdict on each).
    """
    if not (directory / files.RECORDS).is_file():
        return None
    if given:
        return _said("not compared: parameters were given by hand")
    run = results.read(directory)
    if not run.notebook or not run.preset or not results.baseline_path(run.notebook, run.preset, folder).is_file():
        return _said("no baseline to compare with")
    frame = results.check(directory, folder)
    drifted = frame.name[frame.failure].tolist()
    if not drifted:
        same = int((frame.verdict == "same").sum())
        return _said(f"{same} of {len(frame)} agree with the baseline, none drifted") | _by_name(frame)
    sentence = f"{len(drifted)} of {len(frame)} drifted from the baseline: {', '.join(drifted)}"
    return _said(sentence) | {"drifted": drifted} | _by_name(frame)


def _said(sentence: str) -> dict[str, Any]:
    return {"sentence": sentence, "drifted": [], "by_name": {}}


def _by_name(frame: Any) -> dict[str, Any]:
    return {"by_name": dict(zip(frame.name, frame.verdict, strict=True))}
