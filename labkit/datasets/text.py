"""What the made-up text sources share: lines of ids become a dataset, with copies planted on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.faults import whole
from labkit.datasets.planting import copy_documents
from labkit.datasets.windows import windows
from labkit.seeds import generator

MOST_IDS = 256
"""The largest vocabulary: ids are kept as bytes."""


def check_sizes(options: Mapping[str, Any]) -> None:
    """Refuse sizes that no source can have: ``context``, ``examples``, ``validation``, ``test``, seeds."""
    whole("context", options["context"], least=1, most=4096)
    whole("examples", options["examples"], least=1)
    whole("validation", options["validation"])
    whole("test", options["test"], least=1)
    whole("seed", options["seed"])
    if "source" in options:
        whole("source", options["source"])


def draw_lines(
    name: str, options: Mapping[str, Any], sample: Callable[[int, np.random.Generator], np.ndarray]
) -> dict[str, np.ndarray]:
    """A line for every split, long enough for the windows it shall have.

    Arguments:
        name: of the dataset.
        options: with ``context``, ``seed``, ``source`` and the number of windows of each split.
        sample: makes a line of a length from a generator. Only the training line follows ``seed``.
    """
    source, context = options["source"], options["context"]
    lines = {}
    for split in SPLITS:
        count = options["examples" if split == "train" else split]
        random = generator(options["seed"] if split == "train" else 0, name, source, split)
        lines[split] = sample(count + context if count else 0, random).astype(np.uint8)
    return lines


def from_lines(
    name: str,
    lines: Mapping[str, np.ndarray],
    *,
    vocabulary: int,
    options: Mapping[str, Any],
    truth: Mapping[str, Any],
    tracks: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> Dataset:
    """The dataset of windows over lines of ids.

    Arguments:
        name: of the dataset.
        lines: for each split ids, uint8 (n + context,), or no ids for no windows.
        vocabulary: how many ids there are.
        options: all options, of which ``context`` is used, and ``duplicates``, ``leaks``, ``document``, ``skew`` and
            ``seed`` where the source offers to plant copies.
        truth: what is known of the source.
        tracks: by name and split something known of every id, (n + context,); the truth of a window is that of
            the id to be predicted.

    >>> line = np.arange(40, dtype=np.uint8) % 4
    >>> lines = {"train": line, "validation": line[:0], "test": line[::-1]}
    >>> from_lines("count", lines, vocabulary=4, options={"context": 8}, truth={}).inputs.shape
    (32, 8)
    """
    context, lines = options["context"], dict(lines)
    tracks = {key: dict(track) for key, track in (tracks or {}).items()}
    faults = pd.DataFrame()
    if options.get("duplicates") or options.get("leaks"):
        planted = copy_documents(
            len(lines["train"]), len(lines["test"]), **{key: options[key] for key in _PLANTED}, context=context
        )
        for line in (lines, *tracks.values()):
            line["train"] = planted.apply(line["train"], line["test"])
        faults = planted.faults(context)
    arrays: dict[str, np.ndarray] = {}
    known = dict(truth)
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        arrays[f"{prefix}inputs"], arrays[f"{prefix}targets"] = windows(lines[split], context, empty=True)
        for key, track in tracks.items():
            known[f"{prefix}{key}"] = track[split][context:]
    return Dataset(
        name=name,
        kind="text",
        vocabulary=vocabulary,
        context=context,
        faults=faults,
        truth=known,
        options=dict(options),
        **arrays,
    )


_PLANTED = ("duplicates", "leaks", "document", "skew", "seed")
