"""So much text and so many FLOPs: which size, how often over the text, and which loss?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.grids.foretelling import WEIGHT, foretold

_SIZES = 400
_FEWEST = 1000.0
_DRAWS = 200


def best_use(
    runs: pd.DataFrame,
    *,
    text: float,
    compute: float,
    worth: float = 15.4,
    form: str = "chinchilla_general",
    interval: float = 0.9,
    seed: int = 0,
) -> pd.Series:
    """The best size for a text and a budget, the epochs that leaves, and the loss to expect, with limits.

    Arguments:
        runs: frame with params, tokens, compute and loss of runs on fresh text, from which the law is fitted.
        text: different tokens there are.
        compute: FLOPs to train with, 6 per parameter and token.
        worth: how slowly repeated tokens lose their worth: R repetitions of U tokens are worth
            U * worth * (1 - exp(-R / worth)) fresh ones. The default is R_D of Muennighoff et al. (2023), measured on
            far larger models.
        form, interval, seed: as in ``foretell``.

    Returns params, params_low, params_high, epochs, epochs_low, epochs_high, loss, low, high, and ``beyond``, the
    compute over that of the dearest run known. Limits of size and epochs are those of the law's refits, so of noise
    alone; those of the loss are as in ``foretell``. None knows whether the law holds so far out.

    >>> n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e3, 1e5, 6), np.geomspace(1e4, 1e6, 6)))
    >>> runs = pd.DataFrame({"params": n, "tokens": d, "compute": 6 * n * d, "loss": 1 + 9 * n**-0.4 + 9 * d**-0.4})
    >>> found = best_use(runs, text=1e6, compute=6e12, form="chinchilla")
    >>> float(round(found.params * found.epochs / 1e6, 3)), bool(found.low < found.loss < found.high)
    (1.0, True)
    """
    if not (text > 0 and compute > 0 and worth > 0):
        raise ValueError(f"text, compute and worth are above zero; got {text!r}, {compute!r}, {worth!r}")
    sizes = np.geomspace(_FEWEST, compute / 6 / _FEWEST, _SIZES)
    tokens = compute / 6 / sizes
    repeats = np.maximum(tokens / text - 1, 0)
    fresh = np.minimum(tokens, text) + text * worth * -np.expm1(-repeats / worth)
    runs = runs.astype({"params": float, "tokens": float})
    point = pd.DataFrame({"params": sizes, "tokens": fresh, "compute": compute})
    law, table, _ = foretold(runs, point, form, WEIGHT, interval, seed)
    best = table.loc[table.prediction.idxmin()]
    thetas = law.bootstrap(_DRAWS, seed=seed).to_numpy()
    given = {"params": sizes[None], "tokens": fresh[None]}
    values, _ = law._form.evaluate(tuple(given[column] for column in law._form.columns), thetas)
    low, high = np.quantile(sizes[values.argmin(1)], [(1 - interval) / 2, (1 + interval) / 2])
    epochs = {name: compute / 6 / size / text for name, size in (("", best.params), ("_low", high), ("_high", low))}
    return pd.Series(
        {
            "params": best.params,
            "params_low": low,
            "params_high": high,
            **{f"epochs{name}": value for name, value in epochs.items()},
            "loss": best.prediction,
            "low": best.low,
            "high": best.high,
            "beyond": compute / float(runs.compute.max()),
        }
    )
