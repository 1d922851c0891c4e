"""Weights by the loss inside a batch: how many steps they save where much is redundant, and what outliers do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.datasets.faults import number, whole
from labkit.models import build
from labkit.pruning.methods import LossReweighting
from labkit.pruning.trials.settings import listed
from labkit.registry import UnknownName, nearest
from labkit.seeds import generator
from labkit.training import fit_many

STRATEGIES = ("uniform", "linupper", "quadratic", "extremes")
TASKS = ("regression", "text")
_DIMENSION, _KINDS, _MARKS = 20, 5, 12


def reweighted(
    task: str = "regression",
    *,
    redundant: float = 0.8,
    outliers: float = 0.0,
    temperature: float = 0.5,
    seeds: int | Sequence[int] = 4,
    steps: int = 200,
    learning_rate: float | None = None,
) -> pd.DataFrame:
    """Train with each strategy of loss-based weights and tell when the end of uniform training is reached.

    Arguments:
        task: ``regression``, a linear one of 20 features without noise, by SGD; or ``text``, the next id of a Markov
            chain, by Adam with a window of 4.
        redundant: share of the examples that repeat a few of the others.
        outliers: share of the examples of the regression whose target is noise of three times the usual spread.
        temperature: of the weights; smaller is more uneven.
        seeds: the seeds, or how many of them: of data and models.
        steps: of uniform training, to whose last test loss all are held; they go on for twice as many.
        learning_rate: 0.02 for regression and 0.005 for text unless said; the same for all strategies.

    Returns a frame with a row per strategy (uniform among them) and seed: task, outliers, strategy, seed, loss (on
    test examples after ``steps``), steps_needed (to the loss that uniform has then; twice ``steps`` where that is not
    enough), ratio (of steps_needed to uniform's own), loss_ratio (of loss to uniform's).

    Raises ``UnknownName`` for an unknown task, ``ValueError`` for shares outside 0 to 1.
    Source: Sow et al. (2025).

    >>> reweighted(seeds=1, steps=40)["strategy"].tolist()
    ['uniform', 'linupper', 'quadratic', 'extremes']
    """
    if task not in TASKS:
        raise UnknownName(f"unknown task {task!r}: {nearest(task, TASKS)}")
    number("outliers", outliers, most=1 - number("redundant", redundant))
    whole("steps", steps, least=1)
    rate = learning_rate or (0.02 if task == "regression" else 0.005)
    model = build("softmax") if task == "regression" else build("context_mlp", width=32)
    optimizer = "sgd" if task == "regression" else "adam"
    methods = [None, *(LossReweighting(name, temperature, warmup=0.0) for name in STRATEGIES[1:])]
    every, rows = -(-steps // _MARKS), []
    for seed in listed(seeds):
        data = _linear(redundant, outliers, seed) if task == "regression" else _line(redundant, seed)
        runs = [{"seed": seed, "learning_rate": rate, **({"selection": m} if m else {})} for m in methods]
        fit = fit_many(model, data, runs, steps=2 * steps, batch_size=32, optimizer=optimizer, evaluate_every=every)
        history = fit.history[fit.history["metric"] == "test_loss"]
        losses = history.pivot_table(index="step", columns="run", values="value")
        at_end = losses.loc[losses.index[losses.index >= steps][0]]
        needed = (losses <= at_end[0]).idxmax().where((losses <= at_end[0]).any(), 2 * steps)
        for place, strategy in enumerate(STRATEGIES):
            rows.append(
                {"task": task, "outliers": outliers, "strategy": strategy, "seed": seed, "loss": at_end[place]}
                | {"steps_needed": needed[place], "ratio": needed[place] / needed[0]}
                | {"loss_ratio": at_end[place] / at_end[0]}
            )
    return pd.DataFrame(rows)


def _linear(redundant: float, outliers: float, seed: int, examples: int = 1000) -> Dataset:
    """A linear teacher; redundant inputs are near-copies of a few, outliers have random targets."""
    random = generator(seed, "reweighted")
    teacher = random.standard_normal(_DIMENSION) / np.sqrt(_DIMENSION)
    inputs = random.standard_normal((examples + 1000, _DIMENSION))
    order = random.permutation(examples)
    copies, wrong = np.split(order[: round((redundant + outliers) * examples)], [round(redundant * examples)])
    kinds = random.standard_normal((_KINDS, _DIMENSION))
    inputs[copies] = kinds[random.integers(_KINDS, size=len(copies))]
    inputs[copies] += 0.01 * random.standard_normal((len(copies), _DIMENSION))
    targets = inputs @ teacher
    targets[wrong] = 3 * random.standard_normal(len(wrong))
    inputs, targets = inputs.astype(np.float32), targets.astype(np.float32)
    return Dataset(
        name="redundant regression", kind="regression", inputs=inputs[:examples], targets=targets[:examples],
        validation_inputs=inputs[:0], validation_targets=targets[:0],
        test_inputs=inputs[examples:], test_targets=targets[examples:],
    )  # fmt: skip


def _line(redundant: float, seed: int) -> Dataset:
    """Text of a Markov chain in which the redundant documents are copies, a few of them of most."""
    return load(
        "markov", vocabulary=16, order=1, temperature=0.5, context=4, examples=100_000, validation=0, test=1000,
        duplicates=redundant, document=100, skew=1.0, seed=seed,
    )  # fmt: skip
