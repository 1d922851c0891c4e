"""Plans where a law's inverse, or the points, have nothing to say."""

import numpy as np
import pytest

from labkit import laws, seeds

X = np.geomspace(10, 1e4, 15)


def noisy(y, seed=0, noise=0.005):
    return y * np.exp(noise * seeds.generator(seed, "plan edges").standard_normal(len(y)))


def test_a_target_below_the_level_of_a_shifted_reciprocal_is_never_reached():
    law = laws.ScalingLaw("reciprocal_shift", "log_squared").fit(X, noisy(3 * (1 / X + 0.01) ** 0.5))
    found = laws.plan(law, target=0.1)  # the curve levels off at 0.3
    assert not found.reached
    assert np.isinf(found.x)
    assert found.unreachable == 1


@pytest.mark.parametrize("form", ["log_logistic", "stretched_exponential", "m4"])
def test_a_target_above_the_start_of_a_curve_is_reached_from_the_first_point_on(form):
    law = laws.ScalingLaw(form, "log_squared").fit(X, noisy(0.1 + 0.8 / (1 + (X / 300) ** 1.2)))
    found = laws.plan(law, target=2.0)
    assert found.reached
    assert (found.x, found.low, found.high) == (X[0], X[0], X[0])
    assert found.unreachable == 0


@pytest.mark.parametrize("form", ["power_floor", "shifted_power", "log_logistic", "m4", "logarithm", "broken_power"])
def test_the_law_is_at_the_target_where_the_plan_says(form):
    law = laws.ScalingLaw(form, "log_squared").fit(X, noisy(0.1 + 0.8 / (1 + (X / 300) ** 1.2)))
    found = laws.plan(law, target=0.25)
    assert law.predict([found.x])[0] == pytest.approx(0.25, rel=1e-5)
    assert found.low <= found.x <= found.high


def test_a_curve_that_turns_up_is_at_the_target_before_it_does():
    x = np.geomspace(10, 1e4, 40)
    truth = laws.get("broken_power").value(x, {"E": 0.0, "A": 3.0, "c0": 0.5, "d1": 500.0, "c1": -1.3, "f1": 0.3})
    law = laws.ScalingLaw("broken_power", "log_squared").fit(x, noisy(truth))
    found = laws.plan(law, target=0.25)
    assert law.predict([found.x])[0] == pytest.approx(0.25, rel=1e-5)
    assert found.low <= found.x <= found.high < 500
    assert found.unreachable == 0


def test_what_the_last_value_has_reached_takes_no_more_than_the_last_size():
    rng = seeds.generator(0, "reached")
    for _ in range(8):
        x = np.geomspace(10, 1e3, int(rng.integers(4, 10)))
        y = 0.3 * x ** rng.uniform(-0.2, 0.2) * np.exp(0.3 * rng.standard_normal(len(x)))
        y[-1] *= 0.6  # luckier than the trend
        found = laws.plan((x, y), target=y[-1])
        assert found.reached
        assert found.x == x[-1]


@pytest.mark.parametrize(
    ("y", "why"), [([0.5, 0.4], "too few points"), ([0.5], "too few points"), ([0.5] * 4, "all values are alike")]
)
def test_too_few_points_that_differ_leave_every_chance_open(y, why):
    x = 10.0 * 2.0 ** np.arange(len(y))
    last = y[-1]
    lower, far = laws.plan((x, y), target=0.8 * last), laws.plan((x, y), target=0.2 * last)
    assert 0 < lower.unreachable < far.unreachable < 1
    assert np.isinf(lower.x)
    assert lower.note.startswith(why)
    # the same chances as the interval of the forecast
    end = x[-1] * 1000.0
    _, low, _ = laws.forecast(x, y, [end], interval=0.8)
    assert laws.plan((x, y), target=float(low[0])).unreachable == pytest.approx(0.9, abs=1e-6)
    assert laws.plan((x, y), target=-1.0).unreachable == 1


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((X, 1 / X), {"target": "low"}, "target must be numbers"),
        ((X, 1 / X), {"target": [0.1, 0.2]}, "target must be a finite number"),
        ((X, 1 / X), {"target": 0.1, "horizon": np.inf}, "above 1 and finite"),
        ((X,), {"target": 0.1}, r"points \(x, y\)"),
        ("power", {"target": 0.1}, r"points \(x, y\)"),
        (laws.ScalingLaw("power"), {"target": 0.1}, "not fitted"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_the_reason(given, options, message):
    with pytest.raises(ValueError, match=message):
        laws.plan(given, **options)


def test_a_target_far_from_tiny_values_is_planned_without_a_warning():
    there = laws.plan(([1, 2], [2e-300, 1e-300]), target=1e9)
    assert there.reached
    assert there.unreachable == 0
    assert laws.plan(([1, 2], [2e-300, 1e-300]), target=-1.0).unreachable == 1
