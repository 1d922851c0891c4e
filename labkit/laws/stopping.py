"""When to stop collecting: follow the asymptote of the fitted curve as points arrive.

After each new point a power law with a floor is fitted to all points so far, and the gap between that curve and its
own floor says how much is still to be gained. The rule stops at the first level where the floor is feasible, no
longer jumps, and the gap is within a tolerance. With an anchor, the previous floor enters each fit as one more point
at infinity, which steadies the floor after a distorted point.
Source: Vilares Ferro, Darriba Bilbao and Ribadas Pena (2017), in our own operational form.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.laws import fitting
from labkit.laws.form import get
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective

FEWEST = 4  # points below which a curve of three parameters fits anything
FAR = 1e9  # how many times beyond the last size the anchor stands


def trends(x, y, *, anchored=False) -> pd.DataFrame:
    """The floor of the fitted curve after each new point, for one curve or many at the same sizes.

    Arguments:
        x: sizes, (n,), above 0 and increasing.
        y: errors, (n,) or (curves, n).
        anchored: whether the previous floor counts as one more point, at infinity.

    Returns a frame with one row per curve and level: ``curve``, ``level`` (points used), ``x`` (the last of them),
    ``floor``, ``gap`` (fitted curve minus floor at ``x``) and ``moved`` (change of the floor since the level before).

    Raises ``ValueError`` for fewer than 4 sizes, sizes that do not increase, or values that are not finite.

    >>> x = 2.0 ** np.arange(4, 12)
    >>> trends(x, 0.1 + 2 * x**-0.5).floor.round(4).tolist()
    [0.1, 0.1, 0.1, 0.1, 0.1]
    """
    x, y = np.asarray(x, dtype=float), np.atleast_2d(np.asarray(y, dtype=float))
    if x.ndim != 1 or len(x) < FEWEST or y.shape[-1] != len(x):
        raise ValueError(f"expected at least {FEWEST} sizes and as many errors, got shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x > 0).all() and (np.diff(x) > 0).all()):
        raise ValueError("expected finite errors at increasing sizes above 0: sort the points and drop missing ones")
    curves, count = y.shape
    form, objective = get("power_floor"), Objective("squared")
    rows, before = [], np.full(curves, np.nan)
    for level in range(FEWEST, count + 1):
        sizes, values = x[:level], y[:, :level]
        if anchored and level > FEWEST:
            sizes, values = np.append(sizes, FAR * x[-1]), np.column_stack([values, before])
        data = Data((sizes[None],), values, np.ones_like(values))
        theta = fitting.fit(form, objective, data).parameters()
        parameters = dict(zip(form.names, theta.T, strict=True))
        floor = parameters["E"]
        gap = parameters["A"] * x[level - 1] ** -parameters["alpha"]
        found = {"curve": np.arange(curves), "level": level, "x": x[level - 1], "floor": floor, "gap": gap}
        rows.append(pd.DataFrame({**found, "moved": np.abs(floor - before)}))
        before = floor
    return pd.concat(rows, ignore_index=True).sort_values(["curve", "level"], ignore_index=True)


def stop(frame: pd.DataFrame, tolerance: float, *, bounds=(0.0, 1.0)) -> pd.DataFrame:
    """The level at which each curve of ``trends`` says: collecting more gains at most the tolerance.

    Arguments:
        frame: what ``trends`` returned.
        tolerance: the gain, in units of the error, below which more data is not worth it.
        bounds: the range in which a floor is feasible.

    Returns a frame with one row per curve: ``curve``, ``level``, ``x``, ``floor`` and ``gap`` where it stopped; a curve
    that never stops is left out. A floor that moved by more than the tolerance is not settled yet.

    Raises ``ValueError`` for a tolerance that is not above 0.

    >>> x = 2.0 ** np.arange(4, 14)
    >>> stop(trends(x, 0.1 + 2 * x**-0.5), tolerance=0.05).x.tolist()
    [2048.0]
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance must be above 0, got {tolerance!r}")
    feasible = frame.floor.between(*bounds) & (frame.moved <= tolerance) & (frame.gap <= tolerance)
    columns = ["curve", "level", "x", "floor", "gap"]
    return frame.loc[feasible, columns].groupby("curve", as_index=False).first()
