"""The tables that ship with the package: trained grids, their loss curves, and how they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from labkit import places
from labkit.registry import UnknownName, nearest

_FLOATS = ("learning_rate", "warmup", "weight_decay", "dropout", "epochs", "compute", "compute_6nd", "loss")


def folder() -> Path:
    """Where the tables lie."""
    return places.data() / "grids"


def load(name: str) -> pd.DataFrame:
    """A shipped grid, one row per run.

    Arguments:
        name: ``compute_optimal``, ``repetition``, ``remedies``, ``switches``, ``tuning``, or ``ensembles``, whose rows
            are averages of 1 to 8 members and have the columns of the trial of that name.

    Columns: width, depth, ``params`` (without embeddings), ``params_with_embeddings``, ``tokens`` trained on,
    ``unique_tokens`` among them, ``epochs``, ``compute`` (FLOPs of training, every matrix product counted),
    ``compute_6nd`` (6 params tokens), steps, batch_size, context, learning_rate, schedule, warmup, weight_decay,
    dropout, seed, ``loss`` (nats per letter on held-out windows), ``se`` of it over windows (shared by all runs, which
    are measured on the same windows), ``train_loss`` (on its own text), ``diverged``, ``seconds``.

    Raises ``UnknownName`` with the nearest match.

    >>> {"params", "tokens", "loss"} <= set(load("tuning").columns)
    True
    """
    return _read(name, ".csv")


def curves(name: str) -> pd.DataFrame:
    """The losses along the runs of a shipped grid, one row per run and moment.

    Columns: what tells runs apart, as in ``load``, then ``seen``, the tokens by then, and ``loss`` on a quarter of the
    held-out windows; so the last row of a run differs a little from its loss in the table.
    ``tuning``, ``remedies`` and ``ensembles`` have none.
    """
    return _read(name, "_curves.csv")


def provenance(name: str) -> dict[str, Any]:
    """How a shipped grid was made: the design, the text and its fingerprint, versions, machine, when and how long."""
    return json.loads(_file(name, ".json").read_text())


def available() -> pd.DataFrame:
    """The shipped grids: name, runs, sizes, largest budget, and the seconds that training took."""
    rows = []
    for path in sorted(folder().glob("*.json")):
        table = load(path.stem)
        rows.append((path.stem, len(table), table.width.nunique(), table.tokens.max(), table.seconds.sum()))
    return pd.DataFrame(rows, columns=["name", "runs", "sizes", "most_tokens", "seconds"])


def _read(name: str, ending: str) -> pd.DataFrame:
    """A table in which shares and rates are floats though they may all be whole numbers."""
    table = pd.read_csv(_file(name, ending))
    return table.astype({column: float for column in _FLOATS if column in table})


def _file(name: str, ending: str) -> Path:
    path = folder() / f"{name}{ending}"
    if not path.is_file():
        known = [found.name.removesuffix(ending) for found in sorted(folder().glob(f"*{ending}"))]
        raise UnknownName(f"unknown grid {name!r}: {nearest(name, known)}")
    return path
