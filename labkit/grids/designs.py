"""Which transformers a grid consists of: frames with one row per run, ready for ``train``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from labkit.grids.rates import tuned_rate
from labkit.registry import UnknownName, nearest

WIDTHS = (12, 16, 24, 32, 48, 64)
TOKENS = tuple(32_768 * 2**doubling for doubling in range(6))
SEEDS = 3
PRESETS = ("smoke", "lesson", "full")

DEFAULTS: dict[str, Any] = {
    "depth": 2,
    "qk_norm": True,
    "context": 16,
    "batch_size": 16,
    "schedule": "warmup_cosine",
    "warmup": 0.1,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "halvings": 5,
}
"""What all runs share unless their design says otherwise.

The optimiser is Adam. ``warmup`` is a share of a run's own steps. Losses along the way are taken after its tokens
halved 1, 2, ... ``halvings`` times; grids for live training leave them out, which halves what they cost. Windows are
short on purpose: with 64 letters these models learn to look back only after some half a million tokens, the larger
ones first, and no power law runs across that step.
"""

LIVE_SEED = 1000
"""Grids that are trained live begin at this seed, so that they share no randomness with the shipped ones."""


def compute_optimal(preset: str = "full", *, seed: int | None = None) -> pd.DataFrame:
    """Sizes by token budgets, each token seen once, the schedule as long as the budget, the rate tuned for both.

    Arguments:
        preset: ``full``, 6 sizes by 6 budgets by 3 seeds; ``lesson``, the 5 smaller sizes by the 4 smaller budgets by
            1 seed; ``smoke``, 2 by 1 by 1.
        seed: the first seed; None is 0 for ``full``, which is the shipped grid, and 1000 for the others.

    Returns a frame with a row per run: the dials of `DEFAULTS`, width, tokens, unique_tokens, learning_rate and seed.
    Raises ``UnknownName`` for another preset. The text is the standard library's source, about 6.4 million letters to
    train on, so that there is room for larger budgets.

    >>> full = compute_optimal()
    >>> len(full), full.width.nunique(), full.tokens.nunique()
    (108, 6, 6)
    >>> len(compute_optimal("lesson")), len(compute_optimal("smoke"))
    (20, 2)
    """
    widths, tokens, seeds = _choice(
        preset, full=(WIDTHS, TOKENS, SEEDS), lesson=(WIDTHS[:5], TOKENS[:4], 1), smoke=(WIDTHS[:2], TOKENS[:1], 1)
    )
    return _frame(
        {"width": width, "tokens": budget, "seed": number, **_along(preset)}
        for width, budget, number in itertools.product(widths, tokens, _seeds(seeds, preset, seed))
    )


def repetition(preset: str = "full", *, seed: int | None = None) -> pd.DataFrame:
    """Unique tokens by epochs by sizes, and at some corners dropout and weight decay against repetition.

    Arguments:
        preset: ``full``: 16,384 to 131,072 unique tokens, doubling, repeated up to 524,288 tokens in all, 3 sizes,
            3 seeds; and at 32,768 tokens by 4 and 16 epochs the largest size with two shares of dropout and two weight
            decays. ``lesson``: 16,384 tokens, 1 to 8 epochs, 2 sizes, 2 seeds. ``smoke``: 16,384 tokens, 1 and 2
            epochs, 1 size, 1 seed.
        seed: as in ``compute_optimal``.

    Returns the same frame as ``compute_optimal``, with ``unique_tokens`` below ``tokens``. A run of e epochs has the
    schedule, and the learning rate, of one with as many tokens that are all fresh: that is what it is compared with.

    >>> frame = repetition("smoke")
    >>> frame[["unique_tokens", "tokens"]].values.tolist()
    [[16384, 16384], [16384, 32768]]
    """
    uniques, widths, most, seeds = _choice(
        preset,
        full=((16_384, 32_768, 65_536, 131_072), (12, 24, 48), 524_288, 3),
        lesson=((16_384,), (12, 24), 131_072, 2),
        smoke=((16_384,), (12,), 32_768, 1),
    )
    numbers = _seeds(seeds, preset, seed)
    rows = [
        {"width": width, "unique_tokens": unique, "tokens": unique * 2**doubling, "seed": number, **_along(preset)}
        for width in widths
        for unique in uniques
        for doubling in range((most // unique).bit_length())
        for number in numbers
    ]
    if preset == "full":
        remedies = [{"dropout": 0.1}, {"dropout": 0.3}, {"weight_decay": 0.1}, {"weight_decay": 1.0}]
        rows += [
            {"width": 48, "unique_tokens": 32_768, "tokens": 32_768 * epochs, "seed": number, **remedy}
            for epochs, remedy, number in itertools.product((4, 16), remedies, numbers)
        ]
    return _frame(rows)


def remedies(preset: str = "full", *, seed: int | None = None) -> pd.DataFrame:
    """Sizes by weight decays and shares of dropout on one small text that is repeated, and on text that is not.

    Arguments:
        preset: ``full``: 16,384 unique tokens by 4 and 16 epochs, 4 sizes up to 221,184 parameters, 5 weight decays
            from 0 to 3 and 3 shares of dropout, 3 seeds; of two sizes 262,144 tokens seen once with two of each; and
            of the largest size, which ``compute_optimal`` has not, plain runs on as many tokens seen once.
            ``lesson``: 4 epochs, 2 sizes, 3 weight decays, 1 seed. ``smoke``: 1 size, 2 weight decays.
        seed: as in ``compute_optimal``.

    Returns the same frame as ``repetition``, with the learning rates of plain runs on fresh text: what a remedy could
    gain by another rate is not in it.

    >>> full = remedies()
    >>> len(full), sorted(full.weight_decay.unique().tolist()), sorted(full.dropout.unique().tolist())
    (222, [0.0, 0.1, 0.3, 1.0, 3.0], [0.0, 0.1, 0.2, 0.4])
    """
    decays = [{"weight_decay": decay} for decay in (0.0, 0.1, 0.3, 1.0, 3.0)]
    drops = [{"dropout": share} for share in (0.1, 0.2, 0.4)]
    widths, epochs, settings, seeds = _choice(
        preset,
        full=((12, 24, 48, 96), (4, 16), decays + drops, 3),
        lesson=((12, 24), (4,), [decays[0], decays[2], decays[3]], 1),
        smoke=((12,), (4,), [decays[0], decays[3]], 1),
    )
    unique = 16_384
    cells = [
        {"width": width, "unique_tokens": unique, "tokens": unique * count, **setting}
        for width, count, setting in itertools.product(widths, epochs, settings)
    ]
    if preset == "full":
        once = unique * epochs[-1]
        chosen = [decays[1], decays[3], drops[0], drops[2]]
        cells += [{"width": width, "tokens": once, **setting} for width, setting in itertools.product((24, 48), chosen)]
        cells += [{"width": widths[-1], "tokens": unique * count} for count in epochs]
    return _frame({**cell, "seed": number, "halvings": 0} for cell in cells for number in _seeds(seeds, preset, seed))


def switches(preset: str = "full", *, seed: int | None = None) -> pd.DataFrame:
    """The compute-optimal grid with one habit changed at a time; what each does to the exponent can be told apart.

    Arguments:
        preset: ``full``, 5 sizes by 5 budgets by 2 seeds for each switch; ``lesson`` and ``smoke``, the sizes and
            budgets that these have in ``compute_optimal``, 1 seed.
        seed: as in ``compute_optimal``.

    Returns the same frame with a column ``switch``: ``no_warmup``; ``fixed_warmup``, as many tokens of it for every
    budget as a tenth of the longest, so that short runs never leave it; ``untuned``, one learning rate of 0.002 for
    all; ``constant``, one run per size at a constant rate after a warm-up of half the shortest budget, whose losses
    along the way stand for those of shorter runs (they are in the curves).

    A schedule too long for the budget needs no runs of its own: it is the curves of the longest runs of
    ``compute_optimal``.

    >>> switches("smoke").switch.value_counts().to_dict()
    {'no_warmup': 4, 'fixed_warmup': 4, 'untuned': 4, 'constant': 2}
    """
    widths, tokens, seeds = _choice(
        preset, full=(WIDTHS[:5], TOKENS[:5], 2), lesson=(WIDTHS[:5], TOKENS[:4], 1), smoke=(WIDTHS[:2], TOKENS[:2], 1)
    )
    fixed = TOKENS[-1] / 10
    rows = []
    for name in ("no_warmup", "fixed_warmup", "untuned", "constant"):
        budgets = tokens[-1:] if name == "constant" else tokens
        for width, budget, number in itertools.product(widths, budgets, _seeds(seeds, preset, seed)):
            row = {"switch": name, "width": width, "tokens": budget, "seed": number}
            row |= {} if name == "constant" else _along(preset)
            if name == "no_warmup":
                row |= {"schedule": "cosine", "warmup": 0.0}
            elif name == "fixed_warmup":
                row |= {"warmup": min(1.0, fixed / budget)}
            elif name == "untuned":
                row |= {"learning_rate": 0.002}
            else:
                row |= {"schedule": "constant", "warmup": min(1.0, tokens[0] / 2 / budget)}
            rows.append(row)
    return _frame(rows)


def tuning(preset: str = "full", *, seed: int | None = None) -> pd.DataFrame:
    """Learning rates a factor of 2 apart for every size at two budgets, from which ``tuned_rate`` is fitted.

    Small sizes stand higher rates, so theirs begin higher.

    Arguments:
        preset: ``full``, all sizes; ``lesson``, the smallest 4, at the smaller budget; ``smoke``, 2 sizes.
        seed: the first seed; None is 100 for ``full`` and 1100 for the others: no run is tuned on its own seed.

    >>> tuning("smoke").learning_rate.unique().tolist()
    [0.02, 0.04, 0.08, 0.16]
    """
    widths, budgets = _choice(
        preset,
        full=(WIDTHS, {65_536: 2, 262_144: 1}),
        lesson=(WIDTHS[:4], {65_536: 1}),
        smoke=(WIDTHS[:2], {65_536: 1}),
    )
    first = (100 if preset == "full" else LIVE_SEED + 100) if seed is None else seed
    return _frame(
        {"width": width, "tokens": budget, "seed": first + number, "learning_rate": rate, "halvings": 0}
        for budget, seeds in budgets.items()
        for width in widths
        for rate in _rates(width)
        for number in range(seeds)
    )


DESIGNS = {function.__name__: function for function in (compute_optimal, repetition, remedies, switches, tuning)}
"""Designs by name."""


def design(name: str, preset: str = "full", *, seed: int | None = None) -> pd.DataFrame:
    """The design of that name; an unknown one is refused with the nearest match.

    >>> design("repetition", "smoke").equals(repetition("smoke"))
    True
    """
    if name not in DESIGNS:
        raise UnknownName(f"unknown grid {name!r}: {nearest(name, DESIGNS)}")
    return DESIGNS[name](preset, seed=seed)


def _frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame([DEFAULTS | {"unique_tokens": row["tokens"]} | row for row in rows])
    rates = tuned_rate(frame.width, frame.tokens) if "learning_rate" not in frame else frame.learning_rate
    if hasattr(rates, "isna") and rates.isna().any():
        rates = rates.fillna(pd.Series(tuned_rate(frame.width, frame.tokens), index=frame.index))
    return frame.assign(learning_rate=rates)


def _choice(preset: str, **choices: Any) -> Any:
    if preset not in choices:
        raise UnknownName(f"unknown preset {preset!r}: {nearest(preset, choices)}")
    return choices[preset]


def _along(preset: str) -> dict[str, int]:
    return {} if preset == "full" else {"halvings": 0}


def _rates(width: int) -> list[float]:
    least = 0.02 if width <= 16 else 0.01 if width <= 32 else 0.005
    return [least * 2**step for step in range(4)]


def _seeds(count: int, preset: str, first: int | None) -> Sequence[int]:
    first = (0 if preset == "full" else LIVE_SEED) if first is None else first
    return range(first, first + count)
