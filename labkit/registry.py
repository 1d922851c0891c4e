"""Named entries that refuse unknown names with the nearest match.

Forms, datasets, models, scores and policies are all entries of such a registry, so a reader's own entry
is used exactly like one that ships.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Entry = TypeVar("Entry")
CLOSE = 0.5  # share of the letters in common from which on a name is taken for a slip


class UnknownName(ValueError):
    """A name that stands for nothing here; the message lists what does."""


def nearest(name: object, options: Iterable[str]) -> str:
    """The closing words of an error message: the closest option, if one is close, and all of them.

    Case counts only between options that are otherwise equally close.

    >>> nearest("powr", ["power", "exponential"])
    "did you mean 'power'? Known: exponential, power"
    >>> nearest("m3", ["M3", "m4"])
    "did you mean 'M3'? Known: M3, m4"
    """
    options = sorted(options)
    given = str(name)
    close = [(_likeness(given.lower(), o.lower()), _likeness(given, o), o) for o in options]
    score, _, match = max(close, default=(0.0, 0.0, ""))
    hint = f"did you mean {match!r}? " if score >= CLOSE else ""
    return f"{hint}Known: {', '.join(options) or 'none'}"


def _likeness(given: str, option: str) -> float:
    return difflib.SequenceMatcher(None, option, given).ratio()


class Registry(Generic[Entry]):
    """Entries by name; each entry has a ``name`` and may have ``aliases``.

    >>> from types import SimpleNamespace
    >>> colours = Registry("colour")
    >>> _ = colours.register(SimpleNamespace(name="red", aliases=("rouge",)))
    >>> colours["rouge"].name
    'red'
    >>> colours["rod"]
    Traceback (most recent call last):
    labkit.registry.UnknownName: unknown colour 'rod': did you mean 'red'? Known: red, rouge
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        self._aliases: dict[str, str] = {}

    def register(self, entry: Entry, *, replace: bool = False) -> Entry:
        """Add an entry and return it, so this also works as a decorator.

        Raises ``ValueError`` when a name or alias is taken and ``replace`` is not given.
        """
        name = entry.name
        names = (name, *getattr(entry, "aliases", ()))
        if not replace:
            for taken in names:
                if taken in self._entries or taken in self._aliases:
                    raise ValueError(f"a {self.kind} named {taken!r} exists already; pass replace=True to replace it")
        self._entries[name] = entry
        for alias in names[1:]:
            self._aliases[alias] = name
        return entry

    def unregister(self, name: str) -> None:
        """Forget an entry and its aliases."""
        name = self[name].name
        del self._entries[name]
        self._aliases = {alias: target for alias, target in self._aliases.items() if target != name}

    def __getitem__(self, name: str) -> Entry:
        try:
            return self._entries[self._aliases.get(name, name)]
        except (KeyError, TypeError):
            known = [*self._entries, *self._aliases]
            raise UnknownName(f"unknown {self.kind} {name!r}: {nearest(name, known)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._aliases

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> list[str]:
        """The names, in the order of registration, aliases left out."""
        return list(self._entries)
