"""Measure laws of several variables on held-out runs: over-training and learning-rate schedules.

    python benchmarks/surfaces.py --overtraining FILE.csv --schedules FILE.csv

Over-training: columns params, tokens and losses named loss_*; runs above 10^9 parameters are predicted from the rest.
Schedules: columns schedule, step, learning_rate, loss, split; the rate between the rows is interpolated (a drop
to a lower constant rate happens half-way), the first 2,160 steps are a linear warm-up.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from labkit import laws

LARGE = 1e9
WARM_UP = 2160
DECAYS = (0.99, 0.995, 0.997, 0.998, 0.999, 0.9995)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--overtraining", type=Path)
    parser.add_argument("--schedules", type=Path)
    chosen = parser.parse_args()
    if chosen.overtraining:
        print(overtraining(pd.read_csv(chosen.overtraining)).to_string(index=False, float_format="%.4f"), "\n")
    if chosen.schedules:
        print(schedules(pd.read_csv(chosen.schedules)).to_string(index=False, float_format="%.5f"))


def overtraining(frame: pd.DataFrame) -> pd.DataFrame:
    """Relative errors at the large models, over all of them and all validation sets."""
    frame = frame.drop_duplicates(["params", "tokens"])
    large = frame["params"] > LARGE
    X = frame[["params", "tokens"]].astype(float)
    rows = []
    for form in ("chinchilla_tied", "chinchilla", "kaplan_floor"):
        for objective in ("huber_log", "log_squared"):
            errors = []
            for name in [column for column in frame.columns if column.startswith("loss_")]:
                law = laws.ScalingLaw(form, objective).fit(X[~large], frame.loc[~large, name])
                errors.append(np.abs(law.predict(X[large]) / frame.loc[large, name].to_numpy() - 1))
            rows.append({"form": form, "objective": objective, "mean": np.mean(errors), "worst": np.max(errors)})
    return pd.DataFrame(rows)


def schedules(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute errors on the schedules to predict: over points, and over schedules.

    "left out" is the error on each fitted schedule when the law is fitted to the other ones: it chooses the law and the
    decay (first row) without a look at the schedules to predict.
    """
    names = list(dict.fromkeys(frame["schedule"]))
    rates = [_rates(frame[frame["schedule"] == name]) for name in names]
    number = frame["schedule"].map({name: i for i, name in enumerate(names)}).to_numpy()
    known, step = (frame["split"] == "fit").to_numpy(), frame["step"].to_numpy()
    rows = []
    for decay in DECAYS:
        areas = [laws.schedule_areas(rate, decay) for rate in rates]
        X = np.array([[areas[i][0][s - 1], areas[i][1][s - 1]] for i, s in zip(number, step, strict=True)])
        rows.append(_scored(f"annealing, decay {decay}", "annealing", X, frame, known))
    X = np.column_stack([number, step]).astype(float)
    rows.append(_scored("multi_power", laws.multi_power(rates), X, frame, known))
    return pd.DataFrame(rows).sort_values("left out", ignore_index=True)


def _scored(label: str, form, X: np.ndarray, frame: pd.DataFrame, known: np.ndarray) -> dict:
    begin = time.perf_counter()
    law = laws.ScalingLaw(form).fit(X[known], frame.loc[known, "loss"])
    seconds = time.perf_counter() - begin
    error = (law.predict(X) - frame["loss"]).abs()
    each = error[~known].groupby(frame.loc[~known, "schedule"]).mean()
    left_out = []
    for name in frame.loc[known, "schedule"].unique():
        out = (frame["schedule"] == name).to_numpy()
        others = laws.ScalingLaw(form).fit(X[known & ~out], frame.loc[known & ~out, "loss"])
        left_out.append((others.predict(X[out]) - frame.loc[out, "loss"]).abs().mean())
    found = {"law": label, "train": error[known].mean(), "left out": np.mean(left_out)}
    found |= {"points": error[~known].mean(), "schedules": each.mean()}
    return {**found, "worst schedule": each.max(), "seconds": seconds}


def _rates(rows: pd.DataFrame) -> np.ndarray:
    """The learning rate of every step up to the last row."""
    seen, rate = rows["step"].to_numpy(), rows["learning_rate"].to_numpy()
    steps = np.arange(1, seen.max() + 1)
    if len(np.unique(rate)) == 2:
        drop = np.flatnonzero(np.diff(rate))[0]
        full = np.where(steps <= (seen[drop] + seen[drop + 1]) / 2, rate[0], rate[-1])
    else:
        full = np.interp(steps, seen, rate)
    return np.where(steps < WARM_UP, steps / WARM_UP * rate[0], full)


if __name__ == "__main__":
    main()
