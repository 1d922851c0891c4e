"""Exercise checks that survive Run All: an untouched stub is "not attempted", a wrong answer gets a hint.

Each exercise is a small function registered under its id; hints get more concrete with every further wrong answer.
"""

from __future__ import annotations

import html
import importlib
import numbers
import os
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from labkit.registry import UnknownName, nearest

State = Literal["not attempted", "right", "not yet"]
_MARK = {"not attempted": "○", "right": "✓", "not yet": "△"}
_COLOUR = {"not attempted": "#777777", "right": "#007a5a", "not yet": "#b35c00"}


class CheckFailed(AssertionError):
    """An exercise that is not right in strict mode (LABKIT_STRICT=1), which only CI uses."""


class NotAttempted(Exception):
    """Raised inside a check where the answer still is the stub."""


class NotYet(Exception):
    """Raised inside a check with one sentence about what is wrong, without giving the answer away."""


@dataclass(frozen=True)
class Verdict:
    """What a check says: the exercise, its state, one or two sentences, and how many wrong answers came before."""

    exercise: str
    state: State
    message: str
    attempts: int = 0

    def __bool__(self) -> bool:
        return self.state == "right"

    def __repr__(self) -> str:
        return f"{_MARK[self.state]} Exercise {self.exercise}: {self.message}"

    def _repr_html_(self) -> str:
        return (
            f"<p role='status' style='border-left:4px solid {_COLOUR[self.state]};padding-left:0.6em'>"
            f"{html.escape(repr(self))}</p>"
        )


@dataclass(frozen=True)
class Exercise:
    """A registered exercise: its id, the function that judges an answer, hints from vague to concrete, and praise."""

    name: str
    judge: Callable[..., None]
    hints: tuple[str, ...]
    praise: str


_exercises: dict[str, Exercise] = {}
_wrong_answers: dict[str, list[str]] = {}


def exercise(name: str, *, hints: Sequence[str], praise: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a check: a function of the answer (and of what the cell passes along) that raises NotYet or returns.

    >>> @exercise("99.1", hints=["Count them."], praise="Yes, 4.")
    ... def _four(answer):
    ...     if number(answer) != 4:
    ...         raise NotYet("Not that many.")
    >>> check("99.1", ...)
    ○ Exercise 99.1: not attempted yet. Replace the dots above, then run both cells again.
    >>> check("99.1", 5)
    △ Exercise 99.1: Not that many. Hint 1 of 1: Count them.
    >>> check("99.1", 4)
    ✓ Exercise 99.1: Yes, 4.
    >>> del _exercises["99.1"]
    """

    def register(judge: Callable[..., None]) -> Callable[..., None]:
        if name in _exercises and _exercises[name].judge.__qualname__ != judge.__qualname__:
            raise ValueError(f"exercise {name!r} is registered twice")
        _exercises[name] = Exercise(name, judge, tuple(hints), praise)
        return judge

    return register


def known() -> Mapping[str, Exercise]:
    """Every registered exercise by its id; the modules of ``labkit.lessons.exercises`` are read on first use."""
    from labkit.lessons import exercises

    for module in pkgutil.iter_modules(exercises.__path__, exercises.__name__ + "."):
        importlib.import_module(module.name)
    return dict(sorted(_exercises.items()))


def check(name: str, answer: Any, **given: Any) -> Verdict:
    """Judge the answer to an exercise and say what to try next; never raises in a lesson.

    Arguments:
        name: the exercise's id, such as ``"01.1"``.
        answer: the reader's value or function; ``...`` anywhere in it means: not attempted yet.
        given: what the exercise needs to know from the notebook, such as the measured points.

    Raises ``UnknownName`` for an id that is not registered, ``CheckFailed`` unless right when LABKIT_STRICT is 1.
    """
    exercises = known()
    if name not in exercises:
        raise UnknownName(f"unknown exercise {name!r}: {nearest(name, exercises)}")
    verdict = _verdict(exercises[name], answer, given)
    if os.environ.get("LABKIT_STRICT") == "1" and not verdict:
        raise CheckFailed(str(verdict))
    return verdict


def _verdict(entry: Exercise, answer: Any, given: Mapping[str, Any]) -> Verdict:
    wrong = _wrong_answers.setdefault(entry.name, [])
    try:
        if untouched(answer):
            raise NotAttempted
        entry.judge(answer, **given)
    except NotAttempted:
        text = "not attempted yet. Replace the dots above, then run both cells again."
        return Verdict(entry.name, "not attempted", text, len(wrong))
    except NotYet as reason:
        said = str(reason)
    except Exception as error:  # the reader's own code runs in here: whatever it raises is news for the reader
        said = f"Your answer raised {type(error).__name__}: {error}."
    else:
        return Verdict(entry.name, "right", entry.praise, len(wrong))
    if repr(answer) not in wrong[-1:]:  # running the same cell twice is not a second attempt
        wrong.append(repr(answer))
    return Verdict(entry.name, "not yet", f"{said}{_hint(entry.hints, len(wrong))}", len(wrong))


def _hint(hints: Sequence[str], attempts: int) -> str:
    if not hints:
        return ""
    place = min(attempts, len(hints))
    return f" Hint {place} of {len(hints)}: {hints[place - 1]}"


def untouched(answer: Any) -> bool:
    """Whether dots are left anywhere in the answer.

    >>> untouched(...), untouched((1, ...)), untouched({"a": [...]}), untouched(0.5)
    (True, True, True, False)
    """
    if isinstance(answer, Mapping):
        return any(untouched(value) for value in answer.values())
    if isinstance(answer, (list, tuple, set)):
        return any(untouched(value) for value in answer)
    return answer is ...


def call(function: Any, *arguments: Any) -> Any:
    """Call the reader's function; a body that still is ``...`` counts as not attempted."""
    if not callable(function):
        raise NotYet(f"Expected a function, got {function!r}.")
    value = function(*arguments)
    if value is None or untouched(value):
        raise NotAttempted
    return value


def number(answer: Any) -> float:
    """The answer as a float, or NotYet saying that a number was expected."""
    if isinstance(answer, bool) or not isinstance(answer, numbers.Real):
        item = getattr(answer, "item", None)
        if item is None or getattr(answer, "size", 0) != 1:
            raise NotYet(f"Expected a number, got {type(answer).__name__}.")
        answer = item()
    return float(answer)


def close(answer: Any, expected: float, relative: float = 0.02) -> bool:
    """Whether the answer is a number within so much of the expected one."""
    return abs(number(answer) - expected) <= relative * max(abs(expected), 1e-12)
