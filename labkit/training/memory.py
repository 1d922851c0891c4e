"""How much memory a training takes, looked at from time to time."""

from __future__ import annotations

import psutil
import torch

_LARGE = 31 << 20


def keep_freed() -> None:
    """Let this process keep freed blocks for the next step.

    The C library hands them back to the system, to be cleared and faulted in anew at every step, until it has once
    seen one about as large as this freed; then it keeps them.
    """
    torch.empty(_LARGE, dtype=torch.uint8)


class Memory:
    """The most memory seen beyond what was in use at the start, in bytes: the process's own, or the GPU's.

    >>> memory = Memory("cpu")
    >>> memory.look()
    >>> memory.peak >= 0
    True
    """

    def __init__(self, device: str) -> None:
        self.peak, self._elsewhere = 0, 0
        self._process = None if device == "cuda" else psutil.Process()
        if self._process is None:
            torch.cuda.reset_peak_memory_stats()
        self._start = self._used()

    def _used(self) -> int:
        return torch.cuda.max_memory_allocated() if self._process is None else self._process.memory_info().rss

    def look(self) -> None:
        """Take note of what is in use now."""
        self.peak = max(self.peak, self._used() - self._start + self._elsewhere)

    def add(self, elsewhere: int) -> None:
        """Count what other processes took at most, in bytes."""
        self._elsewhere += elsewhere
        self.look()
