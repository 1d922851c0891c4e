"""Text made of problems in lines of one width, each either for training or held out, whatever the seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.splits import mixed
from labkit.datasets.text import check_sizes, from_lines
from labkit.seeds import generator

_PARTS = 16
_ROUNDS = 200

Draw = Callable[[int, np.random.Generator], np.ndarray]
"""Makes problems: int64 (count, k)."""

Render = Callable[[np.ndarray, str, np.random.Generator], tuple[np.ndarray, Mapping[str, np.ndarray]]]
"""Writes problems (count, k) of a split as ids, uint8 (count, width), and what more is known of each, by name."""


def fold(problems: np.ndarray) -> np.ndarray:
    """One uint64 for each problem, (count,), equal where all its numbers (count, k) are.

    >>> bool(fold(np.array([[1, 2]]))[0] == fold(np.array([[2, 1]]))[0])
    False
    """
    key = np.zeros(len(problems), dtype=np.uint64)
    for column in problems.T:
        key = mixed(key + np.uint64(0x9E3779B97F4A7C15)) ^ column.astype(np.uint64)
    return mixed(key)


def problem_text(
    name: str,
    options: Mapping[str, Any],
    *,
    width: int,
    alphabet: str,
    draw: Draw,
    key: Callable[[np.ndarray], np.ndarray],
    render: Render,
    truth: Mapping[str, Any],
) -> Dataset:
    """The dataset of problems, one per line of ``width`` ids.

    Arguments:
        name, options: of the dataset; ``context`` None stands for ``width - 1``, the line up to its last id.
        width: ids in a line.
        alphabet: the letter that each id stands for.
        draw, render: make problems, and write them.
        key: uint64 (count,) of problems; a sixteenth of the keys each belongs to validation and test alone.
        truth: what is known beside ``alphabet`` and what ``render`` tells.

    Raises ``ValueError`` where there are too few different problems for a split.
    """
    options = {**options, "context": width - 1 if options["context"] is None else options["context"]}
    check_sizes(options)
    lines: dict[str, np.ndarray] = {}
    tracks: dict[str, dict[str, np.ndarray]] = {}
    for split in SPLITS:
        count = options["examples" if split == "train" else split]
        length = count + options["context"] if count else 0
        random = generator(options["seed"] if split == "train" else 0, name, split)
        problems = _of_split(split, -(-length // width), draw, key, random)
        rows, more = render(problems, split, random)
        lines[split] = rows.ravel()[:length]
        numbers = np.broadcast_to(np.arange(len(rows), dtype=np.int32)[:, None], rows.shape)
        for track, values in {"problem": numbers, **more}.items():
            tracks.setdefault(track, {})[split] = values.ravel()[:length]
    known = {"alphabet": alphabet, **truth}
    return from_lines(name, lines, vocabulary=len(alphabet), options=options, truth=known, tracks=tracks)


def _of_split(
    split: str, count: int, draw: Draw, key: Callable[[np.ndarray], np.ndarray], random: np.random.Generator
) -> np.ndarray:
    found = [draw(0, random)]
    for _ in range(_ROUNDS):
        missing = count - sum(map(len, found))
        if missing <= 0:
            break
        problems = draw(missing * (2 if split == "train" else _PARTS + 4) + 100, random)
        part = key(problems) % np.uint64(_PARTS)
        held = {"test": part == 0, "validation": part == 1, "train": part > 1}
        found.append(problems[held[split]][:missing])
    else:
        raise ValueError(f"there are too few different problems for a {split} split; give larger ones")
    return np.concatenate(found)


def spell(text: str, alphabet: str) -> np.ndarray:
    """The ids of some letters.

    >>> spell("ba", "abc").tolist()
    [1, 0]
    """
    return np.array([alphabet.index(letter) for letter in text], dtype=np.uint8)
