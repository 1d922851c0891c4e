"""Checks of lesson 00: reading power laws."""

from __future__ import annotations

import math
from typing import Any

from labkit.lessons.checks import NotYet, call, close, exercise


@exercise(
    "00.1",
    hints=[
        "Write the error at 100·n over the error at n; the amplitude cancels.",
        "What is left is 100 to the power of the exponent.",
        "100 ** 0.5",
    ],
    praise="right: with exponent 0.5, a hundred times the data divides the error by ten.",
)
def factor(answer: Any) -> None:
    """The factor by which the error falls when the data grows 100-fold, with exponent 0.5 and no floor."""
    if close(answer, 0.1):
        raise NotYet("That is what is left of the error; asked for is the factor by which it falls.")
    if close(answer, 50.0):
        raise NotYet("A power law is not proportional: the exponent goes into the power.")
    if not close(answer, 10.0):
        raise NotYet("Not that factor.")


@exercise(
    "00.2",
    hints=[
        "On log-log axes a power law is a straight line; the exponent is minus its slope.",
        "The slope is the difference of log y over the difference of log x.",
        "-math.log(y2 / y1) / math.log(x2 / x1)",
    ],
    praise="right: two points on log-log axes give the exponent, whatever the units.",
)
def exponent(answer: Any) -> None:
    """A function (x1, y1, x2, y2) that returns the exponent of the power law through two points."""
    for alpha, amplitude, x1, x2 in ((0.5, 1.0, 10, 1000), (0.25, 3.0, 64, 128), (1.0, 0.2, 7, 21)):
        points = x1, amplitude * x1**-alpha, x2, amplitude * x2**-alpha
        value = call(answer, *points)
        if close(value, -alpha):
            raise NotYet("That is the slope; the exponent is written so that it is positive while the error falls.")
        if not close(value, alpha):
            shown = ", ".join(f"{point:.4g}" for point in points)
            raise NotYet(f"Your function gives {float(value):.3g} for ({shown}); the exponent there is {alpha}.")


@exercise(
    "00.3",
    hints=[
        "Ask for which factor k the error at k·n is half the error at n.",
        "k to the power of minus 0.25 must be one half.",
        "2 ** (1 / 0.25)",
    ],
    praise="right: at exponent 0.25, halving the error takes sixteen times the data.",
)
def halving(answer: Any) -> None:
    """How many times the data halves the error at exponent 0.25, without a floor."""
    if close(answer, 2.0):
        raise NotYet("Twice the data halves the error only when the exponent is 1.")
    if not close(answer, 16.0):
        raise NotYet("Not that many times.")


@exercise(
    "00.4",
    hints=[
        "Take the floor off the target first: only the part above it follows the power law.",
        "Solve target − floor = amplitude · n^−exponent for n.",
        "(amplitude / (target - floor)) ** (1 / exponent), and math.inf where target is not above floor",
    ],
    praise="right: and no amount of data reaches a target at or below the floor.",
)
def needed(answer: Any) -> None:
    """A function (target, floor, amplitude, exponent): the examples needed, infinite at or below the floor."""
    for target, floor, amplitude, alpha in ((0.1, 0.0, 1.0, 0.5), (0.1, 0.05, 2.0, 0.5), (0.2, 0.1, 1.0, 0.25)):
        value = call(answer, target, floor, amplitude, alpha)
        if floor and close(value, (amplitude / target) ** (1 / alpha)):
            raise NotYet("Your function leaves the floor out.")
        if not close(value, (amplitude / (target - floor)) ** (1 / alpha)):
            raise NotYet(f"Not so many for target {target}, floor {floor}, amplitude {amplitude}, exponent {alpha}.")
    for target in (0.05, 0.04):
        value = call(answer, target, 0.05, 1.0, 0.5)
        if isinstance(value, complex) or not math.isinf(value) or value < 0:
            raise NotYet(
                f"What if the target is {target} and the floor 0.05? Return math.inf for what cannot be reached."
            )
