"""What careless fitting does and the careful way does not: starts, stops, parabolas, near-equal fits, intervals."""

import numpy as np
import pandas as pd
import pytest

from labkit import laws, seeds
from labkit.laws import alternatives, careless, coverage, crossing

X = np.geomspace(32, 8192, 9)
# a curve that falls from guessing to a floor, as those of the glyphs do
Y = (0.3 + 0.55 / (1 + (X / 600) ** 1.2)) * (1 + 0.004 * np.cos(5 * np.arange(9)))


@pytest.fixture(scope="module")
def surface():
    rng = seeds.generator(0, "surface")
    n, d = (g.ravel() for g in np.meshgrid(np.geomspace(300, 6000, 5), np.geomspace(512, 4096, 4)))
    points = np.column_stack([n, d])
    truth = {"E": 0.3, "A": 60.0, "alpha": 0.8, "B": 40.0, "beta": 0.8}
    return points, laws.get("chinchilla").value(points, truth) * np.exp(0.01 * rng.standard_normal(len(n)))


def test_an_easy_form_is_found_from_every_start():
    table = careless.from_starts("power_floor", X, Y, 1e5, starts=5)
    assert table["cost"].tolist() == pytest.approx([1.0] * 5, rel=1e-3)
    law = laws.ScalingLaw("power_floor", "squared").fit(X, Y)
    assert table["forecast"].tolist() == pytest.approx([law.predict([1e5])[0]] * 5, rel=1e-2)


def test_ones_as_a_start_fail_with_success_where_the_scale_is_far_away():
    first = careless.from_starts("stretched_exponential", X, Y, 1e5, starts=1).iloc[0]
    assert first["ended"] == "success"
    assert first["cost"] > 100


def test_no_start_beats_the_careful_fit():
    table = careless.from_starts("log_logistic", X, Y, 1e5, starts=8)
    assert table["cost"].dropna().ge(1 - 1e-6).all()


def test_default_tolerances_stop_above_the_minimum_and_call_it_success(surface):
    stops = careless.early_stops(*surface, starts=4)
    assert stops["success"].all()
    assert stops["cost"].min() >= 1 - 1e-6
    assert stops["cost"].max() > 1.05
    assert set(stops.columns) == {"success", "cost", "E", "A", "alpha", "B", "beta"}


def test_a_seed_gives_the_same_starts(surface):
    first, second = (careless.early_stops(*surface, starts=2, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_a_narrow_parabola_is_right_and_a_wide_one_is_not():
    law = laws.published("hoffmann-2022")
    narrow, wide = (careless.parabola_optima(law, [1e18, 1e21], spread=s)["ratio"] for s in (1.2, 30))
    assert narrow.tolist() == pytest.approx([1, 1], rel=1e-3)
    assert (wide - 1).abs().min() > 0.05
    assert wide.iloc[0] == pytest.approx(wide.iloc[1])  # the coefficient shifts, the exponent does not


def test_the_best_size_agrees_with_the_allocation_of_a_fitted_law():
    n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5)))
    truth = laws.published("hoffmann-2022")
    points = np.column_stack([n, d])
    law = laws.ScalingLaw("chinchilla", "log_squared").fit(points, truth.predict(points))
    true = careless.parabola_optima(truth, [6e20])["true_params"].iloc[0]
    assert laws.allocate(law, 6e20).params == pytest.approx(true, rel=1e-3)


def test_a_symmetric_valley_has_no_bias():
    from types import SimpleNamespace

    even = SimpleNamespace(parameters={"E": 1.0, "A": 400.0, "B": 400.0, "alpha": 0.3, "beta": 0.3})
    assert careless.parabola_optima(even, [1e20], spread=30)["ratio"].iloc[0] == pytest.approx(1, abs=1e-9)


def test_fits_that_are_alike_include_the_best_and_no_bad_one():
    table = alternatives.alternatives(X, Y, 1e5)
    assert table["alike"].iloc[0]
    assert table["residual"].is_monotonic_increasing
    assert not table.set_index("form").loc["power", "alike"]
    assert table[table["alike"]]["residual"].max() <= 1.25 * table["residual"].min() + 1e-9


