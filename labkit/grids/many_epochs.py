"""Runs of many epochs foretold from runs of few, by laws that do and do not know of repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit import laws
from labkit.grids.constrained import configurations, data_constrained
from labkit.grids.priced import overfitting
from labkit.grids.repeats import fresh_runs, plain
from labkit.seeds import generator

EFFECTIVE, ALL_FRESH, LAST = "effective data", "all tokens as fresh", "last epoch"
PRICED = "price of overfitting"
_SIZES = ["params", "tokens"]


@dataclass(frozen=True, eq=False)
class HiddenEpochs:
    """Runs of many epochs as foretold: ``table``, a row per configuration and law, and ``errors``, a row per law."""

    table: pd.DataFrame
    errors: pd.DataFrame


def hidden_epochs(
    repeated: pd.DataFrame,
    fresh: pd.DataFrame,
    *,
    known: float = 8,
    hidden: float = 16,
    excess: bool = True,
    base: str = "chinchilla",
    draws: int = 2000,
    interval: float = 0.9,
    seed: int = 0,
) -> HiddenEpochs:
    """Fit on runs of few epochs and foretell those of many, four ways.

    Arguments:
        known, hidden: epochs up to which runs are known, and from which they are foretold.
        excess, base, interval, seed: as in ``data_constrained``.
        draws: resamplings of the foretold configurations.

    The ways are "effective data", the law of ``data_constrained``; "all tokens as fresh", the base law on the same
    known runs, which does not know of repeats; "last epoch", the loss measured at ``known`` epochs on the same text;
    and "price of overfitting", the law of that name, which was made up after these runs had been seen.

    Returns ``table``: law, width, params, unique_tokens, tokens, epochs, loss, prediction, miss (ln prediction / loss);
    and ``errors``: law, ``rms`` of the misses, low, high, and ``lead``, the rms minus that of effective data, with
    lead_low and lead_high, all over resampled configurations.
    """
    every = configurations(plain(repeated).query("epochs > 1"))
    count = every.tokens / every.unique_tokens
    few, many = every[count <= known], every[count >= hidden]
    if many.empty or few.empty:
        raise ValueError(f"no configuration has {known:g} epochs or fewer, or none {hidden:g} or more")
    law = data_constrained(repeated, fresh, most=known, excess=excess, base=base, draws=2, seed=seed)
    both = pd.concat([configurations(fresh_runs(fresh, repeated)), few])
    careless = laws.ScalingLaw(base, "log_squared", seed=seed).fit(both[_SIZES], both.loss)
    last = few[few.tokens == known * few.unique_tokens].set_index(["width", "unique_tokens"]).loss
    priced = overfitting(repeated, fresh, most=known, base=base, draws=2, seed=seed)
    missing = pd.MultiIndex.from_frame(many[["width", "unique_tokens"]]).difference(last.index)
    if len(missing):
        raise ValueError(
            f"no run of exactly {known:g} epochs for (width, unique_tokens) {missing[0]}; give another known="
        )
    foretold = {
        EFFECTIVE: law.predict(many),
        ALL_FRESH: careless.predict(many[_SIZES]),
        LAST: last.reindex(pd.MultiIndex.from_frame(many[["width", "unique_tokens"]])).to_numpy(),
        PRICED: priced.predict(many),
    }
    frames = [many.assign(law=name, prediction=values) for name, values in foretold.items()]
    table = pd.concat(frames, ignore_index=True)
    table = table.assign(epochs=table.tokens / table.unique_tokens, miss=np.log(table.prediction / table.loss))
    squares = np.stack([np.log(values / many.loss.to_numpy()) ** 2 for values in foretold.values()])
    drawn = generator(seed, "hidden epochs").integers(len(many), size=(draws, len(many)))
    rms, redrawn = np.sqrt(squares.mean(1)), np.sqrt(squares[:, drawn].mean(2))
    tails = [(1 - interval) / 2, (1 + interval) / 2]
    errors = pd.DataFrame({"law": list(foretold), "rms": rms, "lead": rms - rms[0]})
    errors["low"], errors["high"] = np.quantile(redrawn, tails, axis=1)
    errors["lead_low"], errors["lead_high"] = np.quantile(redrawn - redrawn[0], tails, axis=1)
    order = ["law", "width", "params", "unique_tokens", "tokens", "epochs", "loss", "prediction", "miss"]
    return HiddenEpochs(table[order], errors[["law", "rms", "low", "high", "lead", "lead_low", "lead_high"]])
