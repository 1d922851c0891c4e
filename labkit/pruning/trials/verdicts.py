"""Intervals of means over seeds, and what they say about a bound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def errors(frame: pd.DataFrame, method: str, fraction: float, column: str = "test_error") -> np.ndarray:
    """One method's errors with one fraction kept, in the order of the seeds, from a frame of ``pruning.benchmark``.

    >>> import pandas as pd
    >>> runs = pd.DataFrame({"method": ["random"] * 2, "fraction": [0.1] * 2, "seed": [1, 0], "test_error": [0.3, 0.2]})
    >>> errors(runs, "random", 0.1).tolist()
    [0.2, 0.3]
    """
    rows = frame[(frame["method"] == method) & (frame["fraction"] == fraction)]
    return rows.sort_values("seed")[column].to_numpy()


def interval(values: Iterable[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent values with Student's interval: mean, low, high. Missing values do not count.

    Raises ``ValueError`` for fewer than 2 values, or a level outside 0 to 1.

    >>> [round(end, 2) for end in interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    from scipy.stats import t as student

    if not 0 < level < 1:
        raise ValueError(f"level={level!r}; expected a level between 0 and 1, such as 0.95")
    given = np.asarray(list(values), dtype=np.float64)
    given = given[~np.isnan(given)]
    if len(given) < 2:
        raise ValueError(f"{len(given)} values have no interval; give at least 2 seeds")
    half = student.ppf((1 + level) / 2, len(given) - 1) * given.std(ddof=1) / np.sqrt(len(given))
    mean = float(given.mean())
    return mean, float(mean - half), float(mean + half)


def below(values: Iterable[float], bound: float = 0.0, level: float = 0.95) -> bool | None:
    """Whether the mean is below a bound: True or False where the interval says so, else None.

    >>> below([-1.0, -1.1, -0.9]), below([1.0, 1.1, 0.9]), below([-1.0, 1.0])
    (True, False, None)
    """
    _, low, high = interval(values, level)
    return True if high < bound else False if low > bound else None


def above(values: Iterable[float], bound: float = 0.0, level: float = 0.95) -> bool | None:
    """Whether the mean is above a bound: True or False where the interval says so, else None.

    >>> above([1.0, 1.1, 0.9]), above([1.0, 1.1, 0.9], bound=2.0)
    (True, False)
    """
    return below([-value for value in values], -bound, level)


def together(*parts: bool | None) -> bool | None:
    """Of several conditions: False where any fails, True where all hold, else None.

    >>> together(True, None), together(True, False, None), together(True, True)
    (None, False, True)
    """
    return False if any(part is False for part in parts) else True if all(part is True for part in parts) else None
