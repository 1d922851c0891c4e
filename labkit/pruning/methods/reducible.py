"""Reducible loss: what is not yet learnt, but could be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.datasets.faults import number, whole
from labkit.pruning.methods.entry import Dynamic, register_dynamic
from labkit.pruning.retraining import out_of_sample
from labkit.training import Moment, Selection

if TYPE_CHECKING:
    from labkit.pruning.log import Log

FOLDS, REPEATS = 2, 4


@dataclass(frozen=True, eq=False)
class ReducibleLoss(Selection):
    """Of random candidates, those whose loss exceeds most what models that have not seen them have.

    Fields:
        irreducible: (n,) for every training example of the data, its loss by models not trained on it.
        share: of the candidates that is shown, above 0 to 1.
        every: steps that are chosen for at a time; the paper chooses at each.

    The losses of all candidates are measured with the model of the moment, which costs a forward pass for each.
    Source: Mindermann et al. (2022).
    """

    irreducible: np.ndarray = field(repr=False)
    share: float = 0.1
    every: int = 4

    def __post_init__(self) -> None:
        whole("every", self.every, least=1)
        if number("share", self.share) == 0:
            raise ValueError("share=0 shows nothing; expected a share above 0, to 1")
        held = np.asarray(self.irreducible, dtype=np.float64)
        if held.ndim != 1 or not np.isfinite(held).all():
            raise ValueError(f"irreducible has shape {held.shape}; expected one finite loss per training example, (n,)")
        object.__setattr__(self, "irreducible", held)

    def score(self, moment: Moment) -> np.ndarray:
        if moment.examples.max() >= len(self.irreducible):
            raise ValueError(
                f"irreducible has {len(self.irreducible):,} losses and the data an example number "
                f"{moment.examples.max():,}; give the loss of every training example"
            )
        wanted = min(len(moment.examples), round(self.every * moment.batch / self.share))
        moment.memory["candidates"] = moment.random.choice(len(moment.examples), wanted, replace=False)
        return moment.memory["candidates"]

    def choose(self, moment: Moment) -> np.ndarray:
        among = moment.memory["candidates"]
        excess = moment.losses[among] - self.irreducible[moment.examples[among]]
        count = min(len(among), self.every * moment.batch)
        return among[np.argsort(-excess, kind="stable")[:count]]


def _prepare(log: Log, seed: int) -> Mapping[str, Any]:
    held = out_of_sample(log, folds=FOLDS, repeats=REPEATS, seed=seed)
    return {"irreducible": -held[:, np.arange(len(log)), log.data.targets].mean(0)}


register_dynamic(
    Dynamic(
        "reducible_loss",
        ReducibleLoss,
        "of random candidates those that models trained without them answer better",
        at=lambda share: {"share": share},
        prepare=_prepare,
        source="Mindermann et al. (2022)",
        aliases=("rho", "rho_loss"),
    )
)
