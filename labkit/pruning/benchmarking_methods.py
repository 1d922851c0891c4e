"""The contenders of a benchmark: what was asked for by name, as things that can choose examples for a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from labkit.datasets import Dataset
from labkit.models import Model, build
from labkit.pruning import benchmarking_costs as costs
from labkit.pruning.entry import find_score
from labkit.pruning.keeping import keep
from labkit.pruning.log import Log
from labkit.pruning.methods import dynamic as method_of
from labkit.pruning.methods import find_dynamic
from labkit.pruning.observing import observe
from labkit.pruning.rules import policy as find_policy
from labkit.pruning.rules import refuse_unknown
from labkit.pruning.scoring import score
from labkit.pruning.selection import select
from labkit.pruning.selectors import selector as find_selector
from labkit.registry import UnknownName, nearest
from labkit.seeds import derive

FULL, RANDOM, REPEATED = "full", "random", "repeated_random"
_OWN_SEEDS = 10_000  # where the models that score begin, so that none of them is one of those that are judged
_SCORING = (
    "model", "model_options", "seeds", "seed", "steps", "batch_size", "optimizer", "learning_rate", "record_every",
)  # fmt: skip
_SELECTING = ("score", "groups", "features", "weighted")


@dataclass(frozen=True)
class Named:
    """A name with options, as ``"aum"`` or ``{"name": "hardest", "cutoff": 0.1}``."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, what: str, given: Any) -> Named:
        if isinstance(given, str):
            return cls(given)
        if isinstance(given, Mapping) and isinstance(given.get("name"), str):
            return cls(given["name"], {key: value for key, value in given.items() if key != "name"})
        raise TypeError(f"{given!r} among {what}; expected a name, or a dict such as {{'name': ..., option: value}}")

    def __str__(self) -> str:
        dials = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name}({dials})" if dials else self.name


@dataclass(frozen=True)
class Contender:
    """One way to choose: its kind (full, random, policy, selector or dynamic), its score if any, and its rule."""

    kind: str
    rule: Named
    score: Named | None = None

    def __str__(self) -> str:
        return str(self.rule) if self.score is None else f"{self.score} {self.rule}"

    def columns(self) -> dict[str, Any]:
        options = {**({} if self.score is None else self.score.options), **self.rule.options}
        return {
            "method": str(self),
            "kind": self.kind,
            "score": "" if self.score is None else self.score.name,
            "policy": self.rule.name,
            "options": json.dumps(options, default=str) if options else "",
        }


def contenders(scores: Iterable[Any], policies: Iterable[Any], selectors: Iterable[Any], dynamic: Iterable[Any]):
    """Everything that was asked for, checked, with random and repeated random sampling; a list without repeats."""
    scores = [_score(given) for given in listed("scores", scores)]
    found = [Contender(FULL, Named(FULL)), Contender(RANDOM, Named(RANDOM))]
    for given in listed("policies", policies):
        named = Named.read("policies", given)
        entry = find_policy(named.name)
        refuse_unknown(f"policy {entry.name!r}", dict(named.options), entry.options)
        if entry.name != RANDOM:
            found += [Contender("policy", Named(entry.name, named.options), score) for score in scores]
    for given in listed("selectors", selectors):
        named = Named.read("selectors", given)
        entry = find_selector(named.name)
        entry.refuse_unknown({key: value for key, value in named.options.items() if key not in _SELECTING})
        own = named.options.get("score")
        if own is not None:
            found.append(Contender("selector", Named(entry.name, _without(named.options, "score")), _score(own)))
        elif "scores" in entry.needs:
            found += [Contender("selector", Named(entry.name, named.options), score) for score in scores]
        else:
            found.append(Contender("selector", Named(entry.name, named.options)))
    for given in [REPEATED, *listed("dynamic", dynamic)]:
        named = Named.read("dynamic", given)
        entry = find_dynamic(named.name)
        for dial in named.options:
            if dial not in entry.options:
                raise UnknownName(f"dynamic method {entry.name!r} has no dial {dial!r}: {nearest(dial, entry.options)}")
        found.append(Contender("dynamic", Named(entry.name, named.options)))
    return list({str(one): one for one in found}.values())


