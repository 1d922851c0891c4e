"""One training of several models, observed example by example: every dynamics score reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral

import numpy as np

from labkit.datasets import Dataset
from labkit.datasets.faults import whole
from labkit.models import Model, build
from labkit.pruning.log import Log, sealed
from labkit.training import fit_many
from labkit.training.dynamics import MOST_NUMBERS

RECORDED = ("loss", "correct", "margin", "probability", "el2n", "entropy", "gradient_norm")
REGRESSION = ("loss", "gradient_norm")
ADAM_RATE = 0.003
_FEWEST, _MOST = 30, 100
_SNAPSHOTS = 10


def observe(
    data: Dataset,
    model: Model | str | None = None,
    *,
    seeds: int | Sequence[int] = 10,
    steps: int = 1500,
    batch_size: int = 32,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    record_every: int | None = None,
    device: str = "auto",
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Log:
    """Train several models at once on all training examples and write down what happens to each example.

    Arguments:
        data: a classification dataset, or a regression one, for which only losses, gradients and features are seen.
            The test split is taken away before anything is trained.
        model: a specification or a name; an MLP of one hidden layer of 64 by default.
        seeds: how many models, or their seeds: initialisation and order of the examples.
        steps: updates of each model.
        batch_size, optimizer: as in ``training.fit_many``.
        learning_rate: None is 0.003 for Adam, with which AUM finds more of the flipped digits than with 0.001, and
            ``fit_many``'s own for SGD.
        record_every: steps between two recorded moments; None is once per epoch, but at least 30 and at most 100
            times, and at every step where there are fewer steps than that.
        device: ``cpu``, ``cuda`` or ``auto``.
        progress, should_stop: as in ``training.fit_many``.

    Probabilities of all classes are kept where they fit into a gibibyte with the rest. Labels count as they are.

    Raises ``ValueError`` for text, whose windows overlap; for models with a closed form, which have no steps, and for
    two towers, which have no classes; for less than one step or seed; for a model that diverged; and where the log
    would not fit into a gibibyte.
    It does not cover augmentation: every example is seen as it is.

    >>> from labkit import datasets, pruning
    >>> pruning.observe(datasets.load("digits"), "softmax", seeds=3, steps=40).runs
    3
    """
    if not isinstance(data, Dataset):
        raise TypeError(f"data is a {type(data).__name__}; expected datasets.load(...) or datasets.from_frame(...)")
    if data.kind == "text":
        raise ValueError(f"{data.name!r} is text, whose windows overlap; observe takes classification and regression")
    model = build(model or "mlp") if model is None or isinstance(model, str) else model
    if isinstance(model, Model) and model.together > 1:
        raise ValueError(f"model {model.name!r} tells examples apart from each other; observe takes models of classes")
    chosen = _seeds(seeds)
    whole("steps", steps, least=1)
    whole("batch_size", batch_size, least=1)
    if record_every is None:
        record_every = moments(len(data.inputs), steps, min(batch_size, len(data.inputs)))
    every = whole("record_every", record_every, least=1)
    recorded = sorted({*range(0, steps + 1, every), steps})
    kept = sorted({recorded[i] for i in np.linspace(0, len(recorded) - 1, _SNAPSHOTS + 1).round().astype(int)[1:]})
    if learning_rate is None and optimizer in ("adam", "adamw"):
        learning_rate = ADAM_RATE
    data = sealed(data)
    fit = fit_many(
        model,
        data,
        [{"seed": seed, "learning_rate": learning_rate} for seed in chosen],
        steps=steps,
        batch_size=batch_size,
        optimizer=optimizer,
        device=device,
        record=_names(data, len(chosen), len(recorded)),
        record_at=recorded,
        snapshots=kept,
        progress=progress,
        should_stop=should_stop,
    )
    if fit.table["diverged"].any():
        wrong = [chosen[row] for row in np.flatnonzero(fit.table["diverged"])]
        raise ValueError(f"the loss of the models with seeds {wrong} is no longer a number; lower the learning rate")
    return Log(
        data=data,
        model=model,
        settings={
            "seeds": tuple(chosen),
            "steps": steps,
            "batch_size": batch_size,
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "device": device,
        },
        steps=fit.dynamics.steps,
        values=fit.dynamics.values,
        logits=None if data.kind == "regression" else fit.predict(data.inputs),
        fit=fit,
        snapshots=tuple(kept),
    )


def moments(examples: int, steps: int, batch_size: int) -> int:
    """Steps between two recorded moments: an epoch, kept so that there are at least 30 and at most 100 moments.

    >>> moments(1297, 1500, 32), moments(50_000, 1500, 32), moments(100, 1500, 32), moments(100, 10, 32)
    (41, 50, 15, 1)
    """
    epoch = round(examples / batch_size)
    return max(1, min(max(epoch, -(-steps // _MOST)), steps // _FEWEST))


def _names(data: Dataset, runs: int, times: int) -> list[str]:
    """What is recorded of each example, with the probabilities of all classes where they fit."""
    names = list(REGRESSION if data.kind == "regression" else RECORDED)
    cells = runs * times * len(data.inputs)
    if cells * len(names) > MOST_NUMBERS:
        raise ValueError(
            f"{len(data.inputs):,} examples, {runs:,} seeds and {times:,} recorded moments are too many for one log, "
            f"{cells * len(names):,} numbers; at most {MOST_NUMBERS:,}: give fewer seeds or a larger record_every"
        )
    fits = data.kind != "regression" and cells * (len(names) + data.classes) <= MOST_NUMBERS
    return [*names, "probabilities"] if fits else names


def _seeds(given: int | Sequence[int]) -> list[int]:
    if isinstance(given, Integral) and not isinstance(given, bool):
        return list(range(whole("seeds", given, least=1)))
    found = list(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else []
    if not found or len(set(found)) < len(found):
        raise ValueError(f"seeds={given!r}; expected a number of seeds, or a list of different ones")
    return [whole("seeds", seed, least=0) for seed in found]
