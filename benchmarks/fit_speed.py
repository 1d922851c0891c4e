"""Time fits beside the usual ways, on the same work in the same run.

    python benchmarks/fit_speed.py [--bootstraps 4000]

The work: the five-parameter Chinchilla form on 240 made-up runs (Huber on logs, delta 1e-3, summed), its bootstrap,
and one-variable forms on curves of 60 points (sums of squares and of Huber losses, on logs). The usual ways:
``curve_fit`` from one start and from many, ``least_squares`` and L-BFGS-B from many. All ways begin at the same starts.
"gap" is the objective over the best found, less 1 ("curve_fit" minimises squares whatever is asked); "times" is the
time over ours.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit, least_squares, minimize

from labkit import laws, seeds

TRUTH = {"E": 1.81722, "A": 477.83, "B": 2143.42, "alpha": 0.34731, "beta": 0.36717}
DELTA = 1e-3
STARTS = 30  # of the surface
FEWER = 10  # of a curve, for each of the many ways and forms
CURVE_FORMS = (
    "power", "power_floor", "reciprocal_shift", "shifted_power", "log_logistic", "stretched_exponential", "m4",
    "broken_power",
)  # fmt: skip
CURVES = {
    "a power law with a floor": lambda x: 0.05 + 2 * x**-0.45,
    "a bend": lambda x: 0.1 + 0.8 / (1 + (x / 3e3) ** 0.6),
}


def runs(count: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sizes on a range of budgets and their losses with heavy-tailed noise."""
    rng = seeds.generator(seed, "benchmark runs")
    params = np.exp(rng.uniform(np.log(4e7), np.log(1.6e10), count))
    compute = np.exp(rng.uniform(np.log(1e18), np.log(3e21), count))
    X = np.column_stack([params, compute / (6 * params)])
    return X, laws.get("chinchilla").value(X, TRUTH) * np.exp(0.004 * rng.standard_t(2, count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstraps", type=int, default=4000)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = runs()
    rows = [*_surface(X, y), *_bootstraps(X, y, chosen.bootstraps), *_curves()]
    table = pd.DataFrame(rows)
    best = table.groupby("work")["objective"].transform("min")
    table["gap"] = table["objective"] / best - 1
    ours = table["seconds"].where(table["way"] == "labkit").groupby(table["work"]).transform("min")
    table["times"] = table["seconds"] / ours
    print(table.drop(columns="objective").to_string(index=False, float_format=lambda v: f"{v:.3g}"))


def _timed(work: str, way: str, run, repeats: int = 1) -> dict:
    """Seconds of the quickest of a few runs, and the objective reached."""
    seconds, objective = np.inf, np.nan
    for _ in range(repeats):
        begin = time.perf_counter()
        objective = run()
        seconds = min(seconds, time.perf_counter() - begin)
    return {"work": work, "way": way, "seconds": seconds, "objective": objective}


def _loss(X, y):
    """The Huber loss of the Chinchilla form by (a, b, e, alpha, beta), A = exp(a) and so on, with its gradient."""
    log_n, log_d, log_y = np.log(X[:, 0]), np.log(X[:, 1]), np.log(y)

    def value(theta, weights=None):
        a, b, e, alpha, beta = theta
        terms = np.stack([a - alpha * log_n, b - beta * log_d, np.full(len(y), e)])
        top = terms.max(0)
        shares = np.exp(terms - top)
        total = shares.sum(0)
        residual = top + np.log(total) - log_y
        shares /= total
        size = np.abs(residual)
        each = np.where(size <= DELTA, residual**2 / 2, DELTA * (size - DELTA / 2))
        slope = np.clip(residual, -DELTA, DELTA)
        if weights is not None:
            each, slope = each * weights, slope * weights
        sums = shares @ slope
        return each.sum(), np.array([*sums, -(shares[0] * log_n) @ slope, -(shares[1] * log_d) @ slope])

    return value


def _random_starts(count: int) -> np.ndarray:
    rng = seeds.generator(1, "benchmark starts")
    lows, highs = [0, 0, -1, 0, 0], [25, 25, 1, 2, 2]
    return rng.uniform(lows, highs, (count, 5))


def _surface(X, y) -> list[dict]:
    loss, begin = _loss(X, y), _random_starts(STARTS)

    def ours():
        return laws.ScalingLaw("chinchilla", delta=DELTA).fit(X, y).objective_

    def lbfgs():
        return min(minimize(loss, start, jac=True, method="L-BFGS-B").fun for start in begin)

    def squares():
        def residual(theta):
            a, b, e, alpha, beta = theta
            terms = [a - alpha * np.log(X[:, 0]), b - beta * np.log(X[:, 1]), np.full(len(y), e)]
            return np.logaddexp(np.logaddexp(terms[0], terms[1]), terms[2]) - np.log(y)

        found = [least_squares(residual, start, loss="huber", f_scale=DELTA) for start in begin]
        return min(loss(one.x)[0] for one in found)

    def curves(starts):
        def curve(x, a, b, e, alpha, beta):
            terms = a - alpha * np.log(x[0]), b - beta * np.log(x[1])
            return np.logaddexp(np.logaddexp(*terms), e)

        found = (_attempt(curve, X.T, np.log(y), start) for start in starts)
        return min((loss(theta)[0] for theta in found if theta is not None), default=np.nan)

    work = "chinchilla, 240 runs"
    return [
        _timed(work, "labkit", ours, 3),
        _timed(work, f"L-BFGS-B, {STARTS} starts", lbfgs),
        _timed(work, f"least_squares, {STARTS} starts", squares),
        _timed(work, f"curve_fit, {STARTS} starts (squares)", lambda: curves(begin)),
        _timed(work, "curve_fit, one start (squares)", lambda: curves([[6, 6, 0.5, 0.34, 0.28]]), 3),
    ]


def _bootstraps(X, y, count: int) -> list[dict]:
    law = laws.ScalingLaw("chinchilla", delta=DELTA).fit(X, y)
    loss, few = _loss(X, y), min(count, 100)
    p = law.parameters_
    start = np.array([np.log(p["A"]), np.log(p["B"]), np.log(p["E"]), p["alpha"], p["beta"]])
    resamples = seeds.generator(2, "benchmark bootstrap").multinomial(len(y), np.full(len(y), 1 / len(y)), few)

    def ours():
        law.bootstrap(count)
        return np.nan

    def lbfgs():
        for weights in resamples:
            minimize(loss, start, args=(weights.astype(float),), jac=True, method="BFGS")
        return np.nan

    work = f"{count} bootstrap refits"
    theirs = _timed(work, f"BFGS, one start each (from {few})", lbfgs)
    theirs["seconds"] *= count / few
    return [_timed(work, "labkit", ours), theirs]


def _attempt(curve, x, y, start) -> np.ndarray | None:
    try:
        with np.errstate(all="ignore"):
            return curve_fit(curve, x, y, p0=start, maxfev=20_000)[0]
    except (RuntimeError, ValueError):
        return None


def _curves() -> list[dict]:
    x = np.geomspace(100, 1e6, 60)
    rows = []
    for number, (name, law) in enumerate(CURVES.items()):
        y = law(x) * np.exp(0.01 * seeds.generator(3, "benchmark curve", number).standard_normal(60))
        for form in CURVE_FORMS:
            for objective in ("log_squared", "huber_log"):
                rows += _curve(laws.get(form), objective, x, y, f"{form}, {objective}, {name}")
    return rows


def _curve(form, objective, x, y, work) -> list[dict]:
    rng, unit = seeds.generator(4, "benchmark curve starts"), x / np.exp(np.log(x).mean())
    begin = rng.uniform(0.1, 1.0, (FEWER, len(form.parameters)))
    robust = objective == "huber_log"

    def logs(_, *theta):
        values = form.value(unit, dict(zip(form.names, np.abs(theta) + 1e-9, strict=True)))
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.log(values), nan=1e3, posinf=1e3, neginf=-1e3)

    def loss(theta):
        residual = logs(None, *theta) - np.log(y)
        size = np.abs(residual)
        each = np.where(size <= DELTA, residual**2 / 2, DELTA * (size - DELTA / 2)) if robust else residual**2
        return min(float(each.sum()), 1e12)

    def ours():
        return laws.ScalingLaw(form, objective, delta=DELTA).fit(x, y).objective_

    def curves(starts):
        found = (_attempt(logs, unit, np.log(y), start) for start in starts)
        return min((loss(theta) for theta in found if theta is not None), default=np.nan)

    def squares():
        options = {"loss": "huber", "f_scale": DELTA} if robust else {}
        return min(loss(least_squares(lambda t: logs(None, *t) - np.log(y), one, **options).x) for one in begin)

    def lbfgs():
        return min(minimize(loss, one, method="L-BFGS-B").fun for one in begin)

    return [
        _timed(work, "labkit", ours, 5),
        _timed(work, "curve_fit, one start", lambda: curves(begin[:1]), 3),
        _timed(work, f"curve_fit, {FEWER} starts", lambda: curves(begin)),
        _timed(work, f"least_squares, {FEWER} starts", squares),
        _timed(work, f"L-BFGS-B, {FEWER} starts", lbfgs),
    ]


if __name__ == "__main__":
    main()