class Chooser:
    """Chooses the examples of every run; what several contenders read is measured once.

    Arguments:
        data, model: what the runs are trained on and the model.
        scoring: settings of the training that scores read.
        steps: of that training, unless the settings say.
        observed: how it is trained, unless the settings say: optimizer, batch_size, device.
        dials: passed to ``observe``: progress and should_stop.
    """

    def __init__(
        self, data: Dataset, model: Model, scoring: Mapping[str, Any], observed: Mapping[str, Any], **dials: Any
    ) -> None:
        for name in scoring:
            if name not in _SCORING:
                raise UnknownName(f"scoring has no {name!r}: {nearest(name, _SCORING)}")
        given = dict(scoring)
        own, own_options = given.pop("model", None), given.pop("model_options", None) or {}
        self.data, self.seed = data, given.pop("seed", 0)
        self.model = model if own is None else build(own, **own_options) if isinstance(own, str) else own
        seeds = given.pop("seeds", 10)
        seeds = [_OWN_SEEDS + i for i in range(seeds)] if isinstance(seeds, int) else seeds
        self._settings = {**observed, **given, "seeds": seeds}
        self._dials = dials
        self._scores: dict[str, np.ndarray] = {}

    @cached_property
    def log(self) -> Log:
        return observe(self.data, self.model, **self._settings, **self._dials)

    @cached_property
    def _bare(self) -> Log:
        return Log.of(self.data, self.model, **self._settings)

    def run(self, one: Contender, fraction: float, seed: int) -> tuple[dict[str, Any], int, float]:
        """The keys of a run that a contender is shown examples by, how many it keeps, and what choosing cost in FLOPs.

        The cost of methods that choose on the way is not in it.
        """
        total = len(self.data.inputs)
        draw = derive(seed, "benchmark", str(fraction)) >> 32
        if one.kind == FULL:
            return {}, total, 0.0
        if one.kind == RANDOM:
            kept = keep(np.zeros(total), fraction, policy=RANDOM, seed=draw)
            return {"indices": kept}, len(kept), 0.0
        if one.kind == "policy":
            kept = keep(self.score(one.score), fraction, policy=one.rule.name, seed=draw, **one.rule.options)
            return {"indices": kept}, len(kept), self.cost(one.score)
        if one.kind == "selector":
            return self._selected(one, fraction, draw)
        entry = find_dynamic(one.rule.name)
        dials = dict(entry.at(fraction)) if entry.at is not None and fraction < 1 else {}
        spent = 0.0
        if entry.prepare is not None:
            dials |= self._prepared(one.rule.name)
            spent = costs.prepared(self._bare, one.rule.name)
        shown = round(fraction * total) if entry.at is not None else total
        return {"selection": method_of(entry.name, **{**dials, **one.rule.options})}, shown, spent

    def score(self, named: Named) -> np.ndarray:
        """The score of every example, measured once."""
        key = str(named)
        if key not in self._scores:
            log = self.log if costs.observed(find_score(named.name)) else self._bare
            self._scores[key] = score(named.name, log, seed=self.seed, **named.options)
        return self._scores[key]

    def cost(self, named: Named) -> float:
        """FLOPs of a score, as if it were the only one that reads the training it needs."""
        entry = find_score(named.name)
        return costs.scored(entry, self.log if costs.observed(entry) else self._bare, named.options)

    def _prepared(self, name: str) -> Mapping[str, Any]:
        return self._bare.keep(("prepared", name), lambda: find_dynamic(name).prepare(self._bare, self.seed))

    def _selected(self, one: Contender, fraction: float, draw: int) -> tuple[dict[str, Any], int, float]:
        options = dict(one.rule.options)
        groups, features = options.pop("groups", None), options.pop("features", None)
        weighted = bool(options.pop("weighted", False))
        if groups not in (None, "classes"):
            raise ValueError(f"groups={groups!r} of selector {one.rule.name!r}; expected 'classes', or leave it out")
        needs = find_selector(one.rule.name).needs
        watched = "gradients" in needs or (isinstance(features, str) and features not in ("inputs", "pca"))
        watched |= one.rule.name == "recall_based"
        kept, weights = select(
            one.rule.name,
            self.log if watched or isinstance(features, str) else self.data,
            fraction,
            scores=None if one.score is None else self.score(one.score),
            features=features,
            groups=self.data.targets if groups else None,
            seed=draw,
            return_weights=True,
            **options,
        )
        run: dict[str, Any] = {"indices": kept}
        if weighted:
            run["weights"] = np.zeros(len(self.data.inputs))
            run["weights"][kept] = weights
        spent = costs.watched(self.log, 1.0) if watched else 0.0
        return run, len(kept), max(spent, 0.0 if one.score is None else self.cost(one.score))


def _score(given: Any) -> Named:
    named = Named.read("scores", given)
    entry = find_score(named.name)
    for option in named.options:
        if option not in entry.options:
            raise UnknownName(f"score {entry.name!r} has no option {option!r}: {nearest(option, entry.options)}")
    return Named(entry.name, named.options)


def listed(name: str, given: Any) -> list[Any]:
    """What was given as a list; a name alone is refused, since its letters would be taken for names."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"{name}={given!r} is a {type(given).__name__}; expected a list, such as [{given!r}]")
    return list(given)


def _without(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}
