"""A map of compute and unique text: how large, how often over the text, and which advice holds where."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.grids.constrained import Constrained
from labkit.grids.priced import Overfitting

REGIMES = ("one epoch is all you need", "data-constrained", "to repeat or not to repeat", "infinite compute")
_SIZES = np.geomspace(100, 1e9, 141)
_EPOCHS = np.geomspace(0.5, 500, 61)


def regimes(
    law: Overfitting | Constrained,
    *,
    compute: np.ndarray | None = None,
    unique: np.ndarray | None = None,
    tolerance: float = 0.01,
    dearest: float | None = None,
) -> pd.DataFrame:
    """The best size and epochs for every budget and text under a law of plain training, and the regime they are in.

    Arguments:
        law: from ``overfitting``, which knows that repeats can hurt, or from ``data_constrained``, which does not.
        compute: FLOPs, 6 per parameter and token; None is 31 budgets from 1e8 to 1e14.
        unique: tokens of text; None is 31 from 2,000 to 2e7.
        tolerance: difference of logarithmic losses that counts as none; 0.01 is about twice the spread between seeds
            of our runs.
        dearest: FLOPs of the dearest run behind the law, for the column ``beyond``.

    A plan may leave compute unused. The regimes, the first that holds:

    1. "one epoch is all you need": the best plan sees no token twice.
    2. "data-constrained": it repeats, and its loss is within the tolerance of that with endless text.
    3. "infinite compute": its loss is within the tolerance of the best that any compute buys on this text. Plain
       training cannot use more: this is where one regularises and averages ensembles.
    4. "to repeat or not to repeat": repeats cost, and more compute would still help.

    Returns a row per pair: compute, unique_tokens, params, epochs, loss, ``unlimited`` (loss with endless text),
    ``ceiling`` (best loss on this text at any compute), ``used`` (share of the compute), ``regime`` and, with
    ``dearest``, ``beyond`` (compute over that of the dearest run).

    Raises ``ValueError`` for budgets, texts or a tolerance that are not above zero.
    """
    budgets = np.geomspace(1e8, 1e14, 31) if compute is None else np.atleast_1d(np.asarray(compute, dtype=float))
    texts = np.geomspace(2e3, 2e7, 31) if unique is None else np.atleast_1d(np.asarray(unique, dtype=float))
    if not ((budgets > 0).all() and (texts > 0).all() and tolerance > 0):
        raise ValueError("compute, unique and tolerance are above zero")
    unlimited = np.array([_endless(law, budget) for budget in budgets])
    rows = []
    for text in texts:
        plans = _plans(law, text, budgets)
        ceiling = plans.pop("ceiling")
        for place, budget in enumerate(budgets):
            row = {name: float(values[place]) for name, values in plans.items()}
            found = (row["loss"], unlimited[place], ceiling)
            regime = _regime(row["epochs"], *np.log(found), tolerance)
            more = {} if dearest is None else {"beyond": budget / dearest}
            rows.append({"compute": budget, "unique_tokens": text, **row, "unlimited": found[1], "ceiling": ceiling,
                         "regime": regime, **more})  # fmt: skip
    return pd.DataFrame(rows)


def _regime(epochs: float, loss: float, unlimited: float, ceiling: float, tolerance: float) -> str:
    if epochs <= 1:
        return REGIMES[0]
    if loss - unlimited <= tolerance:
        return REGIMES[1]
    return REGIMES[3] if loss - ceiling <= tolerance else REGIMES[2]


def _endless(law: Overfitting | Constrained, budget: float) -> float:
    tokens = budget / 6 / _SIZES
    return float(law.base.predict(pd.DataFrame({"params": _SIZES, "tokens": tokens})).min())


def _plans(law: Overfitting | Constrained, text: float, budgets: np.ndarray) -> dict[str, np.ndarray]:
    """The best of all plans that a budget pays for, and of all plans whatever they cost.

    A plan spends the whole budget on one size, or stops after one of a fixed set of epochs before it is spent.
    """
    sizes, epochs = (values.ravel() for values in np.meshgrid(_SIZES, _EPOCHS, indexing="ij"))
    short = _losses(law, sizes, epochs, text)
    cost = 6 * sizes * epochs * text
    best = {name: np.empty(len(budgets)) for name in ("params", "epochs", "loss", "used")}
    passes = budgets[:, None] / 6 / _SIZES / text
    every = _losses(law, np.tile(_SIZES, len(budgets)), passes.ravel(), text).reshape(passes.shape)
    for place, (budget, spent, whole) in enumerate(zip(budgets, passes, every, strict=True)):
        paid = np.flatnonzero(cost <= budget)
        first = int(whole.argmin())
        choice = _SIZES[first], spent[first], whole[first], 1.0
        if len(paid):
            second = paid[short[paid].argmin()]
            if short[second] < whole[first]:
                choice = sizes[second], epochs[second], short[second], cost[second] / budget
        for values, value in zip(best.values(), choice, strict=True):
            values[place] = value
    return {**best, "ceiling": min(float(short.min()), float(best["loss"].min()))}


def _losses(law: Overfitting | Constrained, sizes: np.ndarray, epochs: np.ndarray, text: float) -> np.ndarray:
    return law.predict(pd.DataFrame({"params": sizes, "tokens": epochs * text, "unique_tokens": text}))
