"""Averages of the weights of several models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit.datasets import load
from labkit.models import build
from labkit.pruning.trials.settings import fitted, listed
from labkit.seeds import derive, generator
from labkit.training.evaluate import outputs


def soup(
    dataset: str = "digits",
    *,
    steps: int = 500,
    seeds: int | Sequence[int] = 5,
    width: int = 64,
) -> pd.DataFrame:
    """Train two networks on different halves of the data, and average their weights.

    Arguments:
        dataset: with a validation split.
        steps: of every training.
        seeds: the seeds, or how many of them: of halves, starting values and order.
        width: of the networks.

    Returns a frame with a row per start (shared, apart) and seed: start, seed, best (test error of the network with the
    lower validation error), soup (of the averaged weights), answers (of the averaged logits), together (of a network
    trained on both halves).

    >>> soup(seeds=1, steps=20)["start"].tolist()
    ['shared', 'apart']
    """
    data, model, seeds = load(dataset), build("mlp", width=width), listed(seeds)
    runs = []
    for seed in seeds:
        halves = np.array_split(generator(seed, "halves").permutation(len(data.inputs)), 2)
        for start, half in ((0, 0), (0, 1), (1, 1), (0, None)):
            part = np.arange(len(data.inputs)) if half is None else np.sort(halves[half])
            first = derive(seed, "start", start) >> 33
            runs.append({"seed": seed, "init_seed": first, "order_seed": seed, "indices": part})
    fit = fitted(model, data, runs, steps)
    table, part, rows = fit.table, fit.parts[0], []
    order = np.argsort(part.rows)
    answers = fit.predict(data.test_inputs)
    for place, seed in enumerate(seeds):
        first = 4 * place
        for start, other in (("shared", first + 1), ("apart", first + 2)):
            pair = [first, other]
            mixed = {name: value[order[pair]].mean(0, keepdim=True) for name, value in part.parameters.items()}
            best = table.loc[pair, "validation_error"].idxmin()
            told = {"soup": outputs(part.model, mixed, data.test_inputs)[0], "answers": answers[pair].mean(0)}
            wrong = {name: (logits.argmax(1) != data.test_targets).mean() for name, logits in told.items()}
            rows.append(
                {"start": start, "seed": seed, "best": table.loc[best, "test_error"], **wrong}
                | {"together": table.loc[first + 3, "test_error"]}
            )
    return pd.DataFrame(rows)
