"""What habits of training and counting do to the exponent of the best size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit import laws

_FORM = "chinchilla_general"


def habits(
    main: pd.DataFrame,
    along: pd.DataFrame,
    switched: pd.DataFrame,
    switched_along: pd.DataFrame,
    *,
    draws: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """The exponent of the best size with compute, for the grid as it is and with one habit changed at a time.

    Arguments:
        main, along: the compute-optimal grid and the losses along its runs, as ``load`` and ``curves`` give them.
        switched, switched_along: the same of the switches.
        draws: redrawn laws behind the limits.
        seed: of the limits.

    Sizes and budgets are those that all have. Returns a row per habit: name, value (the exponent), low, high (90%
    limits from redrawn laws), runs, and ``shift`` from the grid as it is, "as it should be": parameters counted with
    embeddings, rates tuned, warm-up a tenth of each run, each schedule as long as its run.

    Sources: Pearce and Song (2024) for the counting; Porian et al. (2024) for the rest. The exponent is that of a law
    that holds Chinchilla's and Kaplan's; their own exponents were read off an envelope.
    """
    sizes = sorted(set(main.width) & set(switched.width))
    budgets = sorted(set(main.tokens) & set(switched.tokens))
    constant = switched_along[switched_along.switch == "constant"]
    fixed = switched[switched.switch == "fixed_warmup"]
    longest = along[along.tokens == along.tokens.max()]
    cases = {
        "as it should be": (main, True),
        "embeddings not counted": (main, False),
        "schedule of the longest run": (longest.assign(tokens=longest.seen), True),
        "constant rate, read on its way": (constant.assign(tokens=constant.seen), True),
        "one learning rate for all": (switched[switched.switch == "untuned"], True),
        "no warm-up": (switched[switched.switch == "no_warmup"], True),
        "warm-up of one length": (fixed, True),
        "that warm-up, no embeddings": (fixed, False),
    }
    rows = []
    for name, (runs, embeddings) in cases.items():
        runs = runs[runs.width.isin(sizes) & runs.tokens.isin(budgets)]
        if not len(runs):
            raise ValueError(f"{name}: no runs share sizes and budgets with the main grid")
        runs = runs.assign(params=runs.params_with_embeddings if embeddings else runs.params)
        found = laws.frontier(runs, "parametric", form=_FORM, draws=draws, seed=seed)
        rows.append((name, found.exponent, *found.limits, len(runs)))
    table = pd.DataFrame(rows, columns=["name", "value", "low", "high", "runs"])
    return table.assign(shift=table.value - table.value[0])


def shared_exponent(runs: pd.DataFrame, *, form: str = "chinchilla", shared: str = "chinchilla_tied") -> pd.DataFrame:
    """Whether one exponent for parameters and tokens does as well as two: a row per law with its AIC.

    Arguments:
        runs: frame with params, tokens and loss.
        form, shared: the law with two exponents, and with one.

    Returns law, parameters, rms (of ln loss), ``aic`` (of the laws as normal distributions of ln loss).

    >>> n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e3, 1e5, 6), np.geomspace(1e4, 1e6, 6)))
    >>> noise = np.exp(0.01 * np.cos(np.arange(36) ** 2))
    >>> runs = pd.DataFrame({"params": n, "tokens": d, "loss": (1 + 20 * n**-0.4 + 60 * d**-0.4) * noise})
    >>> table = shared_exponent(runs)
    >>> bool(table.aic[1] < table.aic[0])
    True
    """
    rows = []
    for name in (form, shared):
        law = laws.ScalingLaw(name, "log_squared").fit(runs[["params", "tokens"]].astype(float), runs.loss)
        residual = np.log(runs.loss / law.predict(runs[["params", "tokens"]].astype(float)))
        square, count = float((residual**2).mean()), len(law.parameters_)
        rows.append((name, count, square**0.5, len(runs) * np.log(square) + 2 * (count + 1)))
    return pd.DataFrame(rows, columns=["law", "parameters", "rms", "aic"])
