"""Which form predicts the end of a curve best, judged by hiding that end."""

from __future__ import annotations

import numpy as np

from labkit.laws.curve import clean
from labkit.laws.estimator import ScalingLaw
from labkit.laws.form import FORMS, get


def compare(x, y, forms=None, *, hold_out=0.3, objective=None, seed=0):
    """Fit every one-variable form to the first points and score it on the last ``hold_out`` share of them.

    Returns a frame, best first: form, parameters (their number), train (RMS log error), held_out (RMS log error),
    converged, reason. ``forms`` defaults to all of one variable that the points can determine.

    >>> frame = compare([1, 2, 4, 8, 16, 32, 64], [1.1, 0.6, 0.35, 0.225, 0.1625, 0.13125, 0.115625])
    >>> frame.loc[0, "form"]
    'power_floor'
    """
    import pandas as pd

    curve = clean(x, y)
    objective = objective or ("log_squared" if (curve.y > 0).all() else "squared")
    held = min(max(1, round(hold_out * len(curve))), len(curve) - 1)
    if held < 1:
        raise ValueError(f"compare needs at least 2 distinct x; got {len(curve)}")
    seen = curve.first(len(curve) - held)
    chosen = [get(form) for form in forms] if forms is not None else [f for f in FORMS if f.subject == "one variable"]
    rows = []
    for form in chosen:
        if len(form.parameters) > len(seen) and forms is None:
            continue
        law = ScalingLaw(form.name, objective, seed=seed).fit(seen.x, seen.y)
        with np.errstate(all="ignore"):
            error = np.log(np.maximum(law.predict(curve.x), 1e-12)) - np.log(np.maximum(curve.y, 1e-12))
        rows.append(
            {
                "form": form.name,
                "parameters": len(form.parameters),
                "train": float(np.sqrt((error[:-held] ** 2).mean())),
                "held_out": float(np.sqrt((error[-held:] ** 2).mean())),
                "converged": law.converged_,
                "reason": law.reason_,
            }
        )
    return pd.DataFrame(rows).sort_values("held_out", kind="stable", ignore_index=True)
