"""Fit the laws of compute and repetition on our grids, and on published runs given by a path.

    python benchmarks/grids.py [--overtraining FILE.csv] [--constrained FILE.csv] [--beyond]

Over-training: columns params, tokens and losses named loss_*. Constrained: columns params, tokens, unique_tokens, loss.
Foretold are the runs that cost more than a tenth of the dearest, by the rule of `labkit.grids.foretell`, and again from
the cheapest runs that together cost a tenth of all, or less. Published runs decide with which power of its compute a
run counts (`labkit.grids.foretelling.WEIGHT`); "weight" 0 is a plain fit. Published constants are held against the
bootstrap intervals. "--beyond" trains a model three times dearer than any of our grid (some minutes for each of two
seeds) and holds it against what the whole grid foretells.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from labkit import grids, laws
from labkit.grids import foretelling
from labkit.grids.habit import shared_exponent
from labkit.grids.rates import tuned_rate

DRAWS = 400
WORTHS = 60
SHARES = (0.1, 0.01)  # of all published compute that is known
WEIGHTS = (0.0, 0.5, 1.0)
WIDTH, TOKENS = 56, 4_194_304  # three times the compute of our dearest run
UNTRAINED = 4.5  # losses above are of models that have hardly begun
DELTA = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--overtraining", type=Path)
    parser.add_argument("--constrained", type=Path)
    parser.add_argument("--beyond", action="store_true")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*distinct points and.*")
    pd.set_option("display.width", 200)
    ours = grids.load("compute_optimal")
    ours = ours.assign(params=ours.params_with_embeddings)
    show("our grid: laws", forms(ours))
    show("our grid: hidden runs", pd.DataFrame(foretold({"ours": ours})))
    if chosen.beyond:
        show("a run beyond our grid", beyond(ours))
    shipped = set(grids.available().name)
    if "repetition" in shipped:
        repeated = grids.load("repetition").query("dropout == 0 and weight_decay == 0")
        repeated = repeated.assign(params=repeated.params_with_embeddings)
        show("our repetition grid: data_constrained", constants(repeated, None))
    if chosen.overtraining:
        runs = pd.read_csv(chosen.overtraining).drop_duplicates(["params", "tokens"])
        runs = priced(runs)
        losses = {name: runs.assign(loss=runs[name]) for name in runs if name.startswith("loss_")}
        for name, frame in losses.items():
            show(f"over-training, {name}: laws", forms(frame))
        show("over-training: hidden runs", pd.DataFrame(foretold(losses, SHARES, WEIGHTS)))
    if chosen.constrained:
        runs = pd.read_csv(chosen.constrained)
        fresh = priced(runs[(runs.unique_tokens >= runs.tokens) & (runs.loss < UNTRAINED)])
        show("data-constrained, one epoch: hidden runs", pd.DataFrame(foretold({"fresh": fresh}, (0.1, 0.2), WEIGHTS)))
        show("data-constrained, all runs, all constants fitted", constants(runs, "muennighoff-2023"))
        for share in (1.0, 0.8):
            title = f"worths of repetition, the other constants as published, best {share:.0%} of the runs"
            show(title, worths(runs, "muennighoff-2023", share))


def show(title: str, frame: pd.DataFrame) -> None:
    print(f"\n{title}\n{frame.to_string(index=False, float_format='%.5g')}")


def forms(runs: pd.DataFrame) -> pd.DataFrame:
    """One exponent against two: AIC and residuals, and the form that holds both."""
    return pd.concat([shared_exponent(runs), shared_exponent(runs, form="kaplan", shared="chinchilla_general")])


def beyond(ours: pd.DataFrame) -> pd.DataFrame:
    """Two runs of nearly the best size for three times the compute of our dearest, foretold from all of ours."""
    first = grids.compute_optimal("lesson").head(1)
    row = first.assign(width=WIDTH, tokens=TOKENS, unique_tokens=TOKENS, learning_rate=tuned_rate(WIDTH, TOKENS))
    table = grids.train(pd.concat([row.assign(seed=seed) for seed in (2000, 2001)]), progress=False).table
    table = table.assign(params=table.params_with_embeddings)
    columns = ["params", "tokens", "compute", "loss"]
    known, dear = (frame[columns].astype(float) for frame in (ours, table))
    return foretelling.foretold(known, dear, "chinchilla_general", foretelling.WEIGHT, 0.9, 0)[1]


def priced(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with their compute; as floats, since whole numbers of that size overflow."""
    runs = runs.astype({"params": float, "tokens": float})
    return runs.assign(compute=6 * runs.params * runs.tokens)


