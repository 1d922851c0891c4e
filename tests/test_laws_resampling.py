"""Refits and profiles of a power law, which in logarithms is a straight line: held to what least squares says of it."""

import numpy as np
import pytest
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
