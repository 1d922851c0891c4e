"""The registry of datasets: look one up by name, load it with options, add your own."""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from labkit.datasets.dataset import KINDS, Dataset
from labkit.registry import Registry, nearest

ANY = "any"
"""The kind of an entry whose options decide what it makes, such as a table of the reader's own."""


@dataclass(frozen=True)
class Entry:
    """A source of examples: a name, what it is for, and the function that builds the `Dataset`.

    Arguments:
        name: what ``load`` is called with.
        kind: ``classification``, ``text`` or ``regression``, or ``any`` where the options decide.
        purpose: what it is for, in one sentence.
        build: called with keyword arguments only; its parameters, which all need defaults, are the options.
        examples: how many training examples there are by default; None when that is known only after loading.
        needs_network: whether the first load downloads something.
        keep: whether equal options may be answered with the object made last; not where a file is read that changes.
        aliases: other names.

    Raises ``TypeError`` where an option has no default, ``ValueError`` where the kind is unknown.

    >>> from labkit import datasets
    >>> datasets.Entry("tiny", "classification", "a test", lambda *, seed=0: None).options
    {'seed': 0}
    """

    name: str
    kind: str
    purpose: str
    build: Callable[..., Dataset]
    examples: int | None = None
    needs_network: bool = False
    keep: bool = True
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in (*KINDS, ANY):
            known = ", ".join((*KINDS, ANY))
            raise ValueError(f"kind of dataset {self.name!r} is {self.kind!r}; expected one of {known}")
        bare = [p.name for p in inspect.signature(self.build).parameters.values() if p.default is p.empty]
        if bare:
            raise TypeError(f"options of dataset {self.name!r} without a default: {', '.join(bare)}; give each one")

    @property
    def options(self) -> dict[str, Any]:
        """The options with their defaults."""
        return {p.name: p.default for p in inspect.signature(self.build).parameters.values()}

    def load(self, **options: Any) -> Dataset:
        """Build the dataset; unknown options are refused with the nearest match."""
        defaults = self.options
        for name in options:
            if name not in defaults:
                raise TypeError(f"dataset {self.name!r} has no option {name!r}: {nearest(name, defaults)}")
        chosen = {name: _plain(value) for name, value in {**defaults, **options}.items()}
        if self.keep and all(isinstance(value, Hashable) for value in chosen.values()):
            key = (self, *((name, type(value), value) for name, value in chosen.items()))
            return _kept.get(key, lambda: _build(self, chosen))
        return _build(self, chosen)


def _plain(value: Any) -> Any:
    """Lists become tuples and numpy scalars Python numbers, so that equal options are loaded once."""
    if isinstance(value, list):
        return tuple(value)
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _build(entry: Entry, options: Mapping[str, Any]) -> Dataset:
    data = entry.build(**options)
    if not isinstance(data, Dataset):
        raise TypeError(
            f"dataset {entry.name!r} was built as {type(data).__name__}; expected a labkit.datasets.Dataset"
        )
    return data


class _Kept:
    """The datasets loaded last, up to some bytes: a sweep asks for the same one at every point."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, Dataset] = OrderedDict()

    def get(self, key: Hashable, build: Callable[[], Dataset]) -> Dataset:
        with self._lock:
            data = self._held.pop(key, None)
        if data is None:
            data = build()
        with self._lock:
            data = self._held.setdefault(key, data)
            while len(self._held) > 1 and sum(kept.nbytes for kept in self._held.values()) > self.most_bytes:
                self._held.popitem(last=False)
        return data


_kept = _Kept(most_bytes=256 * 2**20)
_registry: Registry[Entry] = Registry("dataset")


def register(entry: Entry, *, replace: bool = False) -> Entry:
    """Add an entry and return it; a taken name raises ``ValueError`` unless ``replace``.

    >>> from labkit import datasets
    >>> datasets.register(datasets.entry("digits"))
    Traceback (most recent call last):
    ValueError: a dataset named 'digits' exists already; pass replace=True to replace it
    """
    return _registry.register(entry, replace=replace)


def entry(name: str) -> Entry:
    """The entry of that name; an unknown one is refused with the nearest match.

    >>> from labkit import datasets
    >>> datasets.entry("digits").options["validation"]
    273
    """
    return _registry[name]


def load(name: str, **options: Any) -> Dataset:
    """Load a dataset by name.

    Arguments:
        name: one of ``available()``.
        options: the options of that entry; those left out take their defaults.

    The same name and options give the same object while it is among the last few loaded. Raises ``UnknownName``
    for an unknown name and ``TypeError`` for an unknown option, each with the nearest match, and ``ValueError``
    for a value outside an option's range.

    >>> from labkit import datasets
    >>> datasets.load("digits", validation=0).inputs.shape
    (1297, 64)
    """
    return _registry[name].load(**options)


def available() -> pd.DataFrame:
    """What can be loaded: a frame with name, kind, examples, purpose, needs_network and options.

    >>> from labkit import datasets
    >>> "digits" in set(datasets.available()["name"])
    True
    """
    rows = [
        {
            "name": item.name,
            "kind": item.kind,
            "examples": item.examples,
            "purpose": item.purpose,
            "needs_network": item.needs_network,
            "options": ", ".join(f"{name}={value!r}" for name, value in item.options.items()),
        }
        for item in _registry
    ]
    frame = pd.DataFrame(rows, columns=["name", "kind", "examples", "purpose", "needs_network", "options"])
    return frame.astype({"examples": "Int64", "needs_network": bool})
