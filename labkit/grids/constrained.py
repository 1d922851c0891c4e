"""The law of effective data in two steps, and what an epoch is worth by it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from labkit import laws
from labkit.grids.repeats import fresh_runs, plain
from labkit.seeds import generator

_COLUMNS = ["params", "tokens", "unique_tokens"]
_LEAST, _MOST = 0.05, 1e4
BASES = ("chinchilla", "chinchilla_general")


def _effective(unique: np.ndarray, total: np.ndarray, reach: float) -> np.ndarray:
    """``unique`` and what the rest up to ``total`` is worth beside it; all of it where ``reach`` is endless."""
    if np.isinf(reach):
        return np.maximum(total, unique)
    return unique * (1 - reach * np.expm1(-np.maximum(total / unique - 1, 0) / reach))


@dataclass(frozen=True, eq=False)
class Constrained:
    """A law of effective data: a ``base`` law of fresh text, ``worth`` (R_D) and ``excess`` (R_N) with limits.

    ``draws`` are refits of both steps to resampled configurations: a frame with the parameters of the base, worth and
    excess. ``rms`` is that of ln(measured / law) over the repeated configurations. An excess of inf leaves parameters
    as they are.
    """

    base: laws.ScalingLaw
    worth: float
    excess: float
    worth_limits: tuple[float, float]
    excess_limits: tuple[float, float]
    rms: float
    draws: pd.DataFrame = field(repr=False)

    def predict(self, runs: pd.DataFrame) -> np.ndarray:
        """Losses (n,) for a frame with params, tokens and unique_tokens."""
        return _value(self.base.parameters_, self.worth, self.excess, *numbers(runs))

    def redrawn(self, runs: pd.DataFrame) -> np.ndarray:
        """Losses (draws, n) by the refits."""
        arrays = numbers(runs)
        return np.stack([_value(draw, draw["worth"], draw["excess"], *arrays) for draw in _rows(self.draws)])

    def effective(self, unique: float, epochs: np.ndarray | float) -> np.ndarray:
        """Fresh tokens that ``epochs`` passes over ``unique`` tokens are worth."""
        return _effective(np.asarray(unique, float), unique * np.asarray(epochs, float), self.worth)


def data_constrained(
    repeated: pd.DataFrame,
    fresh: pd.DataFrame,
    *,
    most: float | None = None,
    excess: bool = True,
    base: str = "chinchilla",
    draws: int = 200,
    interval: float = 0.9,
    seed: int = 0,
) -> Constrained:
    """Fit what repeats are worth in two steps: a law of fresh runs, then R_D and R_N alone on repeated ones.

    Arguments:
        repeated, fresh: tables with params, tokens, unique_tokens, width, seed, loss, dropout and weight_decay, as
            ``load`` gives them. Means over seeds are fitted, by least squares of logarithms.
        most: epochs of the repeated runs that are used at most; None is all.
        excess: whether parameters beyond the best size for the unique text are discounted as repeats are.
        base: ``chinchilla``, as in the source, or ``chinchilla_general``, which has an outer exponent.
        draws, interval, seed: resamplings of configurations behind the limits, their level and seed.

    Returns a `Constrained`. Source: Muennighoff et al. (2023), whose base has one exponent for both. The law cannot
    turn up: runs that overfit are beyond it, and pull ``worth`` down.

    Raises ``ValueError`` for an unknown base, and where no run is repeated.
    """
    if base not in BASES:
        raise ValueError(f"base={base!r}; expected one of {', '.join(BASES)}")
    once = configurations(fresh_runs(fresh, repeated))
    again = configurations(plain(repeated).query("epochs > 1"))
    again = again[again.tokens <= (most or np.inf) * again.unique_tokens]
    if again.empty:
        raise ValueError("no plain run of more than one epoch to fit; give grids.load('repetition')")
    law = laws.ScalingLaw(base, "log_squared", seed=seed).fit(once[_COLUMNS[:2]], once.loss)
    found = _worths(law.parameters_, again, np.ones(len(again)), excess, None)
    random = generator(seed, "repeated configurations")
    rows = []
    for theta in _rows(law.bootstrap(draws, seed=seed)):
        weights = random.multinomial(len(again), np.full(len(again), 1 / len(again))).astype(float)
        worth, parameters = _worths(theta, again, weights, excess, found)
        rows.append({**theta, "worth": worth, "excess": parameters})
    table = pd.DataFrame(rows)
    tails = [(1 - interval) / 2, (1 + interval) / 2]
    limits = [tuple(map(float, table[name].quantile(tails, interpolation="nearest"))) for name in ("worth", "excess")]
    miss = np.log(again.loss / _value(law.parameters_, *found, *numbers(again)))
    return Constrained(law, *found, *limits, float(np.sqrt((miss**2).mean())), table)


def worth_of_epochs(
    law: Constrained, epochs: Sequence[float] = (1, 2, 4, 8, 16, 32, 64), *, interval: float = 0.9
) -> pd.DataFrame:
    """What old text is worth in new: the next token after some epochs, and the mean of all tokens seen.

    Returns a row per number of epochs (1 or more, not only whole ones): ``next``, exp(-(epochs - 1) / worth), and
    ``mean``, effective tokens over those seen, each with ``_low`` and ``_high`` from the refits.
    """
    count = np.asarray(epochs, dtype=float)
    if (count < 1).any():
        raise ValueError(f"epochs={list(epochs)} are 1 or more")
    worths = np.array([law.worth, *law.draws.worth])[:, None]
    readings = {"next": np.exp(-(count - 1) / worths), "mean": (1 - worths * np.expm1(-(count - 1) / worths)) / count}
    table = pd.DataFrame({"epochs": count})
    for name, values in readings.items():
        table[name] = values[0]
        table[f"{name}_low"], table[f"{name}_high"] = np.quantile(
            values[1:], [(1 - interval) / 2, (1 + interval) / 2], 0
        )
    return table


def own_worth(*, most: float | None = 8, interval: float = 0.9) -> tuple[float, float, float]:
    """R_D of the shipped grids and its limits: how slowly repeated tokens lose their worth in models of our sizes.

    Arguments:
        most: epochs of the runs it is read from. Beyond 8 our models overfit, which no R_D describes; None is all.
        interval: level of the limits.

    Parameters are counted with embeddings and not discounted, as in ``best_use``, which it is made for.

    >>> worth, low, high = own_worth()
    >>> 0 < low <= worth <= high
    True
    """
    law = _shipped_law(most)
    low, high = law.draws.worth.quantile([(1 - interval) / 2, (1 + interval) / 2])
    return law.worth, float(low), float(high)


@functools.cache
def _shipped_law(most: float | None) -> Constrained:
    from labkit.grids.shipped import load

    repeated, fresh = (load(name) for name in ("repetition", "compute_optimal"))
    grids = (grid.assign(params=grid.params_with_embeddings) for grid in (repeated, fresh))
    return data_constrained(*grids, most=most, excess=False)


def configurations(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean losses over seeds, a row per width, params, tokens and unique_tokens."""
    table = runs.groupby(["width", *_COLUMNS], as_index=False).loss.mean()
    return table.astype(dict.fromkeys(_COLUMNS, float))


