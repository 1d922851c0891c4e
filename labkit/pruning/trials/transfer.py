"""Whether a small model can select for a large one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import load
from labkit.models import build
from labkit.pruning.keeping import keep
from labkit.pruning.observing import observe
from labkit.pruning.scoring import score
from labkit.pruning.selection import select
from labkit.pruning.trials.agreement import some, spearman
from labkit.pruning.trials.settings import SCORERS, fitted, listed


def small_for_large(
    dataset: str,
    widths: Sequence[int],
    *,
    large: int = 256,
    fractions: Sequence[float] = (0.1, 0.3),
    rank_by: str = "learning_percentage",
    clusters: int = 20,
    scorers: int = 2,
    seeds: int | Sequence[int] = 4,
    steps: int = 500,
    dataset_options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Score with networks of several widths, keep the hardest, and train one large network on what each keeps.

    Arguments:
        dataset: name, with ``dataset_options``; the clusters are those of its inputs.
        widths: of the networks that score; ``large`` itself is added.
        large: width of the network that is trained.
        fractions: shares to keep.
        rank_by: a score that reads what is observed of each model.
        clusters: the hardest share is taken from each of so many clusters.
        scorers: models that a score is averaged over; every seed has its own.
        seeds: the seeds, or how many of them.
        steps: of every training.

    Returns a frame with a row per scorer, choice, fraction and seed: scorer (its width; 0 for random), choice (random,
    clustered, hardest), fraction, seed, agreement (Spearman with the score of the large network of that seed; NaN for
    random), test_error, and difference to random.

    Raises ``ValueError`` or ``UnknownName`` for what the parts do not take.
    Source: Mekala et al. (2024), for learning percentage.

    >>> small_for_large("digits", [4], large=8, fractions=[0.2], seeds=1, steps=40)["choice"].tolist()
    ['random', 'clustered', 'hardest', 'clustered', 'hardest']
    """
    data, seeds = load(dataset, **(dataset_options or {})), listed(seeds)
    own = [SCORERS + scorers * seed + i for seed in seeds for i in range(scorers)]
    widths = [*(width for width in widths if width != large), large]
    # The default score asks about whole epochs alone.
    shared = {"seeds": own, "steps": steps, "record_every": max(1, round(len(data.inputs) / 32))}
    logs = {width: observe(data, build("mlp", width=width), **shared) for width in widths}
    rows, runs = [], []
    for place, seed in enumerate(seeds):
        parts = range(place * scorers, (place + 1) * scorers)
        ranked = {width: score(rank_by, some(log, parts)) for width, log in logs.items()}
        for fraction in fractions:
            chosen = {(0, "random"): keep(np.zeros(len(data.inputs)), fraction, policy="random", seed=seed)}
            for width, values in ranked.items():
                by = {"scores": values, "clusters": clusters, "seed": seed}
                chosen[width, "clustered"] = select("clustered", data, fraction, policy="hardest", **by)
                chosen[width, "hardest"] = keep(values, fraction, seed=seed)
            for (width, choice), kept in chosen.items():
                alike = spearman(ranked[width], ranked[large]) if width else np.nan
                about = {"scorer": width, "choice": choice, "fraction": fraction, "seed": seed, "agreement": alike}
                rows.append(about)
                runs.append({"seed": seed, "indices": kept})
    frame = pd.DataFrame(rows)
    frame["test_error"] = fitted(build("mlp", width=large), data, runs, steps).table["test_error"].to_numpy()
    base = frame[frame["choice"] == "random"].set_index(["fraction", "seed"])["test_error"]
    keys = pd.MultiIndex.from_frame(frame[["fraction", "seed"]])
    return frame.assign(difference=frame["test_error"] - base.reindex(keys).to_numpy())
