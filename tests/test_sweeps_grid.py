"""Designs: every combination, or random ones that do not depend on their neighbours."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import sweeps
from labkit.sweeps.grid import points_of


def test_the_last_axis_moves_fastest_and_single_values_stay():
    assert sweeps.grid(a=[1, 2], b="x", c=np.arange(2)) == [
        {"a": 1, "b": "x", "c": 0},
        {"a": 1, "b": "x", "c": 1},
        {"a": 2, "b": "x", "c": 0},
        {"a": 2, "b": "x", "c": 1},
    ]


def test_an_axis_without_values_is_named():
    with pytest.raises(ValueError, match="axis 'a' has no values"):
        sweeps.grid(a=[])


@settings(deadline=None, max_examples=60)
@given(low=st.integers(1, 50), room=st.integers(1, 50), log=st.booleans(), share=st.floats(0, 1))
def test_a_span_stays_within_its_ends(low, room, log, share):
    high = low + room
    assert low <= sweeps.Span(low, high, log=log).at(share) <= high
    whole = sweeps.Span(low, high, log=log, whole=True).at(share)
    assert isinstance(whole, int)
    assert low <= whole <= high


def test_a_whole_span_gives_every_number_its_share():
    drawn = [point["x"] for point in sweeps.random_design(6000, seed=0, x=sweeps.Span(1, 6, whole=True))]
    counts = np.bincount(drawn, minlength=7)[1:]
    assert np.abs(counts - 1000).max() < 6 * math.sqrt(1000)


def test_a_logarithmic_span_is_even_in_the_logarithm():
    drawn = np.log10([point["x"] for point in sweeps.random_design(4000, seed=1, x=sweeps.Span(1e-4, 1, log=True))])
    assert np.abs(np.histogram(drawn, bins=4, range=(-4, 0))[0] - 1000).max() < 6 * math.sqrt(1000)


def test_an_axis_added_later_leaves_the_others_and_longer_designs_start_alike():
    span = sweeps.Span(0, 1)
    alone = sweeps.random_design(5, seed=3, x=span)
    both = sweeps.random_design(9, seed=3, y=["a", "b"], x=span)
    assert [point["x"] for point in both[:5]] == [point["x"] for point in alone]
    assert sweeps.random_design(5, seed=4, x=span) != alone


@pytest.mark.parametrize(
    "given",
    [
        {"low": 1, "high": 1},
        {"low": 0, "high": 1, "log": True},
        {"low": 0, "high": math.inf},
        {"low": 0.5, "high": 3, "whole": True},
    ],
)
def test_a_span_that_makes_no_sense_is_refused(given):
    with pytest.raises(ValueError, match="span"):
        sweeps.Span(**given)


def test_a_list_a_frame_and_axes_give_the_same_points():
    points = sweeps.grid(a=[1, 2], b=["x", "y"])
    assert points_of(points) == points_of(pd.DataFrame(points)) == points_of({"a": [1, 2], "b": ["x", "y"]}) == points


@pytest.mark.parametrize(
    ("design", "error"), [([], ValueError), ("abc", TypeError), (3, TypeError), ([1], TypeError), ([{1: 2}], TypeError)]
)
def test_what_is_no_grid_is_refused(design, error):
    with pytest.raises(error, match="grid"):
        points_of(design)
