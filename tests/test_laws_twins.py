"""Forms that tend to simpler laws: the solver reaches the limit, and the fit says so."""

from dataclasses import replace

import numpy as np
import pytest

from labkit import laws, seeds
from labkit.laws import contract

TWINS = [form.name for form in laws.FORMS if form.twin is not None]
CONTAINS = {
    "log_logistic": "power_floor",
    "m4": "power_floor",
    "shifted_power": "power_floor",
    "reciprocal_shift": "power",
}


def power_law(seed, floor):
    rng = seeds.generator(seed, "limits")
    x = np.geomspace(10, 1e5, 40)
    return x, (floor + 2 * x**-0.45) * np.exp(0.02 * rng.standard_normal(40))


@pytest.mark.parametrize("objective", ["log_squared", "huber_log", "squared"])
@pytest.mark.parametrize(("form", "simpler"), CONTAINS.items())
def test_a_form_fits_no_worse_than_the_law_it_tends_to(form, simpler, objective):
    for seed in range(3):
        x, y = power_law(seed, 0.05 * seed)
        rich, plain = (laws.ScalingLaw(name, objective).fit(x, y) for name in (form, simpler))
        assert rich.objective_ <= (1 + 1e-6) * plain.objective_
        assert rich.converged_, rich.reason_


def test_a_curve_that_does_not_bend_is_said_to_be_at_the_limit():
    x, y = power_law(1, 0.05)
    law = laws.ScalingLaw("log_logistic", "log_squared").fit(x, y)
    assert "at a limit" in law.reason_
    plain = laws.ScalingLaw("power_floor", "log_squared").fit(x, y)
    np.testing.assert_allclose(law.predict([1e6, 1e8]), plain.predict([1e6, 1e8]), rtol=1e-4)


def test_a_curve_that_bends_is_not_at_a_limit():
    x = np.geomspace(10, 1e5, 40)
    rng = seeds.generator(7, "limits")
    y = (0.1 + 0.8 / (1 + (x / 300) ** 0.8)) * np.exp(0.01 * rng.standard_normal(40))
    for form in ("log_logistic", "m4"):
        law = laws.ScalingLaw(form, "log_squared").fit(x, y)
        assert law.converged_
        assert "at a limit" not in law.reason_


@pytest.mark.parametrize("form", TWINS)
def test_few_points_and_rising_curves_are_fitted(form):
    x = np.array([16.0, 18.0, 19.0, 21.0, 23.0, 25.0, 27.0])
    for y in (np.linspace(0.7, 0.73, 7), np.full(7, 0.5), 0.3 + 5.0 / x):
        for objective in ("squared", "huber_log"):
            law = laws.ScalingLaw(form, objective).fit(x, y)
            assert np.isfinite(law.predict([30.0, 1e6])).all()
            assert law.objective_ <= ((np.log(y) - np.log(y).mean()) ** 2).sum() + 1e-6


@pytest.mark.parametrize("form", TWINS)
def test_fits_by_a_twin_stay_inside_the_bounds(form):
    x, y = power_law(3, 0.0)
    law = laws.ScalingLaw(form).fit(x, y)
    inside = (law._fits.low[0] <= law._fits.theta[0, 0]) & (law._fits.theta[0, 0] <= law._fits.high[0])
    assert inside.all()


def test_a_twin_that_is_another_law_is_named():
    form = laws.get("shifted_power")

    def other(x, E, R, u, alpha):
        value, partials = form.twin.law(x, E, R, u, alpha)
        return 2 * value, tuple(2 * partial for partial in partials)

    with pytest.raises(AssertionError, match="its twin differs"):
        contract.check(replace(form, twin=replace(form.twin, law=other)))


def test_a_wrong_gradient_of_a_twin_is_named():
    form = laws.get("m4")

    def other(x, *coordinates):
        value, partials = form.twin.law(x, *coordinates)
        return value, (*partials[:-1], 1.1 * partials[-1])

    with pytest.raises(AssertionError, match="partial of its twin by c"):
        contract.check(replace(form, twin=replace(form.twin, law=other)))
