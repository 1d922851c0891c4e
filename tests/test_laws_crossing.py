"""Where two curves cross: the true place within the limits as often as they say, and refusals in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit import seeds
from labkit.laws.crossing import foretold, measured

SIZES = np.array([10.0, 20, 40, 80])
STEEP, FLAT = (2.0, 0.35), (1.0, 0.2)
TRUE = 2 ** (1 / 0.15)  # where 2 x^-0.35 is x^-0.2


def errors(law, noise=0.0, seed=0, runs=5):
    a, b = law
    generator = seeds.generator(seed, "crossing test", a)
    return pd.DataFrame(a * SIZES**-b * np.exp(noise * generator.standard_normal((runs, len(SIZES)))), columns=SIZES)


def test_the_limits_hold_the_true_crossing_about_as_often_as_they_say():
    held = 0
    for seed in range(200):
        found = foretold(errors(FLAT, 0.02, seed), errors(STEEP, 0.02, seed))
        held += found.low <= TRUE <= found.high
    assert 165 <= held <= 198  # 180 expected; the small-sample widening errs on the wide side


def test_exact_curves_cross_where_algebra_says():
    found = foretold(errors(FLAT), errors(STEEP))
    assert found.x == pytest.approx(TRUE)
    assert (found.low, found.high) == pytest.approx((TRUE, TRUE))
    assert found.slopes == pytest.approx((0.2, 0.35))
    assert found.better
    assert found.never == 0


def test_curves_that_part_never_cross_ahead():
    found = foretold(errors(STEEP), errors(FLAT))
    assert np.isinf([found.x, found.low, found.high]).all()
    assert found.never == 1


@pytest.mark.parametrize("slope", [0.2, 0.35, 0.5, 1.0])
@pytest.mark.parametrize("height", [0.7, 1 - 1e-12, 1.0, 1 + 1e-12, 2.0, 3.3])
def test_parallel_lines_never_cross_however_their_slopes_are_rounded(slope, height):
    found = foretold(errors((1.0, slope)), errors((height, slope)))
    assert np.isinf([found.x, found.low, found.high]).all()
    assert found.never == 1


def test_a_crossing_beyond_all_numbers_is_none():
    found = foretold(errors((1.0, 0.2)), errors((2.0, 0.2005)))  # at ln 2 / 0.0005 = 1386 in ln x
    assert np.isinf([found.x, found.low, found.high]).all()
    assert found.never == 1


def test_a_crossing_that_was_seen_is_found_between_its_sizes():
    first, second = errors((1.0, 0.2)), errors((1.9, 0.4))
    assert measured(first, second) == pytest.approx(1.9 ** (1 / 0.2))
    assert np.isinf(measured(second, first))
    assert measured(errors((2.0, 0.3)), errors((1.0, 0.3))) == SIZES[0]
    assert np.isinf(measured(errors((1.0, 0.3)), errors((2.0, 0.3))))


@pytest.mark.parametrize(
    ("first", "options", "message"),
    [
        (errors(FLAT) * 0, {}, "above zero; the smallest is 0"),
        (errors(FLAT) * np.nan, {}, "finite and above zero"),
        (errors(FLAT).iloc[:1], {}, "at least 2 of each"),
        (errors(FLAT).iloc[:, :2], {}, "the same 2 or more sizes"),
        (errors(FLAT), {"interval": 90}, "interval"),
    ],
)
def test_what_is_no_pair_of_curves_is_refused(first, options, message):
    with pytest.raises(ValueError, match=message):
        foretold(first, errors(STEEP), **options)
