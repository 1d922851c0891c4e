"""One point of a grid: some transformers that differ in their seed alone, trained, and measured along the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from labkit import datasets, models, training
from labkit.grids.dropped import Dropped

if TYPE_CHECKING:
    from labkit.datasets import Dataset
    from labkit.models import Model

WINDOWS = 8192
"""Held-out windows behind the loss at the end of a run: spread evenly over the validation text, without overlap."""

THINNING = 4
"""Losses along a run are measured on every so many of those windows."""

_PIECE = 256


def train_point(
    *,
    width: int,
    depth: int,
    qk_norm: bool,
    tokens: int,
    unique_tokens: int,
    seeds: Sequence[int],
    learning_rate: float,
    schedule: Mapping[str, Any] | str,
    batch_size: int,
    context: int,
    weight_decay: float,
    dropout: float,
    checkpoints: Sequence[int],
    packages: Sequence[str],
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Train one transformer per seed with Adam and measure its loss at its end and at some checkpoints.

    Arguments:
        width, depth, qk_norm: of the transformer.
        tokens: predictions trained on in all; whole batches of ``batch_size * context``.
        unique_tokens: how many of them differ; each is seen once where this equals ``tokens``.
        seeds: of the weights, and of the choice and the order of the text.
        learning_rate, schedule, weight_decay: see ``training.fit_many``; weight decay is decoupled.
        batch_size: windows per step.
        context: letters in a window.
        dropout: share of the hidden units left out.
        checkpoints: tokens after which the loss is measured as well; later ones than ``tokens`` are left out.
        packages: installed packages whose source enlarges the text.

    Returns a row per seed and moment: ``seed``, ``seen`` (tokens by then), ``loss`` in nats per letter on a quarter
    of the held-out windows; at the last moment also ``final_loss`` on all of them, its standard error ``se`` over
    windows, ``train_loss`` and ``diverged``; and ``seconds``, the time of the point shared out among its seeds.

    Raises ``ValueError`` where tokens are no whole number of batches or windows, or the text is too short.
    """
    began = time.perf_counter()
    data = datasets.load("python_source", context=context, packages=tuple(packages))
    pool = np.arange(0, len(data.inputs), context)
    windows = _whole("unique_tokens", unique_tokens, context)
    if windows > len(pool):
        raise ValueError(
            f"unique_tokens={unique_tokens:,} is more than the text has ({len(pool) * context:,}); ask for fewer, or "
            "enlarge it with packages="
        )
    batch = batch_size * context
    steps = _whole("tokens", tokens, batch)
    marks = [_whole("checkpoints", mark, batch) for mark in sorted(set(checkpoints)) if mark < tokens]
    dials = {"width": width, "depth": depth, "qk_norm": qk_norm}
    model = Dropped(**dials, dropout=dropout) if dropout else models.build("transformer", **dials)
    shared = {"indices": pool, "examples": windows, "learning_rate": learning_rate, "weight_decay": weight_decay}
    with one_thread():
        fit = training.fit_many(
            model,
            data,
            [{"seed": int(seed), **shared} for seed in seeds],
            steps=steps,
            batch_size=batch_size,
            optimizer="adamw",
            schedule=schedule,
            snapshots=marks,
            device="cpu",
            should_stop=should_stop,
        )
        rows = _measured(fit, seeds, {mark: mark * batch for mark in marks}, tokens, data)
    table = pd.DataFrame(rows).sort_values(["seed", "seen"], kind="stable", ignore_index=True)
    return table.assign(seconds=(time.perf_counter() - began) / len(seeds))


def _measured(
    fit: training.FitResult, seeds: Sequence[int], marks: Mapping[int, int], tokens: int, data: Dataset
) -> list[dict[str, Any]]:
    """The rows of every run: losses at the marks (steps, and the tokens by then), and everything at its end."""
    inputs, targets = held_out(data.validation_inputs, data.validation_targets)
    rows = []
    for part in fit.parts:
        own = [int(seeds[place]) for place in part.rows]
        for mark, seen in marks.items():
            losses = window_losses(part.model, part.snapshots[mark], inputs[::THINNING], targets[::THINNING])
            rows += [_row(seed, seen, values) for seed, values in zip(own, losses, strict=True)]
        losses = window_losses(part.model, part.parameters, inputs, targets)
        for place, seed, values in zip(part.rows, own, losses, strict=True):
            end = {
                "final_loss": float(values.mean()),
                "se": float(values.std(ddof=1) / len(values) ** 0.5),
                "train_loss": float(fit.table.train_loss[place]),
                "diverged": bool(fit.table.diverged[place]),
            }
            rows.append(_row(seed, tokens, values[::THINNING]) | end)
    return rows


@contextmanager
def one_thread() -> Iterator[None]:
    """Products of matrices this small gain nothing from a second thread, and lose much where cores are contended."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def held_out(inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `WINDOWS` windows and the letters that follow them, evenly spread over the text, none overlapping.

    >>> inputs, targets = np.zeros((100, 8)), np.arange(100)
    >>> held_out(inputs, targets)[1].tolist()
    [0, 8, 16, 24, 33, 41, 49, 57, 66, 74, 82, 90, 99]
    """
    count = min(WINDOWS, (len(targets) - 1) // inputs.shape[1] + 1)
    places = np.linspace(0, len(targets) - 1, count).astype(np.int64)
    return np.ascontiguousarray(inputs[places]), targets[places]


@torch.no_grad()
def window_losses(model: Model, parameters: Mapping, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean loss over the positions of each window, (runs, windows), for a stack of models."""
    runs = len(next(iter(parameters.values())))
    loss, found = models.CrossEntropy(), []
    for first in range(0, len(inputs), _PIECE):
        part = torch.from_numpy(inputs[first : first + _PIECE]).long().expand(runs, -1, -1)
        answers = torch.from_numpy(targets[first : first + _PIECE].astype(np.int64)).expand(runs, -1)
        found.append(model.losses(parameters, part, answers, loss).numpy())
    return np.concatenate(found, axis=1).astype(np.float64)


def _row(seed: int, seen: int, losses: np.ndarray) -> dict[str, Any]:
    return {"seed": seed, "seen": seen, "loss": float(losses.mean())}


def _whole(name: str, tokens: int, unit: int) -> int:
    if tokens < unit or tokens % unit:
        raise ValueError(f"{name}: {tokens:,} tokens are no whole number of {unit:,}, of which at least one is needed")
    return tokens // unit
