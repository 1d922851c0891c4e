"""How much memory a training takes, looked at from time to time."""

from __future__ import annotations

import psutil
import torch


class Memory:
    """The most memory seen beyond what was in use at the start, in bytes: the process's own, or the GPU's.

    >>> memory = Memory("cpu")
    >>> memory.look()
    >>> memory.peak >= 0
    True
    """

    def __init__(self, device: str) -> None:
        self.peak = 0
        self._process = None if device == "cuda" else psutil.Process()
        if self._process is None:
            torch.cuda.reset_peak_memory_stats()
        self._start = self._used()

    def _used(self) -> int:
        return torch.cuda.max_memory_allocated() if self._process is None else self._process.memory_info().rss

    def look(self) -> None:
        """Take note of what is in use now."""
        self.peak = max(self.peak, self._used() - self._start)
