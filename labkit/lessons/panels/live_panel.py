"""A panel whose results take a while: it draws what is there, and works off what is missing when asked to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from labkit import display
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Control
from labkit.lessons.panels.live import LiveRun
from labkit.lessons.panels.messages import status_html
from labkit.progress import duration

_REST_SECONDS = 0.25  # between two charts of one piece, so that drawing does not slow the work


class LivePanel(Panel):
    """A panel with a button that starts work and a Stop button; partial results are drawn as they come.

    Arguments beyond a ``Panel``'s:
        missing: function of the settings that returns the pieces of work not done yet.
        work: function of one piece and ``should_stop`` that does it and keeps the result where ``evaluate`` finds it;
            it may call the panel's ``advance`` while a piece goes on.
        verb: what the button says, "Train".
        stopped_by: exceptions by which a piece ends when it is told to stop.

    With a reader, moving a control while work goes on begins again with what the new settings miss. Headless, the
    work is done before the first ``value`` or ``figure``, and its exceptions are raised.
    """

    def __init__(
        self,
        title: str,
        controls: Sequence[Control],
        *,
        evaluate: Callable[[dict[str, Any]], Any],
        draw: Callable[[Any], Any],
        say: Callable[[Any], str],
        missing: Callable[[dict[str, Any]], Sequence[Any]],
        work: Callable[[Any, Callable[[], bool]], None],
        verb: str = "Train",
        stopped_by: tuple[type[Exception], ...] = (),
    ) -> None:
        self._missing, self._work, self._verb, self._stopped_by = missing, work, verb, stopped_by
        self._run: LiveRun | None = None
        self._run_settings: dict[str, Any] = {}
        self._again = False
        self._advances, self._drawn_at = 0, 0.0
        self._done, self._all, self._started_at = 0, 0, 0.0
        self._starting = threading.Lock()
        super().__init__(title, controls, evaluate=evaluate, draw=draw, say=say)

    @property
    def running(self) -> bool:
        """Whether work is going on."""
        return self._run is not None and self._run.running

    def start(self) -> LivePanel:
        """Do what the settings miss: in the background with a reader, at once without; returns the panel."""
        with self._starting:
            if not self.running:
                self._begin()
        return self

    def stop(self) -> None:
        """Ask the work to end; finished pieces stay."""
        self._again = False
        if self._run is not None:
            self._run.stop()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until no work and no evaluation goes on; False when the time was up first."""
        until = time.monotonic() + timeout
        while self.running and time.monotonic() < until:
            self._run.join(min(0.05, timeout))
        return not self.running and super().wait(max(0.0, until - time.monotonic()))

    # ---- work ----------------------------------------------------------------------------------------------------

    def advance(self, share: float) -> None:
        """Called by ``work`` inside a piece: draw what is there of it, and say how much of it is done, from 0 to 1."""
        self._advances += 1
        now = time.monotonic()
        if share > 0 and now - self._drawn_at >= _REST_SECONDS:
            self._drawn_at = now
            self._progressed(self._so_far(share))

    def _pieces(self, should_stop: Callable[[], bool]) -> Iterable[str]:
        pieces = list(self._missing(self._run_settings))
        self._done, self._all, self._started_at = 0, len(pieces), time.monotonic()
        for piece in pieces:
            self._work(piece, should_stop)
            self._done += 1
            yield self._so_far(0.0)

    def _so_far(self, share: float) -> str:
        """How much is done, with a share of the piece under way, and about how long the rest takes."""
        done = self._done + share
        left = duration((time.monotonic() - self._started_at) / done * (self._all - done))
        said = f"{self._done} of {self._all}" if self._all > 1 else f"{done:.0%}"
        return f"{said} done, about {left} left"

    def _begin(self) -> None:
        background = not display.headless()
        self._start_button.disabled, self._stop_button.disabled = True, False
        self._tell("starting …")
        self._run_settings = self.settings
        self._run = LiveRun(self._pieces, self._progressed, self._ended, self._stopped_by)
        self._run.start(background)

    def _progressed(self, text: str) -> None:
        if not display.headless():
            self._tell(text)
            self._latest.submit(self.settings)

    def _ended(self, run: LiveRun) -> None:
        self._start_button.disabled, self._stop_button.disabled = False, True
        self._tell(f"{run.state} after {duration(run.seconds)}")
        if run.error is not None:
            self._again = False
            self._show_error(run.error)
            return
        if self._again:
            self._again = False
            self._begin()
        elif not display.headless():
            self._latest.submit(self.settings)

    def _refresh(self) -> None:
        if display.headless():
            if self._missing(self.settings):
                self._begin()
        else:
            self._begin_again()
        super()._refresh()

    def _changed(self) -> None:
        if not display.headless():
            self._begin_again()
        super()._changed()

    def _begin_again(self) -> None:
        if self.running and self._run_settings != self.settings:
            self._again = True
            self._run.stop()

    def _key(self, settings: dict[str, Any]) -> str:
        missing = len(self._missing(settings))
        # a piece under way has more to show each time
        return f"{super()._key(settings)} missing {missing} after {self._advances if missing else 0}"

    # ---- widgets -------------------------------------------------------------------------------------------------

    def _buttons(self) -> widgets.Widget:
        self._start_button = widgets.Button(description=self._verb, tooltip=f"{self._verb} what these settings miss")
        self._stop_button = widgets.Button(description="Stop", tooltip="Stop; finished pieces stay", disabled=True)
        self._progress_line = widgets.HTML()
        self._on_click(self._start_button, self.start)
        self._on_click(self._stop_button, self.stop)
        row = widgets.Layout(align_items="center")
        started = widgets.HBox([self._start_button, self._stop_button, self._progress_line], layout=row)
        return widgets.VBox([started, super()._buttons()])

    def _tell(self, text: str) -> None:
        self._progress_line.value = status_html(text)