def numbers(runs: pd.DataFrame) -> list[np.ndarray]:
    """params, tokens and unique_tokens of a frame as arrays of floats."""
    return [runs[name].to_numpy(float) for name in _COLUMNS]


def _rows(table: pd.DataFrame) -> list[dict]:
    return table.to_dict("records")


def best_size(base: dict, tokens: np.ndarray) -> np.ndarray:
    """The size that a law's fresh ``tokens`` are best spent on; see Hoffmann et al. (2022)."""
    ratio = base["alpha"] * base["A"] / (base["beta"] * base["B"])
    return (ratio * tokens ** base["beta"]) ** (1 / base["alpha"])


def _value(base, worth, excess, params, tokens, unique) -> np.ndarray:
    seen = np.minimum(tokens, unique)
    size = params
    if np.isfinite(excess):
        size = _effective(np.minimum(params, best_size(base, seen)), params, excess)
    fresh = _effective(seen, tokens, worth)
    amount = base["A"] * size ** -base["alpha"] + base["B"] * fresh ** -base["beta"]
    return base["E"] + amount ** base.get("gamma", 1.0)


def _worths(base, runs, weights, excess, begin) -> tuple[float, float]:
    """R_D and R_N by least squares of weighted ln losses, from several starts or from a known fit."""
    from scipy.optimize import least_squares

    arrays, losses, root = numbers(runs), np.log(runs.loss.to_numpy()), np.sqrt(weights)
    ends = np.log([_LEAST, _MOST])

    def misses(logs):
        reaches = np.exp(logs)
        value = _value(base, reaches[0], reaches[1] if excess else np.inf, *arrays)
        return root * (np.log(value) - losses)

    firsts = [(3.0, 5.0), (15.0, 5.0), (15.0, 100.0), (60.0, 1000.0)] if begin is None else [begin]
    starts = [np.log(np.clip(first, 2 * _LEAST, _MOST / 2)[: 1 + excess]) for first in firsts]
    found = min((least_squares(misses, start, bounds=ends) for start in starts), key=lambda fit: fit.cost)
    reaches = np.exp(found.x)
    return float(reaches[0]), float(reaches[1]) if excess else np.inf
