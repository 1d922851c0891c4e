"""Random facts to remember: a table without any rule, so that what is stored can be counted in bits."""

from __future__ import annotations

import string

import numpy as np

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import whole
from labkit.datasets.text import MOST_IDS, check_sizes, from_lines
from labkit.seeds import generator

_LETTERS = len(string.ascii_lowercase)
_COLON, _END = _LETTERS, _LETTERS + 1
_FIRST_VALUE = _LETTERS + 2


def facts(
    *,
    facts: int = 512,
    values: int = 32,
    letters: int = 3,
    exposures: int = 50,
    context: int | None = None,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Lines of a random name, a colon and a random value: the training text says each fact equally often.

    Arguments:
        facts: names in the table, 2 to 100,000.
        values: a name can have, 2 to 200, each as likely.
        letters: in a name, 1 to 8; there must be twice as many names as facts.
        exposures: how often training says each fact, in a new order each time.
        context: ids in a window; None is the name and the colon, so that every fact of a held-out split is asked.
        source: which table.
        seed: of the order in training. The table, validation and test do not depend on it.

    Validation and test say every fact once more, in other orders: they ask for recall, not for facts never told.
    ``truth`` has ``bits``, what the table holds: facts * log2(values); ``chance_loss``, log(values), the loss on values
    in nats of one who knows none; ``value`` (facts,); and, with ``validation_`` and ``test_`` too, ``fact`` (n,), the
    row that the id to predict belongs to, and ``answer`` (n,), whether it is a value. A mean loss L on the answers
    means that at least facts * (log(values) - L) / log(2) bits are stored. ``alphabet`` names the ids below 28; the
    value v is id 28 + v.

    Source: Allen-Zhu and Li (2024). All facts have one form, so nothing is said of manipulating them.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = facts(facts=16, values=4, exposures=10)
    >>> data.truth["bits"], int(data.truth["test_answer"].sum())
    (32.0, 16)
    """
    options = dict(locals())
    whole("facts", facts, least=2, most=100_000)
    whole("values", values, least=2, most=min(200, MOST_IDS - _FIRST_VALUE))
    whole("letters", letters, least=1, most=8)
    whole("exposures", exposures, least=1, most=100_000)
    if _LETTERS**letters < 2 * facts:
        raise ValueError(
            f"there are {_LETTERS**letters:,} names of {letters} letters for {facts:,} facts; give more letters"
        )
    width = letters + 3
    context = options["context"] = letters + 1 if context is None else context
    check_sizes({**options, "examples": 1, "validation": 0, "test": 1})
    random = generator(source, "facts", "table", letters)
    numbers = random.choice(_LETTERS**letters, size=facts, replace=False)
    value = random.integers(values, size=facts)
    rows = np.empty((facts, width), dtype=np.uint8)
    rows[:, :letters] = numbers[:, None] // _LETTERS ** np.arange(letters) % _LETTERS
    rows[:, letters], rows[:, letters + 1], rows[:, letters + 2] = _COLON, _FIRST_VALUE + value, _END
    lines: dict[str, np.ndarray] = {}
    tracks: dict[str, dict[str, np.ndarray]] = {"fact": {}, "answer": {}}
    for split in SPLITS:
        random = generator(seed if split == "train" else 0, "facts", "order", source, split)
        times = exposures if split == "train" else 1
        order = np.concatenate([random.permutation(facts) for _ in range(times)])
        lines[split] = rows[order].ravel()
        tracks["fact"][split] = np.repeat(order, width).astype(np.int32)
        tracks["answer"][split] = np.tile(np.arange(width) == letters + 1, len(order))
    truth = {
        "bits": facts * float(np.log2(values)),
        "chance_loss": float(np.log(values)),
        "value": value,
        "alphabet": string.ascii_lowercase + ":\n",
    }
    return from_lines("facts", lines, vocabulary=_FIRST_VALUE + values, options=options, truth=truth, tracks=tracks)


register(
    Entry(
        name="facts",
        kind="text",
        purpose="random facts: how many bits a model can hold, and how often it must be told",
        build=facts,
        examples=512 * 50 * 6 - 4,
    )
)
