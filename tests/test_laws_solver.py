"""The solver: what a batch, a pause and a start that is left must not change, and what may not be called converged."""

from dataclasses import replace

import numpy as np
import pytest

from labkit import laws, seeds
from labkit.laws import fitting, race, solver, starts, stepping
from labkit.laws.level import levelled
from labkit.laws.misfit import Data, cost, residuals
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


@pytest.mark.parametrize("form", [form for form in laws.FORMS if form.twin], ids=lambda form: form.name)
def test_a_form_by_its_level_is_the_same_law_with_its_own_derivatives(form):
    level, columns = levelled(form), (np.geomspace(0.1, 10, 9)[None],)
    theta = np.array([[0.7 if one.starts is None else np.median(one.starts) for one in form.parameters]])
    there = level.into(theta)
    np.testing.assert_allclose(level.back(there, None, None), theta, rtol=1e-12)
    value, partials = level.evaluate(columns, there)
    np.testing.assert_allclose(value, form.evaluate(columns, theta)[0], rtol=1e-12)
    for i, partial in enumerate(partials):
        step = np.zeros_like(there)
        step[0, i] = 1e-6 * max(abs(there[0, i]), 1e-3)
        ends = [level.evaluate(columns, there + sign * step)[0] for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step[0, i])
        np.testing.assert_allclose(np.broadcast_to(partial, slope.shape), slope, rtol=1e-5, atol=1e-7)


def test_a_fit_at_a_bound_is_the_best_one_there():
    # a straight power law drives the place of the fall to its lowest; profiled there, no other stretch is better
    y = 3 * X**-0.3 * np.exp(0.02 * seeds.generator(11, "solver").standard_normal(len(X)))
    law = laws.ScalingLaw("stretched_exponential").fit(X, y)
    assert law.converged_
    assert "d" in law.at_bound_
    fits, form = law._fits, law._form
    best = fits.theta[0, 0]
    around = np.repeat(best[None], 40, 0)
    around[:, 3] *= np.linspace(0.9, 1.1, 40)
    around[:, 1] *= np.exp(best[2] ** -around[:, 3] - best[2] ** -best[3])  # the same level where the points are
    costs = cost(form, law._objective, fits.scaled.data.rows(np.zeros(40, int)), around)
    assert fits.cost[0, 0] <= costs.min()


@pytest.mark.parametrize("endless", [("S", "d"), ()])
def test_a_form_of_ones_own_may_have_any_number_of_parameters_without_end(endless):
    form = laws.get("stretched_exponential")
    own = replace(form, name="own", aliases=(), twin=replace(form.twin, endless=endless))
    y = 3 * X**-0.3 * np.exp(0.02 * seeds.generator(11, "solver").standard_normal(len(X)))
    found, ours = laws.ScalingLaw(own).fit(X, y), laws.ScalingLaw(form).fit(X, y)
    assert "d" in found.at_bound_
    assert found.objective_ == pytest.approx(ours.objective_, rel=1e-3)


def test_a_robust_search_begins_nowhere_worse_than_its_starts():
    form, objective = laws.get("shifted_power"), Objective("huber_log")
    for seed in range(4):
        cold, warm = (begun(form, objective, curve(seed), warm=steps).found.cost for steps in (0, 4))
        assert (warm <= cold).all(), seed
        assert (warm < cold).any(), seed


@pytest.mark.parametrize("delta", [1e-3, 0.1])
def test_the_length_of_a_step_is_the_best_of_those_tried_unless_all_of_it_keeps_its_promise(delta):
    form, objective = laws.get("power_floor"), Objective("huber_log", delta)
    rows = begun(form, objective, curve(6)).parts[0]
    rows.damping[:] = 1e-9  # long steps
    step, promised = rows._step()
    reach, likely = rows._reach(step, promised)
    shares = 2.0 ** -np.arange(8)
    ends = (rows.theta[:, None] - bound[:, None] for bound in (rows.high, rows.low))
    way = np.clip(shares[:, None] * step[:, None], *ends)  # past a bound a step follows it
    gains = rows.value[:, None] - objective.value(rows.line[:, -1:] - way @ rows.line[:, :-1]).sum(2)
    chosen = gains[np.arange(len(reach)), reach]
    np.testing.assert_allclose(likely, chosen, rtol=1e-9, atol=1e-15)
    keeps = gains[:, 0] >= 0.5 * promised
    assert (reach[keeps] == 0).all()
    np.testing.assert_allclose(chosen[~keeps], gains[~keeps, 1:].max(1), rtol=1e-9)


