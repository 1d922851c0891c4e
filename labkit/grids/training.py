"""Train the runs of a design, resumably, and put them into tidy tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from labkit import datasets, sweeps
from labkit.progress import Progress

if TYPE_CHECKING:
    from labkit.datasets import Dataset

_FOUND = ["seed", "seen", "loss", "final_loss", "se", "train_loss", "diverged", "seconds"]
_COUNTS = ["params", "params_with_embeddings"]
_DIALS = [
    "width", "depth", "qk_norm", "context", "batch_size", "schedule", "warmup", "weight_decay", "dropout",
    "learning_rate",
]  # fmt: skip
_TABLE = [
    *_DIALS, *_COUNTS, "tokens", "unique_tokens", "epochs", "compute", "compute_6nd", "steps", "seed", "loss", "se",
    "train_loss", "diverged", "seconds",
]  # fmt: skip
_CURVES = ["width", *_COUNTS, "tokens", "unique_tokens", "learning_rate", "schedule", "warmup", "weight_decay",
           "dropout", "seed", "seen", "loss"]  # fmt: skip
_ALONE = 48
"""From this width on a stack of several seeds is no faster than one after another, and spreads worse over workers."""


@dataclass(frozen=True)
class Trained:
    """A trained grid: ``table`` with one row per run and ``curves`` with its losses along the way; see ``load``."""

    table: pd.DataFrame
    curves: pd.DataFrame


def train(
    design: pd.DataFrame,
    *,
    jobs: int = 1,
    store: str | os.PathLike | None = None,
    progress: bool | Progress = True,
    should_stop: Callable[[], bool] | None = None,
    packages: tuple[str, ...] = (),
) -> Trained:
    """Train every run of a design; what is stored already is not trained again.

    Arguments:
        design: a frame such as ``compute_optimal("lesson")``, or some rows of one.
        jobs, store, progress, should_stop: as in ``sweeps.run``.
        packages: installed packages whose source enlarges the text. Their versions decide what the text is: it is
            then another dataset, with another fingerprint, and its losses do not compare with the shipped ones.

    Raises ``ValueError`` for a design without runs or without a column that it needs, and what ``sweeps.run`` raises.

    >>> from labkit import grids
    >>> tiny = grids.design("compute_optimal", "smoke").assign(tokens=4096, unique_tokens=4096).head(1)
    >>> grids.train(tiny, store="memory://grids", progress=False).table[["width", "params", "tokens"]].values.tolist()
    [[12, 3456, 4096]]
    """
    from labkit.grids.point import train_point

    _check(design)
    keys = [column for column in design.columns if column != "seed"]
    points, rows = [], []
    for values, group in design.groupby(keys, sort=False, dropna=False):
        row = dict(zip(keys, values, strict=True))
        seeds = group.seed.tolist()
        size = 1 if row["width"] >= _ALONE else len(seeds)
        for first in range(0, len(seeds), size):
            points.append(_point(row, seeds[first : first + size], packages))
            rows.append(row)
    # The most expensive first, so that no long one is left for the end.
    order = sorted(range(len(points)), key=lambda place: -_cost(points[place]))
    points, rows = [points[place] for place in order], [rows[place] for place in order]
    found = sweeps.run(
        train_point,
        points,
        store=store,
        jobs=jobs,
        fingerprint=text(points[0]["context"], packages).fingerprint,
        progress=progress,
        should_stop=should_stop,
    )
    moments = [len(point["seeds"]) * (len(point["checkpoints"]) + 1) for point in points]
    return _tables(found[_FOUND], pd.DataFrame(rows), np.repeat(np.arange(len(points)), moments), design, packages)


def _check(design: pd.DataFrame) -> None:
    needed = [*_DIALS, "halvings", "tokens", "unique_tokens", "seed"]
    missing = [column for column in needed if column not in design]
    if missing or not len(design):
        wrong = f"no column {missing[0]!r}" if missing else "no runs"
        raise ValueError(f"the design has {wrong}; start from one of labkit.grids, such as compute_optimal('lesson')")
    if design.duplicated().any():
        raise ValueError(f"run {int(design.duplicated().to_numpy().argmax())} of the design stands there twice")


def text(context: int, packages: tuple[str, ...]) -> Dataset:
    """The text of a grid; it is read once per process."""
    return datasets.load("python_source", context=context, packages=packages)


def _point(row: dict[str, Any], seeds: list[int], packages: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of ``train_point`` for some seeds of one configuration, in plain values."""
    batch = int(row["batch_size"]) * int(row["context"])
    marks = [int(row["tokens"]) // 2**halving for halving in range(1, int(row["halvings"]) + 1)]
    return {
        "width": int(row["width"]),
        "depth": int(row["depth"]),
        "qk_norm": bool(row["qk_norm"]),
        "tokens": int(row["tokens"]),
        "unique_tokens": int(row["unique_tokens"]),
        "seeds": tuple(int(seed) for seed in seeds),
        "learning_rate": float(row["learning_rate"]),
        "schedule": schedule(row["schedule"], float(row["warmup"])),
        "batch_size": int(row["batch_size"]),
        "context": int(row["context"]),
        "weight_decay": float(row["weight_decay"]),
        "dropout": float(row["dropout"]),
        "checkpoints": tuple(mark for mark in sorted(marks) if mark >= batch and mark % batch == 0),
        "packages": tuple(packages),
    }


def schedule(name: str, warmup: float) -> dict[str, Any]:
    """A schedule and its share of warm-up in the terms of ``training.fit_many``.

    >>> schedule("constant", 0.1)
    {'name': 'wsd', 'warmup': 0.1, 'decay': 0.0}
    """
    if name == "constant":
        return {"name": "wsd", "warmup": warmup, "decay": 0.0}
    return {"name": name, "warmup": warmup} if name.startswith("warmup") else {"name": name}


def _cost(point: dict[str, Any]) -> float:
    return len(point["seeds"]) * point["tokens"] * (point["width"] + 8.0)


def _tables(
    found: pd.DataFrame, rows: pd.DataFrame, places: np.ndarray, design: pd.DataFrame, packages: tuple[str, ...]
) -> Trained:
    """What the points returned, beside the configurations they belong to, in the order of the design."""
    from labkit import models

    every = pd.concat([rows.iloc[places].reset_index(drop=True), found.reset_index(drop=True)], axis=1)
    ordered = design[["seed", *rows.columns]].assign(_order=range(len(design)))
    every = ordered.merge(every, on=["seed", *rows.columns], how="left", validate="one_to_many")
    every = every.sort_values(["_order", "seen"], kind="stable", ignore_index=True).drop(columns="_order")
    kinds = every[["width", "depth", "qk_norm", "context"]].drop_duplicates()
    counted = []
    for kind in kinds.itertuples(index=False):
        model = models.build("transformer", width=kind.width, depth=kind.depth, qk_norm=kind.qk_norm)
        ends = models.ports(text(kind.context, packages))
        flops = model.flops_per_example(ends) / kind.context
        counted.append((*kind, model.parameter_count(ends, embeddings=False), model.parameter_count(ends), flops))
    every = every.merge(pd.DataFrame(counted, columns=[*kinds.columns, *_COUNTS, "_flops"]), on=list(kinds.columns))
    every = every.assign(
        epochs=every.tokens / every.unique_tokens,
        steps=every.tokens // (every.batch_size * every.context),
        compute=every["_flops"] * every.tokens,
        compute_6nd=6 * every.params * every.tokens,
    )
    own = [column for column in rows.columns if column not in {*_TABLE, "halvings"}]
    last = every[every.final_loss.notna()].assign(loss=lambda frame: frame.final_loss)
    return Trained(last[[*own, *_TABLE]].reset_index(drop=True), every[[*own, *_CURVES]].reset_index(drop=True))
