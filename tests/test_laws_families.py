"""Forms of several variables against limits, published values and known parameters."""

from itertools import pairwise

import numpy as np
import pytest

from labkit import laws, seeds


def surface(seed, count=150):
    rng = seeds.generator(seed, "surface")
    return np.exp(rng.uniform(np.log(1e7), np.log(1e10), count)), np.exp(rng.uniform(np.log(1e9), np.log(1e12), count))


def test_data_constrained_is_chinchilla_while_nothing_repeats():
    params, tokens = surface(0)
    values = {"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.35, "beta": 0.35, "R_N": 5.3, "R_D": 15.4}
    # sizes below the best one for the data, so that no parameter is in excess either
    params = np.minimum(params, 0.02 * tokens)
    constrained = laws.get("data_constrained").value(np.column_stack([params, tokens, tokens]), values)
    fewer = {name: values[name] for name in ("E", "A", "B", "alpha", "beta")}
    plain = laws.get("chinchilla").value(np.column_stack([params, tokens]), fewer)
    np.testing.assert_allclose(constrained, plain, rtol=1e-9)


def test_repeated_data_are_worth_less_than_new_data_and_more_than_none():
    form, values = laws.get("data_constrained"), laws.published("muennighoff-2023").parameters
    few, repeated, new = form.value([[1e9, 1e10, 1e10], [1e9, 1e11, 1e10], [1e9, 1e11, 1e11]], values)
    assert new < repeated < few


def test_the_published_law_prefers_more_epochs_of_a_smaller_model_as_its_authors_did():
    # Muennighoff et al. (2023), 25 billion unique tokens: the plan they trained, and the one of Chinchilla's law.
    law = laws.published("muennighoff-2023")
    theirs, chinchilla = law.predict([[6.34e9, 242e9, 25e9], [8.67e9, 178e9, 25e9]])
    np.testing.assert_allclose([theirs, chinchilla], [2.22564409, 2.22696351], atol=5e-9)
    assert theirs < chinchilla


def test_utility_that_never_halves_is_a_plain_power_law():
    tokens = np.array([1e6, 3.7e6, 2e7])
    law = laws.get("half_life")
    values = {"E": 0.1, "A": 50.0, "alpha": 0.3, "tau": 1e9}
    found = law.value(np.column_stack([tokens, np.full(3, 1e6)]), values)
    np.testing.assert_allclose(found, 0.1 + 50 * tokens**-0.3, rtol=1e-6)


def test_the_implicit_critical_batch_law_solves_its_equation():
    rng = seeds.generator(1, "batch")
    X = np.exp(rng.uniform(np.log([1e6, 1e3, 16]), np.log([1e9, 1e6, 4096]), (40, 3)))
    v = {"A": 30.0, "C": 20.0, "alpha": 0.2, "beta": 0.4, "B_c": 5e4, "kappa": 4.0}
    loss = laws.get("steps_batch").value(X, v)
    steps = X[:, 1] / (1 + v["B_c"] * loss ** -v["kappa"] / X[:, 2])
    np.testing.assert_allclose(loss, v["A"] * X[:, 0] ** -v["alpha"] + v["C"] * steps ** -v["beta"], rtol=1e-10)


def test_kaplan_reduces_to_either_power_law():
    v = {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103}
    form = laws.get("kaplan")
    assert form.value([[1e9, 1e40]], v)[0] == pytest.approx((6.4e13 / 1e9) ** 0.076, rel=1e-6)
    assert form.value([[1e60, 1e10]], v)[0] == pytest.approx((1.8e13 / 1e10) ** 0.103, rel=1e-6)


def test_tied_exponents_match_the_over_training_formula():
    params, tokens = surface(2)
    a, b, h, E = 200.0, 300.0, 0.12, 1.8
    ratio, compute = tokens / params, 6 * params * tokens
    expected = E + (a * ratio**h + b * ratio**-h) * compute**-h
    values = {"E": E, "A": a * 6**-h, "B": b * 6**-h, "alpha": 2 * h}
    # M^h C^-h = 6^-h N^-2h and M^-h C^-h = 6^-h D^-2h
    np.testing.assert_allclose(laws.get("overtraining").value(np.column_stack([params, tokens]), values), expected)


@pytest.mark.parametrize("name", ["chinchilla", "chinchilla_tied", "kaplan_floor", "product", "chinchilla_general"])
def test_surfaces_predict_larger_runs(name):
    form = laws.get(name)
    params, tokens = surface(3)
    values = {
        "chinchilla": {"E": 1.7, "A": 400, "B": 1500, "alpha": 0.34, "beta": 0.36},
        "chinchilla_tied": {"E": 1.7, "A": 400, "B": 1500, "alpha": 0.35},
        "kaplan_floor": {"E": 1.0, "N_c": 1e10, "D_c": 1e10, "alpha_N": 0.2, "alpha_D": 0.25},
        "product": {"E": 1.5, "A": 40, "alpha": 0.1, "beta": 0.06},
        "chinchilla_general": {"E": 1.6, "A": 900, "B": 3000, "alpha": 0.4, "beta": 0.38, "gamma": 0.8},
    }[name]
    X = np.column_stack([params, tokens])
    noise = np.exp(0.002 * seeds.generator(4, name).standard_normal(len(X)))
    law = laws.ScalingLaw(form, "log_squared").fit(X, form.value(X, values) * noise)
    far = np.array([[1e11, 1e13]])
    assert law.predict(far)[0] == pytest.approx(form.value(far, values)[0], rel=0.03)


def test_annealing_areas_follow_their_recursion():
    rates = np.concatenate([np.full(50, 1.0), np.linspace(1, 0.1, 50)])
    s1, s2 = laws.schedule_areas(rates, decay=0.9)
    momentum, total = 0.0, 0.0
    for before, now in pairwise(rates):
        momentum = 0.9 * momentum + before - now
        total += momentum
    assert s2[-1] == pytest.approx(total)
    assert s1[-1] == pytest.approx(rates.sum())
    with pytest.raises(ValueError, match="decay"):
        laws.schedule_areas(rates, decay=1.0)


def test_warm_up_is_no_annealing():
    rates = np.concatenate([np.linspace(0.1, 1.0, 20), np.full(80, 1.0), np.full(100, 0.3)])
    s1, s2 = laws.schedule_areas(rates, decay=0.9)
    assert s1[-1] == pytest.approx(rates.sum())
    assert (s2[:100] == 0).all()
    # one drop of 0.7, remembered with 0.9 per step
    assert s2[-1] == pytest.approx(0.7 * (1 - 0.9**100) / 0.1)
    form = laws.multi_power([rates])
    values = {"E": 2.0, "A": 0.8, "B": 0.3, "alpha": 0.5, "C": 2.0, "beta": 0.5, "gamma": 0.5}
    before = form.value([[0, 100]], values)[0]
    assert before == pytest.approx(2.0 + 0.8 * (rates[:100].sum() / 1000) ** -0.5)


def test_the_multi_power_gradient_and_its_limit_without_drops():
    steps = np.arange(100, 2000, 100.0)
    cosine = 1e-3 * (0.55 + 0.45 * np.cos(np.linspace(0, np.pi, 2000)))
    form = laws.multi_power([np.full(2000, 1e-3), cosine])
    values = {"E": 2.0, "A": 0.8, "B": 0.3, "alpha": 0.5, "C": 2.0, "beta": 0.5, "gamma": 0.5}
    constant = form.value(np.column_stack([np.zeros_like(steps), steps]), values)
    np.testing.assert_allclose(constant, 2.0 + 0.8 * (steps / 1000) ** -0.5)
    X = np.column_stack([np.ones_like(steps), steps])
    columns, theta = tuple(c[None] for c in X.T), np.array([[values[name] for name in form.names]])
    _, partials = form.evaluate(columns, theta)
    for i, name in enumerate(form.names):
        step = 1e-6 * values[name]
        up, down = ({**values, name: values[name] + sign * step} for sign in (1, -1))
        numeric = (form.value(X, up) - form.value(X, down)) / (2 * step)
        np.testing.assert_allclose(np.broadcast_to(partials[i], (1, len(steps)))[0], numeric, rtol=1e-4, atol=1e-8)
    with pytest.raises(ValueError, match="at least one schedule"):
        laws.multi_power([])


def test_mixing_laws_are_made_for_any_number_of_domains():
    form = laws.mixing(4)
    rng = seeds.generator(5, "mixing")
    ratios = rng.dirichlet(np.ones(4), 80)[:, :3]
    values = {"E": 1.0, "K": 0.8, "t_1": -1.5, "t_2": 0.5, "t_3": -0.3}
    law = laws.ScalingLaw(form, "log_squared").fit(ratios, form.value(ratios, values))
    for name, value in values.items():
        assert law.parameters_[name] == pytest.approx(value, rel=1e-3, abs=1e-3)
    with pytest.raises(ValueError, match="at least 2 domains"):
        laws.mixing(1)


def test_a_form_of_ones_own_is_used_like_any_other():
    def law(x, A, k):
        shape = 1 / (1 + k * x)
        return A * shape, (shape, -A * x * shape**2)

    form = laws.Form(
        "hyperbola",
        ("x",),
        (laws.Parameter("A", "start"), laws.Parameter("k", "rate", 0.0, 1e6, (0.1, 1.0, 10.0))),
        law,
        latex="y = A / (1 + k x)",
        source="a test",
        units={"A": {"y": 1}, "k": {"x": -1}},
    )
    laws.check(form)
    laws.register(form)
    try:
        x = np.geomspace(1, 1e3, 12)
        fitted = laws.ScalingLaw("hyperbola").fit(x, 3 / (1 + 0.02 * x))
        assert fitted.parameters_["k"] == pytest.approx(0.02, rel=1e-4)
        assert "hyperbola" in set(laws.forms()["name"])
    finally:
        laws.FORMS.unregister("hyperbola")
