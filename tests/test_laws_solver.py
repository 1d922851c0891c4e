"""The solver: what a batch, a pause and a start that is left must not change, and what may not be called converged."""

import numpy as np
import pytest

from labkit import laws, seeds
from labkit.laws import fitting, race, solver, starts
from labkit.laws.misfit import Data, residuals
from labkit.laws.objectives import Objective
from labkit.laws.stepping import Rows

X = np.geomspace(10, 1e5, 40)
FEW = ("power", "power_floor", "reciprocal_shift", "shifted_power", "log_logistic", "exponential",
       "stretched_exponential")  # fmt: skip


def curve(seed: int) -> np.ndarray:
    rng = seeds.generator(seed, "solver")
    floor, start, rate = rng.uniform(0, 0.3), rng.uniform(0.5, 3), rng.uniform(0.2, 0.8)
    return (floor + start * (1 + X / rng.choice([1e-3, 300])) ** -rate) * np.exp(0.02 * rng.standard_normal(len(X)))


def begun(form, objective, y, **options):
    """A search from all starts of one curve, and the places of its starts."""
    scaled = fitting.scale(form, Data((X[None],), y[None], np.ones((1, len(y))))).data
    low, high = starts.bounds(form, scaled)
    begin = starts.starting_points(form, objective, scaled, low, high, keep=8)[0]
    which = np.zeros(len(begin), int)
    return solver.Search(form, objective, scaled, begin, which, low[which], high[which], **options)


@pytest.mark.parametrize("objective", ["log_squared", "huber_log"])
@pytest.mark.parametrize("form", ["power_floor", "m4"])
def test_a_search_in_pieces_comes_to_where_one_in_a_whole_does(form, objective):
    form, objective = laws.get(form), Objective(objective)
    whole = begun(form, objective, curve(1)).run(60)
    pieces = begun(form, objective, curve(1))
    for steps in (1, 7, 22, 30):
        found = pieces.run(steps)
    for name in ("theta", "cost", "status", "iterations"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name), err_msg=name)


def test_rows_that_are_left_change_nothing_for_the_others():
    form, objective = laws.get("power_floor"), Objective("huber_log")
    whole = begun(form, objective, curve(2)).run(40)
    some = begun(form, objective, curve(2))
    some.run(3)
    kept = np.arange(len(some.found.cost)) % 2 == 0
    assert some.leave(kept)
    found = some.run(37)
    np.testing.assert_allclose(found.cost[kept], whole.cost[kept], rtol=1e-12)
    np.testing.assert_array_equal(found.iterations[~kept], np.minimum(whole.iterations[~kept], 3))


@pytest.mark.parametrize("objective", ["log_squared", "huber_log"])
@pytest.mark.parametrize("form", FEW)
def test_leaving_slow_starts_costs_next_to_nothing_where_the_fit_is_called_converged(form, objective):
    # every start run to its end, in the form's own coordinates, against the heats of a single fit
    form = laws.get(form)
    for seed in range(6):
        found = begun(form, Objective(objective), curve(seed), ridges=True).run(500)
        fitted = laws.ScalingLaw(form.name, objective).fit(X, curve(seed))
        assert fitted.objective_ <= 1.02 * found.cost.min() or not fitted.converged_, seed


def test_a_start_whose_step_is_not_a_number_is_not_called_converged(monkeypatch):
    plain = Rows._residuals

    def broken(rows, theta):
        residual, factor, partials = plain(rows, theta)
        return residual, factor, (partials[0], partials[1] * np.nan, *partials[2:])

    monkeypatch.setattr(Rows, "_residuals", broken)
    found = begun(laws.get("power_floor"), Objective("log_squared"), curve(3)).run(60)
    assert (found.status == solver.STALLED).all()


def test_a_start_that_cannot_go_on_changes_nothing_for_the_others(monkeypatch):
    form, objective = laws.get("stretched_exponential"), Objective("log_squared")
    alone = begun(form, objective, curve(5)).run(30)
    plain = Rows._residuals

    def broken(rows, theta):
        residual, factor, partials = plain(rows, theta)
        shape = residual.shape
        partials = tuple(np.broadcast_to(partial, shape).copy() for partial in partials)
        partials[1][rows.index == 2] = np.nan
        return residual, factor, partials

    monkeypatch.setattr(Rows, "_residuals", broken)
    found = begun(form, objective, curve(5)).run(30)
    others = np.arange(len(found.cost)) != 2
    np.testing.assert_allclose(found.cost[others], alone.cost[others], rtol=1e-9)


def test_m4_learns_its_share_where_the_rest_rounds_to_nothing():
    # far below the place of the fall the share of the span is one to the last digit
    twin = laws.get("m4").twin
    theta = np.array([[0.1, 0.8, 0.1, 1 - 1e-6, 0.5]])
    columns, step = (np.geomspace(1e-3, 1e3, 30)[None],), 1e-9
    _, partials = twin.evaluate(columns, theta)
    assert all(np.isfinite(partial).all() for partial in partials)
    moved = [twin.evaluate(columns, theta + np.array([0, 0, 0, sign * step, 0]))[0] for sign in (1, -1)]
    np.testing.assert_allclose((moved[0] - moved[1]) / (2 * step), partials[3], rtol=1e-3, atol=1e-3)


def test_residuals_of_a_squared_objective_are_those_of_the_value():
    form, data = laws.get("power"), Data((X[None],), curve(4)[None], np.ones((1, len(X))))
    residual, factor, _ = residuals(form, Objective("squared"), data, np.array([[2.0, 0.3]]))
    assert factor is None
    np.testing.assert_allclose(residual[0], 2 * X**-0.3 - curve(4))


def test_forms_of_few_parameters_sprint():
    assert race.heats(laws.get("log_logistic")) is race.SPRINT
    assert race.heats(laws.get("m4")) is race.RELAY
    assert race.heats(laws.get("broken_power")) is race.TREK


@pytest.mark.parametrize("form", ["broken_power", "m4"])
def test_what_is_listed_as_a_minimum_is_one(form):
    # a start that was left on its way would go on from where it stands
    form, objective = laws.get(form), Objective("log_squared")
    for seed in range(4):
        law = laws.ScalingLaw(form.name, objective.name).fit(X, curve(seed))
        listed = law.optima_[law.optima_["objective"] > law.objective_]
        begin = law._fits.scaled.into(form, listed[list(form.names)].to_numpy(), np.zeros(len(listed), int))
        which = np.zeros(len(begin), int)
        low, high = (np.repeat(bound[:1], len(begin), 0) for bound in (law._fits.low, law._fits.high))
        found = solver.solve(form, objective, law._fits.scaled.data, begin, which, low, high, iterations=20)
        assert (found.cost >= (1 - 1e-3) * listed["objective"].to_numpy()).all(), seed
