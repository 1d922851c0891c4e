"""From what a user hands over to arrays a fit can use, or a refusal that says what is wrong."""

from __future__ import annotations

import numpy as np

from labkit.laws.form import Form
from labkit.registry import nearest


def columns(form: Form, X) -> tuple[np.ndarray, ...]:
    """The columns of ``X`` in the order the form names them; X is (n,), (n, k) or a frame with named columns.

    Raises ``ValueError`` for a missing or surplus column, text, NaN, infinities, and zero or negative values in a
    column that is a size.
    """
    if hasattr(X, "columns"):
        names = [str(name) for name in X.columns]
        if len(names) == len(form.columns) == 1:
            chosen = [X.iloc[:, 0]]
        else:
            missing = [name for name in form.columns if name not in names]
            if missing:
                alone = len(form.columns) == 1
                advice = "give that column alone" if alone else f"rename, or give {', '.join(form.columns)} as an array"
                raise ValueError(
                    f"form {form.name!r} needs a column {missing[0]!r} ({advice}): {nearest(missing[0], names)}"
                )
            chosen = [X[name] for name in form.columns]
        arrays = [numbers(values, name) for values, name in zip(chosen, form.columns, strict=True)]
    else:
        table = numbers(X, "X")
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or table.shape[1] != len(form.columns):
            shape = "(n,)" if len(form.columns) == 1 else f"(n, {len(form.columns)})"
            raise ValueError(
                f"form {form.name!r} takes X of shape {shape} with columns {', '.join(form.columns)}; got {table.shape}"
            )
        arrays = list(table.T)
    for array, name in zip(arrays, form.columns, strict=True):
        finite(array, name)
        if name in form.rescalable and (array <= 0).any():
            raise ValueError(f"column {name!r} must be above zero for {form.name!r}; the smallest is {array.min():g}")
    return tuple(np.ascontiguousarray(array) for array in arrays)


def numbers(values, name: str) -> np.ndarray:
    """The values as floats, NaN where they are masked; or a ``ValueError`` that names them."""
    try:
        if np.ma.isMaskedArray(values):
            values = values.astype(float).filled(np.nan)
        if np.asarray(values).dtype.kind not in "mMc":  # dates have numbers, but not these
            return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} must be numbers, got {np.asarray(values).dtype}; convert or drop them")


def finite(values: np.ndarray, name: str) -> None:
    """Refuse NaN and infinities, counting them."""
    bad = ~np.isfinite(values)
    if bad.any():
        raise ValueError(f"{name} has {int(bad.sum())} NaN or infinite values; drop those points first")


def target(y, count: int, *, positive: str | None = None) -> np.ndarray:
    """y as floats (n,); with ``positive`` (the objective that needs it) also above zero."""
    values = numbers(y, "y")
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.shape != (count,):
        raise ValueError(f"y must have one value per row of X, shape ({count},); got {values.shape}")
    finite(values, "y")
    if positive is not None and (values <= 0).any():
        raise ValueError(
            f"objective {positive!r} takes logarithms, but {int((values <= 0).sum())} of {count} y are zero or "
            "below; use objective='squared', or drop those points"
        )
    return values


def weights(sample_weight, count: int) -> np.ndarray:
    """Weights (n,), ones by default; not negative and not all zero."""
    if sample_weight is None:
        return np.ones(count)
    values = numbers(sample_weight, "sample_weight")
    if values.shape != (count,):
        raise ValueError(f"sample_weight must have shape ({count},); got {values.shape}")
    finite(values, "sample_weight")
    if (values < 0).any() or not (values > 0).any():
        raise ValueError("sample_weight must be zero or above, and above zero somewhere")
    return values
