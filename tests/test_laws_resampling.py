"""Refits and profiles of a power law, which in logarithms is a straight line: held to what least squares says of it."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import t

from labkit import laws, seeds

X = np.geomspace(10, 1000, 7)
LOGS = np.log(2 * X**-0.4) + 0.05 * seeds.generator(0, "resampling").standard_normal(7)


def line(weights):
    """Exponent of the weighted least-squares line and its standard error."""
    table = np.column_stack([np.ones_like(X), -np.log(X)])
    inverse = np.linalg.inv(table.T @ (table * weights[:, None]))
    found = inverse @ table.T @ (weights * LOGS)
    left = weights > 0
    noise = (weights * (LOGS - table @ found) ** 2).sum() / (left.sum() - 2)
    return found[1], np.sqrt(noise * inverse[1, 1])


WEIGHTS = [np.ones(7), np.array([1.0, 9, 1, 4, 1, 9, 1]), np.array([1.0, 1, 1, 0, 1, 1, 1])]


@pytest.mark.parametrize("weights", WEIGHTS, ids=["alike", "unlike", "one of no weight"])
def test_refits_to_redrawn_residuals_spread_as_the_standard_error(weights):
    logs = LOGS + np.where(weights > 0, 0.0, 3.0)  # what has no weight may be anything
    law = laws.ScalingLaw("power", "log_squared").fit(X, np.exp(logs), weights)
    alpha, error = line(weights)
    draws = law.bootstrap(4000, kind="residuals")["alpha"]
    assert law.parameters_["alpha"] == pytest.approx(alpha, rel=1e-6)
    assert draws.mean() == pytest.approx(alpha, abs=0.1 * error)
    assert draws.std() == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("weights", WEIGHTS[::2], ids=["alike", "one of no weight"])
def test_a_profile_keeps_what_lies_within_students_interval(weights):
    law = laws.ScalingLaw("power", "log_squared").fit(X, np.exp(LOGS), weights)
    alpha, error = line(weights)
    reach = t.ppf(0.95, (weights > 0).sum() - 2) * error
    values = alpha + reach * np.array([-1.01, -0.99, 0.0, 0.99, 1.01])
    assert law.profile("alpha", values)["likely"].tolist() == [False, True, True, True, False]


def test_points_of_no_weight_are_never_drawn():
    few = np.where(np.arange(7) < 4, 1.0, 0.0)
    law = laws.ScalingLaw("power", "log_squared").fit(X, np.exp(LOGS), few)
    alone = laws.ScalingLaw("power", "log_squared").fit(X[:4], np.exp(LOGS[:4]))
    spreads = [one.bootstrap(4000)["alpha"].quantile([0.25, 0.75]).diff().iloc[-1] for one in (law, alone)]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.1)


def test_a_profile_takes_one_value_and_refuses_none():
    law = laws.ScalingLaw("power", "log_squared").fit(X, np.exp(LOGS))
    assert law.profile("alpha", law.parameters_["alpha"])["likely"].tolist() == [True]
    refused = [([], "values is empty"), ([np.nan], "values has 1 NaN"), (["low"], "values must be numbers")]
    for values, message in refused:
        with pytest.raises(ValueError, match=message):
            law.profile("alpha", values)


def test_the_profile_of_an_amplitude_holds_it_in_the_units_of_the_points():
    # in other units it would be another number for every exponent, and the profile that of another quantity
    x = np.geomspace(1e3, 1e7, 9)
    y = (0.1 + 20 * x**-0.3) * np.exp(0.02 * seeds.generator(1, "amplitude").standard_normal(9))
    asked = np.array([14.0, 18.0, 22.0, 28.0])
    frame = laws.ScalingLaw("power_floor", "log_squared").fit(x, y).profile("A", asked)

    def lowest(amplitude):
        def residual(theta):
            return np.log(theta[0] + amplitude * x ** -theta[1]) - np.log(y)

        return 2 * least_squares(residual, [0.1, 0.3], bounds=(0, 1), xtol=1e-15, ftol=1e-15, gtol=1e-15).cost

    np.testing.assert_allclose(frame["A"], asked, rtol=1e-12)
    np.testing.assert_allclose(frame["objective"], [lowest(amplitude) for amplitude in asked], rtol=1e-8)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_a_profile_is_the_same_in_any_unit_of_y(factor):
    y = np.exp(LOGS)
    one, other = (laws.ScalingLaw("power", "log_squared").fit(X, unit * y).profile("A") for unit in (1.0, factor))
    np.testing.assert_allclose(other["A"], factor * one["A"], rtol=1e-6)
    assert other["likely"].equals(one["likely"])


def test_a_point_of_hardly_any_weight_breaks_no_refit():
    weights = np.where(np.arange(7) == 2, 1e-12, 1.0)
    law = laws.ScalingLaw("power", "log_squared").fit(X, np.exp(LOGS), weights)
    without = laws.ScalingLaw("power", "log_squared").fit(X, np.exp(LOGS), np.where(weights < 1, 0.0, 1.0))
    spreads = [one.bootstrap(2000, kind="residuals")["alpha"].std() for one in (law, without)]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.2)


def test_a_profile_far_from_the_fit_finds_a_minimum_that_lies_elsewhere():
    # the points are those of a power law, at which this form puts its plateau out of sight; with another exponent
    # held a plateau among the points is better
    x = np.geomspace(1e3, 1e9, 20)
    y = 0.1 + 20 * x**-0.3
    law = laws.ScalingLaw("log_logistic", "log_squared").fit(x, y)
    held = law.parameters_["alpha"] * 1.12
    form, near = laws.get("log_logistic"), np.inf
    for place in (1.0, 30.0, 1e3):

        def residual(logs):
            theta = dict(zip(("E", "S", "d"), np.exp(logs), strict=True))
            return np.log(form.value(x, {**theta, "alpha": held}) / y)

        begin = np.log([0.1, 20 * place**-0.3, place])
        near = min(near, 2 * least_squares(residual, begin, xtol=1e-12, ftol=1e-12, gtol=1e-12).cost)
    assert law.profile("alpha", [held])["objective"][0] <= near * (1 + 1e-6)


@pytest.mark.parametrize("objective", ["huber_log", "squared"])
def test_the_fall_of_a_curve_is_not_the_noise_of_its_last_value(objective):
    x, y = np.append(X, [1000] * 19), np.append(np.linspace(9, 3, 7), 3 + 0.1 * np.sin(np.arange(19)))
    law = laws.ScalingLaw("last_value", objective).fit(x, y)
    draws, end = law.bootstrap(2000, kind="residuals")["E"], y[x == 1000]
    assert draws.mean() == pytest.approx(law.parameters_["E"], abs=0.01)
    assert draws.std() == pytest.approx(end.std(ddof=1) / np.sqrt(len(end)), rel=0.1)


def test_a_single_last_value_that_may_be_negative_is_redrawn_as_itself():
    law = laws.ScalingLaw("last_value").fit([1, 2, 3], [0.5, 0.0, -0.5])
    assert law.bootstrap(20, kind="residuals")["E"].tolist() == [-0.5] * 20
