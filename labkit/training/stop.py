"""Stopping a training from outside, and telling how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from labkit.training.memory import Memory

_EVERY_SECONDS = 0.05


class Stopped(Exception):
    """Training ended because ``should_stop()`` returned True; nothing is returned."""


class Watch:
    """Asks ``should_stop``, calls ``progress(step, steps)`` and looks at the memory, at most twenty times a second.

    >>> seen = []
    >>> watch = Watch(2, should_stop=None, progress=lambda step, steps: seen.append((step, steps)))
    >>> watch.advance(); watch.advance(); seen[-1]
    (2, 2)
    """

    def __init__(
        self,
        steps: int,
        should_stop: Callable[[], bool] | None = None,
        progress: Callable[[int, int], object] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._memory = memory
        self.steps, self.step = steps, 0
        self._should_stop, self._progress = should_stop, progress
        self._next = 0.0

    def took(self, elsewhere: int) -> None:
        """Count the memory that other processes took at most, in bytes."""
        if self._memory is not None:
            self._memory.add(elsewhere)

    def advance(self, count: int = 1) -> None:
        """Count steps as done. Raises `Stopped` when asked to."""
        self.step += count
        if time.monotonic() >= self._next or self.step >= self.steps:
            self.poll()

    def poll(self) -> None:
        """Ask and tell now, between steps as well. Raises `Stopped` when asked to."""
        if self._memory is not None:
            self._memory.look()
        if self._should_stop is not None and self._should_stop():
            raise Stopped(f"training was stopped after {self.step:,} of {self.steps:,} steps")
        if self._progress is not None:
            self._progress(self.step, self.steps)
        self._next = time.monotonic() + _EVERY_SECONDS


class Relay:
    """A `Watch` for several threads: they count and give way, while one thread alone asks and tells."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._lock = watch, threading.Lock()
        self.ended = False

    def advance(self, count: int = 1) -> None:
        """Count steps as done. Raises `Stopped` once the training has ended elsewhere."""
        with self._lock:
            self._watch.step += count
        self.poll()

    def poll(self) -> None:
        """Raises `Stopped` once the training has ended elsewhere."""
        if self.ended:
            raise Stopped("training ended in another thread")
