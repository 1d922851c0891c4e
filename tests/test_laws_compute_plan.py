"""How much compute a loss takes: held to the allocation of that compute, and to the closed form."""

import numpy as np
import pytest

from labkit import laws, seeds

TRUTH = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}
SIZES = np.column_stack([g.ravel() for g in np.meshgrid(np.geomspace(1e7, 3e9, 7), np.geomspace(3e8, 1e11, 7))])


def surface(noise, seed=0):
    y = laws.get("chinchilla").value(SIZES, TRUTH)
    y = y * np.exp(noise * seeds.generator(seed, "compute plan").standard_normal(len(y)))
    return laws.ScalingLaw("chinchilla", "log_squared").fit(SIZES, y)


@pytest.fixture(scope="module")
def fitted():
    return surface(0.002)


def lowest(compute):
    """The lowest loss of the true law for a budget, by its closed form."""
    a, b = TRUTH["alpha"], TRUTH["beta"]
    params = (a * TRUTH["A"] / (b * TRUTH["B"])) ** (1 / (a + b)) * (compute / 6) ** (b / (a + b))
    return laws.get("chinchilla").value([[params, compute / 6 / params]], TRUTH)[0]


def test_the_compute_for_a_loss_is_the_one_whose_best_split_has_that_loss(fitted):
    assert laws.plan(surface(0.0), target=lowest(1e23)).x == pytest.approx(1e23, rel=1e-3)
    found = laws.plan(fitted, target=2.05)
    assert laws.allocate(fitted, found.x).loss == pytest.approx(2.05, rel=1e-6)
    assert found.low < found.x < found.high
    assert not found.reached


def test_the_interval_holds_the_compute_that_the_true_law_needs():
    held = 0
    for seed in range(10):
        found = laws.plan(surface(0.002, seed), target=lowest(1e23))
        held += found.low <= 1e23 <= found.high
    assert held >= 6  # nine of ten expected


def test_a_loss_below_the_floor_takes_for_ever_and_one_above_all_runs_nothing(fitted):
    never, there = laws.plan(fitted, target=1.5), laws.plan(fitted, target=20.0)
    assert np.isinf(never.x)
    assert never.unreachable == 1
    assert there.reached
    assert there.x == pytest.approx(6 * SIZES.prod(1).min())
    edge = laws.plan(fitted, target=fitted.parameters_["E"])
    assert 0.2 < edge.unreachable < 0.8


def test_a_law_of_other_variables_is_refused():
    law = laws.ScalingLaw("product", "log_squared").fit(SIZES, 40 * SIZES[:, 0] ** -0.1 * SIZES[:, 1] ** -0.05)
    with pytest.raises(ValueError, match="or of params and tokens; 'product' has encoder_params, decoder_params"):
        laws.plan(law, target=1.0)


@pytest.mark.parametrize(("name", "budget"), [("hoffmann-2022", 5.76e23), ("epoch-2024", 1e20), ("kaplan-2020", 1e22)])
def test_a_published_law_is_planned_with_as_the_inverse_of_its_allocation(name, budget):
    law = laws.published(name)
    found = laws.plan(law, target=laws.allocate(law, budget).loss)
    assert found.x == pytest.approx(budget, rel=1e-5)
    assert np.isnan([found.low, found.high, found.unreachable]).all()
    assert not found.reached


def test_no_compute_brings_a_published_law_below_its_floor():
    found = laws.plan(laws.published("epoch-2024"), target=1.8)
    assert np.isinf(found.x)
    assert "floor" in found.note
    with pytest.raises(ValueError, match="plan needs a law on params and tokens; 'data_constrained'"):
        laws.plan(laws.published("muennighoff-2023"), target=2.0)
