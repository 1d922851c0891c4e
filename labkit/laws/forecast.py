"""The default predictor: where a curve will be at larger x, and how sure that is."""

from __future__ import annotations

import numpy as np

from labkit.laws.curve import clean, limits
from labkit.laws.estimator import ScalingLaw, level
from labkit.laws.points import numbers


def forecast(x, y, x_new, *, interval=None, se=None, bounds=(0, None), seed=0):
    """Predict y at ``x_new`` from a curve x, y (n,); with ``interval`` the tuple (prediction, low, high).

    The interval is for a new observation. ``se`` are standard errors of y, ``bounds`` the range of the metric ((0, 1)
    for error rates). Points that are not finite are dropped; below 3 usable points the last value is repeated.

    >>> round(float(forecast([1, 10, 100, 1000], [1.0, 0.5, 0.25, 0.125], [10000])[0]), 2)
    0.06
    """
    curve = clean(x, y, se, bounds)
    target = np.atleast_1d(numbers(x_new, "x_new"))
    low_bound, high_bound = limits(bounds)
    share = None if interval is None else level(interval)
    if len(curve) < 3:
        prediction = np.full(target.shape, curve.y[-1])
        spread = 0.5 * max(np.ptp(curve.y), abs(curve.y[-1]))
        low, high = prediction - spread, prediction + spread
    else:
        objective = "log_squared" if (curve.y > 0).all() else "squared"
        law = ScalingLaw("power_floor", objective, seed=seed).fit(curve.x, curve.y)
        prediction, low, high = law.predict(target, interval=share or 0.9)
    prediction, low, high = (np.clip(values, low_bound, high_bound) for values in (prediction, low, high))
    return prediction if share is None else (prediction, low, high)
