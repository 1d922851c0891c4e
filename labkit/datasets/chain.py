"""Chains of variables, each the last one or its opposite: questions that need one step more at a time."""

from __future__ import annotations

import string

import numpy as np

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import apportioned, number, whole
from labkit.datasets.problems import fold, problem_text, spell

ALPHABET = string.ascii_lowercase + "1=+-;?:\n"
_LETTERS = len(string.ascii_lowercase)


def chain(
    *,
    length: int = 4,
    shares: tuple[float, ...] | None = None,
    context: int | None = None,
    examples: int = 200_000,
    validation: int = 10_000,
    test: int = 20_000,
    seed: int = 0,
) -> Dataset:
    """Lines such as ``c=-a;a=+1;?c:-``: clauses in any order, and the sign of one variable.

    Arguments:
        length: variables in a line, 2 to 12, each defined by the one before it; their letters are drawn anew per line.
        shares: of the training questions about the first, second, … variable, in any unit; None is equal. Counts are
            exact by largest remainders. In validation and test they are equal always.
        context: ids in a window; None is a line less one, enough for all that comes before the answer.
        examples, validation, test: windows of each split.
        seed: of the training lines. Validation and test do not depend on it.

    Which split a line belongs to follows from its clauses and their order. ``truth`` has, each with ``validation_``
    and ``test_`` too, ``answer`` (n,), whether the id to predict is the answer; ``hops`` (n,), the steps that the
    question of its line takes, 1 to ``length``; ``problem`` (n,), the number of the line; and ``alphabet``, what ids
    stand for. Answers are + and - alike: 1 bit for one who cannot follow a chain.

    Source: Zhang and others (2022), the LEGO task.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = chain(length=2, examples=1000)
    >>> line = "".join(data.truth["alphabet"][i] for i in data.stream()[:15])
    >>> line.count(";"), line[10], line[12]
    (2, '?', ':')
    """
    options = dict(locals())
    whole("length", length, least=2, most=12)
    wanted = (1.0,) * length if shares is None else shares
    if not isinstance(wanted, tuple | list) or len(wanted) != length:
        raise ValueError(f"shares={shares!r}; expected {length} numbers, one for each variable of a line")
    wanted = tuple(number("shares", share, most=1e9) for share in wanted)
    if not sum(wanted) > 0:
        raise ValueError(f"shares={shares!r} are all 0; expected some above 0")
    width = 5 * length + 5
    even = (1.0,) * length

    def draw(count: int, random: np.random.Generator) -> np.ndarray:
        """Letters, signs (0 keeps, 1 turns) and places of the clauses, side by side."""
        letters = random.permuted(np.tile(np.arange(_LETTERS), (count, 1)), axis=1)[:, :length]
        signs = random.integers(2, size=(count, length))
        order = random.permuted(np.tile(np.arange(length), (count, 1)), axis=1)
        return np.concatenate([letters, signs, order], axis=1)

    def render(
        problems: np.ndarray, split: str, random: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        letters, signs, order = np.split(problems, 3, axis=1)
        count = len(problems)
        counts = apportioned(count, wanted if split == "train" else even)
        hops = random.permutation(np.repeat(np.arange(length), counts))
        equal, plus, minus, stop, ask, say, end, one = spell("=+-;?:\n1", ALPHABET)
        before = np.concatenate([np.full((count, 1), one), letters[:, :-1]], axis=1)
        clauses = np.empty((count, length, 5), dtype=np.uint8)
        for place, part in enumerate((letters, equal, np.where(signs, minus, plus), before, stop)):
            clauses[:, :, place] = part
        rows = np.empty((count, width), dtype=np.uint8)
        rows[:, :-5] = np.take_along_axis(clauses, order[:, :, None], axis=1).reshape(count, width - 5)
        value = np.cumsum(signs, axis=1) % 2
        of = np.arange(count), hops
        for place, part in enumerate((ask, letters[of], say, np.where(value[of], minus, plus), end)):
            rows[:, place - 5] = part
        answer = np.zeros(rows.shape, dtype=bool)
        answer[:, -2] = True
        steps = np.broadcast_to((hops + 1).astype(np.int8)[:, None], rows.shape)
        return rows, {"answer": answer, "hops": steps}

    return problem_text("chain", options, width=width, alphabet=ALPHABET, draw=draw, key=fold, render=render, truth={})


register(
    Entry(
        name="chain",
        kind="text",
        purpose="questions of one to several steps: skills that build on one another, curricula",
        build=chain,
        examples=200_000,
    )
)
