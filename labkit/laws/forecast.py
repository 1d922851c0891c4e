"""The default predictor: where a curve will be at larger x, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws import calibration, ensemble
from labkit.laws.calibration import Calibration
from labkit.laws.combine import Combined, combine
from labkit.laws.curve import Curve, clean, limits
from labkit.laws.ensemble import LEAST, MEMBERS, Extrapolation, Task
from labkit.laws.estimator import level
from labkit.laws.points import finite, numbers

TOO_FEW = 0.35  # ln half-width of a 90 % interval one e-fold ahead when there is next to nothing to go by
CURVES = 250  # forecast together
FALLEN = 0.2  # ln units below its start at which a curve has come down
FAR = 2.0  # a forecast further ahead than this many times the log-range of the data is called far


@dataclass(frozen=True)
class Prediction:
    """Predictions (m,) at the targets of one curve, with limits at the level asked for."""

    x: np.ndarray
    prediction: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class ForecastReport:
    """A forecast and what it rests on.

    ``table``: frame x, prediction, low, high. ``forms``: frame form, weight, prediction (at the largest x asked for),
    past_error (RMS ln error on the curve's own past), parameters. ``warnings``: sentences a reader should see.
    """

    table: object
    forms: object
    warnings: tuple[str, ...]
    interval: float


def forecast(x, y, x_new, *, interval=None, se=None, bounds=(0, None), seed=0):
    """Predict y at ``x_new`` (m,) from a curve x, y (n,); with ``interval`` the tuple (prediction, low, high).

    Several forms are fitted and weighed by how well they predicted this curve's own past. The interval is for a new
    observation: it knows noise, parameters, form and distance, and is calibrated on curves with known continuations.
    ``se`` are standard errors of y; ``bounds`` is the range of the metric, (0, 1) for error rates: nothing leaves it.
    Points that are not finite or not inside the bounds are dropped and repeats averaged; below 3 usable points the last
    value is repeated. The result is deterministic; ``seed`` is accepted for uniformity.

    Raises ``ValueError`` for text, different lengths, no usable point, or ``x_new`` that is not finite and positive.

    >>> x = [100, 200, 400, 800, 1600, 3200]
    >>> y = [1.1, 0.807, 0.6, 0.4536, 0.35, 0.2768]
    >>> prediction, low, high = forecast(x, y, [12800], interval=0.9)
    >>> bool(low[0] < 0.188 < high[0]), round(float(prediction[0]), 1)
    (True, 0.2)
    """
    share = None if interval is None else level(interval)
    target = _targets(x_new)
    curve = clean(x, y, se, bounds)
    prediction = _predict([(curve, target)], limits(bounds), share or 0.9)[0][0]
    if share is None:
        return prediction.prediction
    return prediction.prediction, prediction.low, prediction.high


def forecast_report(x, y, x_new, *, interval=0.9, se=None, bounds=(0, None), seed=0) -> ForecastReport:
    """The same as ``forecast``, with the forms, their weights, and what to beware of.

    >>> report = forecast_report([1, 2, 4, 8, 16], [1.0, 0.71, 0.5, 0.36, 0.25], [64])
    >>> report.table.columns.tolist(), round(float(report.forms["weight"].sum()), 6)
    (['x', 'prediction', 'low', 'high'], 1.0)
    """
    import pandas as pd

    share, target = level(interval), _targets(x_new)
    curve = clean(x, y, se, bounds)
    prediction, one, combined = _predict([(curve, target)], limits(bounds), share)[0]
    table = pd.DataFrame(
        {"x": prediction.x, "prediction": prediction.prediction, "low": prediction.low, "high": prediction.high}
    )
    warnings = [*curve.notes, *_warnings(curve, one, combined)]
    return ForecastReport(table, _forms(curve, one, combined), tuple(warnings), share)


def forecast_many(curves, *, interval=0.9, bounds=(0, None), jobs=1, seed=0):
    """Forecast every curve of a frame: columns curve, x, y, split ("fit" or else), and optionally suite and se.

    Rows with split "fit" are the known points; a row for every other one comes back, with prediction, low and high
    added, in the order given. With ``jobs`` above 1 blocks of 250 curves run in that many processes. Raises
    ``ValueError`` for missing columns and unnamed rows, and for a curve that cannot be forecast, by its name.

    >>> import pandas as pd
    >>> known = pd.DataFrame({"curve": "a", "x": [1, 2, 4, 8], "y": [0.8, 0.4, 0.2, 0.1], "split": "fit"})
    >>> asked = pd.DataFrame({"curve": "a", "x": [16], "y": [float("nan")], "split": "predict"})
    >>> forecast_many(pd.concat([known, asked]))[["x", "prediction"]].round(2).values.tolist()
    [[16.0, 0.05]]
    """
    share = level(interval)
    wanted, out, keys = _split(curves)
    if not wanted:
        return out.assign(prediction=[], low=[], high=[])
    pairs = []
    for key, known, asked in wanted:
        try:
            pairs.append((clean(*known, bounds), _targets(asked)))
        except ValueError as error:
            raise ValueError(f"curve {key!r}: {error}") from error
    found = _in_blocks(pairs, limits(bounds), share, jobs)
    out = out.assign(prediction=np.nan, low=np.nan, high=np.nan)
    columns = [out.columns.get_loc(name) for name in ("prediction", "low", "high")]
    for places, one in zip(keys, found, strict=True):
        out.iloc[places, columns] = np.column_stack([one.prediction, one.low, one.high])
    return out


def _split(curves):
    """Name, known points and targets of each curve of a frame, the frame of the targets, and their places in it."""
    missing = [name for name in ("curve", "x", "y", "split") if name not in curves.columns]
    if missing:
        raise ValueError(f"curves needs the columns curve, x, y, split; missing: {', '.join(missing)}")
    keys = [name for name in ("suite", "curve") if name in curves.columns]
    for name in keys:
        unnamed = int(curves[name].isna().sum())
        if unnamed:
            rows = f"{unnamed} row{'s' if unnamed > 1 else ''}"
            raise ValueError(f"column {name!r} is empty in {rows} of {len(curves)}: give every row its {name}'s name")
    curves = curves.reset_index(drop=True)
    fit = (curves["split"] == "fit").to_numpy()
    out = curves[~fit].reset_index(drop=True)
    known = curves[fit].groupby(keys, sort=False).indices
    whole = curves[fit].reset_index(drop=True)
    x, y = whole["x"].to_numpy(), whole["y"].to_numpy()
    se = whole["se"].to_numpy() if "se" in whole.columns else None
    wanted, places = [], []
    for key, rows in out.groupby(keys, sort=False).indices.items():
        if key not in known:
            raise ValueError(f"curve {key!r} has no rows with split 'fit', so there is nothing to go by")
        points = known[key]
        known_points = (x[points], y[points], None if se is None else se[points])
        wanted.append((key, known_points, out["x"].to_numpy()[rows]))
        places.append(rows)
    return wanted, out, places


def _targets(x_new) -> np.ndarray:
    target = np.atleast_1d(numbers(x_new, "x_new")).ravel()
    finite(target, "x_new")
    if (target <= 0).any():
        raise ValueError(f"x_new must be above zero; the smallest is {target.min():g}")
    return target


def _in_blocks(pairs, range_: tuple[float, float], share: float, jobs: int = 1) -> list[Prediction]:
    """Predictions of any number of curves: what they rest on is held for one block at a time."""
    blocks = [pairs[i : i + CURVES] for i in range(0, len(pairs), CURVES)]
    if jobs == 1 or len(blocks) == 1:
        parts = (_block(block, range_, share) for block in blocks)
    else:
        from joblib import Parallel, delayed

        parts = Parallel(n_jobs=jobs)(delayed(_block)(block, range_, share) for block in blocks)
    return [found for part in parts for found in part]


def _block(pairs, range_: tuple[float, float], share: float) -> list[Prediction]:
    return [found for found, _, _ in _predict(pairs, range_, share)]


def _predict(
    pairs: list[tuple[Curve, np.ndarray]],
    range_: tuple[float, float],
    share: float,
    constants: Calibration | None = None,
) -> list[tuple[Prediction, Extrapolation | None, Combined | None]]:
    """Predictions for curves and their targets, fitted together."""
    constants = constants or calibration.shipped()
    enough = [i for i, (curve, _) in enumerate(pairs) if len(curve) >= LEAST and np.ptp(curve.y) > 0]
    tasks = [ensemble.task(pairs[i][0], pairs[i][1], range_[0]) for i in enough]
    fitted = dict(zip(enough, ensemble.extrapolate(tasks), strict=True))
    results = []
    for i, (curve, target) in enumerate(pairs):
        if i not in fitted:
            results.append((_last_value(curve, target, range_, share), None, None))
            continue
        one = fitted[i]
        combined = combine(one)
        widths = constants.half_widths(calibration.features(one.task, combined), share)
        results.append((_limited(one.task, combined, widths, range_), one, combined))
    return results


def _limited(task: Task, combined: Combined, widths, range_: tuple[float, float]) -> Prediction:
    low, high = combined.logs - widths[0], combined.logs + widths[1]
    if task.z[-1] < task.z.max() - FALLEN:
        # a curve that has come down is not expected back above where it started
        high = np.minimum(high, np.maximum(task.z.max() + 3 * task.noise, combined.logs))
    with np.errstate(over="ignore"):
        values = [np.exp(logs) - task.offset for logs in (combined.logs, low, high)]
    middle, low, high = values
    if np.isfinite(range_[0]):
        # a forecast at the bound is not sure of it, and a zero among the points is only less than the least of them
        beyond = np.where(middle < range_[0], high - middle, 0.0)
        high = np.maximum(high, range_[0] + np.maximum(beyond, task.offset))
    middle, low, high = (np.clip(value, *range_) for value in (middle, low, high))
    return Prediction(task.target, middle, low, high)


def _last_value(curve: Curve, target: np.ndarray, range_: tuple[float, float], share: float) -> Prediction:
    last = np.full(len(target), curve.y[-1])
    known = max(np.ptp(np.log(curve.x)), 0.0)
    distance = np.abs(np.log(target / curve.x[-1]))
    wide = TOO_FEW * np.sqrt(distance + 0.1) * np.log(1 / (1 - share)) / np.log(10)
    size = np.abs(last) + (np.ptp(curve.y) if known else 0.0)
    size = np.where(size > 0, size, 1.0 if not np.isfinite(range_[1]) else 0.1 * range_[1])
    low, high = np.clip(last - size * wide, *range_), np.clip(last + size * wide, *range_)
    return Prediction(target, np.clip(last, *range_), low, high)


def _forms(curve: Curve, one: Extrapolation | None, combined: Combined | None):
    import pandas as pd

    if one is None or combined is None:
        row = {"form": "last_value", "weight": 1.0, "prediction": curve.y[-1], "past_error": np.nan, "parameters": {}}
        return pd.DataFrame([row])
    count = len(one.task.x)
    farthest = int(np.argmax(one.task.target))
    past = [(one.logs[:, k, cut:count] - one.task.z[cut:]) for k, cut in enumerate(one.cuts[:-1])]
    rms = np.sqrt((np.concatenate(past, 1) ** 2).mean(1)) if past else np.full(len(MEMBERS), np.nan)
    rows = [
        {
            "form": name,
            "weight": combined.weights[i, farthest],
            "prediction": np.exp(one.logs[i, -1, count + farthest]) - one.task.offset,
            "past_error": rms[i],
            "parameters": one.named(name),
        }
        for i, name in enumerate(MEMBERS)
    ]
    return pd.DataFrame(rows).sort_values("weight", ascending=False, kind="stable", ignore_index=True)


def _warnings(curve: Curve, one: Extrapolation | None, combined: Combined | None) -> list[str]:
    if one is None or combined is None:
        count = len(curve)
        few = f"{count} size{'s' if count > 1 else ''} with a usable point, where {LEAST} are needed"
        why = few if count < LEAST else f"all {count} points have the same y"
        return [f"{why}: the last value is repeated with a wide interval"]
    task, said = one.task, []
    if task.offset:
        said.append(f"y is not above zero everywhere: {task.offset:.3g} was added before taking logarithms")
    if len(task.x) < len(curve):
        said.append(f"{len(curve)} points were averaged into {len(task.x)}")
    if task.rise > max(5 * task.noise, 0.05):
        rises = 100 * np.expm1(task.rise)
        accuracy = "; of an accuracy, give 1 - y" if task.z[-1] > task.z[0] else ""
        said.append(f"the curve is not monotone: it rises by {rises:.0f}% after a lower value{accuracy}")
    if combined.distance.max() > FAR * combined.span:
        said.append("the forecast goes far beyond the data (more than twice its range in ln x)")
    if ((task.target >= curve.x[0]) & (task.target < curve.x[-1])).any():
        said.append("some targets lie inside the data: those are interpolations")
    if (task.target < curve.x[0]).any():
        said.append("some targets lie before the data: the interval is calibrated for what comes after")
    if not len(one.cuts[:-1]):
        said.append("too few points to test the forms on this curve's own past")
    return said
