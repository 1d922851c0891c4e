"""What advice chooses among: a rule, with or without the examples whose label is suspected."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from labkit.pruning.keeping import keep
from labkit.pruning.selection import select
from labkit.seeds import derive

RANDOM = "random"
CLEANED = ", suspected labels left out"


@dataclass(frozen=True)
class Rule:
    """One way to keep a part of the examples.

    Fields:
        policy: ``random``; ``hardest``, ``easiest`` or ``coverage_centric`` by ``score``; or the selector
            ``facility_location`` or ``class_balanced``, inside the classes.
        score: the score that the policy reads; empty where it reads none.
        clean: whether examples whose label is suspected are left out first, the most suspected first, as far as
            the others suffice.

    >>> str(Rule("hardest", "aum", clean=True))
    'aum hardest, suspected labels left out'
    """

    policy: str
    score: str = ""
    clean: bool = False

    def __str__(self) -> str:
        name = f"{self.score} {self.policy}" if self.score else self.policy
        return name + CLEANED if self.clean else name


@dataclass(frozen=True, eq=False)
class Material:
    """What rules read of every training example.

    Fields:
        inputs, targets: (n, d) and (n,).
        scores: (n,) by name, larger is harder.
        suspicion: (n,), larger is more suspected.
        suspected: bool (n,).
    """

    inputs: np.ndarray = field(repr=False)
    targets: np.ndarray = field(repr=False)
    scores: dict[str, np.ndarray] = field(repr=False)
    suspicion: np.ndarray = field(repr=False)
    suspected: np.ndarray = field(repr=False)


def rules(scores: tuple[str, ...], *, noisy: bool, uneven: bool) -> list[Rule]:
    """What is tried: leaving out suspected labels only where there are some, equal classes only where they differ."""
    found = []
    for clean in (False, True) if noisy else (False,):
        found += [Rule(RANDOM, "", clean), *(Rule("hardest", score, clean) for score in scores)]
        found += [Rule("coverage_centric", scores[0], clean), Rule("facility_location", "", clean)]
        found += [Rule("class_balanced", "", clean)] if uneven else []
    return [*found, Rule("easiest", scores[0])]


def chosen(rule: Rule, material: Material, places: np.ndarray, budget: int, seed: int) -> np.ndarray:
    """``budget`` of the examples at ``places`` by a rule, sorted."""
    if budget >= len(places):
        return np.sort(places)
    draw = derive(seed, "advice") >> 32
    if rule.clean:
        spare = len(places) - budget
        doubtful = np.flatnonzero(material.suspected[places])
        order = np.argsort(-material.suspicion[places[doubtful]], kind="stable")
        places = np.delete(places, doubtful[order[:spare]])
        if len(places) == budget:
            return np.sort(places)
    share = budget / len(places)
    if rule.policy == "facility_location":
        own = select("facility_location", material.inputs[places], share, groups=material.targets[places], seed=draw)
    elif rule.policy == "class_balanced":
        own = select("class_balanced", None, share, groups=material.targets[places], policy=RANDOM, seed=draw)
    else:
        scores = material.scores[rule.score][places] if rule.score else np.zeros(len(places))
        options = {"cutoff": 0.0} if rule.policy == "coverage_centric" else {}
        own = keep(scores, share, policy=rule.policy, seed=draw, **options)
    return np.sort(places[own])
