"""The compute-optimal frontier by three routes, and what leaving it costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit import laws
from labkit.laws.frontier import ROUTES

CONSTANTS = (1.0, 20.0, 60.0, 0.34, 0.28)


def grid(sizes=7, budgets=7, noise=0.0, seeds=1, seed=0, constants=CONSTANTS):
    floor, a, b, alpha, beta = constants
    params, tokens = (g.ravel() for g in np.meshgrid(np.geomspace(1e4, 1e6, sizes), np.geomspace(1e5, 1e8, budgets)))
    params, tokens = np.tile(params, seeds), np.tile(tokens, seeds)
    loss = floor + a * params**-alpha + b * tokens**-beta
    noisy = loss * np.exp(noise * np.random.default_rng(seed).standard_normal(len(loss)))
    return pd.DataFrame({"params": params, "tokens": tokens, "loss": noisy})


def optimum(compute, constants=CONSTANTS):
    """Hoffmann et al. 2022, equation 4."""
    _, a, b, alpha, beta = constants
    return (alpha * a / (beta * b)) ** (1 / (alpha + beta)) * (np.asarray(compute) / 6) ** (beta / (alpha + beta))


@pytest.mark.parametrize("constants", [CONSTANTS, (1.0, 20.0, 30.0, 0.3, 0.3), (0.5, 40.0, 10.0, 0.46, 0.25)])
@pytest.mark.parametrize("route", ROUTES)
def test_each_route_finds_the_optimum_of_a_noise_free_grid_within_one_per_cent(route, constants):
    found = laws.frontier(grid(constants=constants), route, draws=20)
    np.testing.assert_allclose(found.table.params, optimum(found.table.compute, constants), rtol=0.01)
    assert found.exponent == pytest.approx(constants[4] / (constants[3] + constants[4]), abs=1e-3)
    np.testing.assert_allclose(6 * found.table.params * found.table.tokens, found.table.compute)


def test_an_uncorrected_parabola_is_biased_and_the_shift_says_by_how_much():
    raw = laws.frontier(grid(), corrected=False, draws=20).table
    corrected = laws.frontier(grid(), draws=20).table
    bias = raw.params / optimum(raw.compute) - 1
    assert bias.mean() > 0.01
    np.testing.assert_allclose(raw.params * corrected["shift"], corrected.params, rtol=1e-9)
    np.testing.assert_allclose(1 / corrected["shift"] - 1, bias, atol=1e-3)


@pytest.mark.parametrize("route", ROUTES)
def test_limits_contain_the_true_exponent_at_about_their_level(route):
    truth = 0.28 / 0.62
    runs = [laws.frontier(grid(6, 6, 0.003, 3, seed), route, draws=100, seed=seed) for seed in range(24)]
    inside = sum(run.limits[0] <= truth <= run.limits[1] for run in runs)
    assert inside >= 17  # of 24 at 90%: fewer has a chance of 1 in 200
    assert abs(np.mean([run.exponent - truth for run in runs])) < 0.01


@pytest.mark.parametrize("route", ROUTES)
def test_order_of_the_rows_does_not_matter_and_a_seed_gives_the_same_limits(route):
    runs = grid(6, 6, 0.003, 2)
    one, other = (
        laws.frontier(frame, route, draws=30, seed=1)
        for frame in (runs, runs.sample(frac=1, random_state=0).reset_index(drop=True))
    )
    assert one.exponent == pytest.approx(other.exponent, rel=1e-9)
    assert one.limits == pytest.approx(other.limits, rel=1e-6)


def test_the_best_size_for_a_budget_comes_with_limits_that_hold_it():
    best = laws.frontier(grid(6, 6, 0.003, 3), draws=100).at(1e14)
    assert best["params_low"] < best["params"] < best["params_high"]
    assert best["tokens_low"] < best["tokens"] < best["tokens_high"]
    assert 6 * best["params"] * best["tokens"] == pytest.approx(1e14)


def test_runs_that_are_no_grid_are_refused():
    with pytest.raises(ValueError, match="missing: loss"):
        laws.frontier(grid().drop(columns="loss"))
    with pytest.raises(ValueError, match="at least 4 sizes with 3 budgets"):
        laws.frontier(grid(3, 7))
    with pytest.raises(ValueError, match="drop diverged runs"):
        laws.frontier(grid().assign(loss=np.nan))
    with pytest.raises(ValueError, match="did you mean 'isoflop'"):
        laws.frontier(grid(), "isoflops")
    runs = grid(constants=(1.0, 20.0, 1e-6, 0.34, 0.28))  # data are free here: the largest size is best everywhere
    with pytest.raises(ValueError, match="finds 0 optima inside the grid"):
        laws.frontier(runs, corrected=False, draws=5)


@pytest.fixture(scope="module")
def law():
    return laws.ScalingLaw("chinchilla").fit(grid()[["params", "tokens"]], grid().loss)


def test_the_optimum_itself_costs_nothing_more(law):
    row = laws.overtraining_cost(law, 1e14, [1.0]).iloc[0]
    assert row.overhead == pytest.approx(1, rel=1e-6)
    assert row.params == pytest.approx(float(optimum(1e14)), rel=1e-3)


def test_overhead_agrees_with_the_closed_form(law):
    floor, a, b, alpha, beta = law.parameters_.values()
    size = float(optimum(1e14, (floor, a, b, alpha, beta)))
    loss = a * size**-alpha + b * (1e14 / 6 / size) ** -beta
    for factor in (0.5, 0.7, 2.0):
        tokens = ((loss - a * (factor * size) ** -alpha) / b) ** (-1 / beta)
        row = laws.overtraining_cost(law, 1e14, [factor], inference_tokens=1e9).iloc[0]
        assert row.tokens == pytest.approx(tokens, rel=1e-6)
        assert row.overhead == pytest.approx(6 * factor * size * tokens / 1e14, rel=1e-6)
        assert row.total == pytest.approx(row.compute + 2 * row.params * 1e9)
        assert row.overhead > 1


def test_a_size_too_small_for_the_loss_needs_infinite_data(law):
    table = laws.overtraining_cost(law, 1e14, [0.01, 1.0])
    assert np.isinf(table.tokens[0])
    assert np.isinf(table.overhead[0])


def test_sizes_and_budgets_below_zero_are_refused(law):
    for size, compute in ((-1.0, 1e14), (1.0, 0.0), (np.nan, 1e14)):
        with pytest.raises(ValueError, match="above zero"):
            laws.overtraining_cost(law, compute, [size])
    with pytest.raises(ValueError, match="needs a law on params and tokens"):
        laws.overtraining_cost(laws.ScalingLaw("power").fit([1.0, 2, 4], [1.0, 0.5, 0.3]), 1e14, [1.0])
