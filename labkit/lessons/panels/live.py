"""Long work on a thread, with partial results as they come and a Stop button that answers at once.

A blocking cell would leave every widget deaf until it ends. Where nobody is looking the work simply runs in
the cell: exceptions and KeyboardInterrupt reach the caller as usual.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

import ipywidgets as widgets

from labkit import display
from labkit.lessons.panels.drawn import Drawn
from labkit.lessons.panels.latest import Latest
from labkit.lessons.panels.messages import error_html, status_html
from labkit.lessons.panels.shown import Shown
from labkit.progress import duration

State = Literal["running", "finished", "stopped", "failed"]
_REST_SECONDS = 0.1  # between two charts, so that a page keeps up with the fastest training
Work = Callable[[Callable[[], bool]], Iterable[Any]]


class LiveRun:
    """Work that yields partial results, run on a thread or, headless, in place.

    Arguments:
        work: called with ``should_stop`` (a function that says whether to end early); yields partial results.
        on_update: called with every partial result.
        on_end: called with this run at the end, after the last update.
        stopped_by: exceptions the work raises when it was told to stop; they count as stopped, not as failed.

    >>> got = []
    >>> run = LiveRun(lambda should_stop: iter([1, 2, 3]), got.append).start(background=False)
    >>> run.state, got
    ('finished', [1, 2, 3])
    """

    def __init__(
        self,
        work: Work,
        on_update: Callable[[Any], None],
        on_end: Callable[[LiveRun], None] = lambda run: None,
        stopped_by: tuple[type[Exception], ...] = (),
    ) -> None:
        self._work, self._on_update, self._on_end = work, on_update, on_end
        self._stopped_by = stopped_by
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.state: State = "running"
        self.error: Exception | None = None
        self.seconds = 0.0

    def start(self, background: bool) -> LiveRun:
        """Start; in the background this returns at once, else it returns at the end and raises what the work raised."""
        if background:
            self._thread = threading.Thread(target=self._run, name="live run", daemon=True)
            self._thread.start()
            return self
        try:
            self._run()
        except BaseException:  # KeyboardInterrupt: leave the state truthful, then let it through
            self._stop.set()
            self._end("stopped", 0.0)
            raise
        if self.error is not None:
            raise self.error
        return self

    @property
    def running(self) -> bool:
        """Whether the work has not ended yet."""
        return not self._ended.is_set()

    def should_stop(self) -> bool:
        """Whether Stop was pressed."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the work to end; returns at once."""
        self._stop.set()

    def fail(self, error: Exception) -> None:
        """End the work because of an error outside it, such as a chart that cannot be drawn."""
        self.error = error
        self._stop.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; an interrupt while waiting stops the work. False when the time was up first."""
        try:
            return self._ended.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            raise

    def _run(self) -> None:
        start = time.monotonic()
        state: State = "finished"
        try:
            for partial in self._work(self.should_stop):
                if self._stop.is_set():
                    break
                self._on_update(partial)
        except Exception as error:
            if not (self._stop.is_set() and isinstance(error, self._stopped_by)):
                self.error = error
        if self.error is not None:
            state = "failed"
        elif self._stop.is_set():
            state = "stopped"
        self._end(state, time.monotonic() - start)

    def _end(self, state: State, seconds: float) -> None:
        if self._ended.is_set():
            return
        self.state, self.seconds = state, seconds or self.seconds
        try:
            self._on_end(self)
        finally:
            self._ended.set()


class LiveView:
    """The visible side of a live run: a Stop button, a status line, an error box."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.stop_button = widgets.Button(description="Stop", tooltip=f"Stop: {label}", disabled=True)
        self.status = widgets.HTML()
        self.errors = widgets.HTML(layout=widgets.Layout(display="none"))
        row = widgets.HBox([self.stop_button, self.status], layout=widgets.Layout(align_items="center"))
        self.widget = widgets.VBox([row, self.errors])

    def say(self, text: str) -> None:
        """Write the status line, which screen readers read out when it changes."""
        self.status.value = status_html(text)

    def started(self) -> None:
        """Offer Stop and clear what an earlier run left."""
        self.stop_button.disabled = False
        self.errors.value, self.errors.layout.display = "", "none"
        self.say(f"{self.label}: running …")

    def stopping(self, run: LiveRun) -> None:
        """Stop the run, and say at once that the wish was heard."""
        self.stop_button.disabled = True
        self.say(f"{self.label}: stopping …")
        run.stop()

    def ended(self, run: LiveRun) -> None:
        """Say how the run ended; an exception is shown in full."""
        self.stop_button.disabled = True
        self.say(f"{self.label}: {run.state} after {duration(run.seconds)}.")
        if run.error is not None:
            self.errors.value, self.errors.layout.display = error_html(run.error), ""


def run_live(
    work: Work,
    on_update: Callable[[Any], Any],
    *,
    label: str = "Live run",
    stopped_by: tuple[type[Exception], ...] = (),
) -> LiveRun:
    """Run work that yields partial results, redrawing one chart in place, with a Stop button.

    Arguments:
        work: called with ``should_stop``; yields partial results and polls ``should_stop()`` in between.
        on_update: called with the newest partial result, on a thread of its own; returns the chart to show, or None
            to leave it as it is. Headless it is called with every one.
        label: what runs, for the status line.
        stopped_by: exceptions by which the work ends when it is told to stop, such as ``training.Stopped``.

    With a reader the cell returns at once and the work goes on in a thread; headless the work runs to its end first,
    the last chart is shown, and its exceptions are raised. Raises ``TypeError`` when ``work`` is not callable.

    >>> import os; os.environ["LABKIT_HEADLESS"] = "1"
    >>> run_live(lambda should_stop: iter(range(3)), lambda part: None).state
    'finished'
    >>> del os.environ["LABKIT_HEADLESS"]
    """
    if not callable(work):
        raise TypeError(f"run_live got {type(work).__name__}, expected a function of should_stop that yields results")
    if display.headless():
        charts: list[Any] = []

        def keep(part: Any) -> None:
            chart = on_update(part)
            charts[:] = [chart] if chart is not None else charts

        run = LiveRun(work, keep, stopped_by=stopped_by).start(background=False)
        if charts:
            display.show(charts[0])
        return run
    return _with_reader(work, on_update, label, stopped_by)


def _with_reader(
    work: Work, on_update: Callable[[Any], Any], label: str, stopped_by: tuple[type[Exception], ...]
) -> LiveRun:
    from IPython.display import display as publish

    view = LiveView(label)
    view.started()
    publish(view.widget)
    handle = publish({"text/plain": ""}, raw=True, display_id=True)

    def failed(error: Exception) -> None:
        run.fail(error)

    shown = Shown()
    shown.add(handle)

    def draw(part: Any) -> None:
        chart = on_update(part)
        if chart is not None:
            shown.update(Drawn(part, chart))
            time.sleep(_REST_SECONDS)

    # drawn beside the work, newest first: a slow chart neither slows the training nor holds up Stop
    drawing = Latest(draw, deliver=lambda _done: None, failed=failed, slow=lambda: None)

    def ended(run: LiveRun) -> None:
        drawing.wait()
        view.ended(run)

    run = LiveRun(work, drawing.submit, ended, stopped_by)
    view.stop_button.on_click(lambda _button: view.stopping(run))
    return run.start(background=True)
