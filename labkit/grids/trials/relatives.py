"""A language with little text and a related one with plenty: Markov chains whose distance is a dial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from labkit import datasets, models, training
from labkit.datasets.markov import sample, stationary
from labkit.datasets.windows import windows
from labkit.grids.point import window_losses
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

    Source: Seto et al. (2024), with English and other languages.

    >>> found = bilingual(shares=[0.5, 1.0], distances=[0.25], widths=[4], seeds=[0], target_tokens=512, steps=8)
    >>> found[["share", "steps"]].values.tolist()
    [[0.5, 8.0], [1.0, 8.0], [1.0, 4.0], [1.0, 2.0], [1.0, 1.0]]
    """
    rows = []
    for seed in seeds:
        target = _Target(seed, target_tokens)
        for distance in distances:
            other, held = target.relative(distance, steps, noise)
            mixed = [share for share in shares if share < 1]
            for width in widths:
                said = {"width": width, "distance": distance, "noise": noise, "seed": seed}
                found = target.train(width, steps, other=other, shares=mixed, held=held)
                rows += [{**said, "share": share, **row} for share, row in zip(mixed, found, strict=True)]
        if 1 in shares:
            alone = {"distance": np.nan, "noise": 0.0, "seed": seed, "share": 1.0}
            for width in widths:
                lengths = [max(1, steps // fraction) for fraction in _FRACTIONS]
                rows += [{**alone, "width": width, **target.train(width, length)[0]} for length in lengths]
    order = ["width", "params", "distance", "share", "noise", "seed", "steps", "target_loss", "auxiliary_loss"]
    return pd.DataFrame(rows)[[*order, "entropy"]]


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
    rows = []
    for seed in seeds:
        target = _Target(seed, target_tokens)
        both = np.concatenate([target.relative(distance, steps, 0.0)[0][:-1] for distance in (_CLOSE, _DISTANT)])
        scores = _likeness(cut(both), cut(target.line))
        near = np.arange(len(scores)) < len(scores) // 2
        for way, keep in (("uniform", near | True), ("relevant", scores >= np.median(scores))):
            for width in widths:
                row = target.train(width, steps, other=both, keep=keep, shares=[share])[0]
                rows.append({"way": way, "width": width, "seed": seed, "close": float(near[keep].mean()), **row})
    return pd.DataFrame(rows)[["way", "width", "params", "seed", "close", "target_loss", "entropy"]]


class _Target:
    """A chain, what little text there is of it, and transformers trained on it."""

    def __init__(self, seed: int, tokens: int) -> None:
        self.seed = seed
        self.data = datasets.load(
            "markov", vocabulary=VOCABULARY, temperature=_TEMPERATURE, context=CONTEXT, examples=tokens, validation=0,
            test=_HELD_OUT, source=seed, seed=seed,
        )  # fmt: skip
        self.line = self.data.stream("train")[: tokens + 1]
        self.held = cut(self.data.stream("test"))

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

    def train(self, width, steps, *, other=None, keep=None, shares=(1.0,), held=None) -> list[dict]:
        """A row per share of the target in what is shown, the rest being windows of ``other``, or those to ``keep``."""
        own = np.arange(0, len(self.line) - CONTEXT, CONTEXT)
        line, places = self.line, own
        if other is not None:
            more = len(line) + np.arange(0, len(other) - CONTEXT, CONTEXT)
            line, places = np.concatenate([line, other]), np.concatenate([own, more if keep is None else more[keep]])
        inputs, targets = windows(line, CONTEXT)
        few = {"test_inputs": self.data.test_inputs[:256], "test_targets": self.data.test_targets[:256]}
        data = replace(self.data, inputs=inputs, targets=targets, truth={}, **few)  # what is asked is measured below
        groups = np.where(np.arange(len(inputs)) <= own[-1], "target", "other")
        rate = float(tuned_rate(width, steps * BATCH * CONTEXT))
        runs = [{"seed": self.seed, "indices": places, "learning_rate": rate} for _ in shares]
        if other is not None:
            runs = [{**run, "mixture": {"target": s, "other": 1 - s}} for run, s in zip(runs, shares, strict=True)]
        fit = training.fit_many(
            models.build("transformer", width=width, depth=2, qk_norm=True), data, runs, groups=groups, steps=steps,
            batch_size=BATCH, optimizer="adam", schedule={"name": "warmup_cosine", "warmup": 0.1}, device="cpu",
        )  # fmt: skip
        rows: list[dict] = [{} for _ in runs]
        for part in fit.parts:
            found = {"target_loss": self.held} | ({} if held is None else {"auxiliary_loss": held})
            losses = {
                name: window_losses(part.model, part.parameters, text[:, :-1].copy(), text[:, -1].copy()).mean(1)
                for name, text in found.items()
            }
            for place, row in enumerate(part.rows):
                rows[row] = {"auxiliary_loss": np.nan} | {name: float(each[place]) for name, each in losses.items()}
        params = int(fit.table.parameters.iloc[0])
        return [
            {"params": params, "steps": steps, "entropy": float(self.data.truth["entropy_rate"]), **r} for r in rows
        ]


def cut(line: np.ndarray) -> np.ndarray:
    """Windows of a line with the id after each, none overlapping but in that: (n, context + 1)."""
    return np.lib.stride_tricks.sliding_window_view(line, CONTEXT + 1)[::CONTEXT].copy()


def _likeness(others: np.ndarray, own: np.ndarray) -> np.ndarray:
    """By how much a bigram model of ``own`` expects each window more than one of all the others does."""

    def chances(text: np.ndarray) -> np.ndarray:
        counts = np.ones((VOCABULARY, VOCABULARY))
        np.add.at(counts, (text[:, :-1].ravel(), text[:, 1:].ravel()), 1)
        return np.log(counts / counts.sum(1, keepdims=True))

    ratio = chances(own) - chances(others)
    return ratio[others[:, :-1], others[:, 1:]].mean(1)
