"""Checks of lesson 01: measuring learning curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.checks import NotYet, call, close, exercise


@exercise(
    "01.1",
    hints=[
        "Between two neighbouring sizes, take the exponent of the power law through both points.",
        "np.diff gives the differences between neighbours.",
        "-np.diff(np.log(errors)) / np.diff(np.log(sizes))",
    ],
    praise="right: one exponent per step; where it stays the same, a power law is in force.",
)
def local_exponents(answer: Any) -> None:
    """A function (sizes, errors) that returns the exponent between each pair of neighbouring sizes."""
    sizes = np.array([32.0, 64.0, 256.0, 512.0])
    errors = np.array([0.8, 0.4, 0.2, 0.2])
    value = np.asarray(call(answer, sizes, errors), float)
    if value.shape != (3,):
        raise NotYet(f"Four sizes have three steps between them; your function returns shape {value.shape}.")
    expected = np.array([1.0, 0.5, 0.0])
    if np.allclose(value, -expected) and not np.allclose(value, expected):
        raise NotYet("Those are the slopes; the exponent is positive while the error falls.")
    if not np.allclose(value, expected, atol=0.01):
        raise NotYet("For the errors 0.8, 0.4, 0.2, 0.2 at 32, 64, 256, 512 examples the exponents are 1, 0.5 and 0.")


@exercise(
    "01.2",
    hints=[
        "The mean of n seeds is surer than one seed; by how much?",
        "Divide the standard deviation by the square root of the number of seeds.",
        "np.std(errors, ddof=1) / np.sqrt(len(errors))",
    ],
    praise="right: four times the seeds halve the standard error.",
)
def standard_error(answer: Any) -> None:
    """A function (errors) that returns the standard error of their mean."""
    for errors in (np.array([0.10, 0.12, 0.14]), np.array([0.2, 0.1, 0.15, 0.35])):
        value = call(answer, errors)
        if close(value, float(np.std(errors, ddof=1))):
            raise NotYet("That is how much single seeds differ; asked for is how sure their mean is.")
        if close(value, float(np.std(errors) / np.sqrt(len(errors)))):
            raise NotYet("Nearly: the mean was estimated from the same seeds, so divide by n − 1 (ddof=1).")
        if not close(value, float(np.std(errors, ddof=1) / np.sqrt(len(errors)))):
            raise NotYet(f"Not so for the errors {', '.join(f'{error:g}' for error in errors)}.")


@exercise(
    "01.3",
    hints=[
        "Average over seeds first; then look for the smallest mean at each size.",
        "Group by examples and width, take the mean, and unstack the widths into columns.",
        'table.groupby(["examples", "width"]).validation_error.mean().unstack().idxmin(axis=1)',
    ],
    praise="right: the best model grows with the data, and it is chosen on validation data alone.",
)
def best_width(answer: Any) -> None:
    """A function (table): the width with the smallest mean validation error for every number of examples."""
    rows = [
        # the luckiest seed at 64 examples is the wide model's, and so is the smallest test error
        (64, 8, 0.30, 0.40),
        (64, 8, 0.32, 0.40),
        (64, 128, 0.25, 0.10),
        (64, 128, 0.45, 0.10),
        (512, 8, 0.20, 0.05),
        (512, 8, 0.22, 0.05),
        (512, 128, 0.10, 0.30),
        (512, 128, 0.12, 0.30),
    ]
    table = pd.DataFrame(rows, columns=["examples", "width", "validation_error", "test_error"])
    value = pd.Series(call(answer, table.copy()))
    if sorted(value.index) != [64, 512]:
        raise NotYet("Expected one width per number of examples, with the examples as the index or the keys.")
    chosen = [int(value[64]), int(value[512])]
    if chosen == [128, 8]:
        raise NotYet("Your function chooses on test data, which then no longer tests anything.")
    if chosen == [128, 128]:
        raise NotYet("Your function follows the luckiest seed; compare means over seeds.")
    if chosen != [8, 128]:
        raise NotYet(f"On a small table your function chooses {chosen} where [8, 128] is best.")


@exercise(
    "01.4",
    hints=[
        "Take the error at n minus the error at 2·n.",
        "The floor cancels; what is left is the power law at n minus the power law at 2·n.",
        "amplitude * n**-exponent * (1 - 2**-exponent)",
    ],
    praise="right: every doubling gains 2^exponent times less than the last; stop when that is not worth its price.",
)
def doubling(answer: Any) -> None:
    """A function (n, floor, amplitude, exponent) that returns by how much the error falls when the data doubles."""
    for n, floor, amplitude, alpha in ((100, 0.1, 1.0, 0.5), (1000, 0.0, 2.0, 0.25)):
        value, expected = call(answer, n, floor, amplitude, alpha), amplitude * n**-alpha * (1 - 2**-alpha)
        if close(value, -expected):
            raise NotYet("A gain is positive: the error before minus the error after.")
        if not close(value, expected):
            raise NotYet(f"Not so much at n = {n}, floor {floor}, amplitude {amplitude}, exponent {alpha}.")
