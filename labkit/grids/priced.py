"""A law of repeated text that can turn up: what fresh text would give, and a price that grows with every epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from labkit import laws
from labkit.grids.constrained import configurations, numbers
from labkit.grids.repeats import fresh_runs, plain
from labkit.seeds import generator

PARAMS, UNIQUE = 20_000.0, 32_768.0
"""The size and the unique tokens at which the price is read."""

NAMES = ("price", "by_epochs", "by_params", "by_unique")


@dataclass(frozen=True, eq=False)
class Overfitting:
    """A ``base`` law of fresh text, all tokens counted as fresh, plus the price of repeating it.

    In nats it is ``price`` * (epochs - 1)^``by_epochs`` * (params / 20,000)^``by_params`` *
    (unique / 32,768)^``by_unique``. ``table`` has these four with limits, ``draws`` their refits beside the parameters
    of the base, ``rms`` is that of ln(measured / law) over the repeated configurations.
    """

    base: laws.ScalingLaw
    table: pd.DataFrame
    rms: float
    draws: pd.DataFrame = field(repr=False)

    def predict(self, runs: pd.DataFrame) -> np.ndarray:
        """Losses (n,) for a frame with params, tokens and unique_tokens."""
        constants = self.table.set_index("name").value.loc[list(NAMES)].to_numpy()
        return self.base.predict(runs[["params", "tokens"]].astype(float)) + _price(constants, *numbers(runs))

    def redrawn(self, runs: pd.DataFrame) -> np.ndarray:
        """Losses (draws, n) by the refits."""
        form, arrays = self.base._form, numbers(runs)
        known = dict(zip(("params", "tokens"), (values[None] for values in arrays), strict=False))
        value, _ = form.evaluate(tuple(known[name] for name in form.columns), self.draws[list(form.names)].to_numpy())
        return value + np.stack([_price(draw, *arrays) for draw in self.draws[list(NAMES)].to_numpy()])


def overfitting(
    repeated: pd.DataFrame,
    fresh: pd.DataFrame,
    *,
    most: float | None = None,
    base: str = "chinchilla_general",
    draws: int = 200,
    interval: float = 0.9,
    seed: int = 0,
) -> Overfitting:
    """Fit a law of fresh text, then the price of repeating on repeated runs alone.

    Arguments: as for ``data_constrained``.

    Effective data can only level off, and models of our sizes get worse when they go on; a price can say so. It is a
    form of our own, settled after the repetition grid had been seen: that it fits this grid is no test of it. It grows
    without end, so far outside the grid it says too much.

    >>> from labkit import grids
    >>> law = overfitting(grids.load("repetition"), grids.load("compute_optimal"), draws=2)
    >>> bool((law.table.value[:3] > 0).all()), law.rms < 0.02
    (True, True)
    """
    once, again = configurations(fresh_runs(fresh, repeated)), configurations(plain(repeated).query("epochs > 1"))
    again = again[again.tokens <= (most or np.inf) * again.unique_tokens]
    law = laws.ScalingLaw(base, "log_squared", seed=seed).fit(once[["params", "tokens"]], once.loss)
    at = law.predict(again[["params", "tokens"]])
    found = _prices(at, again, np.ones(len(again)), np.array([np.log(0.01), 1.0, 1.0, -1.0]))
    refits, random = law.bootstrap(draws, seed=seed), generator(seed, "repeated configurations")
    values, _ = law._form.evaluate(
        tuple(again[name].to_numpy(float)[None] for name in law._form.columns), refits.to_numpy()
    )
    rows = []
    for value in values:
        weights = random.multinomial(len(again), np.full(len(again), 1 / len(again))).astype(float)
        rows.append(_prices(value, again, weights, found))
    for row in (found, *rows):
        row[0] = np.exp(row[0])
    table = pd.DataFrame({"name": NAMES, "value": found})
    table["low"], table["high"] = np.quantile(rows, [(1 - interval) / 2, (1 + interval) / 2], axis=0)
    miss = np.log(again.loss / (at + _price(found, *numbers(again))))
    every = pd.concat([refits, pd.DataFrame(rows, columns=list(NAMES))], axis=1)
    return Overfitting(law, table, float(np.sqrt((miss**2).mean())), every)


def _price(constants: np.ndarray, params: np.ndarray, tokens: np.ndarray, unique: np.ndarray) -> np.ndarray:
    price, by_epochs, by_params, by_unique = constants
    repeats = np.maximum(tokens / unique - 1, 0)
    return price * repeats**by_epochs * (params / PARAMS) ** by_params * (unique / UNIQUE) ** by_unique


def _prices(at: np.ndarray, runs: pd.DataFrame, weights: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """ln price and the three exponents by least squares of ln losses, ``at`` being those of fresh text."""
    from scipy.optimize import least_squares

    arrays, losses, root = numbers(runs), runs.loss.to_numpy(), np.sqrt(weights)

    def misses(theta):
        return root * np.log((at + _price([np.exp(theta[0]), *theta[1:]], *arrays)) / losses)

    bounds = ([-30, 0.05, -2, -4], [3, 4, 4, 2])
    return least_squares(misses, np.clip(begin, *np.array(bounds) * 0.999), bounds=bounds).x
