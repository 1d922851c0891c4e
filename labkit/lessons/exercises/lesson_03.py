"""Checks of lesson 03: the theory of pruning."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.checks import NotYet, call, close, exercise, number


@exercise(
    "03.1",
    hints=[
        "Draw teacher and student as two arrows. Which inputs do they answer differently?",
        "Those in two wedges as wide as the angle between the arrows, out of a full turn.",
        "np.arccos(overlap) / np.pi",
    ],
    praise="right: an error is an angle, and halving it means halving the angle.",
)
def error_of(answer: Any) -> None:
    """A function (overlap) that returns the test error of a student with that cosine to the teacher."""
    for overlap, expected in ((0.0, 0.5), (1.0, 0.0), (np.cos(np.pi / 10), 0.1)):
        value = number(call(answer, overlap))
        if overlap == 0 and close(value, np.pi / 2):
            raise NotYet("That is an angle in radians; an error of guessing is a half.")
        if overlap == 0 and close(value, 0.25):
            raise NotYet("There are two wedges, one on either side.")
        if overlap == 0 and close(value, 90):
            raise NotYet("That is an angle in degrees; an error of guessing is a half.")
        if abs(value - expected) > 1e-6:
            raise NotYet(f"At an overlap of {overlap:.4g} the error is {expected:g}; yours is {value:.4g}.")


@exercise(
    "03.2",
    hints=[
        "Half of the kept examples lie on either side, so look at one tail of the normal curve.",
        "Kept hard: the tail beyond the cut holds (1 − fraction) / 2. Kept easy: it holds fraction / 2.",
        'normal.inv_cdf(1 - ((1 - fraction) / 2 if keep == "hardest" else fraction / 2))',
    ],
    praise="right: the cut depends on the fraction alone, and not on the size of the pool.",
)
def cut(answer: Any) -> None:
    """A function (fraction, keep) that returns the distance that separates kept from dropped."""
    normal = NormalDist()
    for fraction, keep in ((0.2, "hardest"), (0.5, "hardest"), (0.2, "easiest"), (0.9, "easiest")):
        tail = (1 - fraction) / 2 if keep == "hardest" else fraction / 2
        value, expected = number(call(answer, fraction, keep)), normal.inv_cdf(1 - tail)
        if close(value, -expected, 1e-3):
            raise NotYet("A distance is positive: the tail is the upper one.")
        if close(abs(value), abs(normal.inv_cdf(fraction)), 1e-3) and not close(value, expected, 1e-3):
            raise NotYet("Both sides of the boundary count: half of the fraction lies on either.")
        if not close(value, expected, 1e-3):
            raise NotYet(f"Not so for a fraction of {fraction:g} and keep = {keep!r}: {expected:.3f} separates them.")


@exercise(
    "03.3",
    hints=[
        "The sum of P kept examples has a part along the teacher, and noise in about N other directions.",
        "Along the teacher: P·m. At right angles: about sqrt(P·N). Overlap: the first over the length of both.",
        "mean_distance * np.sqrt(kept) / np.sqrt(1 + mean_distance**2 * kept)",
    ],
    praise="right: when examples are few, all that counts is how far they lie from the boundary.",
)
def overlap_of_the_sum(answer: Any) -> None:
    """A function (mean_distance, kept): the overlap of the sum of the kept examples with the teacher."""
    if close(call(answer, 1.0, 4.0), 2.0):
        raise NotYet("That is the teacher's part over the noise; an overlap divides by the length of the whole.")
    for distance, kept in ((1.0, 4.0), (0.3, 1.0), (0.8, 0.25)):
        value, expected = call(answer, distance, kept), distance * kept**0.5 / (1 + distance**2 * kept) ** 0.5
        if not close(value, expected, 1e-3):
            raise NotYet(f"Not so for a mean distance of {distance:g} and {kept:g} kept examples per dimension.")


@exercise(
    "03.4",
    hints=[
        "Take the logarithm of the ratio of the two errors: it is 0 where they cross.",
        "np.interp wants x to rise; the log ratio falls, so hand it over with a minus sign.",
        "np.exp(np.interp(0, -gap, np.log(pools)))",
    ],
    praise="right: below it keep the easy ones, above it the hard ones.",
)
def crossing(answer: Any) -> None:
    """A function (pools, hard, easy) that returns the pool at which the curves cross."""
    pools = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    for middle in (3.0, 6.5):
        hard, easy = 0.5 * (pools / middle) ** -1.0, 0.5 * (pools / middle) ** -0.4
        value = np.ravel(call(answer, pools, hard, easy))
        if value.size != 1:
            raise NotYet("Expected one pool, the one at which the errors are equal.")
        if close(value[0], float(np.log(middle)), 1e-3):
            raise NotYet("That is the logarithm of the pool.")
        if close(value[0], middle, 0.005):
            continue
        if value[0] in pools:
            raise NotYet("That is a pool of the table; the curves cross between two of them.")
        raise NotYet(f"For curves that cross at {middle:g} your function finds {value[0]:.3g}.")


@exercise(
    "03.5",
    hints=[
        "Turn fractions into columns, one row per number of kept examples.",
        "unstack makes columns; then ask every row for the column with the smallest value.",
        "errors.unstack().idxmin(axis=1)",
    ],
    praise="right: but where the smallest fraction of the grid wins, the grid has decided, not the data.",
)
def best_fraction(answer: Any) -> None:
    """A function (table): the fraction with the lowest error for every number of kept examples."""
    rows = [(1, 1.0, 0.27), (1, 0.5, 0.32), (1, 0.1, 0.46), (4, 1.0, 0.11), (4, 0.5, 0.06), (4, 0.1, 0.012)]
    table = pd.DataFrame(rows, columns=["kept_per_dimension", "fraction", "error"])
    value = pd.Series(call(answer, table.copy()))
    if sorted(value.index) != [1, 4]:
        raise NotYet("Expected one fraction for each number of kept examples, 1 and 4, as the index or the keys.")
    chosen = [float(value[1]), float(value[4])]
    if chosen == [0.27, 0.012]:
        raise NotYet("Those are the lowest errors; asked for are the fractions that give them.")
    if chosen != [1.0, 0.1]:
        raise NotYet(f"On a small table your function chooses {chosen} where [1.0, 0.1] is best.")
