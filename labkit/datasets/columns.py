"""How the columns of a table become features, learned from its training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_FARTHEST = 100.0
_MISSING, _RARE = "(missing)", "(rare)"


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers, booleans or times.

    >>> is_numeric(pd.Series([1, 2])), is_numeric(pd.Series(["a"]))
    (True, False)
    """
    kinds = pd.api.types
    return (
        (kinds.is_numeric_dtype(column) and not kinds.is_complex_dtype(column))
        or kinds.is_datetime64_any_dtype(column)
        or kinds.is_timedelta64_dtype(column)
    )


def numbers(column: pd.Series) -> np.ndarray:
    """A numeric column as float64 (n,), NaN where a value is missing; times in days.

    Raises ``ValueError`` for infinite values.

    >>> numbers(pd.Series([True, None], dtype="boolean")).tolist()
    [1.0, nan]
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        zone = getattr(column.dt, "tz", None)
        column = (column.dt.tz_convert(None) if zone is not None else column) - pd.Timestamp(0)
    if pd.api.types.is_timedelta64_dtype(column):
        column = column / pd.Timedelta(days=1)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ValueError(f"column {column.name!r} has {infinite:,} infinite values; replace them or leave them empty")
    return values


def _texts(column: pd.Series) -> np.ndarray:
    values = column.astype(object).to_numpy()
    return np.where(column.isna(), _MISSING, [str(value) for value in values]).astype(object)


@dataclass(frozen=True)
class _Number:
    """One numeric column: its mean and spread, and whether training has missing values."""

    name: str
    middle: float
    spread: float
    told: bool

    @property
    def names(self) -> list[str]:
        return [self.name, *([f"{self.name} missing"] if self.told else [])]

    def apply(self, column: pd.Series, out: np.ndarray) -> None:
        # Both are divided first, since the difference of two huge numbers can be infinite; so can a number be over the
        # spread of training rows that are all next to nothing.
        with np.errstate(over="ignore", invalid="ignore"):
            values = numbers(column) / self.spread - self.middle / self.spread
        out[:, 0] = np.clip(np.nan_to_num(values, nan=0.0), -_FARTHEST, _FARTHEST)
        if self.told:
            out[:, 1] = column.isna()


@dataclass(frozen=True)
class _Category:
    """One other column: the categories that have a feature, the last one for rare ones where some were pooled."""

    name: str
    levels: tuple[str, ...]
    rare: frozenset[str]

    @property
    def names(self) -> list[str]:
        return [f"{self.name}={level}" for level in (*self.levels, *([_RARE] if self.rare else []))]

    def apply(self, column: pd.Series, out: np.ndarray) -> None:
        place = {level: index for index, level in enumerate(self.levels)}
        place.update(dict.fromkeys(self.rare, len(self.levels)))
        found = np.array([place.get(value, -1) for value in _texts(column)], dtype=np.int64)
        known = np.flatnonzero(found >= 0)
        out[known, found[known]] = 1


@dataclass(frozen=True)
class Encoder:
    """Turns frames of the same columns into features.

    Fields:
        parts: one for each column in use.
        names: of the features.
        dropped: columns left out, with the reason.

    >>> table = pd.DataFrame({"size": [1.0, 3.0], "same": [1, 1]})
    >>> encoder = Encoder.learn(table, categories=5)
    >>> encoder.apply(table).tolist(), encoder.dropped
    ([[-1.0], [1.0]], {'same': 'constant'})
    """

    parts: tuple[_Number | _Category, ...]
    names: tuple[str, ...]
    dropped: dict[str, str]

    @classmethod
    def learn(cls, frame: pd.DataFrame, categories: int) -> Encoder:
        """Learn means, spreads and categories.

        Raises ``ValueError`` where no column is left.
        """
        parts: list[_Number | _Category] = []
        dropped: dict[str, str] = {}
        for name in frame.columns:
            made = _number(frame[name]) if is_numeric(frame[name]) else _category(frame[name], categories)
            if isinstance(made, str):
                dropped[name] = made
            else:
                parts.append(made)
        if not parts:
            said = ", ".join(f"{name!r} ({reason})" for name, reason in dropped.items())
            raise ValueError(f"no column is left as a feature; left out: {said}")
        return cls(tuple(parts), tuple(name for part in parts for name in part.names), dropped)

    def apply(self, frame: pd.DataFrame) -> np.ndarray:
        """Features, float32 (n, d)."""
        made = np.zeros((len(frame), len(self.names)), dtype=np.float32)
        at = 0
        for part in self.parts:
            width = len(part.names)
            part.apply(frame[part.name], made[:, at : at + width])
            at += width
        return made


def middle_and_spread(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of values (n,), of which there is one at least; a spread of rounding only is 0.

    >>> middle_and_spread(np.array([-1e300, 1e300]))
    (0.0, 1e+300)
    """
    # Brought to 1 first, so that squares of huge numbers stay finite and those of tiny ones above 0.
    largest = float(np.abs(values).max()) or 1.0
    scaled = values / largest
    spread = float(scaled.std())
    return float(scaled.mean()) * largest, spread * largest if spread > 1e-12 else 0.0


def _number(column: pd.Series) -> _Number | str:
    values = numbers(column)
    there = values[~np.isnan(values)]
    if not len(there):
        return "empty"
    middle, spread = middle_and_spread(there)
    told = len(there) < len(values)
    if not spread and not told:
        return "constant"
    return _Number(str(column.name), middle, spread or abs(middle) or 1.0, told)


def _category(column: pd.Series, most: int) -> _Category | str:
    counts = pd.Series(_texts(column)).value_counts()
    if len(counts) < 2:
        return "constant"
    if len(counts) > most and len(counts) > len(column) / 2:
        return "identifier"
    # Frequent ones first, and equal ones by name, so that the order of rows does not matter.
    order = sorted(counts.index, key=lambda level: (-counts[level], level))
    kept = order if len(order) <= most else order[: most - 1]
    return _Category(str(column.name), tuple(sorted(kept)), frozenset(order[len(kept) :]))
