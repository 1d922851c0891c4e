"""Checks of lesson 90: a reader's own data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.checks import NotYet, call, close, exercise


@exercise(
    "90.1",
    hints=[
        "Group the rows that share a size, then summarise each group.",
        "The standard error of a mean of n values is their standard deviation divided by the root of n.",
        'table.groupby("examples").error.agg(["mean", "sem"])',
    ],
    praise="right: a law is fitted to means, and weighted by how sure each of them is.",
)
def means(answer: Any) -> None:
    """A function (table) that returns mean and standard error of the errors at each size."""
    table = pd.DataFrame(
        {"examples": [10, 10, 20, 20, 20], "fold": [0, 1, 0, 1, 2], "error": [0.5, 0.3, 0.2, 0.1, 0.3]}
    )
    found = call(answer, table)
    if not isinstance(found, pd.DataFrame) or found.shape[0] != 2:
        raise NotYet("Expected a frame with one row per size.")
    numbers = found.select_dtypes("number").drop(columns=["examples"], errors="ignore").to_numpy()
    if numbers.shape[1] != 2 or not np.allclose(numbers[:, 0], [0.4, 0.2]):
        raise NotYet("Expected two columns, the mean first: 0.4 at size 10 and 0.2 at size 20.")
    if np.allclose(numbers[:, 1], [np.sqrt(0.02), 0.1]):
        raise NotYet("The second column is the standard deviation, how single values scatter. The mean is surer.")
    if not np.allclose(numbers[:, 1], [0.1, 0.1 / np.sqrt(3)]):
        raise NotYet("The standard error is 0.1 at size 10 and 0.1/√3 at size 20.")


@exercise(
    "90.2",
    hints=[
        "Solve sqrt(p (1 − p) / m) = share · p for m.",
        "Square both sides; one p cancels.",
        "(1 - error) / (error * share**2)",
    ],
    praise="right: the lower the error, the more test examples it takes to see it.",
)
def test_set(answer: Any) -> None:
    """A function (error, share): test examples for a standard error of that share of the error."""
    for error, share, expected in ((0.5, 0.1, 100.0), (0.02, 0.1, 4900.0), (0.1, 0.05, 3600.0)):
        value = call(answer, error, share)
        if close(value, (1 - error) * error / share**2):
            raise NotYet("That is for a standard error of `share` itself; asked for is `share` times the error.")
        if not close(value, expected, 0.001):
            raise NotYet(f"For an error of {error:g} and a share of {share:g} it takes {expected:,.0f}.")


@exercise(
    "90.3",
    hints=[
        "Equal factors from edge to edge: the edges' logarithms are evenly spaced.",
        "n bins have n + 1 edges, the first and the last of them at the ends of the log.",
        "np.geomspace(np.min(steps), np.max(steps), bins + 1)",
    ],
    praise="right: so the early, steep part of a log keeps as many points as the long, flat one.",
)
def edges(answer: Any) -> None:
    """A function (steps, bins) that returns the edges of bins even in the logarithm of the step."""
    for steps, bins in ((np.arange(1, 1001), 3), (np.array([80, 5, 20]), 2)):
        value = np.ravel(call(answer, steps, bins)).astype(float)
        if len(value) == bins:
            raise NotYet(f"{bins} bins have {bins + 1} edges, one more than there are bins.")
        if len(value) != bins + 1:
            raise NotYet(f"{bins} bins have {bins + 1} edges; yours has {len(value)}.")
        if np.allclose(value, np.linspace(steps.min(), steps.max(), bins + 1)):
            raise NotYet("Those are evenly spaced in the step itself: nearly all points would lie in the flat part.")
        if not np.allclose(value, np.geomspace(steps.min(), steps.max(), bins + 1)):
            raise NotYet(f"From step {steps.min()} to step {steps.max()}, each edge is the last times a constant.")


@exercise(
    "90.4",
    hints=[
        "What does one training on the kept examples save?",
        "Choosing pays once the savings together exceed what it cost.",
        "scoring / ((1 - fraction) * training)",
    ],
    praise="right: choosing examples pays for those who train on them again and again.",
)
def break_even(answer: Any) -> None:
    """A function (scoring, training, fraction): trainings until the choice has paid for itself."""
    for scoring, training, fraction, expected in ((6.0, 2.0, 0.25, 4.0), (10.0, 1.0, 0.5, 20.0)):
        value = call(answer, scoring, training, fraction)
        if fraction != 0.5 and close(value, scoring / (fraction * training)):
            raise NotYet("A fraction is kept; what is saved is the rest.")
        if not close(value, expected, 0.001):
            raise NotYet(
                f"Scoring for {scoring:g}, trainings at {training:g} each and {fraction:g} kept: it takes {expected:g}."
            )
