"""The sliding window of SeTa: half the steps, on data with copies and wrong labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit.datasets import load
from labkit.datasets.faults import number, whole
from labkit.models import build
from labkit.pruning.methods import RepeatedRandom, SeTa
from labkit.pruning.trials.settings import fitted, listed


def window_training(
    *,
    examples: int = 2000,
    copies: float = 0.3,
    label_noise: float = 0.1,
    characters: str = "abcdefghij",
    rate: float = 0.3,
    window: float = 0.5,
    cost: float = 0.5,
    seeds: int | Sequence[int] = 5,
    steps: int = 2000,
) -> pd.DataFrame:
    """Train on all data, on all data for fewer steps, with SeTa, its parts, and repeated random sampling.

    Arguments:
        examples, copies, label_noise, characters: of the glyphs.
        rate, window: of ``pruning.SeTa``. Arms ``no_draw`` and ``no_window`` do without the random draw and without
            the window; ``no_end`` keeps the window to the end.
        cost: share of ``steps`` that every arm but ``full`` gets.
        seeds: the seeds, or how many of them: of starting values and order.
        steps: of the training on all data.

    Returns a frame with a row per arm and seed: arm, seed, steps, test_error, difference (to full), flipped and copied
    (how often the arm is shown an example with a flipped label, or a copy, to how often it would at random).

    Raises ``ValueError`` for shares outside 0 to 1.
    Source: Zhou et al. (2025).

    >>> window_training(examples=200, seeds=1, steps=40)["arm"].tolist()
    ['full', 'fewer_steps', 'seta', 'no_draw', 'no_window', 'no_end', 'repeated_random']
    """
    fewer = max(1, round(number("cost", cost) * whole("steps", steps, least=1)))
    options = {"duplicates": copies, "label_noise": label_noise, "characters": characters}
    data = load("glyphs", examples=examples, size=8, test=2000, validation=0, **options)
    arms = {
        "fewer_steps": None,
        "seta": SeTa(rate=rate, window=window),
        "no_draw": SeTa(rate=0.0, window=window),
        "no_window": SeTa(rate=rate, window=1.0),
        "no_end": SeTa(rate=rate, window=window, last=0.0),
        "repeated_random": RepeatedRandom(share=(1 - rate) * window),
    }
    seeds, model = listed(seeds), build("mlp", width=64)
    faults = {"flipped": data.faults["label_flipped"].to_numpy(), "copied": data.faults["duplicate_of"].to_numpy() >= 0}
    whole_runs = fitted(model, data, [{"seed": seed} for seed in seeds], steps).table["test_error"].to_numpy()
    runs = [{"seed": seed, **({"selection": arm} if arm else {})} for arm in arms.values() for seed in seeds]
    fit = fitted(model, data, runs, fewer)
    even = dict.fromkeys(faults, 1.0)
    base = dict(zip(seeds, whole_runs, strict=True))
    rows = [{"arm": "full", "seed": s, "steps": steps, "test_error": error, **even} for s, error in base.items()]
    for place, (name, seed) in enumerate((name, seed) for name in arms for seed in seeds):
        shown = dict(even)
        if arms[name] is not None:
            seen = fit.exposures(place).astype(np.float64)
            shown = {fault: float(seen[where].sum() / seen.sum() / where.mean()) for fault, where in faults.items()}
        rows.append({"arm": name, "seed": seed, "steps": fewer, "test_error": fit.table["test_error"][place], **shown})
    frame = pd.DataFrame(rows)
    return frame.assign(difference=frame["test_error"] - frame["seed"].map(base))
