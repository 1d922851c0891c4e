"""What a record is: one number, list or order, with what is needed to compare it with another run's.

A record has one of five kinds, which decide how it is compared:

- ``exact``: text, whole numbers or lists of them; equal or not.
- ``numeric``: a number or list of numbers computed without chance.
- ``statistical``: a mean over seeds or resamples; ``se`` is its standard error.
- ``ordinal``: named things in order, best (lowest) first, with their scores where known.
- ``time``: seconds on the clock.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.registry import nearest

KINDS = ("exact", "numeric", "statistical", "ordinal", "time")
_Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Record:
    """One reported number, list or order.

    ``value`` is as the kind says (an ordinal's is the list of names, lowest score first); ``se`` the standard error
    (an ordinal's: one per name); ``n`` the number of seeds or resamples behind it; ``scores`` an ordinal's scores, one
    per name; ``fingerprint`` that of the data, where the number holds for that data only.
    """

    name: str
    value: Any
    kind: str
    se: Any = None
    n: int | None = None
    unit: str | None = None
    fingerprint: str | None = None
    scores: tuple[float, ...] | None = None


def build(name, value, *, kind, se=None, n=None, unit=None, fingerprint=None) -> Record:
    """A checked record that belongs to no run yet."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"a record's name is a non-empty text, not {name!r}")
    if kind not in KINDS:
        raise ValueError(f"record {name!r}: unknown kind {kind!r}: {nearest(kind, KINDS)}")
    if n is not None and (isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 1):
        raise ValueError(f"record {name!r}: n is {n!r}; it counts seeds or resamples, a whole number from 1")
    scores = None
    if kind == "ordinal":
        value, scores, se = _order(name, value, se)
    else:
        value = _VALUES[kind](name, value)
        se = None if se is None else _real(name, se, "se")
        if se is not None and se < 0:
            raise ValueError(f"record {name!r}: se is {se}; a standard error is not negative")
        if kind == "statistical" and se is None:
            raise ValueError(f"record {name!r}: a statistical record needs its standard error, se=...")
    if kind == "time":
        unit = unit or "seconds"
    return Record(name, value, kind, se, None if n is None else int(n), unit, fingerprint, scores)


def _plain(value: Any) -> Any:
    """A numpy scalar or array as Python's own numbers and lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _real(name: str, value: Any, what: str = "value") -> float:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"record {name!r}: {what} is {value!r} ({type(value).__name__}), expected a number")
    if not math.isfinite(value):
        advice = "Record why it is missing as an exact text instead"
        raise ValueError(f"record {name!r}: {what} is {value}; a recorded number must be finite. {advice}")
    return float(value)


def _numeric(name: str, value: Any) -> float | tuple[float, ...]:
    value = _plain(value)
    if isinstance(value, (list, tuple)):
        return tuple(_real(name, one) for one in value)
    return _real(name, value)


def _seconds(name: str, value: Any) -> float:
    seconds = _real(name, value)
    if seconds < 0:
        raise ValueError(f"record {name!r}: {seconds} seconds; a time is not negative")
    return seconds


def _exact(name: str, value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, (list, tuple)):
        return tuple(_exact(name, one) for one in value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError(f"record {name!r}: the keys of an exact mapping are texts, got {list(value)!r}")
        return {key: _exact(name, one) for key, one in value.items()}
    if isinstance(value, float):
        return _real(name, value)
    if value is None or isinstance(value, (str, int)):
        return value
    raise ValueError(
        f"record {name!r}: an exact value is a text, a number, or a list or mapping of them, not {type(value).__name__}"
    )


def _order(
    name: str, value: Any, se: Any
) -> tuple[tuple[str, ...], tuple[float, ...] | None, tuple[float, ...] | None]:
    """Names, scores and standard errors of an ordinal, lowest score first."""
    listed = isinstance(value, (Mapping, Sequence)) and not isinstance(value, str)
    names = [str(one) for one in value] if listed else []
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"record {name!r}: an ordinal orders two or more different names, got {value!r}")
    scores = None
    if isinstance(value, Mapping):
        by_name = {str(key): _real(name, score, f"score of {key!r}") for key, score in value.items()}
        names = sorted(names, key=by_name.__getitem__)
        scores = tuple(by_name[one] for one in names)
    if se is None:
        return tuple(names), scores, None
    if scores is None:
        raise ValueError(f"record {name!r}: se was given without scores; give a mapping from name to score")
    if isinstance(se, Mapping):
        if set(map(str, se)) != set(names):
            raise ValueError(f"record {name!r}: se names {sorted(map(str, se))}, the scores {sorted(names)}")
        errors = tuple(_real(name, se[one], f"se of {one!r}") for one in names)
    elif isinstance(_plain(se), (list, tuple)):
        raise ValueError(f"record {name!r}: give se as one number or as a mapping from name to se, not as a list")
    else:
        errors = (_real(name, se, "se"),) * len(names)
    if min(errors) < 0:
        raise ValueError(f"record {name!r}: a standard error is not negative, got {se!r}")
    return tuple(names), scores, errors


_VALUES = {"exact": _exact, "numeric": _numeric, "statistical": _real, "time": _seconds}
