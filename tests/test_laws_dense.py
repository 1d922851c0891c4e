"""Comparing forms on very many points: neighbours fitted together say what all of them said."""

from __future__ import annotations

import numpy as np
import pytest

from labkit import laws, seeds
from labkit.laws import dense
from labkit.laws.objectives import Objective

POINTS = 12_000
SQUARES = ["squared", "log_squared"]
FORMS = ["power", "power_floor", "log_logistic", "logarithm", "last_value"]


def curve(spread, noise=0.05, points=POINTS):
    x = np.geomspace(1, 1e6, points) if spread == "even in ln x" else np.arange(1.0, points + 1)
    generator = seeds.generator(0, "dense", spread)
    return x, (0.1 + 2 * x**-0.4) * np.exp(noise * generator.standard_normal(points))


@pytest.mark.parametrize("spread", ["even in ln x", "even in x"])
@pytest.mark.parametrize("objective", SQUARES)
def test_many_points_are_compared_as_if_each_had_been_fitted(spread, objective, monkeypatch):
    x, y = curve(spread)
    gathered = laws.compare(x, y, FORMS, objective=objective).set_index("form").loc[FORMS]
    monkeypatch.setattr(dense, "MANY", POINTS)
    every = laws.compare(x, y, FORMS, objective=objective).set_index("form").loc[FORMS]
    np.testing.assert_allclose(gathered["held_out"], every["held_out"], rtol=3e-3)
    np.testing.assert_allclose(gathered["train"], every["train"], rtol=3e-3)
    assert gathered[["parameters", "near_equal", "converged"]].equals(every[["parameters", "near_equal", "converged"]])


@pytest.mark.parametrize("objective", ["huber_log", "asymmetric"])
def test_many_points_of_a_robust_objective_end_where_a_search_on_all_of_them_does(objective, monkeypatch):
    x, y = curve("even in x")
    y = np.where(np.arange(POINTS) % 97 == 5, 3 * y, y)  # what a robust objective is for
    sampled = laws.compare(x, y, FORMS, objective=objective).set_index("form").loc[FORMS]
    monkeypatch.setattr(dense, "MANY", POINTS)
    every = laws.compare(x, y, FORMS, objective=objective).set_index("form").loc[FORMS]
    np.testing.assert_allclose(sampled[["held_out", "train"]], every[["held_out", "train"]], rtol=1e-5)
    assert sampled[["near_equal", "converged"]].equals(every[["near_equal", "converged"]])


def test_surer_points_count_for_more_in_a_robust_comparison_of_many(monkeypatch):
    x, y = curve("even in x")
    se = np.where(np.arange(POINTS) % 3, 0.01, 0.5) * y
    y = np.where(np.arange(POINTS) % 3, y, 1.5 * y)  # the unsure points are off, and few of the sample are not
    asked = {"forms": ["power_floor"], "objective": "huber_log", "se": se}
    sampled = laws.compare(x, y, **asked)["held_out"][0]
    monkeypatch.setattr(dense, "MANY", POINTS)
    assert sampled == pytest.approx(laws.compare(x, y, **asked)["held_out"][0], rel=1e-5)


def test_a_hundred_thousand_points_are_compared_with_errors_at_every_one_of_them():
    x, y = curve("even in ln x", points=100_000)
    found = laws.compare(x, y, FORMS)
    assert set(found["form"][:2]) == {"power_floor", "log_logistic"}  # the true form, and one that holds it
    assert found["held_out"][:2].tolist() == pytest.approx([0.05] * 2, rel=0.01)  # a point's noise, not a block's


@pytest.mark.parametrize(
    ("points", "objective"), [(dense.MANY, "squared"), (POINTS, "huber_log"), (POINTS, "asymmetric")]
)
def test_few_points_are_fitted_point_by_point_and_so_are_all_of_a_robust_objective(points, objective):
    x, y = curve("even in x", points=points)
    weights = np.ones(len(x))
    same = dense.gathered(x, y, weights, [7], Objective(objective))
    assert all(one is other for one, other in zip(same[:3], (x, y, weights), strict=True))
    assert same[3] == [7]


@pytest.mark.parametrize("spread", ["even in ln x", "even in x"])
@pytest.mark.parametrize("objective", SQUARES)
def test_no_block_reaches_over_a_cut_and_none_is_large(spread, objective):
    x, y = curve(spread)
    cuts = [5_003, 9_998, POINTS]
    middle, level, weights, before = dense.gathered(x, y, np.ones(POINTS), cuts, Objective(objective))
    assert [round(weights[:known].sum()) for known in before] == cuts
    assert weights.max() <= POINTS / 500
    assert (np.diff(middle) > 0).all()
    assert len(middle) < 3_000
    for cut, known in zip(cuts[:2], before, strict=False):
        assert middle[known - 1] <= x[cut - 1] < middle[known]
    assert (y.min() <= level).all()
    assert (level <= y.max()).all()


def test_surer_points_count_for_more_inside_a_block():
    x = np.linspace(1e6, 1e6 + 1, 8_000)
    y, weights = np.tile([1.0, 3.0], 4_000), np.tile([3.0, 1.0], 4_000)
    _, level, total, _ = dense.gathered(x, y, weights, [4_000], Objective("squared"))
    pairs = total % 4 == 0  # as many surer points as others
    assert pairs.sum() > 100
    np.testing.assert_allclose(level[pairs], 1.5)
    np.testing.assert_allclose(np.average(level, weights=total), 1.5)
