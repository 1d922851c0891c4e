"""Learn how wide forecast intervals must be, from curves whose continuation is known, and write the constants.

    python benchmarks/calibrate.py --curves FILE.csv [--out data/forecast_calibration.toml]

FILE has columns suite, curve, x, y, se, split (fit or predict). Generated curves are added. Suites that differ only
after a dash are one family; every family counts by the fourth root of its number of curves, its curves alike: what
holds in a kind of curves not seen before is what several kinds agree on.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from labkit import places
from labkit.laws import calibration, combine, ensemble
from labkit.laws.curve import clean
from labkit.laws.generate import generate

GENERATED = 60
SHARE = 0.25  # a family of n curves counts n to this power
TARGETS = 40  # points of a continuation that count


@dataclass
class Library:
    """Features and errors of forecasts of many curves, one row per predicted point."""

    suite: np.ndarray
    curve: np.ndarray
    features: np.ndarray
    errors: np.ndarray

    @property
    def family(self) -> np.ndarray:
        return np.array([family(suite) for suite in self.suite])

    def learn(self, keep: np.ndarray) -> calibration.Calibration:
        """The calibration from the rows in ``keep``."""
        frame = pd.DataFrame({"family": self.family, "suite": self.suite, "curve": self.curve})[keep]
        points = frame.groupby(["suite", "curve"])["family"].transform("size")
        curves = (1 / points).groupby(frame["family"]).transform("sum")
        weights = (1 / points) / curves * curves**SHARE
        return calibration.learn(self.features[keep], self.errors[keep], weights.to_numpy())


def family(suite: str) -> str:
    return suite.split("-")[0]


def library(frame: pd.DataFrame) -> Library:
    """Forecast every curve of the frame and keep what its intervals can be learned from."""
    suites, names, truths, tasks = [], [], [], []
    for (suite, name), curve in frame.groupby(["suite", "curve"], sort=False):
        known, ahead = curve[curve["split"] == "fit"], curve[curve["split"] != "fit"]
        if len(ahead) > TARGETS:
            ahead = ahead.iloc[np.linspace(0, len(ahead) - 1, TARGETS).astype(int)]
        cleaned = clean(known["x"], known["y"], known["se"])
        if len(cleaned) < ensemble.LEAST or np.ptp(cleaned.y) == 0:
            continue
        suites.append(suite)
        names.append(name)
        truths.append(ahead["y"].to_numpy())
        tasks.append(ensemble.task(cleaned, ahead["x"].to_numpy(), 0.0))
    combined = [combine.combine(one) for one in ensemble.extrapolate(tasks)]
    sizes = [len(truth) for truth in truths]
    return Library(
        np.repeat(suites, sizes),
        np.repeat(names, sizes),
        np.concatenate([calibration.features(t, c) for t, c in zip(tasks, combined, strict=True)]),
        np.concatenate([calibration.errors(t, c, y) for t, c, y in zip(tasks, combined, truths, strict=True)]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=places.data() / calibration.FILE)
    chosen = parser.parse_args()
    frame = pd.concat([pd.read_csv(chosen.curves), generate(GENERATED, seed=7)], ignore_index=True)
    rows = library(frame)
    found = rows.learn(np.ones(len(rows.errors), bool))
    counts = frame.groupby("suite", sort=False)["curve"].nunique()
    chosen.out.write_text(_text(found, counts, chosen.curves), encoding="utf-8")
    print(f"{chosen.out}: learned from {int(counts.sum())} curves, {len(rows.errors)} points")


def _text(found: calibration.Calibration, counts: pd.Series, source: Path) -> str:
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    lines = [
        "# Made by benchmarks/calibrate.py; do not edit. Fitted constants only, no data of the curves.",
        f'source = "{source.name}, sha256 {digest[:16]}, and {GENERATED} generated curves"',
        f"chances = {list(calibration.CHANCES)}",
        f"quantiles = {[round(value, 6) for value in found.quantiles]}",
        "",
        "[coefficients]",
        *(f"{name} = {value:.6f}" for name, value in zip(calibration.FEATURES, found.coefficients, strict=True)),
        "",
        "[curves]",
        *(f'"{suite}" = {count}' for suite, count in counts.items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
