"""Error against training-set size, for some widths and seeds, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets import Dataset, load
from labkit.models import Model, build
from labkit.training.fit import fit_many
from labkit.training.schedules import Given

_FIRST = ["dataset", "model", "width", "examples", "seed", "parameters", "learning_rate"]
_DROPPED = ["diverged_step", "seconds"]


def learning_curve(
    dataset: Dataset | str,
    model: Model | str,
    *,
    examples: Sequence[int],
    seeds: int | Sequence[int],
    widths: Sequence[int] | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    learning_rate: float | Sequence[float] | None = None,
    batch_size: int = 32,
    optimizer: str = "sgd",
    schedule: Given = "constant",
    momentum: float = 0.9,
    weight_decay: float | None = None,
    label_noise: float = 0.0,
    dataset_options: Mapping[str, Any] | None = None,
    model_options: Mapping[str, Any] | None = None,
    selection: Sequence[int] | None = None,
    device: str = "auto",
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Train every combination of width, training-set size and seed, all at once, and tell how well each does.

    Arguments:
        dataset, model: names, with ``dataset_options`` and ``model_options``, or the objects themselves.
        examples: sizes of the training set; those of one seed are nested.
        seeds: the seeds, or how many of them (0, 1, ...).
        widths: sizes of the model; its own where None.
        learning_rate: one, or several to choose from: for each width and size the one with the lowest validation
            loss, averaged over the seeds, is kept. Test examples have no part in the choice. None: the default of
            the optimiser. Models with a closed form have none.
        momentum: of SGD.
        steps, epochs, batch_size, optimizer, schedule, weight_decay, label_noise, selection, device, progress,
        should_stop: as in `fit_many`.

    Returns a frame with a row per width, size and seed: dataset, model, width, examples, seed, parameters,
    learning_rate (the one kept), steps, flops, losses and errors on train, validation and test, diverged. All
    arguments but objects and callables are plain values, so a call can be one point of a sweep.

    Raises what `fit_many` raises, and ``ValueError`` where there is a choice to make and no validation data.

    >>> from labkit import training
    >>> frame = training.learning_curve("digits", "softmax", examples=[64, 256], seeds=3, steps=50)
    >>> frame.groupby("examples")["test_error"].mean().is_monotonic_decreasing
    True
    """
    data = load(dataset, **(dataset_options or {})) if isinstance(dataset, str) else _plain(dataset, dataset_options)
    spec = build(model, **(model_options or {})) if isinstance(model, str) else _plain(model, model_options)
    own_width = getattr(spec, "width", None)
    if widths is not None and own_width is None:
        raise ValueError(f"model {spec.name!r} has no width to vary; leave out widths=")
    axes = {
        "width": _axis("widths", [own_width] if widths is None else widths),
        "examples": _axis("examples", examples),
        "learning_rate": _rates(learning_rate, spec),
        "seed": _axis("seeds", range(seeds) if isinstance(seeds, (int, np.integer)) else seeds),
    }
    if len(axes["learning_rate"]) > 1 and not len(data.validation_inputs):
        raise ValueError(
            f"several learning rates to choose from and {data.name!r} has no validation examples; "
            "give one learning rate, or load the data with a validation split"
        )
    runs = pd.MultiIndex.from_product(list(axes.values()), names=list(axes)).to_frame(index=False)
    if own_width is None:
        runs = runs.drop(columns="width")
    shared = {"weight_decay": weight_decay, "label_noise": label_noise, "momentum": momentum}
    table = fit_many(
        spec,
        data,
        [{**run, **shared} for run in runs.to_dict("records")],
        steps=steps,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=schedule,
        selection=None if selection is None else np.asarray(selection),
        device=device,
        progress=progress,
        should_stop=should_stop,
    ).table
    table = table.drop(columns=[*shared, *_DROPPED], errors="ignore").assign(dataset=data.name, model=spec.name)
    for column in ("width", "learning_rate"):
        if column not in table:
            table[column] = np.nan
    if len(axes["learning_rate"]) > 1:
        table = _best(table)
    return table[[*_FIRST, *table.columns.difference(_FIRST, sort=False)]].reset_index(drop=True)


def _best(table: pd.DataFrame) -> pd.DataFrame:
    """For each width and size, the rows of the learning rate with the lowest mean validation loss."""
    keys = [key for key in ("width", "examples") if table[key].notna().all()]
    judged = table.assign(judged=table["validation_loss"].fillna(np.inf))
    mean = judged.groupby([*keys, "learning_rate"], as_index=False)["judged"].mean()
    # Stable: of equal rates, and where all diverged, the smallest wins.
    best = mean.sort_values([*keys, "judged", "learning_rate"]).drop_duplicates(keys)
    kept = table.merge(best[[*keys, "learning_rate"]], on=[*keys, "learning_rate"])
    return kept


def _axis(name: str, values: Sequence[Any]) -> list[Any]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name}={values!r} is a {type(values).__name__}; expected a list")
    values = list(values)
    if not values:
        raise ValueError(f"{name} is empty; expected at least one value")
    if len(set(values)) < len(values):
        raise ValueError(f"{name}={values!r} has a value twice")
    return values


def _rates(given: float | Sequence[float] | None, spec: Model) -> list[float | None]:
    if given is None or spec.closed_form:
        return [None]
    return _axis("learning_rate", [given] if isinstance(given, (int, float, np.number)) else given)


def _plain(given: Any, options: Mapping[str, Any] | None) -> Any:
    if options:
        raise ValueError(f"options {dict(options)!r} go with a name; {type(given).__name__} was given ready made")
    return given
