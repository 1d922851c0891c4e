"""Foretell the large runs of a grid from the cheap ones, with intervals that were rehearsed on the cheap ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit import laws

COLUMNS = ("params", "tokens", "compute", "loss")
RIVALS = ("chinchilla", "kaplan")


@dataclass(frozen=True, eq=False)
class Foretold:
    """Large runs as foretold: ``table`` with a row per hidden run (params, tokens, compute, loss, prediction, low,
    high, inside), the fitted ``law``, the frame of the runs it ``knew``, and by what its interval was ``widened``.
    """

    table: pd.DataFrame
    law: laws.ScalingLaw
    knew: pd.DataFrame
    widened: float

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
        interval: level of the limits for a new run.
        seed: of the refits.

    A law's own limits do not know that it may be wrong. So they are joined, as independent errors are, with how far
    Chinchilla's and Kaplan's laws on the same runs are from it at the hidden one, to both sides. If foretelling the
    known runs from a share of them misses limits made this way, all are widened by the factor it takes.

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
    cheap, hidden = runs[known], runs[~known]
    widened = max(1.0, _missed(cheap, share, form, interval, seed))
    law, table = foretold(cheap, hidden, form, interval, seed)
    for side in ("low", "high"):
        table[side] = table.prediction * (table[side] / table.prediction) ** widened
    table["inside"] = (table.low <= table.loss) & (table.loss <= table.high)
    return Foretold(table.reset_index(drop=True), law, cheap, widened)


def _known(runs: pd.DataFrame, share: float, together: bool) -> np.ndarray:
    if not together:
        return (runs.compute <= share * runs.compute.max()).to_numpy()
    cells = runs.groupby("compute").compute.sum().cumsum()  # groups come sorted; a cell's seeds cost the same
    return runs.compute.isin(cells.index[cells <= share * runs.compute.sum()]).to_numpy()


def foretold(
    known: pd.DataFrame, hidden: pd.DataFrame, form: str, interval: float, seed: int
) -> tuple[laws.ScalingLaw, pd.DataFrame]:
    """The law of the known runs, and the hidden ones with prediction, low and high; see ``foretell``."""
    from scipy.stats import norm

    X, at = known[["params", "tokens"]], hidden[["params", "tokens"]]
    law = laws.ScalingLaw(form, "log_squared", seed=seed).fit(X, known.loss)
    prediction, low, high = law.predict(at, interval=interval)
    rivals = [laws.ScalingLaw(rival, "log_squared", seed=seed).fit(X, known.loss).predict(at) for rival in RIVALS]
    apart = np.sqrt(np.mean([np.log(rival / prediction) ** 2 for rival in rivals], axis=0))
    reach = norm.ppf((1 + interval) / 2) * apart
    low = prediction * np.exp(-np.hypot(np.log(prediction / low), reach))
    high = prediction * np.exp(np.hypot(np.log(high / prediction), reach))
    return law, hidden.assign(prediction=prediction, low=low, high=high)


def _missed(runs: pd.DataFrame, share: float, form: str, interval: float, seed: int) -> float:
    """By what the limits of a rehearsal must be widened to hold their share; 1 where the runs do not suffice for one.

    The share doubles until the runs known to the rehearsal are of twice as many kinds as the form has parameters.
    """
    while True:
        known = _known(runs, share, together=False)
        if known.all():
            return 1.0
        if len(runs[known].drop_duplicates(["params", "tokens"])) >= 2 * len(laws.get(form).parameters):
            break
        share *= 2
    _, table = foretold(runs[known], runs[~known], form, interval, seed)
    off = np.log(table.loss / table.prediction).to_numpy()
    width = np.where(off > 0, np.log(table.high / table.prediction), np.log(table.prediction / table.low))
    return float(np.quantile(np.abs(off) / np.maximum(width, 1e-12), interval))
