"""Measure forecasts on curves whose continuation is known, beside the usual ways.

    python benchmarks/forecast.py --curves FILE.csv [--json OUT.json]

FILE has columns suite, curve, x, y, se, split (fit or predict). The error is the root mean square ln error of a curve
(mean absolute error, with bounds (0, 1), for suites named lcdb). Interval constants are learned again without the suite
a curve belongs to; for lcdb, whose suites share data sets, without a tenth of its data sets (the curve name up to "|").
Split-conformal intervals around the last value leave out the curve alone. A bootstrap of two curves that both hold is a
point; the exact interval beside it (Clopper and Pearson, 1934) takes each curve as one trial.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from calibrate import GENERATED, family, library
from scipy.optimize import curve_fit
from scipy.stats import beta

from labkit import laws, seeds
from labkit.laws import fitting
from labkit.laws.calibration import Calibration
from labkit.laws.curve import clean
from labkit.laws.forecast import _predict
from labkit.laws.generate import generate
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective

FORMS = (
    "power", "power_floor", "shifted_power", "reciprocal_shift", "m4", "log_logistic", "stretched_exponential",
    "broken_power",
)  # fmt: skip
MEDIAN = ("power_floor", "reciprocal_shift", "m4", "broken_power")
LEVEL = 0.9
FOLDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    frame = pd.read_csv(chosen.curves)
    curves = [_curve(key, group) for key, group in frame.groupby(["suite", "curve"], sort=False)]
    table = pd.concat([_forecasts(curves, frame), _last_values(curves), *_usual(curves)], ignore_index=True)
    shown = _summary(table)
    with pd.option_context("display.width", 200, "display.max_columns", 30, "display.max_rows", 500):
        print(shown["error"].round(4).to_string(), "\n")
        print(shown["rank"].round(2).to_string(), "\n")
        print(shown["interval"].round(4).to_string(), "\n")
        print(shown["pooled"].round(4).to_string())
    if chosen.json:
        chosen.json.write_text(
            json.dumps({name: part.reset_index().to_dict("records") for name, part in shown.items()})
        )


def _curve(key: tuple[str, str], group: pd.DataFrame) -> dict:
    known, ahead = group[group["split"] == "fit"], group[group["split"] != "fit"]
    bounds = (0.0, 1.0) if family(key[0]) == "lcdb" else (0.0, np.inf)
    cleaned = clean(known["x"], known["y"], known["se"], bounds)
    return {
        "suite": key[0], "curve": key[1], "known": cleaned, "bounds": bounds,
        "x": ahead["x"].to_numpy(), "y": ahead["y"].to_numpy(),
    }  # fmt: skip


def _row(one: dict, method: str, prediction, seconds: float, low=None, high=None) -> dict:
    y = one["y"]
    prediction = np.clip(np.where(np.isfinite(prediction), prediction, one["known"].y[-1]), *one["bounds"])
    if family(one["suite"]) == "lcdb":
        error = float(np.abs(prediction - y).mean())
    else:
        error = float(np.sqrt((np.log(np.maximum(prediction, 1e-9) / y) ** 2).mean()))
    row = {"suite": one["suite"], "curve": one["curve"], "method": method, "error": error, "seconds": seconds}
    if low is not None:
        miss = np.maximum(low - y, 0) + np.maximum(y - high, 0)
        inside = (y >= low - 1e-12) & (y <= high + 1e-12)
        score = float((high - low + 2 / (1 - LEVEL) * miss).mean())
        row |= {"inside": float(inside.mean()), "width": float((high - low).mean()), "score": score}
    return row


def _forecasts(curves: list[dict], frame: pd.DataFrame) -> pd.DataFrame:
    rows = library(pd.concat([frame, generate(GENERATED, seed=7)], ignore_index=True))
    groups: dict[object, list[dict]] = {}
    sets = sorted({one["curve"].split("|")[0] for one in curves if family(one["suite"]) == "lcdb"})
    fold = {name: i % FOLDS for i, name in enumerate(sets)}
    for one in curves:
        key = ("lcdb", fold[one["curve"].split("|")[0]]) if family(one["suite"]) == "lcdb" else one["suite"]
        groups.setdefault(key, []).append(one)
    in_fold = np.array([fold.get(name.split("|")[0], -1) for name in rows.curve])
    out = []
    for key, members in groups.items():
        held = (rows.family == "lcdb") & (in_fold == key[1]) if isinstance(key, tuple) else rows.suite == key
        constants: Calibration = rows.learn(~held)
        begin = time.perf_counter()
        found = _predict([(one["known"], one["x"]) for one in members], members[0]["bounds"], LEVEL, constants)
        each = (time.perf_counter() - begin) / len(members)
        out += [
            _row(one, "forecast", p.prediction, each, p.low, p.high)
            for one, (p, _, _) in zip(members, found, strict=True)
        ]
    return pd.DataFrame(out)


def _last_values(curves: list[dict]) -> pd.DataFrame:
    """The last value with a split-conformal interval: the quantile of the other curves' errors in the same suite."""
    largest = {}
    for one in curves:
        size = np.abs(one["y"] - one["known"].y[-1])
        largest.setdefault(one["suite"], []).append(size)
    out, place = [], dict.fromkeys(largest, 0)
    for one in curves:
        others = [size for i, size in enumerate(largest[one["suite"]]) if i != place[one["suite"]]]
        place[one["suite"]] += 1
        half = np.nan  # of the only curve of a suite
        if others:
            weights = np.concatenate([np.full(len(size), 1 / len(size)) for size in others])
            sizes = np.concatenate(others)
            order = np.argsort(sizes)
            half = np.interp(LEVEL, np.cumsum(weights[order]) / weights.sum(), sizes[order])
        last = np.full(len(one["y"]), one["known"].y[-1])
        limits = (np.clip(last + sign * half, *one["bounds"]) for sign in (-1, 1))
        out.append(_row(one, "last_value", last, 0.0, *limits))
    return pd.DataFrame(out)


