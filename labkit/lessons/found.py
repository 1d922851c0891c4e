"""The records of a lesson as a table to look at: numbers as exact as their standard errors allow, blanks for none."""

from __future__ import annotations

import math
import numbers
from typing import Any

import pandas as pd

from labkit.display.describe import number, powers

FINEST = 1e-4  # smaller numbers are written as powers of ten


class Found(pd.DataFrame):
    """A frame of records that is shown rounded; what is computed from it is an ordinary frame, of numbers in full.

    Shown are all of its rows and whole names, without fingerprints and without what is empty in every row.

    >>> found = Found({"name": ["exponent"], "value": [0.31415926], "se": [0.0123], "n": [None]})
    >>> found
        name value    se
    exponent 0.314 0.012
    >>> found["value"].item()
    0.31415926
    """

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """The same rows as text."""
        cells = [
            {name: _written(value, row["se"] if name in ("value", "se") else None) for name, value in row.items()}
            for row in self.to_dict("records")
        ]
        table = pd.DataFrame(cells, columns=self.columns, dtype=object).drop(columns="fingerprint", errors="ignore")
        return table[[name for name in table if (table[name] != "").any()]] if len(table) else table

    def __repr__(self) -> str:
        return self.shown().to_string(index=False)

    def _repr_html_(self) -> str:
        with pd.option_context("display.max_colwidth", None):
            return self.shown().to_html(index=False, border=1)


def _written(value: Any, se: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_written(one, None)}" for name, one in value.items())
    if isinstance(value, (tuple, list)):
        return ", ".join(_written(one, None) for one in value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return str(value)
    if isinstance(value, numbers.Integral):
        return f"{value:,}"
    sure = isinstance(se, numbers.Real) and math.isfinite(se) and se > 0
    return _to(value, se) if sure and math.isfinite(value) else number(value)


def _to(value: float, se: float) -> str:
    """The value to the second digit of its standard error."""
    place = 1 - math.floor(math.log10(se))
    if max(abs(value), se) < FINEST:
        return powers(f"{value:.{max(0, place + math.floor(math.log10(abs(value) or se)))}e}")
    return f"{round(value, place) + 0.0:,.{max(0, place)}f}"