@pytest.mark.parametrize("form", ["shifted_power", "m4"])
def test_the_room_to_the_bounds_is_what_a_step_may_use(form):
    search = begun(laws.get(form), Objective("huber_log"), curve(2), damping=1e-6)
    rows = search.parts[0]
    for room, bound in zip(rows._room(), (search.low, search.high), strict=True):
        reached = rows._parameters(rows.at - room)
        finite = np.isfinite(bound)
        assert finite.any()
        np.testing.assert_allclose(reached[finite], bound[finite], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_going_home_at_once_from_far_beyond_the_bounds_costs_nothing(monkeypatch, seed):
    rng = seeds.generator(seed, "beyond")
    y = (0.05 + 2 * X**-0.45) * np.exp(0.01 * rng.standard_normal(len(X)))
    asked = []
    beyond = race._beyond
    monkeypatch.setattr(race, "_beyond", lambda *given: asked.append(beyond(*given)) or asked[-1])
    at_once = laws.ScalingLaw("stretched_exponential", "huber_log").fit(X, y)
    monkeypatch.setattr(race, "_beyond", lambda form, problem, found: np.zeros(len(found.cost), bool))
    later = laws.ScalingLaw("stretched_exponential", "huber_log").fit(X, y)
    assert asked[0].all()
    assert at_once.objective_ <= later.objective_ * (1 + 1e-6)


def test_a_start_has_arrived_where_the_way_to_an_ended_one_only_goes_down():
    form, objective = laws.get("power"), Objective("log_squared")
    y = 2 * X**-0.5
    data = Data((X[None],), y[None], np.ones((1, len(X))))
    theta = np.array([[2.0, 0.5], [2.6, 0.55], [2.0, 0.5]])
    costs = cost(form, objective, data.rows(np.zeros(3, int)), theta)
    status = np.array([solver.REACHED, solver.EXHAUSTED, solver.EXHAUSTED])
    found = solver.Solution(theta.copy(), costs.copy(), status.copy(), np.zeros(3, int))
    bounds = np.zeros((3, 2)), np.full((3, 2), np.inf)
    race._arrived(form, race.Problem(objective, data, np.zeros(3, int), *bounds, kept=3), found)
    assert (found.status == solver.REACHED).all()
    np.testing.assert_array_equal(found.theta[1], theta[0])


def test_a_start_behind_a_ridge_has_not_arrived(monkeypatch):
    form, objective = laws.get("power"), Objective("log_squared")
    data = Data((X[None],), X[None] ** -0.5, np.ones((1, len(X))))
    theta = np.array([[1.0, 0.2], [1.0, 1.0]])
    found = solver.Solution(
        theta.copy(), np.array([0.1, 0.2]), np.array([solver.REACHED, solver.EXHAUSTED]), np.zeros(2)
    )
    monkeypatch.setattr(race, "cost", lambda law, objective, data, theta, which: 0.3 - (theta[:, 1] - 0.6) ** 2)
    bounds = np.zeros((2, 2)), np.full((2, 2), np.inf)
    race._arrived(form, race.Problem(objective, data, np.zeros(2, int), *bounds, kept=2), found)
    assert found.status[1] == solver.EXHAUSTED
    assert found.cost[1] == 0.2


@pytest.mark.parametrize("objective", ["squared", "log_squared", "huber_log"])
@pytest.mark.parametrize("form", FEW)
def test_a_constant_curve_is_fitted_without_a_word_of_overflow(form, objective):
    law = laws.ScalingLaw(form, objective).fit(X, np.full(len(X), 0.5))
    np.testing.assert_allclose(law.predict(X), 0.5, rtol=1e-3)


def test_a_curve_that_falls_at_once_is_followed_to_the_bound_of_its_place():
    # nothing of the fall is left at the middle size, so the level there says nothing of the amplitude
    y = np.r_[1.0, np.full(19, 1e-8)] * np.exp(0.02 * np.random.default_rng(2).standard_normal(20))
    law = laws.ScalingLaw("stretched_exponential", "log_squared").fit(np.geomspace(10, 1e5, 20), y)
    assert law.objective_ < 0.05
    assert law.converged_


@pytest.mark.parametrize("form", ["m4", "shifted_power"])
def test_steps_that_fail_in_a_curved_valley_are_corrected(monkeypatch, form):
    def searched() -> list[solver.Solution]:
        return [begun(laws.get(form), Objective("huber_log"), curve(seed), warm=8).run(500) for seed in range(6)]

    corrected = searched()
    monkeypatch.setattr(stepping, "LATE", np.inf)
    straight = searched()
    steps = [sum(int(found.iterations.sum()) for found in way) for way in (corrected, straight)]
    assert steps[0] < steps[1]
    lowest = [np.array([found.cost.min() for found in way]) for way in (corrected, straight)]
    assert (lowest[0] <= (1 + 1e-9) * lowest[1]).all()
