"""Latest request wins: while one evaluation runs, only the newest of the waiting requests is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

SLOW_SECONDS = 0.15  # work that takes longer is announced


class Latest:
    """Evaluates requests on a thread of its own, one at a time, dropping every request that was overtaken.

    Arguments:
        work: called with a request on the thread; what it raises goes to ``failed``.
        deliver: called with the result, unless a newer direct result (``supersede``) came in between.
        failed: called with the exception.
        slow: called when one evaluation has run for 150 ms.

    >>> seen = []
    >>> latest = Latest(lambda x: 2 * x, seen.append, print, lambda: None)
    >>> latest.submit(21); latest.wait(5)
    True
    >>> seen
    [42]
    """

    def __init__(
        self,
        work: Callable[[Any], Any],
        deliver: Callable[[Any], None],
        failed: Callable[[Exception], None],
        slow: Callable[[], None],
    ) -> None:
        self._work, self._deliver, self._failed, self._slow = work, deliver, failed, slow
        self._changed = threading.Condition()
        # held while a result is delivered, so that an older one can never arrive after a newer one
        self._delivering = threading.RLock()
        self._waiting: list[Any] = []
        self._busy = False
        self._ticket = 0

    def submit(self, request: Any) -> None:
        """Ask for an evaluation and return at once; a request still waiting is forgotten."""
        with self._changed:
            self._waiting = [request]
            self._ticket += 1
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._run, name="panel", daemon=True).start()

    def supersede(self) -> None:
        """Forget what waits, and do not deliver what runs: a newer result exists already."""
        with self._delivering, self._changed:
            self._waiting = []
            self._ticket += 1

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs or waits; False when the time was up first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._busy = False
                    self._changed.notify_all()
                    return
                request, ticket = self._waiting.pop(), self._ticket
            done = threading.Event()
            timer = threading.Timer(SLOW_SECONDS, self._announce, [done, ticket])
            timer.daemon = True
            timer.start()
            answer, result = self._answer(request)
            timer.cancel()
            with self._delivering:
                done.set()
                if self._wanted(ticket):
                    self._tell(answer, result)

    def _answer(self, request: Any) -> tuple[Callable[[Any], None], Any]:
        try:
            return self._deliver, self._work(request)
        except Exception as error:
            return self._failed, error

    def _tell(self, answer: Callable[[Any], None], result: Any) -> None:
        try:
            answer(result)
        except Exception as error:  # showing the result failed: that is news for the reader as well
            self._failed(error)

    def _announce(self, done: threading.Event, ticket: int) -> None:
        with self._delivering:
            if not done.is_set() and self._wanted(ticket):
                self._slow()

    def _wanted(self, ticket: int) -> bool:
        """Whether no newer result exists. One overtaken by a waiting request is still wanted: else a long drag would
        show nothing.
        """
        with self._changed:
            return ticket == self._ticket or bool(self._waiting)
