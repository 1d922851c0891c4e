"""Traps that catch fitters of scaling laws, one test each."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from labkit import laws, seeds
from labkit.laws import fitting, solver
from labkit.laws.misfit import Data, cost
from labkit.laws.objectives import Objective

HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
EPOCH = {"E": 1.81722, "A": 477.83, "B": 2143.42, "alpha": 0.34731, "beta": 0.36717}


@pytest.fixture(scope="module")
def runs():
    """240 runs like those of the Chinchilla replication: sizes on a budget, heavy-tailed noise."""
    rng = seeds.generator(0, "runs")
    params = np.exp(rng.uniform(np.log(4e7), np.log(1.6e10), 240))
    compute = np.exp(rng.uniform(np.log(1e18), np.log(3e21), 240))
    X = np.column_stack([params, compute / (6 * params)])
    y = laws.get("chinchilla").value(X, EPOCH) * np.exp(0.004 * rng.standard_t(2, 240))
    return X, y


@pytest.fixture(scope="module")
def fitted(runs):
    return laws.ScalingLaw("chinchilla").fit(*runs)


def huber(form, objective, X, y, values):
    data = Data(tuple(column[None] for column in X.T), y[None], np.ones((1, len(y))))
    return cost(form, objective, data, np.array([[values[name] for name in form.names]]))[0]


def test_a_search_from_published_values_does_not_stop_early(runs, fitted):
    X, y = runs
    form, objective = laws.get("chinchilla"), Objective("huber_log", 1e-3)
    data = Data(tuple(column[None] for column in X.T), y[None], np.ones((1, len(y))))
    scaled = fitting.scale(form, data)
    start = scaled.into(form, np.array([[HOFFMANN[name] for name in form.names]]), np.zeros(1, int))
    low, high = np.zeros((1, 5)), np.full((1, 5), 1e9)
    found = solver.solve(form, objective, scaled.data, start, np.zeros(1, int), low, high)
    assert found.cost[0] == pytest.approx(fitted.objective_, rel=1e-9)
    assert huber(form, objective, X, y, HOFFMANN) > 1.05 * found.cost[0]


def test_default_tolerances_of_a_general_optimiser_do_stop_early(runs, fitted):
    X, y = runs
    form, objective = laws.get("chinchilla"), Objective("huber_log", 1e-3)

    def loss(theta):
        a, b, e = np.exp(theta[[0, 1, 4]])
        values = {"E": e, "A": a, "B": b, "alpha": theta[2], "beta": theta[3]}
        return huber(form, objective, X, y, values) / len(y)

    start = [np.log(406.4), np.log(410.7), 0.34, 0.28, np.log(1.69)]
    stopped = minimize(loss, start, method="L-BFGS-B")
    assert stopped.success
    assert stopped.fun * len(y) > 1.01 * fitted.objective_


def test_every_one_of_fifty_random_starts_reaches_the_same_optimum(runs):
    X, y = runs
    form, objective = laws.get("chinchilla"), Objective("huber_log", 1e-3)
    scaled = fitting.scale(form, Data(tuple(c[None] for c in X.T), y[None], np.ones((1, len(y)))))
    rng = seeds.generator(1, "starts")
    start = np.column_stack([rng.uniform(0, 1, (50, 3)), rng.uniform(0, 1.5, (50, 2))])
    bounds = np.zeros_like(start), np.tile([np.inf, np.inf, np.inf, 8, 8], (50, 1))
    found = solver.solve(form, objective, scaled.data, start, np.zeros(50, int), *bounds)
    theta = scaled.back(form, found.theta, np.zeros(50, int))
    assert (found.status == solver.REACHED).all()
    np.testing.assert_allclose(theta, np.tile(theta[0], (50, 1)), rtol=1e-6)


def test_the_bootstrap_is_centred_and_as_wide_as_the_error(runs, fitted):
    draws = fitted.bootstrap(400, seed=0)
    for name, truth in EPOCH.items():
        assert abs(draws[name].median() - truth) < 4 * draws[name].std(), name
    assert draws["alpha"].std() < 0.05


def test_a_fit_that_did_not_move_says_so(monkeypatch):
    rng = seeds.generator(5, "moved")
    x = np.geomspace(1, 100, 12)
    y = (0.2 + x**-0.5) * np.exp(0.02 * rng.standard_normal(12))
    law = laws.ScalingLaw("power_floor", "log_squared")
    assert "never moved" not in law.fit(x, y).reason_

    monkeypatch.setattr(solver.Search, "run", lambda search, iterations: search.found)
    assert "never moved" in law.fit(x, y).reason_
    # a form without searched parameters is solved by its start
    assert "never moved" not in laws.ScalingLaw("logarithm", "squared").fit(x, y).reason_


def test_a_constant_curve_is_a_floor():
    law = laws.ScalingLaw("power_floor").fit(np.geomspace(1, 100, 8), np.full(8, 0.5))
    assert law.predict([1e4])[0] == pytest.approx(0.5, rel=1e-3)


def test_a_fit_that_drifts_towards_a_limit_is_not_called_converged():
    # far beyond its place a log-logistic is a power law, so with such points its span grows without end
    rng = seeds.generator(6, "drift")
    x = np.geomspace(1, 1e4, 20)
    law = laws.ScalingLaw("log_logistic", "log_squared").fit(x, x**-0.5 * np.exp(1e-3 * rng.standard_normal(20)))
    assert not law.converged_ or law.condition_ > 1e6 or law.at_bound_
    assert law.predict([1e5])[0] == pytest.approx(1e5**-0.5, rel=0.02)


def test_most_single_starts_of_a_general_optimiser_miss_what_the_search_finds(runs, fitted):
    X, y = runs
    form, objective = laws.get("chinchilla"), Objective("huber_log", 1e-3)

    def loss(theta):
        a, b, e = np.exp(theta[:3])
        return huber(form, objective, X, y, {"A": a, "B": b, "E": e, "alpha": theta[3], "beta": theta[4]})

    rng = seeds.generator(7, "single starts")
    begins = rng.uniform([0, 0, -1, 0, 0], [25, 25, 1, 2, 2], (12, 5))
    reached = [minimize(loss, begin, method="L-BFGS-B").fun for begin in begins]
    assert (np.array(reached) <= (1 + 1e-6) * fitted.objective_).sum() <= 6
    assert min(reached) >= (1 - 1e-6) * fitted.objective_


@pytest.mark.parametrize("name", ["log_logistic", "stretched_exponential", "m4", "shifted_power"])
def test_four_parameters_do_not_blow_up_far_out(name):
    rng = seeds.generator(8, "blow up")
    for _ in range(6):
        x = np.geomspace(16, 16 * 2 ** rng.uniform(3, 8), 7)
        y = np.clip(0.3 + 0.4 * x ** -rng.uniform(0, 1) + 0.05 * rng.standard_normal(7), 0.01, 1)
        far = laws.ScalingLaw(name, "log_squared").fit(x, y).predict(x[-1] * np.geomspace(2, 1e6, 8))
        assert np.isfinite(far).all()
        assert (far >= 0).all()
        assert (far <= 1.2 * y.max()).all()


def test_scores_match_hand_computed_values():
    law = laws.ScalingLaw("last_value").fit([1.0, 2.0], [0.8, 0.4])
    # predicted 0.4 everywhere: squares 0, 0.04, 0.16 about y; about the mean 0.6 they are 0.04, 0, 0.04
    assert law.score([3.0, 4.0, 5.0], [0.4, 0.6, 0.8]) == pytest.approx(1 - 0.20 / 0.08)


def test_backtests_average_over_all_curves_and_points_and_show_the_worst():
    x = 2.0 ** np.arange(3, 13)
    rng = seeds.generator(9, "headline")
    parts = [
        pd.DataFrame({"curve": str(i), "x": x, "y": (0.1 + 2 * x**-0.4) * np.exp(s * rng.standard_normal(10))})
        for i, s in enumerate((0.001, 0.1))
    ]
    frame = laws.backtest(pd.concat(parts))
    table = laws.backtest_summary(frame)
    whole = table[table["horizon"] == "all"].set_index("method")
    for method in ("forecast", "last_value"):
        mine = frame[frame["method"] == method]
        assert set(mine["curve"]) == {"0", "1"}
        assert whole.loc[method, "points"] == len(mine)
        assert whole.loc[method, "rms"] == pytest.approx(np.sqrt((mine["error"] ** 2).mean()))
        assert whole.loc[method, "worst"] == pytest.approx(mine["error"].abs().max())
    ours = frame[frame["method"] == "forecast"]
    held = (ours["low"] <= ours["y"]) & (ours["y"] <= ours["high"])
    assert whole.loc["forecast", "coverage"] == pytest.approx(held.mean())
    assert whole.loc["forecast", "width"] == pytest.approx((ours["high"] - ours["low"]).mean())


def test_rank_and_mean_error_may_disagree_and_both_are_shown():
    found = laws.compare(2.0 ** np.arange(5), 0.1 + 2.0 ** (-0.5 * np.arange(5)))
    assert {"held_out", "worst", "rank", "train", "near_equal"} <= set(found.columns)
    assert "last_value" in set(found["form"])  # always shown, whatever the forms
    assert (found["worst"] >= found["held_out"]).all()


@pytest.mark.parametrize("name", ["m4", "broken_power", "log_logistic", "reciprocal_shift", "stretched_exponential"])
def test_predictions_do_not_depend_on_units(name):
    rng = seeds.generator(2, "units")
    x = np.geomspace(20, 2e4, 30)
    y = (0.1 + 2 / (1 + (x / 300) ** 0.6)) * np.exp(0.01 * rng.standard_normal(30))
    base = laws.ScalingLaw(name, "log_squared").fit(x, y)
    other = laws.ScalingLaw(name, "log_squared").fit(1e6 * x, 1e-3 * y)
    np.testing.assert_allclose(other.predict([1e10]), 1e-3 * base.predict([1e4]), rtol=1e-6)


def test_surfaces_do_not_depend_on_units(runs, fitted):
    X, y = runs
    other = laws.ScalingLaw("chinchilla").fit(X * [1e-6, 1e-9], 1.4427 * y)
    np.testing.assert_allclose(other.predict([[70e3, 1400.0]]), 1.4427 * fitted.predict([[70e9, 1.4e12]]), rtol=1e-6)


def test_the_objective_decides_the_optimum(runs, fitted):
    raw = laws.ScalingLaw("chinchilla", "squared").fit(*runs)
    assert abs(raw.parameters_["beta"] - fitted.parameters_["beta"]) > 1e-3
    assert huber(laws.get("chinchilla"), Objective("huber_log"), *runs, raw.parameters_) > fitted.objective_


def test_the_huber_objective_matches_a_hand_computed_sum():
    law = laws.ScalingLaw("power", "huber_log", delta=0.1)
    x, y = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 2.0])
    law.fit(x, y)
    r = np.log(law.predict(x)) - np.log(y)
    by_hand = sum(v**2 / 2 if abs(v) <= 0.1 else 0.1 * (abs(v) - 0.05) for v in r)
    assert law.objective_ == pytest.approx(by_hand, rel=1e-9)


def test_asymmetric_fits_lie_below_most_points(runs):
    X, y = runs
    law = laws.ScalingLaw("chinchilla", "asymmetric").fit(X, y)
    assert (law.predict(X) <= y).mean() > 0.8


def test_near_equal_optima_are_counted_not_hidden():
    rng = seeds.generator(3, "near equal")
    x = np.geomspace(10, 1e4, 14)
    y = (0.2 + x**-0.4) * np.exp(0.02 * rng.standard_normal(14))
    law = laws.ScalingLaw("broken_power", "log_squared").fit(x, y)
    assert {"objective", "starts", "d1"} <= set(law.optima_.columns)
    near = law.optima_[law.optima_["objective"] <= 1.02 * law.optima_["objective"].iloc[0]]
    assert (len(near) > 1) == ("nearly as good" in law.reason_)


def test_two_parameters_that_say_the_same_are_reported():
    rng = seeds.generator(4, "identifiable")
    x = np.geomspace(100, 130, 12)
    law = laws.ScalingLaw("shifted_power", "log_squared").fit(x, x**-0.5 * np.exp(1e-3 * rng.standard_normal(12)))
    assert law.condition_ > 1e6
    assert "poorly determined" in law.reason_ or "at a bound" in law.reason_


def test_noise_free_isoflop_runs_give_the_optimum_without_a_shift():
    # parabolas through such points shift the optimum by several per cent; a direct fit must not
    truth = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.46, "beta": 0.15}
    points = []
    for compute in np.geomspace(1e18, 1e21, 5):
        params = np.sqrt(compute / 6 / 20) * np.geomspace(0.25, 4, 7)
        points.append(np.column_stack([params, compute / (6 * params)]))
    X = np.concatenate(points)
    law = laws.ScalingLaw("chinchilla", "log_squared").fit(X, laws.get("chinchilla").value(X, truth))
    a, b = truth["alpha"], truth["beta"]
    ratio = (a * truth["A"] / (b * truth["B"])) ** (1 / (a + b))
    expected = ratio * (1e24 / 6) ** (b / (a + b))
    assert laws.allocate(law, 1e24).params == pytest.approx(expected, rel=1e-3)


def test_inference_makes_the_best_model_smaller(fitted):
    plain = laws.allocate(fitted, 1e22)
    served = laws.allocate(fitted, 1e22, inference_tokens=5e11)
    assert served.params < plain.params
    assert plain.params_limits[0] < plain.params < plain.params_limits[1]
    spent = 6 * served.params * served.tokens + 2 * served.params * 5e11
    assert spent == pytest.approx(1e22, rel=1e-9)


def test_published_laws_give_their_published_values():
    for name in laws.published()["name"]:
        law = laws.published(name)
        assert law.checks, name
        for check in law.checks:
            found, *other = law.predict(np.array([check["at"], *([check["over"]] if "over" in check else [])]))
            value = found / other[0] if other else found
            assert value == pytest.approx(check["value"], rel=check.get("within", 1e-6)), name


def test_only_what_was_printed_is_rounded_and_every_law_says_where_it_stands():
    table = laws.published()
    assert len(table) >= 25
    assert (table["source"].str.contains(r"20\d\d") & (table["units"].str.count(";") >= 1)).all()
    for name in table["name"]:
        for check in laws.published(name).checks:
            assert set(check) <= {"at", "over", "value", "kind", "within"}, name
            assert check["kind"] in ("published", "arithmetic"), name
            assert 0 < check.get("within", 0.001) <= 0.02, name
            assert "within" not in check or check["kind"] == "published", name


def test_published_laws_agree_where_they_speak_of_the_same():
    deepseek = [laws.published(f"deepseek-2024-best-{what}").predict([1e20])[0] for what in ("size", "tokens")]
    assert deepseek[0] * deepseek[1] == pytest.approx(1e20, rel=1e-3)  # FLOPs per token times tokens
    joint = laws.published("kaplan-2020").predict([[1e9, 1e18]])[0]  # with no end of data
    assert laws.published("kaplan-2020-params").predict([1e9])[0] == pytest.approx(joint, rel=0.03)
    curves = laws.published("kaplan-2020-steps-batch")
    assert curves.predict([[1e9, 1e12, 1e12]])[0] == pytest.approx(joint, rel=0.03)


def test_aliases_of_one_family_are_one_curve():
    x = np.geomspace(1, 1e4, 9)
    B, D_l, beta, E = 3.0, 40.0, 0.7, 0.2  # rectified law: E + B / (D_l + x^beta)
    values = {"E": E, "S": B / D_l, "d": D_l ** (1 / beta), "alpha": beta}
    np.testing.assert_allclose(laws.get("rectified").value(x, values), E + B / (D_l + x**beta))
    a, b, c, d = 0.9, 30.0, 0.1, 0.8  # mmf4: (a b + c x^d) / (b + x^d)
    values = {"E": c, "S": a - c, "d": b ** (1 / d), "alpha": d}
    np.testing.assert_allclose(laws.get("mmf4").value(x, values), (a * b + c * x**d) / (b + x**d))
    u = (laws.get("m4").value(x, {"E": 0.1, "S": 0.8, "a": 1.0, "d": 50.0, "c": 0.6}) - 0.1) / 0.8
    np.testing.assert_allclose(u / (1 - u), (x / 50.0) ** -0.6)  # M4 with a = 1 is log-logistic


def test_frames_give_columns_in_any_order(runs, fitted):
    X, y = runs
    frame = pd.DataFrame({"tokens": X[:, 1], "extra": 1.0, "params": X[:, 0]})
    assert laws.ScalingLaw("chinchilla").fit(frame, y).parameters_ == fitted.parameters_
