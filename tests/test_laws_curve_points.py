"""What is done to points before anything is fitted to them, and comparisons that follow their unit."""

import numpy as np
import pandas as pd
import pytest

from labkit import laws, seeds
from labkit.laws.curve import clean

X = np.geomspace(10, 1e4, 12)
Y = (0.1 + 2 * X**-0.5) * np.exp(0.02 * seeds.generator(0, "curve points").standard_normal(12))


@pytest.mark.parametrize("call", [laws.forecast, laws.compare, laws.plan])
def test_negative_standard_errors_are_refused(call):
    se = np.where(np.arange(12) == 4, -0.01, 0.01)
    given = ((X, Y, se), 0.1) if call is laws.plan else (X, Y, [1e5]) if call is laws.forecast else (X, Y)
    options = {} if call is laws.plan else {"se": se}
    with pytest.raises(ValueError, match=r"zero or above; the smallest se is -0\.01"):
        call(*given, **options)


def test_standard_errors_known_at_dropped_points_only_count_as_unknown():
    y, se = np.append(Y, np.nan), np.append(np.full(12, np.nan), 0.01)
    x = np.append(X, 2e4)
    assert clean(x, y, se).se is None
    np.testing.assert_array_equal(laws.forecast(x, y, [1e5], se=se), laws.forecast(X, Y, [1e5]))


def test_standard_errors_known_at_late_points_only_do_not_stop_a_back_test():
    se = np.where(np.arange(12) >= 10, 0.01, np.nan)
    assert clean(X, Y, se).first(8).se is None
    assert np.isfinite(laws.backtest((X, Y, se))["prediction"]).all()


def test_a_repeated_point_counts_by_its_standard_error_and_not_once_more():
    se = np.where(np.arange(12) % 2, 0.005, 0.02) * Y
    twice = np.repeat(X, 2), np.repeat(Y, 2)
    of_two = np.repeat(se, 2) * np.sqrt(2)
    of_two[2:4] = np.nan, of_two[2]  # one of two unknown
    single = se.copy()
    single[1] *= np.sqrt(2)
    once = laws.forecast(X, Y, [1e5], se=single, interval=0.9)
    np.testing.assert_allclose(laws.forecast(*twice, [1e5], se=of_two, interval=0.9), once, rtol=1e-9)
    forms = ["power_floor", "log_logistic"]
    compared = laws.compare(*twice, forms, se=of_two)["held_out"]
    np.testing.assert_allclose(compared, laws.compare(X, Y, forms, se=single)["held_out"], rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-250, 1e250])
def test_no_size_of_y_brings_a_warning(factor):
    y = factor * Y
    forecasts = laws.forecast(X, y, [1e5], se=0.01 * y, interval=0.9)
    assert np.isfinite(forecasts).all()
    assert np.isfinite(laws.compare(X, y, ["power", "last_value"], se=0.01 * y)["held_out"]).all()
    for objective in ("squared", "log_squared"):
        for form in ("inverse_logarithm", "last_value"):
            assert np.isfinite(laws.ScalingLaw(form, objective).fit(X, y).predict([1e5])).all()


@pytest.mark.parametrize("factor", [1e-300, 1e-6, 1e6])
def test_a_comparison_of_forms_does_not_depend_on_the_unit_of_y(factor):
    forms = ["power_floor", "log_logistic", "logarithm", "exponential", "last_value"]
    base, other = laws.compare(X, Y, forms), laws.compare(X, factor * Y, forms)
    assert base["form"].tolist() == other["form"].tolist()
    np.testing.assert_allclose(base[["held_out", "worst", "rank"]], other[["held_out", "worst", "rank"]], rtol=1e-6)


def test_a_single_form_may_be_compared_and_none_may_not():
    assert laws.compare(X, Y, "pow2")["form"].tolist() == ["power"]
    assert laws.compare(X, Y, laws.get("power"))["form"].tolist() == ["power"]
    with pytest.raises(ValueError, match="forms is empty"):
        laws.compare(X, Y, [])


def test_a_comparison_in_logarithms_needs_positive_points():
    with pytest.raises(ValueError, match="'huber_log' takes logarithms, but 1 of 12 y are zero"):
        laws.compare(X, np.append(Y[:-1], 0.0), "power", objective="huber_log")


def test_a_back_test_names_the_curve_that_cannot_be_used_and_keeps_the_unnamed():
    good = pd.DataFrame({"curve": "good", "x": X, "y": Y})
    with pytest.raises(ValueError, match="curve 'bad': no usable point left"):
        laws.backtest(pd.concat([good, good.assign(curve="bad", y=np.nan)]))
    assert len(laws.backtest(good.assign(curve=np.nan))) == len(laws.backtest(good)) == len(laws.backtest([X, Y]))


@pytest.mark.parametrize("objective", ["log_squared", "squared"])
def test_points_that_are_unsure_count_for_less_in_a_comparison(objective):
    x = 2.0 ** np.arange(5, 14)
    y = 0.05 + 3 * x**-0.5
    y[-2] *= 1.5
    errors = np.full(9, 1e-3)
    errors[-2] = 1.0
    alike, weighed = (
        laws.compare(x, y, ["power_floor"], objective=objective, se=se).iloc[0] for se in (np.full(9, 1e-3), errors)
    )
    assert weighed.held_out < 0.2 * alike.held_out
    assert weighed.worst == pytest.approx(alike.worst, rel=0.2)
    errors[0] = np.nan  # the others' median stands in
    assert laws.compare(x, y, ["power_floor"], objective=objective, se=errors).held_out[0] < 0.2 * alike.held_out


def test_standard_errors_that_are_all_alike_change_no_comparison():
    base, same = laws.compare(X, Y), laws.compare(X, Y, se=0.05 * np.asarray(Y))
    np.testing.assert_allclose(base.held_out, same.held_out, rtol=1e-6)


def test_standard_errors_beyond_all_measure_are_survived():
    x, y = [1, 2, 4, 8, 16], np.array([5, 4, 3, 2.5, 2.2]) * 1e-300
    assert np.isfinite(laws.compare(x, y, ["power"], se=[1.0] * 5).held_out).all()
