"""How many forms become one forecast: near, far, from clean and from noisy curves."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labkit import laws, seeds
from labkit.laws import calibration, ensemble
from labkit.laws.calibration import FEATURES, shipped
from labkit.laws.combine import STEADY, central_mean, combine
from labkit.laws.curve import clean
from labkit.laws.ensemble import MEMBERS

X = np.geomspace(10, 1e4, 24)
STEADY_ROWS = [list(MEMBERS).index(name) for name in STEADY]


def extrapolated(y, targets, x=X):
    return ensemble.extrapolate([ensemble.task(clean(x, y), np.asarray(targets, float), 0.0)])[0]


def falling(noise, seed=0):
    draws = seeds.generator(seed, "combine test").standard_normal(len(X))
    return (0.1 + 0.8 / (1 + (X / 200) ** 0.8)) * np.exp(noise * draws)


def test_within_reach_of_the_back_tests_the_past_weighs_and_far_beyond_four_forms_count_alike():
    combined = combine(extrapolated(falling(0.003), [1.5e4, 1e300]))
    near, far = combined.weights.T
    assert near.sum() == pytest.approx(1)
    assert far.sum() == pytest.approx(1)
    assert np.ptp(near[STEADY_ROWS]) > 0.1
    np.testing.assert_allclose(far[STEADY_ROWS], 0.25, atol=0.01)


def test_far_beyond_all_back_tests_one_of_the_four_that_runs_away_moves_nothing():
    one = extrapolated(falling(0.003), [1e300])
    before = combine(one).logs[0]
    top = STEADY_ROWS[int(np.argmax(one.logs[STEADY_ROWS, -1, -1]))]
    one.logs[top, :, -1] += 5.0
    assert combine(one).logs[0] == pytest.approx(before, abs=0.02)


def test_interpolation_is_not_taken_for_a_far_target():
    combined = combine(extrapolated(falling(0.003), [12.0, 1.01e4]))
    assert np.ptp(combined.weights[STEADY_ROWS, 0]) > 0.1


def test_the_noisier_a_curve_the_more_forms_are_averaged():
    one = extrapolated(falling(0.003), [3e4])
    one.logs[list(MEMBERS).index("power_floor"), :, -1] += 5.0  # a form at the end of the row
    clean_, noisy = (combine(replace(one, task=replace(one.task, noise=noise))).logs[0] for noise in (1e-4, 1.0))
    assert noisy > clean_ + 0.05


def test_what_noise_leaves_undecided_the_four_share_and_the_last_value_keeps_its_weight():
    x = np.geomspace(10, 1e4, 40)
    one = extrapolated(0.1 + 0.8 / (1 + (x / 200) ** 0.8), [1.2e4], x)
    last = list(MEMBERS).index("last_value")
    clean_, noisy = (combine(replace(one, task=replace(one.task, noise=size))).weights[:, 0] for size in (2e-3, 0.1))
    assert noisy.sum() == pytest.approx(1)
    assert noisy[last] == pytest.approx(clean_[last])
    assert np.ptp(noisy[STEADY_ROWS]) < 0.2 * np.ptp(clean_[STEADY_ROWS])


def test_a_noisy_curve_that_rose_or_has_few_points_is_not_left_to_the_four():
    x = np.geomspace(10, 1e4, 40)
    rising = np.exp(0.5 * np.exp(-((np.log(x / 500) / 0.5) ** 2)))
    for kept, bump in ((x[::3], 1.0), (x, rising)):
        one = extrapolated((0.1 + 0.8 / (1 + (kept / 200) ** 0.8)) * bump, [1.2e4], kept)
        quiet, noisy = (combine(replace(one, task=replace(one.task, noise=size))).weights for size in (2e-3, 0.05))
        np.testing.assert_allclose(noisy, quiet, atol=0.05)


def test_a_cut_off_of_nothing_is_the_mean_and_one_of_half_the_median():
    values = np.array([[1.0, 1.0], [2.0, 2.0], [9.0, 9.0]])
    found = central_mean(values, np.ones((3, 2)), np.array([0.0, 0.499]))
    np.testing.assert_allclose(found, [4.0, 2.0], rtol=1e-9)


def test_what_no_form_follows_widens_the_interval():
    white, wave = falling(0.01), falling(0) * np.exp(0.03 * np.sin(4 * np.log(X)))
    ratios, shipped = [], calibration.shipped()
    for y in (white, wave):
        one = extrapolated(y, [3e4])
        combined = combine(one)
        ratios.append(combined.misfit / one.task.noise)
        row = calibration.features(one.task, replace(combined, misfit=one.task.noise))
        wide = calibration.features(one.task, replace(combined, misfit=4 * one.task.noise))
        for reach, plain in zip(shipped.half_widths(wide, 0.9), shipped.half_widths(row, 0.9), strict=True):
            assert reach[0] > 1.3 * plain[0]
    assert ratios[0] < 1.5 < ratios[1]


def test_forecasts_many_times_beyond_few_points_hold_against_the_median_of_four_forms():
    tasks, truths = [], []
    for _, curve in laws.generate(60, seed=21).groupby("curve"):
        curve = curve[curve["split"] == "fit"]
        count = max(5, len(curve) // 3)
        if len(curve) - count >= 3 and curve["x"].iloc[-1] > 4 * curve["x"].iloc[count - 1]:
            known, ahead = curve.iloc[:count], curve.iloc[count:]
            tasks.append(ensemble.task(clean(known["x"], known["y"]), ahead["x"].to_numpy(), 0.0))
            truths.append(np.log(ahead["truth"].to_numpy()))
    ours, four = [], []
    for one, truth in zip(ensemble.extrapolate(tasks), truths, strict=True):
        median = np.median(one.logs[STEADY_ROWS, -1, len(one.task.x) :], 0)
        ours.append(np.sqrt(((combine(one).logs - truth) ** 2).mean()))
        four.append(np.sqrt(((median - truth) ** 2).mean()))
    assert len(ours) >= 20
    assert np.mean(ours) < 1.05 * np.mean(four)


def test_just_beyond_noisy_points_the_interval_holds_the_noise():
    # where forms hardly disagree a new observation is as far off as the last ones were
    x = np.geomspace(10, 1e4, 16)
    x = np.append(x, x[-1] * np.array([1.05, 1.2]))
    curves = [
        pd.DataFrame({
            "curve": seed, "x": x, "split": ["fit"] * 16 + ["predict"] * 2,
            "y": (0.05 + 2 * x**-0.5) * np.exp(0.05 * seeds.generator(seed, "near").standard_normal(18)),
        })
        for seed in range(40)
    ]  # fmt: skip
    found = laws.forecast_many(pd.concat(curves), interval=0.9)
    inside = (found["low"] <= found["y"]) & (found["y"] <= found["high"])
    assert np.mean(inside) > 0.65  # 0.4 without: the law alone is known much better than a new point


def test_the_interval_of_a_curve_thinned_to_means_is_for_single_points():
    rng = seeds.generator(0, "dense")
    x = np.append(np.arange(1.0, 8001), 8000 * np.geomspace(1.01, 2, 40))
    y = (0.1 + 2 * x**-0.4) * np.exp(0.05 * rng.standard_normal(len(x)))
    _, low, high = laws.forecast(x[:8000], y[:8000], x[8000:], interval=0.9)
    inside = (low <= y[8000:]) & (y[8000:] <= high)
    assert inside.mean() > 0.8  # 0.3 if it were for means of fifty
    assert np.median(np.log(high / low)) < 0.3


def test_between_known_points_the_interval_is_not_that_of_a_far_target():
    y = falling(0.02)
    _, low, high = laws.forecast(X, y, [X[0], X[len(X) // 2], X[-1], 4 * X[-1], X[0] / 8], interval=0.9)
    first, middle, last, ahead, before = np.log(high / low)
    assert max(first, middle) < 2 * last
    assert min(ahead, before) > 1.3 * max(first, last)
    inside = laws.forecast(X, y, X, interval=0.9)
    assert np.mean((inside[1] <= y) & (y <= inside[2])) > 0.7


def test_chances_and_widths_tell_the_same_interval():
    row = np.zeros((1, len(FEATURES)))
    row[0, FEATURES.index("constant")], row[0, FEATURES.index("points")] = 1.0, np.log(16)
    for late_noise in (1e-3, 0.5):
        row[0, FEATURES.index("late_noise")] = np.log(late_noise)
        for level in (0.3, 0.5, 0.73, 0.9, 0.95, 0.999):
            below, above = shipped().half_widths(row, level)
            assert shipped().chance_below(row, above)[0] == pytest.approx(0.5 + level / 2, abs=1e-9)
            assert shipped().chance_below(row, -below)[0] == pytest.approx(0.5 - level / 2, abs=1e-9)


def test_each_limit_holds_its_own_share_of_lopsided_errors():
    rng = seeds.generator(0, "lopsided")
    errors = np.where(rng.random(4000) < 0.5, -2.0, 0.5) * rng.exponential(0.1, 4000)
    row = np.zeros((4000, len(FEATURES)))
    row[:, FEATURES.index("constant")], row[:, FEATURES.index("points")] = 1.0, np.log(16)
    row[:, FEATURES.index("late_noise")] = np.log(1e-4)
    found = calibration.learn(row, errors, np.ones(4000))
    for level in (0.5, 0.8, 0.9, 0.95):
        below, above = found.half_widths(row, level)
        assert np.mean(errors < -below) == pytest.approx((1 - level) / 2, abs=0.002)
        assert np.mean(errors > above) == pytest.approx((1 - level) / 2, abs=0.002)


KINDS = {"steep power": lambda x: x**-0.8, "exponential": lambda x: 0.1 + np.exp(-x / 100)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fall_that_looks_steep_among_noise_is_not_followed_all_the_way(monkeypatch, kind):
    x, ahead = np.geomspace(20, 160, 6), np.array([640.0, 2560.0])
    rows = []
    for seed in range(40):
        draws = seeds.generator(seed, "steep among noise").standard_normal(len(x))
        rows.append(extrapolated(KINDS[kind](x) * np.exp(0.3 * draws), ahead, x))

    def error():
        return np.mean([np.abs(combine(one).logs - np.log(KINDS[kind](ahead))).mean() for one in rows])

    limited = error()
    monkeypatch.setattr("labkit.laws.combine.STEEP", np.inf)
    assert limited < error()


def test_a_steep_fall_without_noise_is_not_limited(monkeypatch):
    x = np.geomspace(20, 160, 6)
    one = extrapolated(3 * x**-1.5, [2560.0], x)
    limited = combine(one).logs[0]
    monkeypatch.setattr("labkit.laws.combine.STEEP", np.inf)
    assert limited == combine(one).logs[0] < np.log(x[-1] ** -1.5)
