"""The pilot of advice: every rule tried on parts of the training examples, judged on those it could not choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset
from labkit.models import Model
from labkit.pruning.advising_rules import CLEANED, RANDOM, Material, Rule, chosen
from labkit.pruning.keeping import kept_count
from labkit.seeds import derive, generator
from labkit.training import fit_many

_NUMBERS = 1 << 24
FULL = "everything"


@dataclass(frozen=True)
class Pilot:
    """How a pilot is made.

    Fields:
        folds, repeats: how often the examples are cut, and into how many parts; each part in turn judges what was
            chosen from the others.
        examples: the most training examples that take part.
        steps, batch_size, optimizer, learning_rate, device: of every model.
        seed: of the cuts, draws and models.
    """

    folds: int
    repeats: int
    examples: int
    steps: int
    batch_size: int
    optimizer: str
    learning_rate: float | None
    device: str
    seed: int


def tried(
    data: Dataset,
    model: Model,
    material: Callable[[np.ndarray], Material],
    rules: Sequence[Rule],
    fractions: Sequence[float],
    pilot: Pilot,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[pd.DataFrame, float]:
    """Train every rule at every fraction on every cut.

    ``material`` is asked for what rules read of the examples at some places, measured on these alone: scores and doubts
    of models that were trained on the judging examples as well would favour what agrees with their labels, wrong ones
    included.

    Returns the errors, a frame (rule, fraction, cut, error), with ``FULL`` at fraction 1, and the FLOPs of it all.
    Examples that judge are the held-out part of the training examples and of the validation examples; where there are
    validation examples, the others are weighed so that classes have the shares they have there. The test split is not
    looked at.
    """
    cells, runs = [], []
    for cut, (inside, held, checked) in enumerate(_cuts(data, pilot)):
        seed = derive(pilot.seed, "pilot", cut) >> 32
        read, every = material(inside), np.arange(len(inside))
        for rule, fraction in [(None, 1.0), *((rule, f) for rule in rules for f in fractions)]:
            budget = max(1, kept_count(fraction, len(inside)))
            kept = inside if rule is None else inside[chosen(rule, read, every, budget, seed)]
            cells.append((rule, fraction, cut, held, checked))
            runs.append({"seed": seed, "indices": kept, "learning_rate": pilot.learning_rate})
    fit = fit_many(
        model,
        data,
        runs,
        steps=pilot.steps,
        batch_size=pilot.batch_size,
        optimizer=pilot.optimizer,
        device=pilot.device,
        progress=progress,
        should_stop=should_stop,
    )
    own = _wrong(fit, data.inputs, data.targets)
    other = _wrong(fit, data.validation_inputs, data.validation_targets)
    weight = _weights(data)
    rows = []
    for i, (rule, fraction, cut, held, checked) in enumerate(cells):
        wrong = np.concatenate([own[i, held], other[i, checked]])
        weights = np.concatenate([weight[data.targets[held]], np.ones(len(checked))])
        error = float(np.average(wrong, weights=weights))
        rows.append({"rule": FULL if rule is None else str(rule), "fraction": fraction, "cut": cut, "error": error})
    return pd.DataFrame(rows), float(fit.table["flops"].sum())


def evidence(errors: pd.DataFrame, level: float) -> pd.DataFrame:
    """One row per rule and fraction: rule, fraction, error, difference to random on the same cuts, its standard error,
    low and high of the two-sided interval at ``level``, and chance, the probability that it is better than random.

    Student's t over the cuts. Their training examples overlap, so that intervals are somewhat too narrow.
    """
    from scipy.stats import t as student

    table = errors.pivot_table(index=["fraction", "rule"], columns="cut", values="error", sort=False)
    rows = []
    for (fraction, rule), own in table.iterrows():
        base = table.loc[(fraction, RANDOM if (fraction, RANDOM) in table.index else FULL)]
        gaps = (own - base).to_numpy()
        mean, count = float(gaps.mean()), len(gaps)
        se = float(gaps.std(ddof=1) / np.sqrt(count))
        half = float(student.ppf((1 + level) / 2, count - 1)) * se
        chance = float(student.cdf(-mean / se, count - 1)) if se > 0 else 0.5 if mean == 0 else float(mean < 0)
        rows.append(
            {"fraction": fraction, "rule": rule, "error": float(own.mean()), "difference": mean, "se": se}
            | {"low": mean - half, "high": mean + half, "chance": chance}
        )
    return pd.DataFrame(rows)


def cleaning(errors: pd.DataFrame, level: float) -> bool:
    """Whether rules do better without the suspected examples: the mean difference over rules and fractions, by cut."""
    from scipy.stats import t as student

    clean = errors["rule"].str.endswith(CLEANED)
    if not clean.any():
        return False
    pairs = errors[clean].assign(rule=errors["rule"].str.removesuffix(CLEANED))
    pairs = pairs.merge(errors[~clean], on=["rule", "fraction", "cut"])
    gaps = (pairs["error_x"] - pairs["error_y"]).groupby(pairs["cut"]).mean()
    return bool(gaps.mean() + student.ppf((1 + level) / 2, len(gaps) - 1) * gaps.sem() < 0)


def _cuts(data: Dataset, pilot: Pilot) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For every cut what may be chosen from, and what judges: training and validation examples."""
    found = []
    for repeat in range(pilot.repeats):
        random = generator(pilot.seed, "cuts", repeat)
        order = random.permutation(len(data.inputs))[: pilot.examples]
        order = order[np.argsort(data.targets[order], kind="stable")]  # every part has its share of every class
        part = np.arange(len(order)) % pilot.folds
        checked = random.permutation(len(data.validation_inputs)) % pilot.folds
        for fold in range(pilot.folds):
            held = order[part == fold]
            found.append((np.sort(order[part != fold]), held, np.flatnonzero(checked == fold)))
    return found


def _weights(data: Dataset) -> np.ndarray:
    """What a training example of each class counts for when it judges, (classes,)."""
    have = np.bincount(data.targets, minlength=data.classes)
    if not len(data.validation_targets):
        return np.ones(len(have))
    wanted = np.bincount(data.validation_targets, minlength=data.classes)
    return wanted * have.sum() / (np.maximum(have, 1) * wanted.sum())


def _wrong(fit: Any, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Whether each model's answer is wrong, bool (runs, n)."""
    found = np.zeros((len(fit.table), len(inputs)), dtype=bool)
    classes = 1 + int(targets.max(initial=0))
    step = max(1, _NUMBERS // (len(found) * max(classes, 32)))
    for first in range(0, len(inputs), step):
        piece = slice(first, first + step)
        found[:, piece] = fit.predict(inputs[piece]).argmax(2) != targets[piece]
    return found
