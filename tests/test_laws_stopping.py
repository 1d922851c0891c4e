"""The stopping rule stops where the gain is small, and not before."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.laws import stopping

X = 2.0 ** np.arange(4, 15)


def curves(seed: int, count: int, noise: float):
    random = np.random.default_rng(seed)
    floor, amplitude = random.uniform(0.02, 0.2, (count, 1)), random.uniform(1, 4, (count, 1))
    exponent = random.uniform(0.4, 0.9, (count, 1))
    truth = floor + amplitude * X**-exponent
    return truth + noise * random.normal(size=truth.shape), floor[:, 0], truth


def test_without_noise_every_level_finds_the_floor():
    y, floor, _ = curves(0, 20, 0.0)
    frame = stopping.trends(X, y)
    assert np.abs(frame.floor - floor[frame.curve]).max() < 1e-4


def test_it_stops_at_the_first_level_whose_true_gap_is_within_the_tolerance():
    y, floor, truth = curves(1, 20, 0.0)
    gaps = truth - floor[:, None]
    for row in stopping.stop(stopping.trends(X, y), tolerance=0.03).itertuples():
        # The floor must have settled, which takes a level more than the fewest points.
        first = max(int(np.argmax(gaps[row.curve] <= 0.03)) + 1, stopping.FEWEST + 1)
        assert row.level == first


def test_a_curve_that_still_falls_is_not_stopped():
    y = 2 * X**-0.1
    assert stopping.stop(stopping.trends(X, y), tolerance=0.01).empty


def test_the_anchor_steadies_the_floor_after_a_distorted_point():
    y, _, _ = curves(2, 60, 0.002)
    y[:, 6] += 0.04
    plain, anchored = stopping.trends(X, y), stopping.trends(X, y, anchored=True)
    after = plain.level == 7
    assert anchored[after].moved.std() < plain[after].moved.std()


def test_curves_are_treated_apart():
    y, _, _ = curves(3, 5, 0.002)
    together = stopping.trends(X, y)
    alone = stopping.trends(X, y[2])
    np.testing.assert_allclose(together[together.curve == 2].floor, alone.floor, rtol=1e-8)


@pytest.mark.parametrize(
    ("x", "y"), [([1, 2], [1, 1]), ([2, 1, 4, 8], [1, 1, 1, 1]), ([1, 2, 3, 4], [1, np.nan, 1, 1]), ([1, 2, 3, 4], [1])]
)
def test_bad_points_are_refused(x, y):
    with pytest.raises(ValueError, match="expected"):
        stopping.trends(x, y)


def test_a_tolerance_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        stopping.stop(stopping.trends(X, 0.1 + X**-0.5), tolerance=0)
