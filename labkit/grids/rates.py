"""The learning rate of every size and budget, from the tuning table that is shipped."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from labkit.grids.shipped import load


def best_rates(tuned: pd.DataFrame) -> pd.DataFrame:
    """The best learning rate of every size and budget: the lowest point of a parabola through the best and its sides.

    Arguments:
        tuned: a row per run with width, tokens, learning_rate and loss; rates evenly spaced in the logarithm.

    Returns width, tokens, ``best`` (of those tried), ``learning_rate`` (of the parabola), ``loss`` there, and
    ``interior``: whether rates on both sides were worse. Where they were not the rate is the best of those tried.

    >>> rows = [(8, 100, rate, 1 + np.log2(rate / 0.025) ** 2) for rate in (0.01, 0.02, 0.04)]
    >>> best_rates(pd.DataFrame(rows, columns=["width", "tokens", "learning_rate", "loss"])).learning_rate.round(4)[0]
    np.float64(0.025)
    """
    means = tuned.groupby(["width", "tokens", "learning_rate"], as_index=False).loss.mean()
    rows = []
    for (width, tokens), group in means.groupby(["width", "tokens"]):
        group = group.sort_values("learning_rate")
        rates, losses = np.log(group.learning_rate.to_numpy()), group.loss.to_numpy()
        place = int(losses.argmin())
        interior = 0 < place < len(losses) - 1
        rate, loss = rates[place], losses[place]
        if interior:
            near = slice(place - 1, place + 2)
            bend, slope, height = np.polyfit(rates[near] - rate, losses[near], 2)
            rate, loss = rate - slope / (2 * bend), height - slope**2 / (4 * bend)
        rows.append((width, tokens, np.exp(rates[place]), np.exp(rate), loss, interior))
    return pd.DataFrame(rows, columns=["width", "tokens", "best", "learning_rate", "loss", "interior"])


def rate_law(tuned: pd.DataFrame) -> tuple[float, float, float]:
    """Constant and exponents of ``learning_rate = constant * width^a * tokens^b``, by least squares on logarithms.

    >>> rows = [(w, d, r, np.log(r * w) ** 2) for w in (8, 16) for d in (10, 20) for r in (1 / w / 2, 1 / w, 2 / w)]
    >>> law = rate_law(pd.DataFrame(rows, columns=["width", "tokens", "learning_rate", "loss"]))
    >>> [abs(round(value, 6)) for value in law]
    [1.0, 1.0, 0.0]
    """
    best = best_rates(tuned)
    columns = [np.ones(len(best)), np.log(best.width), np.log(best.tokens)]
    solution, *_ = np.linalg.lstsq(np.stack(columns, axis=1), np.log(best.learning_rate.to_numpy()), rcond=None)
    return float(np.exp(solution[0])), float(solution[1]), float(solution[2])


@functools.cache
def _law() -> tuple[float, float, float]:
    return rate_law(load("tuning"))


def tuned_rate(width: np.ndarray | float, tokens: np.ndarray | float) -> np.ndarray:
    """The learning rate for a size and a budget, by the law through the shipped tuning table, to two digits.

    >>> bool(tuned_rate(12, 65_536) >= tuned_rate(48, 65_536))
    True
    """
    constant, by_width, by_tokens = _law()
    raw = constant * np.asarray(width, dtype=float) ** by_width * np.asarray(tokens, dtype=float) ** by_tokens
    unit = 10 ** np.floor(np.log10(raw) - 1)
    return np.round(np.round(raw / unit) * unit, 9)
