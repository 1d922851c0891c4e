"""Foretell the large runs of a grid from the cheap ones, with intervals that were rehearsed on the cheap ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit import laws

COLUMNS = ("params", "tokens", "compute", "loss")
WEIGHT = 0.5
"""Power of its compute with which a run counts: dear runs are closer to those that are foretold.

Chosen on published over-trained runs, where it halves the miss or better (``benchmarks/grids.py``), not on our grid.
"""
DRIFT = 0.04
"""Miss of the published over-trained runs, in ln loss per e-fold of compute: taken where nothing can be rehearsed."""
_REHEARSALS = 8


@dataclass(frozen=True, eq=False)
class Foretold:
    """Large runs as foretold: ``table`` with a row per hidden run (params, tokens, compute, loss, prediction, low,
    high, inside), the fitted ``law``, the frame of the runs it ``knew``, and the ``drift`` that its limits allow for,
    in ln loss per e-fold of compute.
    """

    table: pd.DataFrame
    law: laws.ScalingLaw
    knew: pd.DataFrame
    drift: float

    @property
    def error(self) -> float:
        """Mean distance of prediction and loss over the hidden runs, as a share of the loss."""
        return float((self.table.prediction / self.table.loss - 1).abs().mean())

    @property
    def bias(self) -> float:
        """Mean of ln(prediction / loss): above zero, the runs were better than foretold."""
        return float(np.log(self.table.prediction / self.table.loss).mean())

    @property
    def inside(self) -> float:
        """Share of the hidden runs inside their intervals."""
        return float(self.table.inside.mean())

    def reducible_error(self, floor: float) -> float:
        """The same distance as a share of what each loss has above ``floor``, in nats."""
        return float(((self.table.prediction - self.table.loss).abs() / (self.table.loss - floor)).mean())


def foretell(
    runs: pd.DataFrame,
    *,
    share: float = 0.1,
    together: bool = False,
    form: str = "chinchilla_general",
    weight: float = WEIGHT,
    interval: float = 0.9,
    seed: int = 0,
) -> Foretold:
    """Fit a law on the cheap runs of a grid and foretell the others.

    Arguments:
        runs: frame with params, tokens, compute (FLOPs) and loss, a row per run.
        share: a run is known if it cost at most this share of the dearest one.
        together: instead, the cheapest runs are known that cost at most this share of all runs taken together.
        form: a law on params and tokens. The default holds Chinchilla's (gamma = 1) and, nearly, Kaplan's, so that
            fitting it takes no side.
        weight: runs count in the fit with their compute to this power.
        interval: level of the limits for a new run.
        seed: of the refits.

    A law's own limits do not know that it may be wrong, and a wrong law misses more the farther away. So they are
    joined, as independent errors are, with a drift that grows with the e-folds of compute beyond the dearest known run.
    How fast is rehearsed: laws of the cheaper known runs foretell the dearer ones.

    Raises ``ValueError`` for a missing column, and where too few runs are known or none is hidden.

    >>> n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e3, 1e5, 6), np.geomspace(1e4, 1e6, 6)))
    >>> runs = pd.DataFrame({"params": n, "tokens": d, "compute": 6 * n * d, "loss": 1 + 9 * n**-0.3 + 9 * d**-0.3})
    >>> found = foretell(runs, form="chinchilla")
    >>> len(found.table), found.error < 1e-4
    (6, True)
    """
    missing = [name for name in COLUMNS if name not in runs]
    if missing:
        raise ValueError(f"the runs have no column {missing[0]!r}; expected {', '.join(COLUMNS)}")
    if not 0 < share < 1:
        raise ValueError(f"share={share!r} is no share of the compute; expected a number between 0 and 1, such as 0.1")
    runs = runs[list(COLUMNS)].astype(float).reset_index(drop=True)
    known = _known(runs, share, together)
    least = len(laws.get(form).parameters) + 2
    if known.sum() < least or known.all():
        raise ValueError(f"{known.sum()} of {len(runs)} runs are known; the form needs {least}, and one must be hidden")
    law, table, drift = foretold(runs[known], runs[~known], form, weight, interval, seed)
    table["inside"] = (table.low <= table.loss) & (table.loss <= table.high)
    return Foretold(table.reset_index(drop=True), law, runs[known], drift)


def _known(runs: pd.DataFrame, share: float, together: bool) -> np.ndarray:
    if not together:
        return (runs.compute <= share * runs.compute.max()).to_numpy()
    cells = runs.groupby("compute").compute.sum().cumsum()  # groups come sorted; a cell's seeds cost the same
    return runs.compute.isin(cells.index[cells <= share * runs.compute.sum()]).to_numpy()


def fitted(runs: pd.DataFrame, form: str, weight: float, seed: int) -> laws.ScalingLaw:
    """The law of some runs, each counted with its compute to the power ``weight``."""
    counts = runs.compute**weight
    law = laws.ScalingLaw(form, "log_squared", seed=seed)
    return law.fit(runs[["params", "tokens"]], runs.loss, sample_weight=counts / counts.mean())


def foretold(
    known: pd.DataFrame, hidden: pd.DataFrame, form: str, weight: float, interval: float, seed: int
) -> tuple[laws.ScalingLaw, pd.DataFrame, float]:
    """The law of the known runs, the hidden ones with prediction, low and high, and the drift; see ``foretell``."""
    from scipy.stats import norm

    law = fitted(known, form, weight, seed)
    prediction, low, high = law.predict(hidden[["params", "tokens"]], interval=interval)
    drift = _drift(known, form, weight, seed)
    away = np.log(hidden.compute / known.compute.max()).clip(lower=0).to_numpy()
    reach = norm.ppf((1 + interval) / 2) * drift * away
    low = prediction * np.exp(-np.hypot(np.log(prediction / low), reach))
    with np.errstate(over="ignore"):  # a handful of runs may leave no upper limit
        high = prediction * np.exp(np.hypot(np.log(high / prediction), reach))
    return law, hidden.assign(prediction=prediction, low=low, high=high), drift


def _drift(runs: pd.DataFrame, form: str, weight: float, seed: int) -> float:
    """Root mean square miss per e-fold of compute, where laws of the cheaper runs foretell the dearer ones.

    The first law knows runs of two kinds (sizes and tokens) more than the form has parameters, the last all but one.
    """
    kinds = np.sort(runs.drop_duplicates(["params", "tokens"]).compute.to_numpy())
    first, last = len(laws.get(form).parameters) + 2, len(kinds) - 1
    square = away = 0.0
    for place in np.unique(np.linspace(first, last, _REHEARSALS).round().astype(int)) if first < last else ():
        cheap = runs.compute <= kinds[place - 1]
        dear = runs[~cheap]
        if len(dear):
            off = np.log(fitted(runs[cheap], form, weight, seed).predict(dear[["params", "tokens"]]) / dear.loss)
            square += float((off**2).sum())
            away += float((np.log(dear.compute / kinds[place - 1]) ** 2).sum())
    return float(np.sqrt(square / away)) if away else DRIFT
