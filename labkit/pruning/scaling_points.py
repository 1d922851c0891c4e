"""Error against kept size: pools of several sizes, pruned to several fractions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.datasets.faults import number, whole
from labkit.models import Model, build
from labkit.pruning.entry import find_score
from labkit.pruning.keeping import keep
from labkit.pruning.observing_parts import observe_parts
from labkit.pruning.scoring import score as scored
from labkit.seeds import derive, generator
from labkit.training import fit_many

_MEASURED = ["train_error", "validation_error", "test_error", "test_loss"]


def scaling_points(
    data: Dataset | str,
    *,
    model: Model | str = "mlp",
    score: str = "aum",
    policy: str = "hardest",
    pools: Sequence[int] = (60, 125, 250, 500, 1000),
    fractions: Sequence[float] = (1.0, 0.7, 0.5, 0.35, 0.25),
    seeds: int | Sequence[int] = 5,
    steps: int = 1500,
    batch_size: int = 32,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    scoring_seeds: int = 3,
    dataset_options: Mapping[str, Any] | None = None,
    model_options: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Draw pools of several sizes, keep a fraction of each, train on it, and tell the error: for `scaling`.

    Arguments:
        data, model: names, with ``dataset_options`` and ``model_options``, or the objects themselves.
        score, policy: of ``pruning.score`` and ``pruning.keep``. Every pool is scored by models trained on it alone.
        pools: numbers of examples to choose from; those of one seed are nested.
        fractions: shares of the pool to keep, above 0 to 1.
        seeds: the seeds, or how many of them (0, 1, ...): of the pools, the draws and the models.
        steps, batch_size, optimizer, learning_rate, device, progress, should_stop: as in ``training.fit_many``.
        scoring_seeds: models that the score of a pool is averaged over, trained for as many steps.

    Returns a frame with a row per pool, fraction and seed: dataset, model, score, policy, pool, fraction, kept, seed,
    train_error, validation_error, test_error, test_loss. A choice of fewer than 2 examples is left out.

    Raises ``ValueError`` for a pool larger than the data and for values outside their range.

    >>> from labkit import pruning
    >>> points = pruning.scaling_points("digits", model="softmax", pools=[50, 100], fractions=[1.0, 0.5], seeds=1,
    ...                                 steps=30, scoring_seeds=1)
    >>> points["kept"].tolist()
    [50, 25, 100, 50]
    """
    data = load(data, **(dataset_options or {})) if isinstance(data, str) else data
    model = build(model, **(model_options or {})) if isinstance(model, str) else model
    find_score(score)
    pools = [whole("a pool", pool, least=2, most=len(data.inputs)) for pool in pools]
    fractions = [number("a fraction", fraction) for fraction in fractions]
    shared = {"steps": steps, "batch_size": batch_size, "optimizer": optimizer, "device": device}
    seeds = list(range(seeds)) if isinstance(seeds, int | np.integer) else list(seeds)
    orders = {seed: generator(seed, "pools").permutation(len(data.inputs)) for seed in seeds}
    rows, runs = [], []
    for pool in pools:
        drawn = [np.sort(orders[seed][:pool]) for seed in seeds]
        own = [[(derive(seed, "scaling", pool) >> 32) + i for i in range(scoring_seeds)] for seed in seeds]
        hard: list[np.ndarray | None] = [None] * len(seeds)
        if any(fraction < 1 and round(fraction * pool) >= 2 for fraction in fractions):
            logs = observe_parts(data, model, drawn, own, names=find_score(score).needs, learning_rate=learning_rate,
                                 should_stop=should_stop, **shared)  # fmt: skip
            hard = [scored(score, log, seed=seed) for log, seed in zip(logs, seeds, strict=True)]
        for seed, places, hardness in zip(seeds, drawn, hard, strict=True):
            for fraction in fractions:
                count = round(fraction * pool)
                if count < 2:
                    continue
                kept = places if fraction == 1 else places[keep(hardness, fraction, policy=policy, seed=seed)]
                rows.append({"pool": pool, "fraction": fraction, "kept": len(kept), "seed": seed})
                runs.append({"seed": seed, "indices": kept, "learning_rate": learning_rate})
    fit = fit_many(model, data, runs, progress=progress, should_stop=should_stop, **shared)
    frame = pd.DataFrame(rows).join(fit.table[_MEASURED])
    frame = frame.assign(dataset=data.name, model=model.name, score=score, policy=policy)
    first = ["dataset", "model", "score", "policy", "pool", "fraction", "kept", "seed"]
    return frame[[*first, *_MEASURED]].sort_values(["seed", "pool", "fraction"], ascending=[True, True, False],
                                                   ignore_index=True)  # fmt: skip
