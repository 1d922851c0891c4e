"""Learning curves made from known laws, for calibrating and testing fitters."""

from __future__ import annotations

import numpy as np

from labkit import seeds
from labkit.laws.form import get


def generate(count: int, seed: int = 0):
    """Noisy curves from five families as a frame: suite, curve, x, y, se, split, truth (y without noise).

    Sizes, ranges of x, noise (log-normal about e^-4, in half of the curves larger at small x), horizons (a factor of
    1.1 to 30 in x) and the families (power law with floor, shifted, M4, one break, two breaks) are drawn at random.
    Raises ``ValueError`` for a count below 1.

    >>> frame = generate(3, seed=1)
    >>> frame["curve"].nunique(), set(frame["split"]) == {"fit", "predict"}
    (3, True)
    """
    import pandas as pd

    if not count >= 1:
        raise ValueError(f"count is a number of curves of at least 1, got {count!r}")
    frames = []
    for number in range(count):
        rng = seeds.generator(seed, "generated curve", number)
        x, seen = _places(rng)
        truth = _law(rng, x[:seen])(x)
        sigma = np.exp(rng.normal(-4, 1)) * np.where(rng.random() < 0.5, 1.0, (x / x[0]) ** -0.25 * 2)
        y = truth * np.exp(sigma * rng.standard_normal(len(x)))
        frames.append(
            pd.DataFrame(
                {
                    "suite": "generated",
                    "curve": f"generated-{number}",
                    "x": x,
                    "y": y,
                    "se": np.nan,
                    "split": np.where(np.arange(len(x)) < seen, "fit", "predict"),
                    "truth": truth,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _places(rng) -> tuple[np.ndarray, int]:
    """x of a curve, and how many of them are known."""
    seen = int(np.exp(rng.uniform(np.log(5), np.log(80))))
    decades, horizon = rng.uniform(0.5, 3.0), np.exp(rng.uniform(np.log(1.1), np.log(30)))
    start = 10 ** rng.uniform(0, 6)
    if rng.random() < 0.6:
        known = start * np.geomspace(1, 10**decades, seen)
    else:
        known = start * np.linspace(1, 10**decades, seen)
    ahead = known[-1] * np.exp(np.sort(rng.uniform(0.02, np.log(horizon), 8)))
    return np.concatenate([known, ahead]), seen


def _law(rng, x):
    """A random law whose features lie inside or near the range of x."""
    low, high = np.log(x[0]), np.log(x[-1])

    def place(first, last):
        return float(np.exp(low + rng.uniform(first, last) * (high - low)))

    top, floor = np.exp(rng.normal(0, 1)), rng.beta(1, 3)
    alpha = float(np.exp(rng.normal(np.log(0.4), 0.6)))
    kind = rng.choice(["power_floor", "shifted_power", "m4", "broken_power", "broken_power_2"])
    if kind == "m4":
        values = {"E": floor * 0.5, "S": 1.0, "a": np.exp(rng.normal(0, 0.8)), "d": place(-0.5, 0.8), "c": alpha}
    elif kind == "shifted_power":
        values = {"E": floor, "A": 1.0, "d": place(-1, 0.7), "alpha": alpha}
    else:
        values = {"E": floor, "A": 1.0, "alpha": alpha, "c0": alpha}
        for i in range({"power_floor": 0, "broken_power": 1, "broken_power_2": 2}[kind]):
            change = alpha * rng.uniform(-0.9, 1.5)
            values |= {f"d{i + 1}": place(0.1 + 0.5 * i, 0.7 + 0.6 * i), f"c{i + 1}": change}
            values[f"f{i + 1}"] = np.exp(rng.normal(-1, 0.7))
    form = get(kind)
    values = {name: values[name] for name in form.names}
    reducible = form.value(x[:1], {**values, "E": 0.0})[0]
    for name in ("A", "S"):
        if name in values:
            values[name] = values[name] / reducible
    return lambda points: top * form.value(points, values)
