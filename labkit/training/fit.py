"""`fit_many`: every run is one model, and all of them train together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from labkit.datasets import Dataset
from labkit.models import Model, build
from labkit.registry import UnknownName, nearest
from labkit.training import dynamics
from labkit.training.job import Job, stacked
from labkit.training.memory import Memory
from labkit.training.optimizers import LEARNING_RATES, OPTIMIZERS
from labkit.training.parallel import fit_all
from labkit.training.precision import PRECISIONS
from labkit.training.result import FitResult, assemble
from labkit.training.runs import Groups, Run, parse
from labkit.training.schedules import Given, read
from labkit.training.selection import Selection
from labkit.training.source import sources
from labkit.training.stop import Watch


def fit_many(
    model: Model | str,
    data: Dataset,
    runs: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    steps: int | None = None,
    epochs: float | None = None,
    batch_size: int = 32,
    optimizer: str = "sgd",
    schedule: Given = "constant",
    selection: np.ndarray | Selection | None = None,
    groups: Sequence[Any] | np.ndarray | None = None,
    device: str = "auto",
    precision: str = "float32",
    evaluate_every: int | None = None,
    record: Sequence[str] = (),
    record_at: int | Sequence[int] | None = None,
    record_examples: Sequence[int] | np.ndarray | None = None,
    snapshots: Sequence[int] = (),
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FitResult:
    """Train one model per run, all runs of one architecture as one stacked tensor program.

    Arguments:
        model: a specification or a name.
        data: the dataset.
        runs: dicts or the rows of a frame. Keys, all optional: ``seed`` (0) of everything random, or apart
            ``init_seed``, ``subset_seed``, ``order_seed``, ``noise_seed``; ``examples``, the size of the training
            set: the first so many of the seed's own permutation, so that smaller sets are nested in larger ones
            (all); ``indices``, the training examples themselves; ``weights`` (n,) of all training examples' losses,
            scaled to a mean of 1 over the run's own; ``mixture``, the share of each of the ``groups`` in what the run
            is shown, a dict or a list in the order of the sorted groups; ``learning_rate`` (0.1, Adam 0.001);
            ``schedule``; ``momentum`` (0, SGD only); ``weight_decay`` (0); ``label_noise``, the share of labels
            replaced by another class (0); ``batch_size``; ``selection``, a method that chooses anew on the way what
            the run is shown of its examples; and any dial of the model.
        steps, epochs: the budget of every run: updates, or passes over its own training set. One of the two.
        batch_size: examples per update; clipped to the run's examples, which it then sees whole at each update.
        optimizer: ``sgd``, ``adam`` or ``adamw``.
        schedule: of the learning rate over a run's steps: a name of ``training.SCHEDULES``; a name with dials such as
            ``{"name": "wsd", "decay": 0.1}``; a list of factors, one per step; or a function of the progress.
        selection: numbers of the training examples that all runs draw from (all); or the method of all runs that
            give none of their own, see `training.Selection`.
        groups: the group of every training example, (n,), for the ``mixture`` of runs.
        device: ``cpu``, ``cuda`` or ``auto``.
        precision: ``float32``, or ``bfloat16`` for the gradients alone: parameters, their updates, the loss and all
            that is measured stay in float32. It is meant for large models on a GPU; a CPU without instructions for it
            is many times slower in it.
        evaluate_every: steps between measurements that enter the history; none by default.
        record: what to log of every training example: ``loss``, ``correct``, ``margin`` (of the logits),
            ``probability`` (of its class), ``el2n``, ``entropy``, ``probabilities``, ``gradient_norm``.
        record_at: steps between two entries of that log, or the steps themselves, 0 the start (20 of them).
        record_examples: numbers of the training examples that are logged (all).
        snapshots: steps whose parameters are kept for ``predict(inputs, step=...)``.
        progress: called with (step, steps) now and then.
        should_stop: asked now and then; training ends with `Stopped` when it returns True.

    A run's result follows from its own keys: it does not depend on the runs beside it (to about 1e-5, since sums may
    be rounded in another order). The history always has the batch loss, in at most 50 points. Text is measured on
    8,192 held-out windows drawn from a fixed seed, a training set on its first 4,096 examples. A run whose loss is
    no longer a number is marked ``diverged`` with its step and the others go on. Models with a closed form ignore
    steps, learning rate, momentum and batch size, and take ``weight_decay`` as their ridge.

    Raises ``ValueError``, ``TypeError`` or ``UnknownName`` for what cannot be, naming the run.
    It does not save anything, and holds no more than one stack of activations in memory.

    >>> from labkit import datasets, models, training
    >>> runs = [{"seed": seed, "examples": 256, "learning_rate": 0.1} for seed in range(3)]
    >>> fit = training.fit_many(models.build("mlp", width=16), datasets.load("digits"), runs, steps=50)
    >>> fit.table[["seed", "examples", "steps", "parameters"]].values.tolist()
    [[0, 256, 50, 1210], [1, 256, 50, 1210], [2, 256, 50, 1210]]
    """
    model = build(model) if isinstance(model, str) else model
    if not isinstance(model, Model):
        raise TypeError(f"model is a {type(model).__name__}; expected models.build(...) or the name of a model")
    model.check(data)
    _check(model, steps, epochs, batch_size, evaluate_every)
    if optimizer not in OPTIMIZERS:
        raise UnknownName(f"unknown optimizer {optimizer!r}: {nearest(optimizer, OPTIMIZERS)}")
    if precision not in PRECISIONS:
        raise UnknownName(f"unknown precision {precision!r}: {nearest(precision, PRECISIONS)}")
    members = None if groups is None else Groups.read(groups, len(data.inputs))
    parsed = parse(
        model,
        runs,
        available=len(data.inputs),
        selection=selection,
        steps=0 if model.closed_form else steps,
        epochs=None if model.closed_form else epochs,
        batch_size=batch_size,
        learning_rate=LEARNING_RATES[optimizer],
        schedule=read(given=schedule),
        groups=members,
    )
    _suited(model, data, parsed, optimizer)
    device = resolve(device)
    splits = sources(data, device)
    recorder = dynamics.read(record, record_at, record_examples, splits["train"], model, parsed)
    job = Job(
        data=data,
        sources=splits,
        classes=data.vocabulary if data.kind == "text" else data.classes,
        groups=members,
        device=device,
        optimizer=optimizer,
        precision=precision,
        evaluate_every=evaluate_every,
        recorder=recorder,
        snapshots=dynamics.marks("snapshots", snapshots) if len(snapshots) else [],
    )
    stacks = list(stacked(parsed, data, device))
    total = sum(max(run.steps for run in stack) or 1 for stack in stacks)
    memory = Memory(device)
    watch = Watch(total, should_stop, progress, memory)
    watch.poll()
    fitted = fit_all(job, stacks, watch)
    memory.look()
    return assemble(parsed, fitted, data, recorder, memory.peak)


def resolve(device: str) -> str:
    """The device to use; ``auto`` is a GPU where there is one.

    >>> resolve("cpu")
    'cpu'
    """
    known = ("auto", "cpu", "cuda")
    if device not in known:
        raise UnknownName(f"unknown device {device!r}: {nearest(device, known)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device='cuda' was asked for and this torch finds no GPU; use device='auto' or 'cpu'")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def _suited(model: Model, data: Dataset, runs: Sequence[Run], optimizer: str) -> None:
    """Refuse what a run asks for and its kind of model has no use for, rather than ignore it."""
    for run in runs:
        if run.model.optimizers is not None and optimizer not in run.model.optimizers:
            suited = " or ".join(run.model.optimizers)
            raise ValueError(f"run {run.row}: {run.model} is made for {suited}; optimizer={optimizer!r} was given")
        if run.model.batchwise and run.batch < 2:
            raise ValueError(f"run {run.row}: a batch of {run.model} needs 2 examples or more to differ; it has 1")
        # A window is all inputs but for one id, so no label of its own could be wrong.
        if run.label_noise and model.predictions(model.check(data)) > 1:
            raise ValueError(f"run {run.row} has label_noise, which model {model.name!r} has no single label for")
        if model.closed_form and (run.weights is not None or run.shares is not None):
            raise ValueError(f"run {run.row} has weights or a mixture, and model {model.name!r} is solved at once")
        if run.method is not None and model.closed_form:
            raise ValueError(f"run {run.row} has a method of selection, and model {model.name!r} is solved at once")
        if run.method is not None and run.shares is not None:
            raise ValueError(f"run {run.row} has a mixture and a method of selection; expected one of the two")


def _check(model: Model, steps: object, epochs: object, batch_size: object, evaluate_every: object) -> None:
    if not model.closed_form and (steps is None) == (epochs is None):
        given = "neither" if steps is None else "both"
        raise ValueError(f"{given} of steps= and epochs= given; expected exactly one, such as steps=500")
    for name, value in (("steps", steps), ("batch_size", batch_size), ("evaluate_every", evaluate_every)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < (name != "steps"):
            least = int(name != "steps")
            raise ValueError(f"{name}={value!r}; expected a whole number of at least {least}")
    if epochs is not None and not (isinstance(epochs, (int, float, np.number)) and 0 < epochs < float("inf")):
        raise ValueError(f"epochs={epochs!r}; expected a number above 0")
