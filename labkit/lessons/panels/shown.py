"""A chart where a page shows it: quickly while it changes, and with its static picture once it rests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from labkit.lessons.panels.drawn import Drawn

REST_SECONDS = 1.0


class Shown:
    """The places on the page where one chart is shown.

    Every change is sent without a static picture, and drawn at once; a chart that nothing has changed for a second is
    sent with it, so that a notebook saved then has it.

    Arguments:
        failed: called with the exception when the static picture cannot be made.
    """

    def __init__(self, failed: Callable[[Exception], Any]) -> None:
        self._failed = failed
        self._handles: list[Any] = []
        self._lock = threading.Lock()
        self._newest: Drawn | None = None
        self._timer: threading.Timer | None = None

    def add(self, handle: Any) -> None:
        """Show it here as well; the handle shows something already."""
        with self._lock:
            self._handles.append(handle)

    def update(self, drawn: Drawn) -> None:
        """Show this now."""
        with self._lock:
            self._newest = drawn
            if self._timer is not None:
                self._timer.cancel()
            if not self._handles:
                return
            for handle in self._handles:
                handle.update(drawn.live, raw=True)
            self._timer = threading.Timer(REST_SECONDS, self._complete, [drawn])
            self._timer.daemon = True
            self._timer.start()

    def _complete(self, drawn: Drawn) -> None:
        try:
            bundle = drawn.bundle
        except Exception as error:
            self._failed(error)
            return
        with self._lock:
            if self._newest is drawn:
                for handle in self._handles:
                    handle.update(bundle, raw=True)
