"""Progress with the time left: a moving line on a terminal, a line at every tenth anywhere else."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")

_QUIET_SECONDS = 5.0  # shorter work says nothing


def duration(seconds: float) -> str:
    """A length of time in words short enough for a status line.

    Halves are rounded up.

    >>> duration(4.2), duration(2.5), duration(75), duration(7290)
    ('4 s', '3 s', '1 min 15 s', '2 h 02 min')
    """
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = math.floor(seconds / 60 + 0.5)
    return f"{minutes // 60} h {minutes % 60:02d} min"


class Progress:
    """Counts finished pieces of work and tells the time left; says nothing about work under 5 seconds.

    >>> bar = Progress(total=2, label="points", stream=None)
    >>> bar.advance(); bar.advance(); bar.done
    2
    """

    def __init__(self, total: int, label: str, stream: TextIO | None = sys.stderr) -> None:
        self.total, self.label, self.stream = total, label, stream
        self.done = self._skipped = 0
        self._start = time.monotonic()
        self._tenth = 0
        self._moving = bool(stream and stream.isatty() and os.environ.get("TERM") != "dumb")
        self._wrote = False

    def advance(self, count: int = 1, skipped: bool = False) -> None:
        """Count work as finished; skipped work (found in a store) does not enter the rate."""
        self.done += count
        self._skipped += count if skipped else 0
        elapsed = time.monotonic() - self._start
        if self.stream is None or not self.total or elapsed < _QUIET_SECONDS:
            return
        tenth = int(10 * self.done / self.total)
        if self._moving or tenth > self._tenth:
            self._tenth = tenth
            self._write(elapsed)

    def line(self, elapsed: float) -> str:
        """The status line after so many seconds."""
        rate = (self.done - self._skipped) / max(elapsed, 1e-9)
        left = duration((self.total - self.done) / rate) if rate else "unknown"
        return f"{self.label}: {self.done}/{self.total}, {duration(elapsed)} gone, {left} left"

    def _write(self, elapsed: float) -> None:
        end = "" if self._moving and self.done < self.total else "\n"
        start = "\r\x1b[K" if self._moving else ""
        self.stream.write(f"{start}{self.line(elapsed)}{end}")
        self.stream.flush()
        self._wrote = True

    def close(self) -> None:
        """End a moving line, so that what follows starts on its own."""
        if self._moving and self._wrote and self.done < self.total:
            self.stream.write("\n")


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items while reporting progress on standard error.

    >>> list(track([1, 2], "pieces"))
    [1, 2]
    """
    total = len(items) if total is None else total  # type: ignore[arg-type]
    bar = Progress(total, label)
    try:
        for item in items:
            yield item
            bar.advance()
    finally:
        bar.close()
