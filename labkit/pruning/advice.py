"""What ``pruning.advise`` says: which examples to keep, how sure that is, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from labkit.pruning.advising_rules import Material, Rule, chosen
from labkit.pruning.keeping import kept_count


@dataclass(frozen=True)
class NoiseCheck:
    """Whether labels are wrong, and whether an easy part wins because of it.

    Fields:
        estimate, low, high: share of labels that models which have not seen the example hold for wrong, with its 95%
            interval. On data that models answer badly many of these are merely hard.
        out_of_sample_error: of the same models.
        suspected: positions of the suspected training examples, the most suspected first.
        easy_beats_random: whether keeping the easiest beat random anywhere in the pilot, at its level.
        cleaning_helps: whether rules do better without the suspected examples, over all fractions tried.
        sentence: what follows.
    """

    estimate: float
    low: float
    high: float
    out_of_sample_error: float
    suspected: np.ndarray = field(repr=False)
    easy_beats_random: bool
    cleaning_helps: bool
    sentence: str


@dataclass(frozen=True, eq=False)
class Advice:
    """Which examples to keep.

    Fields:
        fraction: share to keep: the one asked about, or of several the smallest that costs little.
        policy, score, options: the rule at that fraction; ``options["clean"]`` tells whether examples with a suspected
            label are left out first. ``random`` where nothing beats it for sure.
        confidence: probability that the rule is better than random, by the pilot; where random is advised, that the
            most promising rule is not better. The rule was picked among several, so it is somewhat too high.
        choices: frame, a row per fraction: fraction, kept, rule, policy, score, clean, confidence, difference to random
            (error; below 0 is better), low, high, against_full (difference to all examples), full_low, full_high.
        table: frame, the evidence: rule, fraction, error, difference, se, low, high, chance.
        noise: the noise check.
        scoring_flops, pilot_flops: what scoring and the pilot cost.
        break_even: trainings on the kept examples, with as many passes as on all, until what they save has paid for
            the scoring; 0 where the rule reads no score, infinity where nothing is saved.
        sentences: the advice in words.
    """

    fraction: float
    policy: str
    score: str
    options: dict[str, bool]
    confidence: float
    choices: pd.DataFrame = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    noise: NoiseCheck = field(repr=False)
    scoring_flops: float = field(repr=False)
    pilot_flops: float = field(repr=False)
    break_even: float
    sentences: tuple[str, ...]
    material: Material = field(repr=False)
    seed: int = 0

    def keep(self, fraction: float | None = None, seed: int | None = None) -> np.ndarray:
        """Positions of the training examples to keep, sorted: exactly ``round(fraction * n)``.

        Arguments:
            fraction: one that was asked about; None: the advised one.
            seed: of what is drawn at random; None: that of the advice.

        Raises ``ValueError`` for a fraction that was not asked about.
        """
        fraction = self.fraction if fraction is None else float(fraction)
        count = len(self.material.targets)
        if fraction == 1:
            return np.arange(count)
        row = self.choices[np.isclose(self.choices["fraction"], fraction)]
        if row.empty:
            known = ", ".join(f"{value:g}" for value in self.choices["fraction"])
            raise ValueError(f"fraction {fraction!r} was not asked about; expected one of {known}, or 1")
        policy, score, clean = row[["policy", "score", "clean"]].iloc[0]
        rule, seed = Rule(policy, score, bool(clean)), self.seed if seed is None else seed
        return chosen(rule, self.material, np.arange(count), kept_count(fraction, count), seed)

    def __str__(self) -> str:
        return "\n".join(self.sentences)
