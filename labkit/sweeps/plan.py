"""Which points of a sweep are stored already, and why the others are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from labkit.sweeps.code import Identity, identify
from labkit.sweeps.grid import points_of
from labkit.sweeps.point import Point
from labkit.sweeps.store import Store, Unreadable, digest
from labkit.sweeps.values import decode, encode

NEW = "new configuration"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The points in the order of the grid, stored results by name, and the reason for every miss by name."""

    points: list[Point]
    results: dict[str, dict[str, Any]]
    misses: dict[str, str]
    store: Store

    @property
    def missing(self) -> list[Point]:
        """The points to compute, each once."""
        first = {point.name: point for point in reversed(self.points)}
        return [first[name] for name in self.misses]


def plan(function: Callable, design: Any, store: Any = None, fingerprint: str | None = None) -> Plan:
    """Look every point of a design up in the store."""
    identity = identify(function, fingerprint)
    shelf = Store(store, identity.function)
    known = dataclasses.asdict(identity)
    points = [_point(place, given, known) for place, given in enumerate(points_of(design))]
    there = shelf.names()
    read = shelf.read(dict.fromkeys(point.name for point in points if point.name in there))
    results = {name: content["result"] for name, content in read.items() if not isinstance(content, Unreadable)}
    older: dict[str, list[str]] = {}
    for name in there - results.keys():
        older.setdefault(name.partition("-")[0], []).append(name)
    wanted = dict.fromkeys(point.name for point in points if point.name not in results)
    kept = shelf.read(one for name in wanted for one in older.get(name.partition("-")[0], []) if one not in read)
    misses = {}
    for name in wanted:
        if name in read:
            misses[name] = f"the stored point cannot be used: {read[name]}"
            continue
        others = [kept[one] for one in older.get(name.partition("-")[0], []) if one in kept]
        changes = [_changes(other, identity) for other in others if not isinstance(other, Unreadable)]
        misses[name] = "; ".join(min(changes, key=len)) if changes else NEW
    return Plan(points, results, misses, shelf)


def _point(place: int, given: dict[str, Any], identity: dict[str, Any]) -> Point:
    configuration = {}
    for name, value in given.items():
        try:
            configuration[name] = encode(value)
        except TypeError as error:
            raise TypeError(f"point {place} of the grid, {name!r}: {error}") from None
    about = {"configuration": configuration, "identity": identity}
    name = f"{digest(configuration)[:16]}-{digest(about)[:24]}"
    return Point(place, decode(configuration), name, about)


def _changes(stored: dict[str, Any], now: Identity) -> list[str]:
    """What differs between the identity a point was stored under and the present one, in words."""
    then = stored["identity"]
    found = [*_differences(then["versions"], now.versions, "{0} {1} → {2}")]
    found += _differences(then["code"], now.code, "source changed: {0}")
    if then["fingerprint"] != now.fingerprint:
        found.append(f"data fingerprint {then['fingerprint']} → {now.fingerprint}")
    return found or ["stored by another version of the store"]


def _differences(then: dict[str, str], now: dict[str, str], sentence: str) -> list[str]:
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    return [sentence.format(name, then.get(name, "absent"), now.get(name, "absent")) for name in names]
