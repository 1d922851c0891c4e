"""Datamodels: what a trained model says, as a linear function of what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.datasets.faults import whole
from labkit.models import Model, build
from labkit.pruning.trials.agreement import spearman
from labkit.pruning.trials.settings import fitted, listed
from labkit.seeds import derive, generator

_PENALTIES = np.geomspace(0.5, 2e-3, 6)
_ROUNDS = 60
_RETRAINED = 3


def datamodels(
    *,
    examples: int = 300,
    targets: int = 40,
    copies: int = 20,
    models: int = 512,
    share: float = 0.5,
    largest_removal: float = 0.1,
    seeds: int | Sequence[int] = 3,
    steps: int = 150,
) -> pd.DataFrame:
    """Fit datamodels to linear classifiers of digits, and put them to use.

    Arguments:
        examples: training examples, of which ``copies`` are copies of test examples.
        targets: test examples whose margins are foretold; the copied ones are among them.
        models: trained on random parts of the examples; a quarter of them is held out to judge the datamodels.
        share: of the examples in a part.
        largest_removal: the most examples, as a share, that may be removed to flip an answer.
        seeds: repeats, each with examples, targets and models of its own, or how many of them.
        steps: of every training.

    Returns a frame with a row per repeat: seed; correlation (mean over targets of Spearman's between foretold and true
    margins of held-out models); correlation_of_quarter (of datamodels fitted to a quarter of the models); copies_first
    (share of the copied targets whose copy has the largest weight); foretold_flips (share of the right answers that a
    removal is foretold to flip); flipped and flipped_at_random (shares of these that are wrong without the examples
    named, and without as many random ones; majority of three models).

    Raises ``ValueError`` for fewer targets than copies.
    Source: Ilyas et al. (2022); a softmax model stands for a deep net.

    >>> found = datamodels(examples=60, targets=10, copies=4, models=64, seeds=1, steps=20)
    >>> bool(found["correlation"].item() > 0.2)
    True
    """
    whole("targets", targets, least=copies + 1)
    return pd.DataFrame([_one(seed, examples, targets, copies, models, share, largest_removal, steps)
                         for seed in listed(seeds)])  # fmt: skip


def _one(
    seed: int, examples: int, targets: int, copies: int, models: int, share: float, most: float, steps: int
) -> dict[str, Any]:
    random = generator(seed, "datamodels")
    data, model = _copied(load("digits"), examples, targets, copies, random), build("softmax")
    members = np.zeros((models, examples), dtype=bool)
    for row in members:
        row[random.permutation(examples)[: round(share * examples)]] = True
    first = derive(seed, "members") >> 33
    margins = _margins(model, data, [np.flatnonzero(row) for row in members], steps, first)
    held = models // 4
    weights, base = lasso(members[held:], margins[held:])
    fewer, its_base = lasso(members[held : held + models // 4], margins[held : held + models // 4])
    quality = [_quality(members[:held], margins[:held], *pair) for pair in ((weights, base), (fewer, its_base))]
    return {
        "seed": seed,
        "correlation": quality[0],
        "correlation_of_quarter": quality[1],
        "copies_first": float((weights[:, :copies].argmax(0) == np.arange(copies)).mean()),
        **_flips(model, data, weights[:, copies:], round(most * examples), copies, steps, random),
    }


def _copied(data: Dataset, examples: int, targets: int, copies: int, random: np.random.Generator) -> Dataset:
    """So many training and test examples; the first of the former are copies of the first of the latter."""
    own, asked = random.permutation(len(data.inputs))[:examples], random.permutation(len(data.test_inputs))[:targets]
    inputs, labels = data.inputs[own].copy(), data.targets[own].copy()
    inputs[:copies], labels[:copies] = data.test_inputs[asked[:copies]], data.test_targets[asked[:copies]]
    test = {"test_inputs": data.test_inputs[asked], "test_targets": data.test_targets[asked]}
    return replace(data, inputs=inputs, targets=labels, **test)


def _margins(model: Model, data: Dataset, parts: list[np.ndarray], steps: int, seed: int) -> np.ndarray:
    """Logit of the label less the largest other, of every model on every target, (models, targets)."""
    fit = fitted(model, data, [{"seed": seed + i, "indices": part} for i, part in enumerate(parts)], steps)
    logits = fit.predict(data.test_inputs)
    places = np.arange(len(data.test_targets))
    own = logits[:, places, data.test_targets].copy()
    logits[:, places, data.test_targets] = -np.inf
    return (own - logits.max(2)).astype(np.float64)


def lasso(members: np.ndarray, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sparse weights (examples, targets) and intercepts (targets,); each target's penalty by a fifth held out.

    All targets and penalties are fitted at once by accelerated proximal gradients (Beck and Teboulle, 2009).

    >>> random = np.random.default_rng(0)
    >>> members = random.random((400, 20)) < 0.5
    >>> weights, base = lasso(members, members[:, [3]] * 2.0 + 0.1 * random.standard_normal((400, 1)))
    >>> int(weights[:, 0].argmax()), round(float(weights[3, 0]), 1)
    (3, 2.0)
    """
    cut = len(members) - max(1, len(members) // 5)
    tried = _path(members[:cut], margins[:cut])
    missed = [((margins[cut:] - members[cut:] @ w - b) ** 2).mean(0) for w, b in tried]
    best = np.argmin(missed, axis=0)
    fitted_again = _path(members, margins)
    places = np.arange(margins.shape[1])
    weights = np.stack([w for w, _ in fitted_again])[best, :, places].T
    return weights, np.stack([b for _, b in fitted_again])[best, places]


def _path(members: np.ndarray, margins: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and intercepts for every penalty, as shares of the one that leaves no weight."""
    x = members.astype(np.float64)
    centre, level = x.mean(0), margins.mean(0)
    x, y = x - centre, margins - level
    gram, toward = x.T @ x / len(x), x.T @ y / len(x)
    step = 1 / np.linalg.eigvalsh(gram)[-1]
    weights, found = np.zeros((x.shape[1], y.shape[1])), []
    for share in _PENALTIES:
        penalty, ahead, speed = share * np.abs(toward).max(0), weights, 1.0
        for _ in range(_ROUNDS):
            moved = ahead - step * (gram @ ahead - toward)
            after = np.sign(moved) * np.maximum(np.abs(moved) - step * penalty, 0)
            faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
            ahead, weights, speed = after + (speed - 1) / faster * (after - weights), after, faster
        found.append((weights, level - centre @ weights))
    return found


def _quality(members: np.ndarray, margins: np.ndarray, weights: np.ndarray, base: np.ndarray) -> float:
    told = members @ weights + base
    # A target for which no weight is left is foretold nothing.
    return float(np.mean([spearman(t, m) if np.ptp(t) > 0 else 0.0 for t, m in zip(told.T, margins.T, strict=True)]))


def _flips(
    model: Model, data: Dataset, weights: np.ndarray, most: int, copies: int, steps: int, random: np.random.Generator
) -> dict[str, float]:
    """Remove what the datamodels name, for targets without copies, and see whether answers flip."""
    everything = np.arange(len(data.inputs))
    whole_margins = _margins(model, data, [everything] * _RETRAINED, steps, 0).mean(0)[copies:]
    right = np.flatnonzero(whole_margins > 0)
    parts, asked = [], []
    for target in right:
        order = np.argsort(-weights[:, target], kind="stable")[:most]
        enough = np.flatnonzero(np.cumsum(weights[order, target]) > whole_margins[target])
        if len(enough):
            count = int(enough[0]) + 1
            at_random = random.permutation(len(everything))[:count]
            parts += [np.setdiff1d(everything, order[:count]), np.setdiff1d(everything, at_random)]
            asked.append(copies + target)
    foretold = len(asked) / max(1, len(right))
    if not asked:
        return {"foretold_flips": foretold, "flipped": np.nan, "flipped_at_random": np.nan}
    margins = _margins(model, data, [part for part in parts for _ in range(_RETRAINED)], steps, 0)
    wrong = (margins < 0).reshape(len(asked), 2, _RETRAINED, -1).mean(2) > 0.5
    shares = wrong[np.arange(len(asked)), :, asked].mean(0)
    return {"foretold_flips": foretold, "flipped": float(shares[0]), "flipped_at_random": float(shares[1])}
