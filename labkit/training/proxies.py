"""Do small runs choose like large ones? Many design choices at several sizes, and how alike they rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit import datasets, models
from labkit import seeds as seeding
from labkit.training.fit import fit_many

DRAWS = 500
MOMENTUM = 0.9  # as in training.learning_curve


def design_choices(
    dataset: str,
    *,
    examples: Sequence[int],
    seeds: Sequence[int],
    widths: Sequence[int],
    learning_rates: Sequence[float],
    weight_decays: Sequence[float],
    steps: int,
    dataset_options: dict | None = None,
) -> pd.DataFrame:
    """Train every combination of width, learning rate and weight decay at every size, all at once.

    Returns a frame with a row per combination, size and seed: choice (its name), examples, seed, validation_error.
    """
    axes = {"width": widths, "learning_rate": learning_rates, "weight_decay": weight_decays}
    runs = pd.MultiIndex.from_product([*axes.values(), examples, seeds], names=[*axes, "examples", "seed"])
    runs = runs.to_frame(index=False).assign(momentum=MOMENTUM)
    data = datasets.load(dataset, **(dataset_options or {}))
    table = fit_many(models.build("mlp"), data, runs, steps=steps, batch_size=64, schedule="cosine").table
    choice = [f"width {w:g}, rate {r:g}, decay {d:g}" for w, r, d in table[list(axes)].itertuples(index=False)]
    return table.assign(choice=choice)[["choice", "examples", "seed", "validation_error"]]


def agreement(table: pd.DataFrame, *, interval: float = 0.9, seed: int = 0) -> pd.DataFrame:
    """Rank correlation (Spearman) of the choices at every size with their order at the largest.

    ``table`` is what `design_choices` returns. The seeds are split in two, so that a size is never compared with its
    own luck: one half ranks at the small size, the other at the largest. What the largest gives there is the ceiling
    that noise leaves. Returns a frame, one row per size: examples, correlation (mean over splits), low, high (from
    splits of resampled seeds) and the draws, as an array. Raises ``ValueError`` for fewer than 2 seeds.
    """
    cube = table.pivot_table(index="seed", columns=["examples", "choice"], values="validation_error")
    if len(cube) < 2:
        raise ValueError(f"got {len(cube)} seed, expected at least 2 to tell luck from order")
    sizes, values = cube.columns.levels[0], cube.to_numpy().reshape(len(cube), len(cube.columns.levels[0]), -1)
    generator = seeding.generator(seed, "proxies")
    draws = np.array([_split(values, generator) for _ in range(DRAWS)])
    low, high = np.quantile(draws, [(1 - interval) / 2, (1 + interval) / 2], axis=0)
    frame = pd.DataFrame({"examples": sizes, "correlation": draws.mean(0), "low": low, "high": high})
    return frame.assign(draws=list(draws.T))


def _split(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Correlations (sizes,) of one half of the seeds with the other half at the largest size."""
    order = generator.permutation(len(values))
    half = len(values) // 2
    ours = generator.choice(order[:half], half)
    theirs = generator.choice(order[half:], len(values) - half)
    ranks = _ranks(values[ours].mean(0))
    last = _ranks(values[theirs].mean(0)[-1])
    return (ranks * last).mean(-1)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, with mean 0 and variance 1."""
    ranks = values.argsort(-1).argsort(-1) - (values.shape[-1] - 1) / 2
    return ranks / ranks.std(-1, keepdims=True)
