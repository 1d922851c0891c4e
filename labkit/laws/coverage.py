"""Do intervals hold what they promise? Three ways of making them, on curves whose continuation is known."""

from __future__ import annotations

import numpy as np

from labkit.laws.curve import clean
from labkit.laws.estimator import ScalingLaw, level
from labkit.laws.forecast import forecast_many
from labkit.laws.form import get

FEWEST = 5
DRAWS = 200


def coverage(curves, *, form="power_floor", known: float = 0.6, interval: float = 0.9, bounds=(0, None), seed: int = 0):
    """Forecast the rest of every curve from its first points, three ways, and see what lies inside the intervals.

    ``curves`` is a frame with columns curve, x, y; ``known`` the share of its sizes each forecast may see. The ways:
    "parameters" (refits of ``form`` to resampled points), "parameters and noise" (with the scatter about the fit) and
    "forecast" (`forecast`: the choice of the form and the distance as well).

    Returns a frame, one row per way, curve and later point: method, curve, x, y, prediction, low, high, inside, width
    (high − low). Curves with fewer than 5 sizes are left out; ``ValueError`` where none is left.
    """
    import pandas as pd

    share, asked, frames = level(interval), [], []
    for name, group in curves.groupby("curve", sort=False):
        curve = clean(group["x"].to_numpy(), group["y"].to_numpy(), None, bounds)
        if len(curve) < FEWEST:
            continue
        cut = min(max(4, round(known * len(curve))), len(curve) - 1)
        x, y, later, truth = curve.x[:cut], curve.y[:cut], curve.x[cut:], curve.y[cut:]
        objective = "log_squared" if (y > 0).all() else "squared"
        law = ScalingLaw(form, objective, seed=seed).fit(x, y)
        ways = {"parameters": _refits(law, later, share), "parameters and noise": law.predict(later, interval=share)}
        for method, (middle, low, high) in ways.items():
            ends = {"prediction": middle, "low": low, "high": high}
            frames.append(pd.DataFrame({"method": method, "curve": name, "x": later, "y": truth, **ends}))
        split = np.where(np.arange(len(curve)) < cut, "fit", "later")
        asked.append(pd.DataFrame({"curve": name, "x": curve.x, "y": curve.y, "split": split}))
    if not asked:
        raise ValueError(f"no curve has {FEWEST} different sizes, so nothing can be held out")
    told = forecast_many(pd.concat(asked, ignore_index=True), interval=share, bounds=bounds, seed=seed)
    frames.append(told.drop(columns="split").assign(method="forecast"))
    table = pd.concat(frames, ignore_index=True)
    table["inside"] = (table["low"] <= table["y"]) & (table["y"] <= table["high"])
    return table.assign(width=table["high"] - table["low"])


def _refits(law: ScalingLaw, x: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction and quantiles of the refits at x: how sure the line is, if its form is right."""
    form, draws = get(law.form), law.bootstrap(DRAWS, seed=law.seed)
    theta = {name: draws[name].to_numpy()[:, None] for name in form.names}
    values = np.broadcast_to(form.law(x, *theta.values())[0], (DRAWS, len(x)))
    return law.predict(x), *np.quantile(values, [(1 - share) / 2, (1 + share) / 2], axis=0)