def foretold(
    losses: dict[str, pd.DataFrame], shares: tuple[float, ...] = (0.1,), weights: tuple[float, ...] = (0.0, 0.5)
) -> list[dict]:
    """Known and hidden runs, mean miss, bias and share inside, by both readings of a share of the compute."""
    rows = []
    for (name, runs), share, together, weight in itertools.product(losses.items(), shares, (False, True), weights):
        found = grids.foretell(runs, share=share, together=together, weight=weight)
        width = float(np.log(found.table.high / found.table.low).mean() / 2)
        row = {"losses": name, "share": share, "of": "all together" if together else "the dearest", "weight": weight}
        row |= {"known": len(found.knew), "hidden": len(found.table), "miss": found.error, "bias": found.bias}
        rows.append({**row, "inside": found.inside, "half width": width, "drift": found.drift})
    return rows


def constants(runs: pd.DataFrame, source: str | None) -> pd.DataFrame:
    """Constants of the data-constrained law with 90 % bootstrap limits, and what was published."""
    columns = ["params", "tokens", "unique_tokens"]
    law = laws.ScalingLaw("data_constrained", "huber_log", delta=DELTA).fit(runs[columns].astype(float), runs.loss)
    draws = law.bootstrap(DRAWS, seed=0)
    given = laws.published(source).parameters if source else dict.fromkeys(law.parameters_, np.nan)
    rows = []
    for name, value in law.parameters_.items():
        low, high = draws[name].quantile([0.05, 0.95])
        row = {"parameter": name, "fitted": value, "low": low, "high": high, "published": given[name]}
        rows.append({**row, "inside": bool(low <= given[name] <= high)})
    frame = pd.DataFrame(rows)
    frame["rms"] = float(np.sqrt((np.log(runs.loss / law.predict(runs[columns].astype(float))) ** 2).mean()))
    if source:
        miss = np.log(runs.loss / laws.published(source).predict(runs[columns].astype(float)))
        frame["rms published"] = float(np.sqrt((miss**2).mean()))
    return frame


def worths(runs: pd.DataFrame, source: str, share: float) -> pd.DataFrame:
    """R_N and R_D alone, as the source fitted them: the rest was fixed first, on other runs, and outliers left out.

    Which runs were left out is not in the table; here those farthest from a first fit. That matters: without the
    source's choice R_D has no upper limit (few runs repeat so often that the worth of repeats shows), and R_N is lower.
    """
    from scipy.optimize import minimize

    law = laws.published(source)
    X, y = runs[["params", "tokens", "unique_tokens"]].to_numpy(float), np.log(runs.loss.to_numpy())

    def residual(worth, rows):
        moved = law.parameters | {"R_N": np.exp(worth[0]), "R_D": np.exp(worth[1])}
        return np.log(law.form.value(X[rows], moved)) - y[rows]

    def cost(worth, rows):
        size = np.abs(residual(worth, rows))
        return np.where(size < DELTA, size**2 / 2, DELTA * (size - DELTA / 2)).sum()

    def best(rows):
        return minimize(cost, np.log([5.0, 15.0]), args=(rows,), method="Nelder-Mead").x

    every = np.arange(len(y))
    kept = np.argsort(np.abs(residual(best(every), every)))[: round(share * len(y))]
    fitted = np.exp(best(kept))
    random = np.random.default_rng(0)
    draws = np.exp([best(random.choice(kept, len(kept))) for _ in range(WORTHS)])
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    given = np.array([law.parameters["R_N"], law.parameters["R_D"]])
    frame = pd.DataFrame({"parameter": ["R_N", "R_D"], "fitted": fitted, "low": low, "high": high, "published": given})
    return frame.assign(
        inside=(low <= given) & (given <= high), runs=len(kept), rms=residual(np.log(fitted), kept).std()
    )


if __name__ == "__main__":
    main()
