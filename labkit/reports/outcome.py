"""How a run ended: one reason, one exit code, one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Reason(StrEnum):
    """Why a run ended as it did; the text stands in ``run.json``.

    >>> Reason.OVER_TIME.exit_code, Reason.KERNEL_KILLED.exit_code
    (4, 138)
    """

    OK = "ok"
    RUNNING = "running"
    NOTEBOOK_RAISED = "notebook-raised"
    WIDGET_RAISED = "widget-raised"
    UNKNOWN_PARAMETER = "unknown-parameter"
    WRONG_TYPE = "wrong-type"
    DRIFTED = "drifted"
    OVER_TIME = "over-time"
    OVER_MEMORY = "over-memory"
    INTERRUPTED = "interrupted"
    KERNEL_KILLED = "kernel-killed"

    @property
    def exit_code(self) -> int | None:
        """The exit code of a run that ended so; None while it runs."""
        return _EXIT_CODES[self]

    @property
    def status(self) -> str:
        """One of ``running``, ``ok``, ``interrupted`` and ``failed``."""
        return self.value if self in (Reason.RUNNING, Reason.OK, Reason.INTERRUPTED) else "failed"


_EXIT_CODES = {
    Reason.OK: 0,
    Reason.RUNNING: None,
    Reason.NOTEBOOK_RAISED: 1,
    Reason.WIDGET_RAISED: 1,
    Reason.UNKNOWN_PARAMETER: 2,
    Reason.WRONG_TYPE: 2,
    Reason.DRIFTED: 3,
    Reason.OVER_TIME: 4,
    Reason.OVER_MEMORY: 4,
    Reason.INTERRUPTED: 5,
    Reason.KERNEL_KILLED: 138,
}

# Of several notebooks the gravest end decides: what nobody can trust first, what a reader can repair last.
_GRAVEST_FIRST = (138, 4, 1, 3, 2, 5)


class ReportError(ValueError):
    """What was asked for cannot be run at all (no such notebook, no such preset); exit code 2."""

    exit_code = 2


@dataclass(frozen=True)
class Outcome:
    """How the run of one notebook ended, and where its files are.

    ``directory`` holds ``run.json``, ``records.json``, ``claims.json`` and ``executed.ipynb``; ``page`` is None
    when no page was written. ``details`` is a traceback or what the kernel last wrote, where there is one.
    """

    notebook: str
    reason: Reason
    sentence: str
    directory: Path
    page: Path | None = None
    seconds: float = 0.0
    details: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code that belongs to the reason."""
        return self.reason.exit_code

    def as_dict(self) -> dict[str, Any]:
        """The outcome in JSON's own types."""
        paths = {"directory": str(self.directory), "page": str(self.page) if self.page else None}
        return asdict(self) | {"reason": self.reason.value, "exit_code": self.exit_code} | paths


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The exit code of several runs together: the gravest one's.

    >>> from pathlib import Path
    >>> ends = [Outcome("a", reason, "", Path()) for reason in (Reason.OK, Reason.WRONG_TYPE, Reason.OVER_TIME)]
    >>> exit_code(ends)
    4
    """
    codes = {outcome.exit_code for outcome in outcomes}
    return next((code for code in _GRAVEST_FIRST if code in codes), 0)
