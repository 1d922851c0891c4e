"""Where compute is best spent, which run to do next, and how much is needed: held to closed forms and to simulation."""

import numpy as np
import pandas as pd
import pytest

from labkit import laws, seeds

TRUTH = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}


def chinchilla(noise, seed=0):
    rng = seeds.generator(seed, "planning")
    n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e7, 3e9, 7), np.geomspace(3e8, 1e11, 7)))
    X = np.column_stack([n, d])
    y = laws.get("chinchilla").value(X, TRUTH) * np.exp(noise * rng.standard_normal(len(X)))
    return laws.ScalingLaw("chinchilla", "log_squared").fit(X, y)


def test_the_allocation_is_the_closed_form_one_and_its_limits_hold_it():
    a, b = TRUTH["alpha"], TRUTH["beta"]
    ratio = (a * TRUTH["A"] / (b * TRUTH["B"])) ** (1 / (a + b))
    expected = ratio * (1e23 / 6) ** (b / (a + b))
    assert laws.allocate(chinchilla(0.0), 1e23).params == pytest.approx(expected, rel=1e-4)
    held = 0
    for seed in range(10):
        found = laws.allocate(chinchilla(0.002, seed), 1e23)
        held += found.params_limits[0] <= expected <= found.params_limits[1]
        assert 6 * found.params * found.tokens == pytest.approx(1e23)
    assert held >= 6  # nine of ten expected


def test_inference_is_paid_from_the_budget_and_the_split_is_the_best_one():
    law, tokens = chinchilla(0.0), 2e12
    best = laws.allocate(law, 1e23, inference_tokens=tokens)
    assert 6 * best.params * best.tokens + 2 * best.params * tokens == pytest.approx(1e23)
    for factor in (0.9, 1.1):
        size = factor * best.params
        other = law.predict(np.array([[size, (1e23 / size - 2 * tokens) / 6]]))[0]
        assert other > best.loss


def test_any_law_of_size_and_data_is_allocated_and_others_are_refused():
    n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 6)))
    X = np.column_stack([n, d])
    values = {"E": 1.0, "N_c": 1e10, "D_c": 1e10, "alpha_N": 0.2, "alpha_D": 0.25}
    law = laws.ScalingLaw("kaplan_floor", "log_squared").fit(X, laws.get("kaplan_floor").value(X, values))
    best = laws.allocate(law, 1e22)
    for factor in (0.8, 1.25):
        size = factor * best.params
        assert law.predict(np.array([[size, 1e22 / 6 / size]]))[0] > best.loss
    with pytest.raises(ValueError, match="params and tokens"):
        laws.allocate(laws.ScalingLaw("power").fit([1.0, 2, 4], [1.0, 0.7, 0.5]), 1e22)
    with pytest.raises(ValueError, match="above zero"):
        laws.allocate(law, -1.0)


def test_the_next_run_narrows_the_prediction_as_much_as_it_says():
    x, goal, noise = np.geomspace(10, 1000, 12), [1e5], 0.005
    truth = laws.get("power_floor").value
    values = {"E": 0.1, "A": 2.0, "alpha": 0.4}
    rng = seeds.generator(1, "next run")

    def spread(points):
        y = truth(points, values) * np.exp(noise * rng.standard_normal((80, len(points))))
        found = [laws.ScalingLaw("power_floor", "log_squared").fit(points, row).predict(goal)[0] for row in y]
        return np.log(found).std()

    law = laws.ScalingLaw("power_floor", "log_squared").fit(
        x, truth(x, values) * np.exp(noise * rng.standard_normal(len(x)))
    )
    said = laws.next_run(law, [20.0, 20_000.0], goal).set_index("x")
    assert said.index[0] == 20_000.0
    before, after = spread(x), spread(np.append(x, 20_000.0))
    assert 1 - (after / before) ** 2 == pytest.approx(said.loc[20_000.0, "reduction"], abs=0.15)
    assert said.loc[20.0, "reduction"] < 0.2


def test_cost_decides_between_runs():
    x = np.array([1.0, 2, 4, 8, 16])
    law = laws.ScalingLaw("power_floor", "log_squared").fit(x, (0.2 + x**-0.5) * [1.01, 0.99, 1, 1.01, 0.99])
    cheap = laws.next_run(law, [20.0, 32.0], [1000.0], cost=[1.0, 1000.0])
    assert cheap["x"].iloc[0] == 20.0
    with pytest.raises(ValueError, match="cost"):
        laws.next_run(law, [20.0, 32.0], [1000.0], cost=[1.0, 0.0])


def test_a_plan_from_refits_says_how_likely_the_target_is_out_of_reach():
    rng = seeds.generator(2, "reach")
    x = np.geomspace(10, 1e4, 14)
    y = (0.1 + 2 * x**-0.5) * np.exp(0.01 * rng.standard_normal(14))
    law = laws.ScalingLaw("power_floor", "log_squared").fit(x, y)
    near, edge, never = (laws.plan(law, target) for target in (0.11, law.parameters_["E"], 0.05))
    assert near.low < 40_000 < 1.3 * near.high
    assert near.unreachable == 0
    assert 0.2 < edge.unreachable < 0.8
    assert never.unreachable == 1
    assert np.isinf(never.x)


def test_plans_from_points_cover_the_truth_about_as_often_as_they_say():
    rng, held = seeds.generator(3, "plan"), 0
    x = np.geomspace(10, 1e4, 14)
    for _ in range(8):
        alpha = rng.uniform(0.3, 0.6)
        y = 2 * x**-alpha * np.exp(0.02 * rng.standard_normal(14))
        found = laws.plan((x, y), target=float(2 * 5e4**-alpha))
        held += found.low <= 5e4 <= found.high
    assert held >= 6


def test_a_published_law_of_one_variable_is_planned_with_as_it_is():
    law = laws.published("kaplan-2020-tokens")
    found = laws.plan(law, target=2.0)
    assert law.predict([found.x])[0] == pytest.approx(2.0, rel=1e-12)
    assert np.isnan([found.low, found.high, found.unreachable]).all()
    floored = laws.published("kim-2025-one-model")
    assert np.isinf(laws.plan(floored, target=0.99 * floored.parameters["E"]).x)


def test_a_published_law_that_rises_is_no_plan():
    with pytest.raises(ValueError, match="plan needs a law that falls, and 'kaplan-2020-best-params' does not"):
        laws.plan(laws.published("kaplan-2020-best-params"), target=1e9)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: laws.next_run(laws.published("hoffmann-2022"), [[1, 2]], [[1, 2]]), "needs a fitted ScalingLaw"),
        (lambda: laws.backtest_summary(pd.DataFrame({"x": [1.0]})), "the frame that backtest returns; missing: suite"),
        (lambda: laws.generate(0), "at least 1, got 0"),
    ],
    ids=["next_run", "backtest_summary", "generate"],
)
def test_what_is_handed_over_in_the_wrong_place_is_refused_in_words(asked, message):
    with pytest.raises(ValueError, match=message):
        asked()
