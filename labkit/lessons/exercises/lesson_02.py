"""Checks of lesson 02: fitting and forecasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.display.describe import number
from labkit.lessons.checks import NotYet, call, close, exercise


@exercise(
    "02.1",
    hints=[
        "Compare the squares of what the prediction misses with the squares of what the mean misses.",
        "The mean is that of the measured values, in the lower sum; the prediction stands in the upper sum only.",
        "1 - np.sum((measured - predicted) ** 2) / np.sum((measured - np.mean(measured)) ** 2)",
    ],
    praise="right: 1 is perfect, 0 is no better than the mean, and it may be negative.",
)
def r_squared(answer: Any) -> None:
    """A function (measured, predicted) that returns R²."""
    measured, predicted = np.array([1.0, 2.0, 3.0, 6.0]), np.array([2.0, 2.0, 3.0, 3.0])
    # upper sum 1 + 9 = 10; the measured vary by 4 + 1 + 0 + 9 = 14 about their mean, the predicted by 1 about theirs
    value = call(answer, measured, predicted)
    if close(value, 1 - 10 / 1):
        raise NotYet("The lower sum must belong to the measured values: yours is that of the predicted ones.")
    if close(value, float(np.corrcoef(measured, predicted)[0, 1] ** 2)):
        raise NotYet("That is the squared correlation, which forgives a prediction that is off by any factor.")
    if not close(value, 1 - 10 / 14):
        raise NotYet("For the measured 1, 2, 3, 6 and the predicted 2, 2, 3, 3 it is 1 − 10/14.")
    worse = call(answer, np.array([1.0, 2.0]), np.array([4.0, 5.0]))
    if not close(worse, 1 - 18 / 0.5):
        raise NotYet("A prediction that is worse than the mean has a negative R²; do not cut it off.")


@exercise(
    "02.2",
    hints=[
        "A power law on a floor is straight once the floor is taken away.",
        "Take logarithms of y − floor and of x; np.diff gives the differences.",
        "-np.diff(np.log(y - floor))[0] / np.diff(np.log(x))[0]",
    ],
    praise="right: the higher the floor you believe in, the larger the exponent you find.",
)
def exponent_above(answer: Any) -> None:
    """A function (floor, x, y) of two points that returns the exponent above the floor."""
    x = np.array([100.0, 400.0])
    for floor, alpha in ((0.0, 0.5), (0.1, 0.5), (0.2, 1.5)):
        y = floor + 3 * x**-alpha
        value = np.ravel(call(answer, floor, x, y))
        if value.size != 1:
            raise NotYet("Two points have one exponent; take the first entry of the difference.")
        if floor and close(value[0], float(-np.diff(np.log(y))[0] / np.diff(np.log(x))[0])):
            raise NotYet("Your exponent does not know about the floor.")
        if close(value[0], -alpha):
            raise NotYet("That is the slope; the exponent is positive while the error falls.")
        if not close(value[0], alpha):
            raise NotYet(f"Not so for a floor of {floor} and an exponent of {alpha}.")


@exercise(
    "02.3",
    hints=[
        "Measure both misses in the same way, then divide.",
        "RMS is the root of the mean square of np.log(foretold / measured).",
        "1 - rms(np.log(predicted / measured)) / rms(np.log(last / measured))",
    ],
    praise="right: below 0, the fit was worse than doing nothing.",
)
def skill(answer: Any) -> None:
    """A function (predicted, last, measured): 1 minus the RMS log error over that of the last value."""
    measured = np.array([0.2, 0.1])
    cases = [
        (measured, 0.4, 1.0, "A perfect forecast has skill 1."),
        (np.array([0.4, 0.4]), 0.4, 0.0, "Repeating the last value has skill 0."),
        (np.array([0.4, 0.2]), 0.4, 1 - np.log(2) / np.sqrt(2.5 * np.log(2) ** 2), ""),
        (np.array([1.6, 0.8]), 0.4, 1 - np.log(8) / np.sqrt(2.5 * np.log(2) ** 2), "A bad one is below 0."),
    ]
    for predicted, last, expected, said in cases:
        value = call(answer, predicted, last, measured)
        if not close(value, float(expected)):
            told = ", ".join(f"{one:g}" for one in predicted)
            raise NotYet(
                f"{said} Not so for the forecast {told}, the last value {last} and the measured 0.2, 0.1.".strip()
            )


@exercise(
    "02.4",
    hints=[
        "A value is inside when it is at least low and at most high.",
        "Two comparisons joined by &, each in brackets; the mean of truths is their share.",
        "np.mean((low <= measured) & (measured <= high))",
    ],
    praise="right: nominal 90% is a promise, and this is how to test it.",
)
def share_inside(answer: Any) -> None:
    """A function (low, high, measured) that returns the share of values inside their intervals."""
    low, high = np.array([0.0, 0.1, 0.2, np.nan]), np.array([0.1, 0.3, 0.3, 1.0])
    value = call(answer, low, high, np.array([0.1, 0.2, 0.4, 0.5]))
    if close(value, 0.25):
        raise NotYet("The ends count as inside.")
    if close(value, 2 / 3):
        raise NotYet("An interval with a missing end holds nothing, and still counts as one.")
    if not close(value, 0.5):
        raise NotYet(
            "Of four values, with one at an end, one inside, one outside and one missing end, half are inside."
        )


@exercise(
    "02.5",
    hints=[
        "Bring the floor to the other side, divide by A, and take a root.",
        "The exponent of the inverse is −1 / alpha; at the floor or below, nothing suffices.",
        "((target - E) / A) ** (-1 / alpha) if target > E else np.inf",
    ],
    praise="right: near the floor, a little less error costs very much more data.",
)
def needed(answer: Any) -> None:
    """A function (target, E, A, alpha) that returns the size at which the law reaches the target."""
    if not close(call(answer, 0.2, 0.1, 1.0, 0.5), 100.0):
        raise NotYet("The law 0.1 + x^−0.5 is at 0.2 for x = 100.")
    if not close(call(answer, 0.05, 0.0, 2.0, 0.25), 40.0**4):
        raise NotYet("The law 2·x^−0.25 is at 0.05 for x = 40⁴.")
    for target in (0.1, 0.05):
        try:
            value = call(answer, target, 0.1, 1.0, 0.5)
        except ZeroDivisionError:
            raise NotYet(
                "A target at the floor is out of reach; return infinity instead of dividing by zero."
            ) from None
        if isinstance(value, complex) or not np.isposinf(value):
            raise NotYet("At the floor or below no amount suffices: return infinity.")


@exercise(
    "02.6",
    hints=[
        "The lowest point is where the slope is zero.",
        "The slope of a·t² + b·t + c is 2·a·t + b, with t the logarithm of the size.",
        "np.exp(-parabola[1] / (2 * parabola[0]))",
    ],
    praise="right; and for a valley that is no parabola, right only near its bottom.",
)
def lowest(answer: Any) -> None:
    """A function (sizes, losses) that returns the size at the lowest point of a parabola in ln size."""
    sizes = np.geomspace(1e6, 1e9, 7)
    for best in (2e7, 3e8):
        value = call(answer, sizes, 2.0 + 0.1 * np.log(sizes / best) ** 2)
        if close(value, float(np.log(best)), 1e-3):
            raise NotYet("That is the logarithm of the size.")
        if not close(value, best, 1e-3):
            raise NotYet(f"For a valley with its bottom at {number(best)} your function finds {number(value)}.")
