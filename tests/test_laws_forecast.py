"""The default forecast: sound on every curve, never outside the bounds, intervals that hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import laws, seeds
from labkit.laws.combine import central_mean

X = np.geomspace(10, 1e4, 16)
AHEAD = np.array([2e4, 1e5])


def curve(seed=0, noise=0.01):
    return (0.1 + 2 * X**-0.5) * np.exp(noise * seeds.generator(seed, "forecast test").standard_normal(len(X)))


def test_a_clean_power_law_is_continued():
    truth = 0.1 + 2 * AHEAD**-0.5
    np.testing.assert_allclose(laws.forecast(X, curve(noise=0), AHEAD), truth, rtol=0.03)


def test_order_repeats_and_missing_points_change_nothing():
    y = curve()
    base = laws.forecast(X, y, AHEAD, interval=0.9)
    order = seeds.generator(0, "order").permutation(len(X))
    for given_x, given_y in (
        (X[order], y[order]),
        (np.append(X, [np.nan, 5e3, -1.0]), np.append(y, [0.1, np.nan, 0.3])),
    ):
        for one, other in zip(base, laws.forecast(given_x, given_y, AHEAD, interval=0.9), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)
    twice = laws.forecast(np.repeat(X, 2), np.repeat(y, 2), AHEAD)
    np.testing.assert_allclose(twice, base[0], rtol=1e-6)


def test_units_change_nothing():
    base = laws.forecast(X, curve(), AHEAD, interval=0.9)
    other = laws.forecast(1e6 * X, 1e3 * curve(), 1e6 * AHEAD, interval=0.9)
    for one, two in zip(base, other, strict=True):
        np.testing.assert_allclose(1e3 * one, two, rtol=1e-5)


def test_intervals_widen_with_level_distance_and_noise():
    _, low, high = laws.forecast(X, curve(), AHEAD, interval=0.9)
    _, lower, higher = laws.forecast(X, curve(), AHEAD, interval=0.99)
    assert (lower < low).all()
    assert (high < higher).all()
    assert np.log(high[1] / low[1]) > np.log(high[0] / low[0])
    _, low_noisy, high_noisy = laws.forecast(X, curve(noise=0.1), AHEAD, interval=0.9)
    assert np.log(high_noisy[0] / low_noisy[0]) > np.log(high[0] / low[0])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.floats(1.01, 1e6),
)
def test_nothing_ever_leaves_the_bounds(y, factor):
    x = np.arange(1, len(y) + 1)
    prediction, low, high = laws.forecast(x, y, [x[-1] * factor], interval=0.9, bounds=(0, 1))
    values = np.array([0, low[0], prediction[0], high[0], 1])
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()


def test_one_form_that_runs_away_moves_nothing():
    values, weights = np.array([[1.0], [1.1], [1.2], [1.3]]), np.ones((4, 1))
    base = central_mean(values, weights)
    values[3] = 1e6
    np.testing.assert_allclose(central_mean(values, weights), base, rtol=1e-12)


def test_never_far_worse_than_the_last_value():
    ratios = []
    frame = laws.generate(40, seed=3)
    known = frame[frame["split"] == "fit"].groupby("curve")["y"].last()
    for name, ahead in laws.forecast_many(frame).groupby("curve"):
        ours = np.abs(np.log(ahead["prediction"] / ahead["truth"])).mean()
        last = np.abs(np.log(known[name] / ahead["truth"])).mean()
        ratios.append(ours / (last + 0.02))
        assert ours < 3 * last + 0.1, name
    assert np.median(ratios) < 0.7


def test_ninety_per_cent_intervals_hold_about_ninety_per_cent():
    frame = laws.generate(60, seed=11)
    found = laws.forecast_many(frame, interval=0.9)
    inside = (found["low"] <= found["y"]) & (found["y"] <= found["high"])
    assert 0.8 < inside.groupby(found["curve"]).mean().mean() < 0.99


def test_many_at_once_is_one_at_a_time():
    frame = laws.generate(3, seed=2)
    found = laws.forecast_many(frame, interval=0.8)
    for name, group in frame.groupby("curve"):
        known, ahead = group[group["split"] == "fit"], group[group["split"] == "predict"]
        alone = laws.forecast(known["x"], known["y"], ahead["x"], interval=0.8)
        together = found[found["curve"] == name]
        for values, column in zip(alone, ("prediction", "low", "high"), strict=True):
            np.testing.assert_allclose(together[column], values, rtol=1e-3)


def test_zeros_are_taken_and_said():
    report = laws.forecast_report([1, 2, 4, 8, 16], [0.4, 0.2, 0.1, 0.0, 0.0], [64], bounds=(0, 1))
    assert 0 <= report.table["low"][0] <= report.table["prediction"][0] < 0.1
    assert any("added before taking logarithms" in warning for warning in report.warnings)


@pytest.mark.parametrize("low", [0, 0.1])
def test_a_curve_that_ends_at_the_bound_is_not_sure_to_stay_there(low):
    y = low + np.array([0.3, 0.2, 0.1, 0.05, 0.02, 0.0])
    prediction, least, most = laws.forecast([1, 2, 4, 8, 16, 32], y, [64, 256], interval=0.9, bounds=(low, 1))
    assert (least >= low).all()
    assert (prediction < most).all()
    assert (most > low + 0.005).all()


def test_a_curve_that_rises_from_the_first_point_to_the_last_is_asked_for_as_an_error():
    accuracy = [0.2, 0.4, 0.55, 0.7, 0.75, 0.8]
    report = laws.forecast_report([1, 2, 4, 8, 16, 32], accuracy, [64], bounds=(0, 1))
    assert any("of an accuracy, give 1 - y" in warning for warning in report.warnings)


def test_negative_losses_are_taken_without_bounds():
    x = np.geomspace(1, 1e3, 12)
    prediction = laws.forecast(x, -2 + x**-0.5, [1e4], bounds=(None, None))
    assert -2.3 < prediction[0] < -1.9


@pytest.mark.parametrize(("x", "y"), [([1], [0.5]), ([1, 2], [0.5, 0.4]), ([1, 2, 3, 4], [0.5] * 4)])
def test_too_little_to_go_by_repeats_the_last_value_with_an_interval(x, y):
    prediction, low, high = laws.forecast(x, y, [10], interval=0.9)
    assert prediction[0] == y[-1]
    assert low[0] < y[-1] < high[0]


def test_a_curve_that_rises_again_is_said_to():
    y = [1.0, 0.8, 0.6, 0.5, 0.55, 0.7, 0.8, 0.85]
    report = laws.forecast_report(np.arange(1, 9), y, [20])
    assert any("not monotone" in warning for warning in report.warnings)
    assert np.isfinite(report.table["prediction"][0])


@pytest.mark.parametrize(
    ("x", "y", "x_new", "options", "words"),
    [
        (["a"], [1], [2], {}, "numbers"),
        ([1, 2], [1], [2], {}, "one length"),
        ([np.nan], [1], [2], {}, "no usable point"),
        ([1, 2, 3], [1, 2, 3], [np.inf], {}, "x_new"),
        ([1, 2, 3], [1, 2, 3], [0], {}, "above zero"),
        ([1, 2, 3], [1, 2, 3], [4], {"interval": 90}, "between 0 and 1"),
        ([1, 2, 3], [1, 2, 3], [4], {"bounds": (1, 0)}, "low < high"),
    ],
)
def test_what_cannot_be_a_curve_is_refused(x, y, x_new, options, words):
    with pytest.raises(ValueError, match=words):
        laws.forecast(x, y, x_new, **options)


def test_a_hundred_thousand_points_are_no_problem():
    x = np.arange(1, 100_001)
    prediction = laws.forecast(x, 0.1 + x**-0.5, [1e6])
    assert prediction[0] == pytest.approx(0.101, rel=0.05)


def test_a_plan_reaches_what_can_be_reached_and_says_what_cannot():
    y = 2 * X**-0.5
    plan = laws.plan((X, y), target=0.01)
    assert plan.x == pytest.approx(4e4, rel=0.4)
    assert plan.low < plan.x < plan.high
    floor = laws.plan((X, 0.1 + 2 * X**-1.0), target=0.02, horizon=100)
    assert floor.x == np.inf
    assert floor.unreachable > 0.9
    assert laws.plan((X, y), target=0.5).reached


def test_a_plan_from_a_law_uses_its_inverse_and_its_refits():
    law = laws.ScalingLaw("power_floor", "log_squared").fit(X, curve())
    plan = laws.plan(law, target=0.105)
    assert law.predict([plan.x])[0] == pytest.approx(0.105, rel=1e-6)
    broken = laws.ScalingLaw("broken_power", "log_squared").fit(X, curve())
    halved = laws.plan(broken, target=0.115)
    assert broken.predict([halved.x])[0] == pytest.approx(0.115, rel=1e-4)


def test_backtests_report_coverage_rank_mean_and_worst():
    frame = laws.backtest(laws.generate(6, seed=5).drop(columns="split"))
    summary = laws.backtest_summary(frame)
    whole = summary[summary["horizon"] == "all"].set_index("method")
    assert 0.6 < whole.loc["forecast", "coverage"] <= 1
    assert whole.loc["forecast", "rms"] < whole.loc["last_value", "rms"]
    assert whole["rank"].sum() == pytest.approx(3)
    assert (whole["worst"] >= whole["rms"]).all()


def test_compare_ranks_the_true_form_first_and_shows_the_last_value():
    x = np.geomspace(10, 1e4, 30)
    y = (0.1 + 1 / (1 + (x / 300) ** 0.9)) * np.exp(0.002 * seeds.generator(0, "compare").standard_normal(30))
    frame = laws.compare(x, y)
    assert "last_value" in set(frame["form"])
    better = frame.set_index("form")["held_out"]
    assert better["log_logistic"] < min(better["power_floor"], better["last_value"], better["logarithm"])
    with pytest.raises(ValueError, match="one variable"):
        laws.compare(x, y, forms=["chinchilla"])


def test_forecast_many_refuses_a_curve_without_known_points():
    frame = pd.DataFrame({"curve": ["a"], "x": [1.0], "y": [0.5], "split": ["predict"]})
    with pytest.raises(ValueError, match="no rows with split 'fit'"):
        laws.forecast_many(frame)
    with pytest.raises(ValueError, match="missing: split"):
        laws.forecast_many(frame.drop(columns="split"))


def test_forecast_many_names_the_curve_that_cannot_be_forecast():
    good = pd.DataFrame({"curve": "good", "x": [1.0, 2, 4, 8, 16], "y": [1, 0.7, 0.5, 0.36, np.nan], "split": "fit"})
    good.loc[4, "split"] = "predict"
    with pytest.raises(ValueError, match="curve 'bad': no usable point left"):
        laws.forecast_many(pd.concat([good, good.assign(curve="bad", y=np.nan)]))
    with pytest.raises(ValueError, match="curve 'bad': x_new must be above zero"):
        laws.forecast_many(pd.concat([good, good.assign(curve="bad", x=[1, 2, 4, 8, -16])]))


@pytest.mark.parametrize("column", ["suite", "curve"])
def test_forecast_many_refuses_rows_without_a_name(column):
    named = pd.DataFrame({"suite": "s", "curve": "c", "x": [1, 2, 4, 8], "y": [1, 0.7, 0.5, 0.36], "split": "fit"})
    rows = pd.concat([named, named.assign(x=16, split="predict")[:1]], ignore_index=True).astype({column: object})
    rows.loc[2:3, column] = np.nan
    with pytest.raises(ValueError, match=f"column '{column}' is empty in 2 rows of 5"):
        laws.forecast_many(rows)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X, np.full(len(X), 0.5), f"all {len(X)} points have the same y: the last value"),
        ([1, 2], [0.5, 0.4], "2 sizes with a usable point, where 3 are needed: the last value"),
        ([1, 1, 1], [0.5, 0.4, 0.3], "1 size with a usable point, where 3 are needed: the last value"),
    ],
)
def test_why_the_last_value_is_repeated_is_said(x, y, words):
    warnings = laws.forecast_report(x, y, [2 * max(x)]).warnings
    assert any(warning.startswith(words) for warning in warnings)


def test_targets_before_the_data_are_not_said_to_be_inside():
    first, last = X[0], X[-1]
    said = [" ".join(laws.forecast_report(X, curve(), [at]).warnings) for at in (first / 2, first, last, 2 * last)]
    assert ["before the data" in words for words in said] == [True, False, False, False]
    assert ["inside the data" in words for words in said] == [False, True, False, False]
