"""Regions of a learning curve are found where they were put."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.laws.regions import regions

X = 2.0 ** np.arange(1, 16)


def test_a_pure_power_law_is_one_region():
    assert set(regions(X, 0.7 * X**-0.3, guess=0.9)) == {"power law"}


def test_regions_come_in_order():
    y = np.minimum(0.9, 0.02 + 4 * X**-0.6)
    found = regions(X, y, guess=0.9)
    assert found == sorted(found, key=["plateau", "power law", "floor"].index)
    assert set(found) == {"plateau", "power law", "floor"}


def test_the_floor_begins_where_half_of_the_error_is_the_floor():
    y = 0.1 + 2 * X**-0.5  # the gap is 0.1 at x = 400
    found = regions(X, y, guess=10)
    assert [region == "floor" for region in found] == [x > 400 for x in X]


def test_a_curve_that_never_learns_is_all_plateau():
    assert set(regions(X, np.full(len(X), 0.9), guess=0.9)) == {"plateau"}


@pytest.mark.parametrize(("y", "guess"), [([0.5, 0.4], 0.9), (np.full(15, 0.5), 0)])
def test_bad_input_is_refused(y, guess):
    with pytest.raises(ValueError, match=r"expected|above 0"):
        regions(X, y, guess)
