"""`benchmark`: ways to choose examples under one account of compute."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.datasets.faults import number, whole
from labkit.models import Model, build
from labkit.pruning.benchmarking_methods import FULL, RANDOM, Chooser, Contender, contenders, listed
from labkit.pruning.methods import find_dynamic
from labkit.registry import UnknownName, nearest
from labkit.training import fit_many

ACCOUNTS = ("steps", "epochs")
_MEASURED = ["train_error", "validation_error", "test_error", "train_loss", "validation_loss", "test_loss"]


def benchmark(
    data: Dataset | str,
    *,
    model: Model | str = "mlp",
    scores: Sequence[Any] = ("aum", "el2n"),
    policies: Sequence[Any] = ("hardest",),
    selectors: Sequence[Any] = (),
    dynamic: Sequence[Any] = (),
    fractions: Sequence[float] = (0.1, 0.2, 0.4, 0.8),
    seeds: int | Sequence[int] = 5,
    steps: int = 1500,
    account: str | Sequence[str] = "steps",
    batch_size: int = 32,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    scoring: Mapping[str, Any] | None = None,
    dataset_options: Mapping[str, Any] | None = None,
    model_options: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Choose examples in many ways, train on each choice, and tell how well the models do at their last step.

    Arguments:
        data, model: names, with ``dataset_options`` and ``model_options``, or the objects themselves.
        scores, policies: every policy is tried on every score.
        selectors: of ``pruning.select``. Those that need scores are tried on every one. Options may name a ``score``,
            ``features`` (a kind of ``pruning.features``), ``groups="classes"``, which works inside each class, and
            ``weighted=True``, which trains with the weights that the selector gives.
        dynamic: of ``pruning.dynamic``. Where a method has a dial for it, a pass shows about the fraction.
        fractions: shares to keep, above 0 to 1.
        seeds: the seeds, or how many of them (0, 1, ...), of starting values, order and draws; all methods share them.
        steps: updates of a model on all examples.
        account: ``steps`` gives every model as many, ``epochs`` as many passes over what it is shown, so that a tenth
            of the examples gets a tenth of the steps; or a list of both.
        batch_size, optimizer, learning_rate, device, progress, should_stop: as in ``training.fit_many``.
        scoring: of the training that scores read: ``seeds`` (10 models, none of which is judged), ``steps``,
            ``batch_size``, ``optimizer``, ``learning_rate`` and ``record_every`` of ``pruning.observe``; ``model`` and
            ``model_options`` of a model that selects for another; ``seed`` of scores that draw. Steps, batch size and
            optimizer are those above unless said.

    Each of the scores, policies, selectors and methods is a name or a dict such as
    ``{"name": "hardest", "cutoff": 0.1}``. All examples (``full``), random ones and repeated random sampling are
    always there.

    Returns a frame with a row per account, method, fraction and seed: dataset, model, account, method, kind (full,
    random, policy, selector, dynamic), score, policy, options, fraction, kept (examples of a pass), seed, steps,
    epochs (passes over what is kept, or over all examples for a dynamic method), learning_rate; losses and errors on
    train (what was kept; compare methods only where it is alike, since an under-trained model fakes an effect),
    validation and test; difference, its test_error minus that of random with the same seed (of full, at fraction 1);
    flops_training, flops_scoring, diverged. Scoring is charged to every method as if it were alone. All arguments but
    objects and callables are plain values, so that a call can be one point of a sweep.

    Raises ``UnknownName`` for unknown names and options, ``ValueError`` for values outside their range.
    It scores once: what the draw of the scoring models does to the result is not in the spread over seeds.

    >>> from labkit import pruning
    >>> frame = pruning.benchmark("digits", model="softmax", scores=["el2n"], fractions=[0.2], seeds=2, steps=40,
    ...                           scoring={"seeds": 2})
    >>> frame["method"].unique().tolist()
    ['full', 'random', 'el2n hardest', 'repeated_random']
    """
    data = load(data, **(dataset_options or {})) if isinstance(data, str) else _plain(data, dataset_options)
    model = build(model, **(model_options or {})) if isinstance(model, str) else _plain(model, model_options)
    accounts = _accounts(account)
    fractions, seeds = _fractions(fractions), _seeds(seeds)
    whole("steps", steps, least=1)
    found = contenders(scores, policies, selectors, dynamic)
    usual = {"steps": steps, "batch_size": batch_size, "optimizer": optimizer, "device": device}
    chooser = Chooser(data, model, scoring or {}, usual, should_stop=should_stop)
    rows, runs = [], []
    for one, fraction in _cells(found, fractions):
        for seed in seeds:
            keys, kept, spent = chooser.run(one, fraction, seed)
            for name in accounts:
                made = steps if name == "steps" else max(1, round(fraction * steps))
                shown = len(data.inputs) if one.kind == "dynamic" else kept
                epochs = made * min(batch_size, shown) / shown
                rows.append({"account": name, **one.columns(), "fraction": fraction, "kept": kept, "seed": seed}
                            | {"steps": made, "epochs": epochs, "flops_scoring": spent})  # fmt: skip
                runs.append({"seed": seed, "learning_rate": learning_rate, **keys})
    settings = {"batch_size": batch_size, "optimizer": optimizer, "device": device}
    table = _fitted(model, data, rows, runs, {**settings, "progress": progress, "should_stop": should_stop})
    table = _against_random(table).assign(dataset=data.name, model=model.name)
    first = ["dataset", "model", "account", "method", "kind", "score", "policy", "options", "fraction", "kept", "seed"]
    rest = ["steps", "epochs", "learning_rate", *_MEASURED, "difference", "flops_training", "flops_scoring", "diverged"]
    return table[[*first, *rest]]