def test_a_fit_closer_than_the_noise_is_no_better():
    close, noisy = (alternatives.alternatives(X, Y, 1e5, noise=noise) for noise in (0.0, 0.01))
    assert noisy["alike"].sum() > close["alike"].sum()
    assert noisy[noisy["alike"]]["residual"].max() <= 0.0125 + 1e-9


def test_forms_with_as_many_parameters_as_points_are_left_out():
    table = alternatives.alternatives(X[:4], Y[:4], 1e4)
    assert set(table["form"]) <= {"power", "power_floor"}
    with pytest.raises(ValueError, match="too few"):
        alternatives.alternatives(X[:2], Y[:2], 1e4)


def test_points_at_zero_are_fitted_without_logarithms():
    table = alternatives.alternatives(X, np.append(Y[:-1] - Y[-1], 0.0), 1e5, ["power", "power_floor"])
    assert np.isfinite(table["forecast"]).all()


def test_an_interval_that_trusts_a_wrong_form_covers_less_than_the_forecast():
    rng = seeds.generator(1, "coverage")
    frames = [
        pd.DataFrame(
            {"curve": i, "x": X, "y": (0.3 + 0.55 / (1 + (X / d) ** 1.2)) * np.exp(0.01 * rng.standard_normal(9))}
        )
        for i, d in enumerate(np.geomspace(200, 1500, 8))
    ]
    table = coverage.coverage(pd.concat(frames), bounds=(0, 1))
    held = table.groupby("method")["inside"].mean()
    assert held["parameters"] < 0.5 < held["forecast"]
    assert held["parameters"] <= held["parameters and noise"]
    width = table.groupby("method")["width"].median()
    assert width["parameters"] < width["parameters and noise"]
    assert table["low"].ge(0).all()


def test_coverage_without_a_long_enough_curve_is_refused():
    with pytest.raises(ValueError, match="no curve has 5"):
        coverage.coverage(pd.DataFrame({"curve": "a", "x": X[:4], "y": Y[:4]}))


def families(first, second, sizes, repeats=6, noise=0.01, seed=2):
    rng = seeds.generator(seed, "families")
    return [
        pd.DataFrame(a * sizes**-b * np.exp(noise * rng.standard_normal((repeats, len(sizes)))), columns=sizes)
        for a, b in (first, second)
    ]


def test_a_crossing_of_true_power_laws_is_foretold_inside_its_interval():
    sizes, truth, held = np.array([10.0, 20, 40, 80]), 2 ** (1 / 0.15), []
    for seed in range(60):
        told = crossing.foretold(*families((1.0, 0.2), (2.0, 0.35), sizes, repeats=4, seed=seed))
        held.append(told.low < truth < told.high)
        assert told.better
        assert told.slopes == pytest.approx((0.2, 0.35), abs=0.05)
    assert 0.75 < np.mean(held) <= 1


def test_parallel_lines_have_no_bounded_crossing():
    told = crossing.foretold(*families((1.0, 0.3), (1.2, 0.3), np.array([10.0, 20, 40]), noise=0.05))
    assert np.isinf(told.high)
    assert told.never > 0.05


def test_lines_that_part_never_cross_ahead():
    told = crossing.foretold(*families((1.0, 0.4), (2.0, 0.2), np.array([10.0, 20, 40])))
    assert np.isinf(told.x)
    assert told.never == 1


def test_a_crossing_is_measured_only_where_it_lasts():
    x = [10, 20, 40, 80]
    first = pd.DataFrame([[0.4, 0.3, 0.2, 0.1]], columns=x)
    assert crossing.measured(first, pd.DataFrame([[0.5, 0.2, 0.3, 0.05]], columns=x)) > 40
    assert crossing.measured(first, first * 1.1) == np.inf
    assert crossing.measured(first, first * 0.9) == 10


def test_curves_at_different_sizes_have_no_crossing():
    a = pd.DataFrame([[0.4, 0.3]], columns=[10, 20])
    with pytest.raises(ValueError, match="the same 2 or more sizes"):
        crossing.foretold(a, a.rename(columns={20: 30}))
