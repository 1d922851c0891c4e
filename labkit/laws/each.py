"""One law for every curve of a frame, with the intervals of its parameters side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit.laws.estimator import ScalingLaw, level
from labkit.registry import nearest

ALIKE = 1e-24  # variance of ln y that is rounding


def fit_each(
    points: pd.DataFrame,
    by: str | Sequence[str],
    *,
    x: str = "examples",
    y: str = "test_error",
    form: str = "power",
    objective: str = "log_squared",
    reference: float = 1.0,
    interval: float = 0.9,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Fit the same form to every group of points and return its parameters with bootstrap intervals.

    Arguments:
        points: one row per measurement, several rows per size (seeds) are what the resampling lives on.
        by: the column or columns that tell the curves apart.
        x, y: columns of the size and of the error, above 0.
        form, objective: as in ``ScalingLaw``.
        reference: size at which amplitudes are read, in units of x. At 1 the amplitude is an extrapolation to one
            example, and mostly tells the exponent again; in the middle of the sizes the two are nearly independent.
        interval: level of the percentile intervals of the pair bootstrap.
        draws, seed: resamples, and their seed.

    Returns a frame with one row per group and parameter: the columns of ``by``, ``parameter``, ``value``, ``se``,
    ``low``, ``high``, ``n`` (measurements), ``sizes`` (distinct x), ``explained`` (share of the variance of ln mean y
    over sizes that the law explains, NaN where the means are alike) and ``converged``.

    Raises ``ValueError`` for an unknown column, with the nearest match, for a reference that is not above 0, and for a
    group that cannot be fitted, by its name.

    >>> x = np.tile(2.0 ** np.arange(5, 11), 2)
    >>> frame = pd.DataFrame({"model": "a", "examples": x, "test_error": 3 * x**-0.5})
    >>> fit_each(frame, "model", reference=100).value.round(3).tolist()
    [0.3, 0.5]
    """
    level(interval)
    if not 0 < reference < np.inf:
        raise ValueError(f"reference is a size above zero, not {reference!r}")
    by = [by] if isinstance(by, str) else list(by)
    for column in (*by, x, y):
        if column not in points:
            raise ValueError(f"unknown column {column!r}: {nearest(column, points.columns)}")
    rows = []
    for name, group in points.groupby(by, sort=False):
        try:
            law = ScalingLaw(form, objective=objective, seed=seed).fit(group[x] / reference, group[y])
        except ValueError as error:
            raise ValueError(f"{', '.join(map(str, name))}: {error}") from error
        sample = law.bootstrap(draws, seed=seed)
        mean = group.groupby(x)[y].mean()
        residual = np.log(mean) - np.log(law.predict(mean.index.to_numpy() / reference))
        shared = dict(zip(by, name, strict=True)) | {"n": len(group), "sizes": len(mean), "converged": law.converged_}
        spread = float(np.log(mean).var(ddof=0))
        shared["explained"] = 1 - float(residual.var(ddof=0)) / spread if spread > ALIKE else np.nan
        for parameter, value in law.parameters_.items():
            low, high = sample[parameter].quantile([(1 - interval) / 2, (1 + interval) / 2])
            found = {"parameter": parameter, "value": value, "se": sample[parameter].std(), "low": low, "high": high}
            rows.append({**shared, **found})
    columns = [*by, "parameter", "value", "se", "low", "high", "n", "sizes", "explained", "converged"]
    return pd.DataFrame(rows, columns=columns)


def overlapping(low, high) -> bool:
    """Whether all intervals share a point.

    >>> overlapping([0, 1], [2, 3]), overlapping([0, 2], [1, 3])
    (True, False)
    """
    return bool(np.max(low) <= np.min(high))