def _usual(curves: list[dict]) -> list[pd.DataFrame]:
    """Every single form fitted to logarithms, the median of four of them, and one-start curve_fit."""
    found: dict[str, list[np.ndarray]] = {}
    frames = []
    for name in FORMS:
        form, begin = laws.get(name), time.perf_counter()
        found[name] = []
        order = np.argsort([len(one["known"]) for one in curves], kind="stable")
        theta = np.empty((len(curves), len(form.parameters)))
        for block in np.array_split(order, max(1, len(order) // 60)):
            fits = fitting.fit(form, Objective("log_squared"), _padded([curves[i]["known"] for i in block]), keep=4)
            theta[block] = fits.parameters()
        each = (time.perf_counter() - begin) / len(curves)
        for i, one in enumerate(curves):
            found[name].append(form.evaluate((one["x"][None],), theta[i : i + 1])[0][0])
        frames.append(pd.DataFrame([_row(o, name, p, each) for o, p in zip(curves, found[name], strict=True)]))
    four = [np.nanmedian([found[name][i] for name in MEDIAN], axis=0) for i in range(len(curves))]
    frames.append(pd.DataFrame([_row(o, "median_of_four", p, np.nan) for o, p in zip(curves, four, strict=True)]))
    frames.append(pd.DataFrame([_one_start(one) for one in curves]))
    return frames


def _padded(curves: list) -> Data:
    longest = max(len(curve) for curve in curves)
    x, y, weights = (np.ones((len(curves), longest)), np.ones((len(curves), longest)), np.zeros((len(curves), longest)))
    for row, curve in enumerate(curves):
        x[row], y[row] = curve.x[-1], max(curve.y[-1], 1e-4)
        x[row, : len(curve)], y[row, : len(curve)] = curve.x, np.maximum(curve.y, 1e-4)
        weights[row, : len(curve)] = 1
    return Data((x,), y, weights)


def _one_start(one: dict) -> dict:
    known, begin = one["known"], time.perf_counter()
    scale = known.x[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theta, _ = curve_fit(lambda x, e, a, c: e + a * x**-c, known.x / scale, known.y, maxfev=5000)
            prediction = theta[0] + theta[1] * (one["x"] / scale) ** -theta[2]
    except (RuntimeError, TypeError):
        prediction = np.full(len(one["x"]), known.y[-1])
    return _row(one, "curve_fit one start", prediction, time.perf_counter() - begin)


def _summary(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    suites = list(dict.fromkeys(table["suite"]))
    mean = table.pivot_table(index="method", columns="suite", values="error", sort=False)[suites]
    ours = table[table["method"] == "forecast"]
    worst = ours.groupby("suite")["error"].max().rename("forecast, worst curve").to_frame().T[suites]
    cost = table.groupby("method", sort=False)["seconds"].mean().mul(1000).rename("ms/curve")
    ranks = table.assign(rank=table.groupby(["suite", "curve"])["error"].rank())
    ranks = ranks.pivot_table(index="method", columns="suite", values="rank", sort=False)[suites]
    spans = table[table["inside"].notna()]
    interval = spans.groupby(["suite", "method"], sort=False)[["inside", "width", "score"]].mean()
    for i, edge in enumerate(("inside_low", "inside_high")):
        interval[edge] = [_bootstrap(g["inside"])[i] for _, g in spans.groupby(["suite", "method"], sort=False)]
    for i, edge in enumerate(("exact_low", "exact_high")):
        interval[edge] = [_exact(g["inside"])[i] for _, g in spans.groupby(["suite", "method"], sort=False)]
    pool = np.where(spans["suite"].map(family) == "lcdb", "lcdb", "all others")
    pooled = spans.groupby([pool, "method"])[["inside", "width", "score"]].mean()
    return {"error": pd.concat([mean, worst]).join(cost), "rank": ranks, "interval": interval, "pooled": pooled}


def _bootstrap(values: pd.Series) -> np.ndarray:
    draws = seeds.generator(0, "coverage").choice(values.to_numpy(), (2000, len(values))).mean(1)
    return np.quantile(draws, [0.025, 0.975])


def _exact(values: pd.Series) -> tuple[float, float]:
    inside, outside = values.sum(), (1 - values).sum()
    low = beta.ppf(0.025, inside, outside + 1) if inside > 0 else 0.0
    return low, beta.ppf(0.975, inside + 1, outside) if outside > 0 else 1.0


if __name__ == "__main__":
    main()
