"""A chart where a page shows it: drawn once while it changes, and with a picture for other viewers once it rests."""

from __future__ import annotations

import threading
from typing import Any

from labkit.lessons.panels.drawn import Drawn

REST_SECONDS = 1.5  # longer than between two moves of a slider, shorter than the way from it to the chart


class Shown:
    """The places on the page where one chart is shown.

    JupyterLab makes a picture of every chart that comes without one and then draws the chart again, so a change is sent
    in a form that it draws once (``Drawn.live``). A chart that nothing has changed for a while is sent as it will
    be kept (``Drawn.kept``): a notebook that is saved then has its picture.
    """

    def __init__(self) -> None:
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
            self._send(drawn.live)
            self._timer = threading.Timer(REST_SECONDS, self._rest, [drawn])
            self._timer.daemon = True
            self._timer.start()

    def _rest(self, drawn: Drawn) -> None:
        with self._lock:
            if self._newest is drawn:
                self._send(drawn.kept)

    def _send(self, data: dict[str, Any]) -> None:
        for handle in self._handles:
            handle.update(data, raw=True)