def _cells(found: Sequence[Contender], fractions: Sequence[float]) -> list[tuple[Contender, float]]:
    """Methods and fractions; what has no dial for the fraction, and so always shows all, stands at 1 alone."""
    cells = []
    for one in found:
        always = one.kind == FULL or (one.kind == "dynamic" and find_dynamic(one.rule.name).at is None)
        static = one.kind != "dynamic"
        cells += [(one, 1.0)] if always else [(one, f) for f in fractions if f < 1 or not static]
    return cells


def _fitted(
    model: Model, data: Dataset, rows: list[dict[str, Any]], runs: list[dict[str, Any]], settings: dict[str, Any]
) -> pd.DataFrame:
    """All runs of one number of steps in one call, joined to what they are."""
    parts = []
    for made, places in itertools.groupby(sorted(range(len(rows)), key=lambda i: -rows[i]["steps"]),
                                          lambda i: rows[i]["steps"]):  # fmt: skip
        places = list(places)
        table = fit_many(model, data, [runs[i] for i in places], steps=made, **settings).table
        for column, empty in (("selection_flops", 0.0), ("learning_rate", np.nan)):
            table[column] = table[column].fillna(empty) if column in table else empty
        parts.append(table.set_index(pd.Index(places)))
    table = pd.concat(parts).sort_index()
    frame = pd.DataFrame(rows)
    frame["flops_scoring"] += table["selection_flops"].astype(float)
    frame["flops_training"] = table["flops"].astype(float)
    return frame.join(table[["learning_rate", *_MEASURED, "diverged"]])


def _against_random(table: pd.DataFrame) -> pd.DataFrame:
    """The difference of every row to the random choice of the same account, fraction and seed."""
    keys = ["account", "fraction", "seed"]
    base = table[table["kind"].isin([FULL, RANDOM])][[*keys, "test_error"]]
    base = base.drop_duplicates(keys).rename(columns={"test_error": "random_error"})
    joined = table.merge(base, on=keys, how="left", validate="many_to_one")
    return joined.assign(difference=joined["test_error"] - joined["random_error"]).drop(columns="random_error")


def _accounts(given: str | Sequence[str]) -> list[str]:
    names = [given] if isinstance(given, str) else listed("account", given)
    for name in names:
        if name not in ACCOUNTS:
            raise UnknownName(f"unknown account {name!r}: {nearest(name, ACCOUNTS)}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"account={given!r}; expected 'steps', 'epochs' or a list of the two")
    return names


def _fractions(given: Sequence[float]) -> list[float]:
    found = [number("a fraction", value) for value in listed("fractions", given)]
    if not found or 0 in found or len(set(found)) < len(found):
        raise ValueError(f"fractions={given!r}; expected different shares to keep, above 0 to 1")
    return found


def _seeds(given: int | Sequence[int]) -> list[int]:
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return list(range(whole("seeds", int(given), least=1)))
    found = [whole("a seed", seed) for seed in listed("seeds", given)]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"seeds={given!r}; expected a number of seeds, or a list of different ones")
    return found


def _plain(given: Any, options: Mapping[str, Any] | None) -> Any:
    if options:
        raise ValueError(f"options {dict(options)!r} go with a name; {type(given).__name__} was given ready made")
    return given
