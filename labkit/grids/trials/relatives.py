"""A language with little text and a related one with plenty: Markov chains whose distance is a dial."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from labkit import datasets, models, training
from labkit.datasets.markov import sample, stationary
from labkit.datasets.windows import windows
from labkit.grids.point import one_thread, window_losses
from labkit.grids.rates import tuned_rate
from labkit.seeds import generator

CONTEXT, BATCH, VOCABULARY = 16, 32, 48
_TEMPERATURE, _HELD_OUT = 0.6, 40_000
_CLOSE, _DISTANT = 0.25, 1.0
_FRACTIONS = (1, 2, 4, 8)


def relative(transitions: np.ndarray, distance: float, random: np.random.Generator) -> np.ndarray:
    """The chain with a share of its ids permuted among themselves; none keeps its place unless it is alone.

    >>> table = np.array([[0.9, 0.1], [0.3, 0.7]])
    >>> relative(table, 1.0, np.random.default_rng(0)).tolist()
    [[0.7, 0.3], [0.1, 0.9]]
    """
    count = len(transitions)
    moved = random.permutation(count)[: round(distance * count)]
    names = np.arange(count)
    names[moved] = np.roll(moved, 1)
    found = np.empty_like(transitions)
    found[np.ix_(names, names)] = transitions
    return found


def bilingual(
    *,
    shares: Sequence[float],
    distances: Sequence[float],
    widths: Sequence[int],
    seeds: Sequence[int],
    target_tokens: int = 4_096,
    steps: int = 400,
    noise: float = 0.0,
) -> pd.DataFrame:
    """Losses on a scarce target language of transformers that also see an abundant related one.

    Arguments:
        shares: of windows that are in the target; below 1, the rest is in the auxiliary language, seen once. 1 is the
            target alone.
        distances: shares of the ids that are permuted in the auxiliary language; 0 is the same language.
        widths: of the transformers, of 2 blocks, which have one vocabulary for both languages.
        seeds: of languages, texts, weights and order.
        target_tokens: of text in the target; it is repeated as often as it takes.
        steps: of 32 windows of 16 ids. The target alone is trained for as many, and for half, a quarter and an eighth,
            so that it need not overfit.
        noise: share of the auxiliary ids that are replaced by random ones.

    Returns width, params, distance, share, noise, seed, steps, ``target_loss`` and ``auxiliary_loss`` (nats per id on
    held-out text, the latter on clean text, missing for the target alone), and ``entropy``, the least there is.

    Raises ``ValueError`` for shares outside 0 to 1. Source: Seto et al. (2024), with English and other languages.

    >>> found = bilingual(shares=[0.5, 1.0], distances=[0.25], widths=[4], seeds=[0], target_tokens=512, steps=8)
    >>> found[["share", "steps"]].values.tolist()
    [[0.5, 8.0], [1.0, 8.0], [1.0, 4.0], [1.0, 2.0], [1.0, 1.0]]
    """
    if not (len(shares) and len(seeds) and all(0 < share <= 1 for share in shares)):
        raise ValueError(
            f"shares={list(shares)}, seeds={list(seeds)}; expected shares above 0 up to 1, and some of both"
        )
    targets = {seed: _Target(seed, target_tokens) for seed in seeds}
    lines: dict[Hashable, np.ndarray] = {seed: target.line for seed, target in targets.items()}
    held: dict[Hashable, np.ndarray] = {}
    for seed, distance in itertools.product(seeds, distances):
        lines[seed, distance], held[seed, distance] = targets[seed].relative(distance, steps, noise)
    mixed = [(seed, (seed, distance), share) for seed, distance in held for share in shares if share < 1]
    alone = [(seed, None, 1.0) for seed in seeds if 1 in shares]
    lengths = dict.fromkeys(max(1, steps // fraction) for fraction in (_FRACTIONS if alone else _FRACTIONS[:1]))
    rows = []
    for width, length in itertools.product(widths, lengths):
        plans = [*(mixed if length == steps else []), *alone]
        for (seed, other, share), (params, losses) in zip(
            plans, _trained(width, length, targets, lines, plans, held), strict=True
        ):
            distance = np.nan if other is None else other[1]
            rows.append((width, params, distance, share, noise if other else 0.0, seed, length, *losses,
                         targets[seed].entropy))  # fmt: skip
    columns = ["width", "params", "distance", "share", "noise", "seed", "steps", "target_loss", "auxiliary_loss"]
    return pd.DataFrame(rows, columns=[*columns, "entropy"])


def selected(
    *, widths: Sequence[int], seeds: Sequence[int], share: float = 0.5, target_tokens: int = 4_096, steps: int = 400
) -> pd.DataFrame:
    """The same where half of the auxiliary text is close to the target and half distant, and some of it is chosen.

    Every window of auxiliary text is scored by the mean log-likelihood ratio of its pairs of ids, between a bigram
    model of the scarce target and one of the auxiliary text itself. ``way`` is "uniform" (all auxiliary windows alike)
    or "relevant" (only the half with the higher scores). Returns way, width, params, seed, ``close`` (share of close
    windows among those shown), target_loss, entropy.

    >>> found = selected(widths=[4], seeds=[0], target_tokens=2048, steps=4)
    >>> found.way.tolist(), bool(found.close[1] > found.close[0])
    (['uniform', 'relevant'], True)
    """
    targets = {seed: _Target(seed, target_tokens) for seed in seeds}
    lines: dict[Hashable, np.ndarray] = {seed: target.line for seed, target in targets.items()}
    near, keep = {}, {}
    for seed, target in targets.items():
        every = [target.relative(distance, steps, 0.0)[0][:-1] for distance in (_CLOSE, _DISTANT)]
        lines[seed, "all"] = both = np.concatenate(every)
        scores = _likeness(cut(both), cut(target.line))
        near[seed] = np.arange(len(scores)) < len(scores) // 2
        keep[seed] = {"uniform": near[seed] | True, "relevant": scores >= np.median(scores)}
    rows = []
    for width, way in itertools.product(widths, ("uniform", "relevant")):
        plans = [(seed, (seed, "all"), share) for seed in seeds]
        chosen = {(seed, "all"): keep[seed][way] for seed in seeds}
        for seed, (params, losses) in zip(
            seeds, _trained(width, steps, targets, lines, plans, {}, chosen), strict=True
        ):
            close = float(near[seed][keep[seed][way]].mean())
            rows.append((way, width, params, seed, close, losses[0], targets[seed].entropy))
    return pd.DataFrame(rows, columns=["way", "width", "params", "seed", "close", "target_loss", "entropy"])


class _Target:
    """A chain, what little text there is of it, and its relatives."""

    def __init__(self, seed: int, tokens: int) -> None:
        self.seed = seed
        self.data = datasets.load(
            "markov", vocabulary=VOCABULARY, temperature=_TEMPERATURE, context=CONTEXT, examples=tokens, validation=0,
            test=_HELD_OUT, source=seed, seed=seed,
        )  # fmt: skip
        self.line = self.data.stream("train")[: tokens + 1]
        self.held = cut(self.data.stream("test"))
        self.entropy = float(self.data.truth["entropy_rate"])

    def relative(self, distance: float, steps: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
        """Text of a related language for so many steps without a repeat, and clean windows of it held out."""
        random = generator(self.seed, "relative", distance)
        table = relative(self.data.truth["transitions"], distance, generator(self.seed, "relative"))
        steady = stationary(table)
        held = sample(table, steady, _HELD_OUT + 1, random)
        text = sample(table, steady, steps * BATCH * CONTEXT + 1, random)
        wrong = random.random(len(text)) < noise
        text[wrong] = random.integers(VOCABULARY, size=int(wrong.sum()))
        return text, cut(held)


def _trained(
    width: int,
    steps: int,
    targets: Mapping[int, _Target],
    lines: Mapping[Hashable, np.ndarray],
    plans: Sequence[tuple[int, Hashable, float]],
    held: Mapping[Hashable, np.ndarray],
    keep: Mapping[Hashable, np.ndarray] | None = None,
) -> Iterator[tuple[int, tuple[float, float]]]:
    """Parameters, and losses on target and auxiliary text, of runs that train side by side.

    Arguments:
        lines: texts by name; a target's name is its seed.
        plans: of each run the seed, the name of the auxiliary text (None: the target alone) and the target's share.
        held: windows held out, by the name of the auxiliary text.
        keep: of an auxiliary text the windows that may be shown.
    """
    starts = np.cumsum([0, *map(len, lines.values())])
    places = {
        name: start + np.arange(0, len(line) - CONTEXT, CONTEXT)
        for start, (name, line) in zip(starts, lines.items(), strict=False)
    }
    for name, chosen in (keep or {}).items():
        places[name] = places[name][chosen]
    inputs, targets_ = windows(np.concatenate(list(lines.values())), CONTEXT)
    # Two groups for all texts, told apart by the runs' own indices, so that no run depends on those beside it.
    auxiliary = np.array([name not in targets for name in lines])
    groups = auxiliary[np.searchsorted(starts, np.arange(len(inputs)), side="right") - 1]
    rate, runs = float(tuned_rate(width, steps * BATCH * CONTEXT)), []
    for seed, other, share in plans:
        mixture = {False: share} | ({} if other is None else {True: 1 - share})
        own = places[seed] if other is None else np.concatenate([places[seed], places[other]])
        runs.append({"seed": seed, "indices": own, "mixture": mixture, "learning_rate": rate})
    first = targets[plans[0][0]].data
    few = {"test_inputs": first.test_inputs[:256], "test_targets": first.test_targets[:256]}  # measured below instead
    data = replace(first, inputs=inputs, targets=targets_, truth={}, **few)
    with one_thread():
        fit = training.fit_many(
            models.build("transformer", width=width, depth=2, qk_norm=True), data, runs, groups=groups, steps=steps,
            batch_size=BATCH, optimizer="adam", schedule={"name": "warmup_cosine", "warmup": 0.1}, device="cpu",
        )  # fmt: skip
    found = {row: (part, place) for part in fit.parts for place, row in enumerate(part.rows)}
    for row, (seed, other, _) in enumerate(plans):
        part, place = found[row]
        one = {name: value[place : place + 1] for name, value in part.parameters.items()}
        with one_thread():
            losses = tuple(
                np.nan
                if text is None
                else float(window_losses(part.model, one, text[:, :-1].copy(), text[:, -1]).mean())
                for text in (targets[seed].held, held.get(other))
            )
        yield int(fit.table.parameters.iloc[0]), losses


def cut(line: np.ndarray) -> np.ndarray:
    """Windows of a line with the id after each, none overlapping but in that: (n, context + 1).

    >>> cut(np.arange(40))[:, [0, -1]].tolist()
    [[0, 16], [16, 32]]
    """
    return np.lib.stride_tricks.sliding_window_view(line, CONTEXT + 1)[::CONTEXT].copy()


def _likeness(others: np.ndarray, own: np.ndarray) -> np.ndarray:
    """By how much a bigram model of ``own`` expects each window more than one of all the others does."""

    def chances(text: np.ndarray) -> np.ndarray:
        counts = np.ones((VOCABULARY, VOCABULARY))
        np.add.at(counts, (text[:, :-1].ravel(), text[:, 1:].ravel()), 1)
        return np.log(counts / counts.sum(1, keepdims=True))

    ratio = chances(own) - chances(others)
    return ratio[others[:, :-1], others[:, 1:]].mean(1)
