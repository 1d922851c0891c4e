"""`advise`: hard or easy, how much, by which score, from a pilot on training and validation examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset
from labkit.datasets.faults import number, whole
from labkit.models import Model, build
from labkit.pruning import benchmarking_costs as costs
from labkit.pruning.advice import Advice, NoiseCheck
from labkit.pruning.advising_pilot import FULL, Pilot, cleaning, evidence, tried
from labkit.pruning.advising_rules import RANDOM, Material, Rule, rules
from labkit.pruning.advising_words import noise_sentence, sentences
from labkit.pruning.entry import find_score
from labkit.pruning.keeping import kept_count
from labkit.pruning.log import Log
from labkit.pruning.measures.labels import confident_joint
from labkit.pruning.observing import observe
from labkit.pruning.retraining import out_of_sample
from labkit.pruning.scoring import score

LEVEL = 0.9
"""Of the pilot's two-sided intervals: a rule has to beat random with a chance of 19 in 20."""
TOLERANCE = 0.01
NOISY = 0.01
UNEVEN = 1.5
FEWEST = 50
_OWN_SEEDS = 20_000
_REPEATS, _PILOT_REPEATS = 4, 2


def advise(
    data: Dataset,
    fraction: float | Sequence[float] = (0.8, 0.4, 0.2, 0.1),
    *,
    model: Model | str = "mlp",
    scores: Sequence[str] = ("aum", "entropy"),
    steps: int = 1500,
    batch_size: int = 32,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    folds: int = 5,
    repeats: int = 2,
    examples: int = 4000,
    scoring_seeds: int = 5,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Advice:
    """Say which training examples to keep, and how sure that is, from a pilot that never looks at the test split.

    Several models are observed for the scores; models that have not seen an example tell whether they doubt its label.
    Then every rule is tried: the hardest by each score, the easiest, coverage-centric, facility location inside
    classes, equal classes where these differ, and random; each with and without the doubted labels where there are
    some. What a rule chooses from some folds of the training examples, by scores of these folds alone, trains a model
    that the other folds judge, with as many updates whatever the fraction. The rule whose difference to random has the
    best upper bound wins; random where none is below 0.

    Arguments:
        data: a classification dataset of at least 50 training examples.
        fraction: the share to keep, or several: then the smallest that costs at most one percentage point of
            accuracy, by its upper bound, is advised; 1 where there is none.
        model: what will be trained on the kept examples: a specification or a name.
        scores: by which hardness is measured; coverage and easiness go by the first.
        steps, batch_size, optimizer, learning_rate: of the trainings to come, and so of the pilot's.
        folds, repeats: the pilot cuts the examples ``repeats`` times into ``folds`` parts: that many trainings of every
            rule at every fraction.
        examples: the most training examples that the pilot is made with. Which rule wins can depend on how many
            there are to choose from, so a pilot on few of many is a weaker guide.
        scoring_seeds: models that the scores are averaged over.
        seed: of everything random.
        device, progress, should_stop: as in ``training.fit_many``.

    Returns an `Advice`; ``advice.keep()`` are the positions to keep.

    Raises ``ValueError`` for other data than classification, fewer than 50 training examples, or values outside their
    range. It does not cover regression and text, nor methods that choose while a model is trained.

    >>> from labkit import datasets, pruning
    >>> data = datasets.load("digits", validation=900)
    >>> advice = pruning.advise(data, 0.5, model="softmax", steps=40, folds=2, repeats=1, scoring_seeds=1)
    >>> len(advice.keep()), advice.fraction
    (198, 0.5)
    """
    fractions = _fractions(fraction)
    _check(data, folds, repeats, steps, scoring_seeds, examples)
    model = build(model) if isinstance(model, str) else model
    names = _scores(scores)
    shared: dict[str, Any] = {
        "steps": steps, "batch_size": batch_size, "optimizer": optimizer, "learning_rate": learning_rate,
        "device": device,
    }  # fmt: skip
    seeds = [_OWN_SEEDS + 100 * seed + i for i in range(scoring_seeds)]
    log = observe(data, model, seeds=seeds, should_stop=should_stop, **shared)
    material, estimate, wrong = _material(log, names, folds, _REPEATS, seed)
    noisy, uneven = estimate >= NOISY, _uneven(data)
    candidates = rules(names, noisy=noisy, uneven=uneven)
    pilot = Pilot(folds=folds, repeats=repeats, examples=examples, seed=seed, **shared)
    spent = []

    def measured(places: np.ndarray) -> Material:
        part = replace(data, inputs=data.inputs[places], targets=data.targets[places], faults=pd.DataFrame(), truth={})
        own = observe(part, model, seeds=seeds, should_stop=should_stop, **shared)
        spent.append(_scoring_flops(own, folds, _PILOT_REPEATS))
        return _material(own, names, folds, _PILOT_REPEATS, seed)[0]

    errors, pilot_flops = tried(data, model, measured, candidates, fractions, pilot, progress, should_stop)
    table = evidence(errors, LEVEL)
    choices = _choices(table, errors, candidates, fractions, len(data.inputs))
    noise = _noise(material, estimate, wrong, table, cleaning(errors, LEVEL))
    row = _how_much(choices, several=not isinstance(fraction, int | float))
    once = model.flops_per_example(data, training=True) * batch_size * steps
    scoring = _scoring_flops(log, folds, _REPEATS)
    read = row["score"] != "" or bool(row["clean"])
    saved = (1 - row["fraction"]) * once
    break_even = (scoring / saved if saved else float("inf")) if read else 0.0
    return Advice(
        fraction=float(row["fraction"]),
        policy=row["policy"],
        score=row["score"],
        options={"clean": bool(row["clean"])},
        confidence=float(row["confidence"]),
        choices=choices,
        table=table,
        noise=noise,
        scoring_flops=scoring,
        pilot_flops=pilot_flops + sum(spent),
        break_even=float(break_even),
        sentences=sentences(row, choices, noise, break_even, data.name, pilot),
        material=material,
        seed=seed,
    )


def _scoring_flops(log: Log, folds: int, repeats: int) -> float:
    return costs.watched(log, 1.0) + costs.retrained(log, folds * repeats, 1 - 1 / folds)


def _material(log: Log, names: tuple[str, ...], folds: int, repeats: int, seed: int) -> tuple[Material, float, float]:
    """What rules read, the share of doubted labels, and the error of the models that doubt them."""
    targets = log.data.targets
    chance = np.exp(out_of_sample(log, folds=folds, repeats=repeats, seed=seed)).mean(0)
    _, suspected = confident_joint(chance, targets)
    material = Material(
        inputs=log.data.inputs,
        targets=targets,
        scores={name: score(name, log, seed=seed) for name in names},
        suspicion=score("confident_learning", log, folds=folds, repeats=repeats, seed=seed),
        suspected=suspected,
    )
    return material, float(suspected.mean()), float((chance.argmax(1) != targets).mean())


def _choices(
    table: pd.DataFrame, errors: pd.DataFrame, candidates: Sequence[Rule], fractions: Sequence[float], count: int
) -> pd.DataFrame:
    """The rule that wins at every fraction, and what it costs against all examples."""
    known = {str(rule): rule for rule in candidates}
    rows = []
    for fraction in fractions:
        here = table[(table["fraction"] == fraction) & (table["rule"] != FULL)].set_index("rule")
        best = here["high"].idxmin()
        if here.loc[best, "high"] >= 0:
            best = RANDOM
        rival = here["chance"].drop(RANDOM).max()
        sure = 1 - rival if best == RANDOM else here.loc[best, "chance"]
        rule = known[best]
        rows.append(
            {"fraction": fraction, "kept": kept_count(fraction, count), "rule": best, "policy": rule.policy}
            | {"score": rule.score, "clean": rule.clean, "confidence": sure}
            | here.loc[best, ["difference", "low", "high"]].to_dict()
            | _against_full(errors, fraction, best)
        )
    return pd.DataFrame(rows)


def _against_full(errors: pd.DataFrame, fraction: float, rule: str) -> dict[str, float]:
    both = errors[((errors["fraction"] == fraction) & (errors["rule"] == rule)) | (errors["rule"] == FULL)]
    both = both.assign(fraction=1.0, rule=np.where(both["rule"] == FULL, FULL, "own"))
    own = evidence(both, LEVEL).set_index("rule").loc["own"]
    return {"against_full": own["difference"], "full_low": own["low"], "full_high": own["high"]}


def _how_much(choices: pd.DataFrame, *, several: bool) -> dict[str, Any]:
    """The row of the advised fraction: of several the smallest that costs at most the tolerance, else everything."""
    if not several:
        return choices.iloc[0].to_dict()
    cheap = choices[choices["full_high"] <= TOLERANCE]
    if len(cheap):
        return cheap.loc[cheap["fraction"].idxmin()].to_dict()
    everything = {"fraction": 1.0, "rule": RANDOM, "policy": RANDOM, "score": "", "clean": False, "confidence": np.nan}
    return {**choices.iloc[0].to_dict(), **everything, "difference": 0.0, "against_full": 0.0}


def _noise(material: Material, estimate: float, wrong: float, table: pd.DataFrame, cleaned: bool) -> NoiseCheck:
    count = len(material.targets)
    half = 1.96 * np.sqrt(max(estimate * (1 - estimate), 1 / count) / count)
    places = np.flatnonzero(material.suspected)
    easy = table[table["high"] < 0]["rule"].str.contains("easiest").any()
    return NoiseCheck(
        estimate=estimate,
        low=max(0.0, estimate - half),
        high=min(1.0, estimate + half),
        out_of_sample_error=wrong,
        suspected=places[np.argsort(-material.suspicion[places], kind="stable")],
        easy_beats_random=bool(easy),
        cleaning_helps=cleaned,
        sentence=noise_sentence(estimate, wrong, bool(easy), cleaned),
    )


def _uneven(data: Dataset) -> bool:
    sizes = np.bincount(data.targets, minlength=data.classes)
    sizes = sizes[sizes > 0]
    return bool(sizes.max() > UNEVEN * sizes.min())


def _fractions(given: float | Sequence[float]) -> list[float]:
    single = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    found = [number("fraction", float(value)) for value in ([given] if single else given)]
    if not found or min(found) <= 0 or max(found) >= 1 or len(set(found)) < len(found):
        raise ValueError(f"fraction={given!r}; expected a share to keep between 0 and 1, or several different ones")
    return found


def _scores(given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str) or not given:
        raise ValueError(f"scores={given!r}; expected a list of scores, such as ['aum']")
    return tuple(find_score(name).name for name in given)


def _check(data: Dataset, folds: int, repeats: int, steps: int, scoring_seeds: int, examples: int) -> None:
    if not isinstance(data, Dataset):
        raise TypeError(f"data is a {type(data).__name__}; expected datasets.load(...) or datasets.from_frame(...)")
    if data.kind != "classification":
        raise ValueError(f"{data.name!r} is of kind {data.kind!r}; advice is given for classification")
    if len(data.inputs) < FEWEST:
        raise ValueError(f"{data.name!r} has {len(data.inputs)} training examples; advice needs at least {FEWEST}")
    whole("folds", folds, least=2, most=20)
    whole("repeats", repeats, least=1)
    whole("steps", steps, least=1)
    whole("scoring_seeds", scoring_seeds, least=1, most=100)
    whole("examples", examples, least=FEWEST)
