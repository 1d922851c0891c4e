"""Cuts through a grid at equal compute, and the parabola through each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.laws import Frontier

_LEAST = 4


def slices(runs: pd.DataFrame, compute) -> pd.DataFrame:
    """Mean loss of every size at some budgets, between the budgets that were trained.

    Arguments:
        runs: frame with params, tokens and loss; a run costs 6 * params * tokens FLOPs.
        compute: FLOPs, any number of budgets.

    Returns compute, params and loss, a row per budget and size that has runs on both sides of it. Losses are
    interpolated along each size in logarithms (monotone cubic).

    >>> runs = pd.DataFrame({"params": [10.0] * 3, "tokens": [10.0, 100, 1000], "loss": [4.0, 2.0, 1.0]})
    >>> slices(runs, [6000.0]).round(6).values.tolist()
    [[6000.0, 10.0, 2.0]]
    """
    from scipy.interpolate import PchipInterpolator

    means = runs.groupby(["params", "tokens"], as_index=False).loss.mean()
    rows = []
    for params, curve in means.groupby("params"):
        spent = np.log(6 * params * curve.tokens.to_numpy())
        line = PchipInterpolator(spent, np.log(curve.loss.to_numpy()), extrapolate=False)
        rows += [(float(budget), params, float(np.exp(line(np.log(budget))))) for budget in np.atleast_1d(compute)]
    found = pd.DataFrame(rows, columns=["compute", "params", "loss"]).dropna()
    return found.sort_values(["compute", "params"], ignore_index=True)


def parabolas(cuts: pd.DataFrame) -> pd.DataFrame:
    """The parabola in ln params through each cut of at least four sizes: compute, params, loss on 40 sizes, and
    ``bottom``, the size at its lowest point (missing where that is not among the sizes).

    >>> sizes = np.array([1.0, 2, 4, 8])
    >>> cuts = pd.DataFrame({"compute": 1.0, "params": sizes, "loss": 1 + np.log(sizes / 3) ** 2})
    >>> parabolas(cuts).bottom.round(6).unique().tolist()
    [3.0]
    """
    frames = []
    for compute, cut in cuts.groupby("compute"):
        if len(cut) < _LEAST:
            continue
        at = np.log(cut.params.to_numpy())
        bend, slope, height = np.polyfit(at - at[0], cut.loss.to_numpy(), 2)
        fine = np.linspace(at[0], at[-1], 40)
        bottom = at[0] - slope / (2 * bend) if bend > 0 else np.nan
        inside = at[0] < bottom < at[-1]
        loss = np.polyval([bend, slope, height], fine - at[0])
        best = np.exp(bottom) if inside else np.nan
        frames.append(pd.DataFrame({"compute": compute, "params": np.exp(fine), "loss": loss, "bottom": best}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*cuts.columns, "bottom"])


def exponents(frontiers: dict[str, Frontier]) -> pd.DataFrame:
    """Name, exponent of the best size with its limits, and how many optima it rests on, for a chart of estimates."""
    rows = [
        {"name": name, "value": one.exponent, "low": one.limits[0], "high": one.limits[1], "optima": len(one.table)}
        for name, one in frontiers.items()
    ]
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "optima"])
