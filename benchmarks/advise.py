"""How good the advice of ``pruning.advise`` is, on data where every rule can be tried.

For every variant of the data and every pilot seed: the data are made with that seed, advice is taken, and then models
with seeds of their own are trained on what every rule keeps, advised or not, all on the same seeds. The best rule is
the one with the lowest mean test error on the other half of the seeds.

    python benchmarks/advise.py --out advise.csv                        # all variants, 4 pilots of 5 seeds: hours
    python benchmarks/advise.py --variants digits --pilots 1 --seeds 3  # minutes
    python benchmarks/advise.py --read advise.csv ...                   # the tables again
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from scipy.stats import t as student

from labkit import datasets, pruning, training
from labkit.pruning.advising_rules import RANDOM, chosen, rules

FRACTIONS = (0.8, 0.4, 0.2, 0.1)
STEPS, RATE = 600, 0.003
GLYPHS = {"examples": 2000, "characters": "abcdefghij", "validation": 400, "test": 2000}
VARIANTS = {
    "digits": ("digits", {}),
    "digits, 10 % flipped": ("digits", {"label_noise": 0.1}),
    "glyphs": ("glyphs", GLYPHS),
    "glyphs, 10 % flipped": ("glyphs", {**GLYPHS, "label_noise": 0.1}),
    "glyphs, imbalance 10": ("glyphs", {**GLYPHS, "imbalance": 10.0}),
    "glyphs, pixel noise": ("glyphs", {**GLYPHS, "pixel_noise": 0.25}),
}


def one(variant: str, pilot: int, seeds: int, folds: int, repeats: int) -> pd.DataFrame:
    """Test errors of every rule and of the advised one, for the seeds of one pilot."""
    name, options = VARIANTS[variant]
    data = datasets.load(name, **options, seed=pilot)
    began = time.perf_counter()
    advice = pruning.advise(data, FRACTIONS, steps=STEPS, learning_rate=RATE, folds=folds, repeats=repeats, seed=pilot)
    seconds = time.perf_counter() - began
    advised = advice.choices.set_index("fraction")["rule"]
    everything, runs, cells = np.arange(len(data.inputs)), [], []
    for rule in rules(tuple(advice.material.scores), noisy=True, uneven=True):
        for fraction in FRACTIONS:
            for seed in range(1000 + pilot * seeds, 1000 + (pilot + 1) * seeds):
                kept = chosen(rule, advice.material, everything, round(fraction * len(everything)), seed)
                runs.append({"seed": seed, "indices": kept, "learning_rate": RATE})
                cells.append({"rule": str(rule), "fraction": fraction, "seed": seed})
    fit = training.fit_many("mlp", data, runs, steps=STEPS, optimizer="adam")
    frame = pd.DataFrame(cells).assign(test_error=fit.table["test_error"], variant=variant, pilot=pilot)
    frame["advised"] = frame["rule"] == frame["fraction"].map(advised)
    return frame.assign(noise=advice.noise.estimate, advice_seconds=seconds)


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per variant and fraction: advised rules, difference of accuracy to random with its 95 % interval, and to
    the best rule of the other half of the seeds."""
    rows = []
    for (variant, fraction), part in frame.groupby(["variant", "fraction"], sort=False):
        errors = part.pivot_table(index="seed", columns="rule", values="test_error")
        mine = part[part["advised"]].set_index("seed")["test_error"]
        gain = errors[RANDOM] - mine
        half = student.ppf(0.975, len(gain) - 1) * gain.std() / np.sqrt(len(gain))
        odd = errors.index % 2 == 1
        behind = pd.concat([mine[side] - errors.loc[side, errors[~side].mean().idxmin()] for side in (odd, ~odd)])
        names = part[part["advised"]].groupby("rule")["seed"].count().sort_values(ascending=False)
        rows.append(
            {
                "variant": variant,
                "fraction": fraction,
                "advised": "; ".join(f"{rule} {count}" for rule, count in names.items()),
                "random": 100 * (1 - errors[RANDOM].mean()),
                "advice": 100 * (1 - mine.mean()),
                "gain": 100 * gain.mean(),
                "low": 100 * (gain.mean() - half),
                "high": 100 * (gain.mean() + half),
                "behind_best": 100 * behind.mean(),
                "best": errors.mean().idxmin(),
                "best_accuracy": 100 * (1 - errors.mean().min()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--pilots", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", help="write every error to this CSV file as it comes")
    parser.add_argument("--read", nargs="*", help="CSV files written before: judge these, train nothing")
    given = parser.parse_args()
    parts = [pd.read_csv(path) for path in given.read or ()]
    if not given.read:
        for pilot in range(given.pilots):
            for variant in given.variants:
                parts.append(one(variant, pilot, given.seeds, given.folds, given.repeats))
                print(f"{variant}, pilot {pilot}: advice in {parts[-1]['advice_seconds'].iloc[0]:.0f} s", flush=True)
                if given.out:
                    pd.concat(parts).to_csv(given.out, index=False)
    found = judged(pd.concat(parts))
    print(found.round(2).to_string(index=False))
    lowest, behind = found["low"].min(), found["behind_best"].mean()
    print(f"lowest bound of the gain {lowest:.2f}, behind the best on average {behind:.2f}")


if __name__ == "__main__":
    main()
