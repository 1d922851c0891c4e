"""Sums and products written out, with the answers in several formats."""

from __future__ import annotations

import numpy as np

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import whole
from labkit.datasets.problems import fold, problem_text, spell
from labkit.registry import UnknownName, nearest

ALPHABET = "0123456789+-*=\n"
OPERATIONS = ("+", "-", "*")
FORMATS = ("plain", "reversed", "carries")


def arithmetic(
    *,
    digits: int = 3,
    operation: str = "+",
    format: str = "plain",
    context: int | None = None,
    examples: int = 200_000,
    validation: int = 10_000,
    test: int = 20_000,
    seed: int = 0,
) -> Dataset:
    """Problems such as ``012+345=0357``, one per line, all numbers filled with zeros to one width.

    Arguments:
        digits: of both numbers, 1 to 8.
        operation: ``+``, ``*``, or ``-`` with the larger number first.
        format: ``plain``; ``reversed``, the answer's last digit first, so that each digit follows from what is there;
            or ``carries`` (for ``+``), the same with the carry that comes in written before each digit.
        context: ids in a window; None is a line less one, so that a window that ends before a line's last digit holds
            the whole problem.
        examples, validation, test: windows of each split.
        seed: of the training problems. Validation and test do not depend on it.

    Which split a problem belongs to follows from its two numbers in either order, so that no held-out one, nor its
    mirror image, occurs in training. ``truth`` has, each with ``validation_`` and ``test_`` too, ``answer`` (n,),
    whether the id to predict is a digit of the answer (or a carry), and ``problem`` (n,), the number of the line;
    ``alphabet``, what ids stand for; and ``entropy_rate`` (nats per id) of one who can reckon and knows nothing of the
    splits: nearly all of it is in the numbers asked about.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range, or too few problems for a split.

    >>> data = arithmetic(digits=2, examples=100)
    >>> "".join(data.truth["alphabet"][i] for i in data.stream("test")[:9])
    '42+79=121'
    """
    options = dict(locals())
    whole("digits", digits, least=1, most=8)
    for option, value, known in (("operation", operation, OPERATIONS), ("format", format, FORMATS)):
        if value not in known:
            raise UnknownName(f"unknown {option} {value!r}: {nearest(value, known)}")
    if format == "carries" and operation != "+":
        raise ValueError(f"format='carries' writes the carries of sums; operation={operation!r} has none")
    places = {"+": digits + 1, "-": digits, "*": 2 * digits}[operation]
    shown = 2 * places if format == "carries" else places
    width = 2 * digits + 2 + shown + 1
    most = 10**digits

    def draw(count: int, random: np.random.Generator) -> np.ndarray:
        pairs = random.integers(most, size=(count, 2))
        return np.sort(pairs, axis=1)[:, ::-1] if operation == "-" else pairs

    def render(pairs: np.ndarray, split: str, random: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        one, two = pairs.T
        result = {"+": one + two, "-": one - two, "*": one * two}[operation]
        written = _digits(result, places)
        if format != "plain":
            written = written[:, ::-1]
        if format == "carries":
            below = 10 ** np.arange(places)
            carry = (one[:, None] % below + two[:, None] % below) // below
            written = np.stack([carry, written], axis=2).reshape(len(pairs), shown)
        rows = np.empty((len(pairs), width), dtype=np.uint8)
        rows[:, :digits] = _digits(one, digits)
        rows[:, digits + 1 : 2 * digits + 1] = _digits(two, digits)
        rows[:, [digits, 2 * digits + 1, width - 1]] = spell(f"{operation}=\n", ALPHABET)
        rows[:, -1 - shown : -1] = written
        answer = np.zeros(rows.shape, dtype=bool)
        answer[:, -1 - shown : -1] = True
        return rows, {"answer": answer}

    # Numbers in order: two different ones come from two draws, so half the surprise is gone.
    entropy = 2 * np.log(most) - (np.log(2) * (1 - 1 / most) if operation == "-" else 0)
    return problem_text(
        "arithmetic",
        options,
        width=width,
        alphabet=ALPHABET,
        draw=draw,
        key=lambda pairs: fold(np.sort(pairs, axis=1)),
        render=render,
        truth={"entropy_rate": float(entropy / width)},
    )


def _digits(values: np.ndarray, places: int) -> np.ndarray:
    """Decimal digits (n, places), the highest first."""
    return values[:, None] // 10 ** np.arange(places - 1, -1, -1) % 10


register(
    Entry(
        name="arithmetic",
        kind="text",
        purpose="sums to continue, held out by problem: when does a model reckon rather than remember?",
        build=arithmetic,
        examples=200_000,
    )
)
