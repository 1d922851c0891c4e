"""Which laws can be allocated, and what is refused with the reason."""

import numpy as np
import pytest

from labkit import laws

X = np.geomspace(10, 1e4, 10)
SIZES = np.column_stack([g.ravel() for g in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5))])


@pytest.fixture(scope="module")
def surface():
    truth = laws.get("chinchilla").value(SIZES, {"E": 1.7, "A": 400, "B": 400, "alpha": 0.34, "beta": 0.34})
    return laws.ScalingLaw("chinchilla", "log_squared").fit(SIZES, truth)


def test_a_published_law_is_allocated_as_its_closed_form_says_and_has_no_limits():
    law = laws.published("hoffmann-2022")
    p = law.parameters
    ratio = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    found = laws.allocate(law, 5.76e23)
    expected = ratio * (5.76e23 / 6) ** (p["beta"] / (p["alpha"] + p["beta"]))
    assert found.params == pytest.approx(expected, rel=1e-5)
    assert found.loss == pytest.approx(law.predict([[found.params, found.tokens]])[0])
    assert np.isnan(found.params_limits).all()
    assert np.isnan(found.tokens_limits).all()


@pytest.mark.parametrize(
    ("law", "compute", "served", "message"),
    [
        (laws.ScalingLaw("chinchilla"), 1e20, 0, "not fitted"),
        ("chinchilla", 1e20, 0, "fitted ScalingLaw or a law of laws.published; got str"),
        (laws.published("muennighoff-2023"), 1e20, 0, "params and tokens"),
        (laws.published("hoffmann-2022"), "much", 0, "compute must be numbers"),
        (laws.published("hoffmann-2022"), [1e20, 1e21], 0, "compute must be one finite number"),
        (laws.published("hoffmann-2022"), 1e20, np.inf, "at least zero; got 1e[+]20 and inf"),
        (laws.published("hoffmann-2022"), 1e20, "many", "inference_tokens must be numbers"),
    ],
)
def test_what_cannot_be_allocated_is_refused_with_the_reason(law, compute, served, message):
    with pytest.raises(ValueError, match=message):
        laws.allocate(law, compute, inference_tokens=served)


def test_the_next_run_needs_a_fitted_law_that_is_above_zero():
    with pytest.raises(ValueError, match="not fitted"):
        laws.next_run(laws.ScalingLaw("power"), [1.0], [2.0])
    line = laws.ScalingLaw("logarithm", "squared").fit(X, 1.0 - 0.15 * np.log(X))
    with pytest.raises(ValueError, match="relative to y"):
        laws.next_run(line, [1e5], [1e6])


@pytest.mark.parametrize(("law", "sizes"), [(laws.ScalingLaw("chinchilla"), [1]), ("chinchilla", [1])])
def test_over_training_needs_a_fitted_law(law, sizes):
    with pytest.raises(ValueError, match="fitted"):
        laws.overtraining_cost(law, 1e20, sizes)


def test_text_among_the_sizes_is_named(surface):
    with pytest.raises(ValueError, match="sizes must be numbers"):
        laws.overtraining_cost(surface, 1e20, ["half"])


@pytest.mark.parametrize("unit", [(1e9, 1e9), (1e9, 1.0), (1.0, 1e12), (1e12, 1e12)])
def test_a_law_in_units_of_its_own_is_split_and_planned_alike(surface, unit):
    size, goal = 6 * 7e7 * 1.4e10, 2.2  # the best model has 7e7 parameters: 0.07 in billions
    law = laws.ScalingLaw("chinchilla", "log_squared").fit(SIZES / unit, surface.predict(SIZES))
    budget = size / unit[0] / unit[1]
    here, there = laws.allocate(law, budget), laws.allocate(surface, size)
    assert here.params * unit[0] == pytest.approx(there.params, rel=1e-4)
    assert here.tokens * unit[1] == pytest.approx(there.tokens, rel=1e-4)
    assert here.params_limits[0] * unit[0] == pytest.approx(there.params_limits[0], rel=1e-3)
    needed = laws.plan(surface, target=goal).x
    assert laws.plan(law, target=goal).x * unit[0] * unit[1] == pytest.approx(needed, rel=1e-3)
