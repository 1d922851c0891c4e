"""One point, computed and stored where it is computed."""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkit.sweeps.store import Store, Unreadable
from labkit.sweeps.values import encode_result

_POLL_SECONDS = 0.2  # how often a point under way looks for the sign to stop


@dataclass(frozen=True)
class Point:
    """A configuration, the name of its file, and what is written beside the result."""

    place: int
    configuration: dict[str, Any]
    name: str
    about: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """What a function raised at a point; ``error`` is None when that was in another process."""

    place: int
    text: str
    trace: str
    error: BaseException | None


class Signal:
    """Tells the points of one run to stop: an event within this process, a file in the store for other processes.

    >>> signal = Signal(None, "example")
    >>> signal.set(); signal.is_set()
    True
    """

    def __init__(self, store: Store | None, name: str) -> None:
        self.store, self.name = store, name
        self.process = os.getpid()
        self._event = threading.Event()
        self._looked = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {"store": self.store, "name": self.name, "process": self.process, "_looked": 0.0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._event = threading.Event()

    @property
    def away(self) -> bool:
        """Whether this is another process than the one that started the run."""
        return os.getpid() != self.process

    def set(self) -> None:
        self._event.set()
        if self.store is not None:
            self.store.raise_flag(self.name)

    def clear(self) -> None:
        """Take the sign in the store away; the run is over."""
        if self.store is not None:
            self.store.lower_flag(self.name)

    def is_set(self) -> bool:
        now = time.monotonic()
        if not self._event.is_set() and self.store is not None and now - self._looked > _POLL_SECONDS:
            self._looked = now
            if self.store.flagged(self.name):
                self._event.set()
        return self._event.is_set()


def compute(function: Callable, point: Point, store: Store, signal: Signal) -> dict[str, Any] | Failure | None:
    """Compute and store one point; the stored result, the failure, or None when the run was told to stop before."""
    if signal.is_set():
        return None
    meanwhile = store.read([point.name])[point.name]
    if not isinstance(meanwhile, Unreadable):
        return meanwhile["result"]  # another run on the same store was quicker
    if signal.away:
        _one_thread()
    given = dict(point.configuration)
    if takes_stop(function) and "should_stop" not in given:
        given["should_stop"] = signal.is_set
    start = time.perf_counter()
    try:
        result = json.loads(json.dumps(encode_result(function(**given)), allow_nan=False))
    except Exception as error:
        stopped = signal.is_set()
        signal.set()
        if stopped:
            return None
        sent = None if signal.away else error  # not every exception survives the way between processes
        return Failure(point.place, f"{type(error).__name__}: {error}", traceback.format_exc(), sent)
    store.write(point.name, {**point.about, "seconds": round(time.perf_counter() - start, 4)}, result)
    return result


def takes_stop(function: Callable) -> bool:
    """Whether a function has a parameter ``should_stop``, to be polled while it works."""
    try:
        return "should_stop" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _one_thread() -> None:
    """One worker, one core: inner threads on top of many workers make all of them slower."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)
