"""Leave the future out: forecast every curve from its earlier states and see how that would have gone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from labkit.laws.comparison import SHARES
from labkit.laws.curve import clean, limits
from labkit.laws.estimator import level
from labkit.laws.forecast import _in_blocks

HORIZONS = (0.0, 0.25, 0.7, 1.5, np.inf)  # in ln x beyond the data: ×1.3, ×2, ×4.5
FEWEST = 4


def backtest(curves, *, interval=0.9, bounds=(0, None), seed=0):
    """Forecast the rest of every curve from its first 85, 70 and 55% of points, beside repeating the last value.

    ``curves`` is a frame with columns curve, x, y and optionally suite and se (all its rows are used), or one curve:
    (x, y) or (x, y, se). ``interval`` is the level of the forecasts' limits, ``bounds`` the range of y. Returns a
    frame, one row per curve, cut, later point and method ("forecast", "last_value"): suite, curve, known (points), x,
    horizon (ln of x over the largest known x), method, y, prediction, low, high, inside, error (ln prediction − ln y;
    in y where that is not positive). The last value has no interval. See ``backtest_summary``.

    Raises ``ValueError`` when no curve has 4 distinct x, and for a curve without a usable point, by its name.

    >>> x = [1, 2, 4, 8, 16, 32, 64, 128]
    >>> frame = backtest((x, [0.1 + v**-0.5 for v in x]))
    >>> sorted(frame["method"].unique())
    ['forecast', 'last_value']
    """
    import pandas as pd

    share, range_ = level(interval), limits(bounds)
    jobs, pairs = [], []
    for suite, name, curve in _curves(curves, bounds):
        cuts = {round(part * len(curve)) for part in SHARES}
        for cut in sorted(cut for cut in cuts if 3 <= cut < len(curve)):
            jobs.append((suite, name, curve, cut))
            pairs.append((curve.first(cut), curve.x[cut:]))
    if not jobs:
        raise ValueError(f"no curve has {FEWEST} distinct x, so nothing can be held out")
    frames = []
    for (suite, name, curve, cut), found in zip(jobs, _in_blocks(pairs, range_, share), strict=True):
        y = curve.y[cut:]
        shared = {
            "suite": suite,
            "curve": name,
            "known": cut,
            "x": curve.x[cut:],
            "horizon": np.log(curve.x[cut:] / curve.x[cut - 1]),
            "y": y,
        }
        last = np.full(len(y), curve.y[cut - 1])
        inside = (found.low <= y) & (y <= found.high)
        ours = {"method": "forecast", "prediction": found.prediction, "low": found.low, "high": found.high}
        frames.append(pd.DataFrame({**shared, **ours, "inside": inside.astype(float)}))
        empty = {"low": np.nan, "high": np.nan, "inside": np.nan}
        frames.append(pd.DataFrame({**shared, "method": "last_value", "prediction": last, **empty}))
    frame = pd.concat(frames, ignore_index=True)
    positive = (frame["y"] > 0) & (frame["prediction"] > 0)
    logs = np.log(frame["prediction"].where(positive, 1.0) / frame["y"].where(positive, 1.0))
    return frame.assign(error=np.where(positive, logs, frame["prediction"] - frame["y"]))


def backtest_summary(frame):
    """What a back-test says, per method and horizon (and "all"): points, rms, worst, rank, coverage and width.

    ``frame`` is what ``backtest`` returns. ``horizon`` is how many times the largest known x a point lies out; ``rms``
    and ``worst`` are of its errors, in ln y where y is positive; ``coverage`` is the share of points inside the
    interval and ``width`` its mean width, in y. ``rank`` is the mean rank of a method's RMS error among the methods,
    curve by curve and cut by cut. Raises ``ValueError`` for any other frame.

    >>> x = [1, 2, 4, 8, 16, 32, 64, 128]
    >>> backtest_summary(backtest((x, [0.1 + v**-0.5 for v in x])))["horizon"].iloc[-1]
    'all'
    """
    import pandas as pd

    needed = ("suite", "curve", "known", "horizon", "method", "error", "inside", "low", "high")
    missing = [name for name in needed if name not in getattr(frame, "columns", ())]
    if missing:
        raise ValueError(f"backtest_summary takes the frame that backtest returns; missing: {', '.join(missing)}")
    labels = [f"x{np.exp(a):.2g} to x{np.exp(b):.2g}" for a, b in pairwise(HORIZONS)]
    bins = pd.cut(frame["horizon"], HORIZONS, labels=labels).astype(object)
    both = pd.concat([frame.assign(horizon=bins), frame.assign(horizon="all")], ignore_index=True)
    both["square"], both["size"] = both["error"] ** 2, both["error"].abs()
    keys = ["horizon", "suite", "curve", "known"]
    each = both.groupby([*keys, "method"], sort=False, dropna=False)["square"].mean().reset_index()
    each["rank"] = each.groupby(keys, dropna=False)["square"].rank()
    both["width"] = both["high"] - both["low"]
    grouped = both.groupby(["horizon", "method"], sort=False)
    table = grouped.agg(
        points=("size", "size"), rms=("square", "mean"), worst=("size", "max"),
        coverage=("inside", "mean"), width=("width", "mean"),
    )  # fmt: skip
    table["rms"] = np.sqrt(table["rms"])
    table["rank"] = each.groupby(["horizon", "method"])["rank"].mean()
    order = {label: i for i, label in enumerate([*labels, "all"])}
    return table.reset_index().sort_values("horizon", key=lambda c: c.map(order), kind="stable", ignore_index=True)


def _curves(curves, bounds):
    """(suite, name, clean curve) of everything that was handed over."""
    if isinstance(curves, (tuple, list)) and len(curves) in (2, 3):
        yield "", "curve", clean(*curves, bounds=bounds)
        return
    missing = [name for name in ("curve", "x", "y") if name not in getattr(curves, "columns", ())]
    if missing:
        raise ValueError(f"curves must be a pair (x, y) or a frame with curve, x, y; missing: {', '.join(missing)}")
    keys = ["suite", "curve"] if "suite" in curves.columns else ["curve"]
    for key, group in curves.groupby(keys, sort=False, dropna=False):
        se = group["se"].to_numpy() if "se" in group.columns else None
        suite = key[0] if len(keys) == 2 else ""
        try:
            yield suite, key[-1], clean(group["x"].to_numpy(), group["y"].to_numpy(), se, bounds)
        except ValueError as error:
            raise ValueError(f"curve {key[-1]!r}: {error}") from error
