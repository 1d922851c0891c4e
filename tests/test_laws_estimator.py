"""The ScalingLaw estimator: recovery, conventions, refusals."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from labkit import laws
from labkit.registry import UnknownName

X = np.geomspace(30, 30_000, 14)


def noisy(seed, noise=0.01, floor=0.1):
    return (floor + 8 * X**-0.5) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(X)))


@pytest.mark.parametrize("objective", ["squared", "log_squared", "huber_log", "asymmetric"])
def test_noise_free_parameters_are_recovered(objective):
    law = laws.ScalingLaw("power_floor", objective=objective).fit(X, 0.1 + 8 * X**-0.5)
    np.testing.assert_allclose([law.parameters_[k] for k in ("E", "A", "alpha")], [0.1, 8, 0.5], rtol=1e-5)
    assert law.objective_ < 1e-12
    assert law.converged_


def test_exponent_is_recovered_within_its_own_interval():
    inside = 0
    for seed in range(20):
        law = laws.ScalingLaw("power_floor", "log_squared").fit(X, noisy(seed))
        low, high = law.bootstrap(200, seed=0)["alpha"].quantile([0.025, 0.975])
        inside += low <= 0.5 <= high
    assert inside >= 14


def test_intervals_hold_the_prediction_and_widen_with_the_level():
    law = laws.ScalingLaw("power_floor", "log_squared").fit(X, noisy(0))
    prediction, low, high = law.predict([1e5, 1e6], interval=0.9)
    _, lower, higher = law.predict([1e5, 1e6], interval=0.99)
    bounds = np.stack([lower, low, prediction, high, higher])
    assert (np.diff(bounds, axis=0) > 0).all()


@pytest.mark.parametrize("spare", [1, 2, 20])
def test_intervals_hold_their_share_of_new_points_however_few_points_are_to_spare(spare):
    x, inside = np.geomspace(1, 1e3, 2 + spare), []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y, new = (2 * at**-0.5 * np.exp(0.03 * rng.standard_normal(len(at))) for at in (x, np.array([2e3, 2e4])))
        _, low, high = laws.ScalingLaw("power", "log_squared").fit(x, y).predict([2e3, 2e4], interval=0.9)
        inside.append((low <= new) & (new <= high))
    assert 0.8 < np.mean(inside) < 0.97  # one to spare: 0.69 if the size of the noise were known


def test_the_interval_of_a_last_value_holds_the_next_size_and_not_the_whole_fall():
    x, inside, wide = 100 * 2.0 ** np.arange(11), [], []
    for seed in range(60):
        y = (0.1 + 2 * x**-0.4) * np.exp(0.03 * np.random.default_rng(seed).standard_normal(11))
        _, (low,), (high,) = laws.ScalingLaw("last_value").fit(x[:10], y[:10]).predict(x[10:], interval=0.9)
        inside.append(low <= y[10] <= high)
        wide.append(np.log(high / low) / np.log(y[0] / y[9]))
    assert np.mean(inside) > 0.75
    assert np.median(wide) < 0.5


@pytest.mark.parametrize("objective", ["huber_log", "squared"])
def test_an_interval_does_not_depend_on_which_other_points_are_asked_for(objective):
    law = laws.ScalingLaw("power_floor", objective).fit(X, noisy(0))
    asked = np.geomspace(100, 1e7, 9)
    whole = np.stack(law.predict(asked, interval=0.9))
    np.testing.assert_array_equal(np.stack(law.predict(asked[::-1], interval=0.9))[:, ::-1], whole)
    np.testing.assert_array_equal(np.stack(law.predict(asked[4:5], interval=0.9)), whole[:, 4:5])


def test_estimator_follows_the_conventions_of_scikit_learn():
    law = laws.ScalingLaw("power", objective="squared", delta=0.1, seed=3)
    copy = clone(law)
    assert copy.get_params() == {"form": "power", "objective": "squared", "delta": 0.1, "seed": 3}
    assert copy.set_params(form="M2").form == "M2"
    assert not hasattr(law, "parameters_")
    assert law.fit(X, noisy(0)) is law
    assert 0.9 < law.score(X, noisy(0)) <= 1


@pytest.mark.parametrize("form", ["power", "power_floor"])
def test_fit_does_not_depend_on_units_or_order(form):
    y = noisy(1)
    base = laws.ScalingLaw(form).fit(X, y)
    scaled = laws.ScalingLaw(form).fit(X * 1e-9, y * 1e4)
    np.testing.assert_allclose(scaled.predict([1e-3]), 1e4 * base.predict([1e6]), rtol=1e-6)
    assert scaled.parameters_["alpha"] == pytest.approx(base.parameters_["alpha"], rel=1e-6)
    order = np.random.default_rng(0).permutation(len(X))
    assert laws.ScalingLaw(form).fit(X[order], y[order]).parameters_ == base.parameters_


def test_last_value_is_the_mean_at_the_largest_x():
    law = laws.ScalingLaw("last_value").fit([3, 1, 3], [0.2, 0.9, 0.4])
    assert law.parameters_["E"] == pytest.approx(0.3)
    np.testing.assert_allclose(law.predict([10, 20]), [0.3, 0.3])


def test_the_last_value_heeds_weights_as_its_refits_do():
    law = laws.ScalingLaw("last_value").fit([1, 2, 2, 4], [0.9, 0.2, 0.6, 50.0], [1, 3, 1, 0])
    assert law.parameters_["E"] == pytest.approx(0.3)
    assert law.bootstrap(50)["E"].between(0.2, 0.9).all()
    assert law.objective_ == pytest.approx(0.6**2 + 3 * 0.1**2 + 0.3**2)


def test_weights_of_zero_leave_points_out():
    y = noisy(2)
    spoiled = y.copy()
    spoiled[4] = 50.0
    weights = np.ones(len(X))
    weights[4] = 0
    whole = laws.ScalingLaw("power_floor").fit(np.delete(X, 4), np.delete(y, 4)).predict([1e6])
    np.testing.assert_allclose(laws.ScalingLaw("power_floor").fit(X, spoiled, weights).predict([1e6]), whole, rtol=1e-5)


@pytest.mark.parametrize("objective", ["squared", "log_squared"])
def test_points_of_weight_zero_say_nothing_about_the_noise(objective):
    y, weights = noisy(2), np.ones(len(X))
    spoiled = y.copy()
    spoiled[4], weights[4] = 50.0, 0
    without = laws.ScalingLaw("power_floor", objective).fit(np.delete(X, 4), np.delete(y, 4))
    ignored = laws.ScalingLaw("power_floor", objective).fit(X, spoiled, weights)
    widths = [np.diff(law.predict([1e4], interval=0.99)[1:], axis=0)[0, 0] for law in (without, ignored)]
    assert widths[1] == pytest.approx(widths[0], rel=0.3)


@pytest.mark.parametrize("form", ["power", "last_value"])
def test_no_sizes_are_given_no_predictions(form):
    law = laws.ScalingLaw(form).fit(X, noisy(0))
    assert law.predict([]).shape == (0,)
    assert [ends.shape for ends in law.predict([], interval=0.9)] == [(0,)] * 3


def test_frame_columns_are_taken_by_name():
    frame = pd.DataFrame({"x": X})
    assert laws.ScalingLaw("power").fit(frame, noisy(0)).predict(frame).shape == X.shape


@pytest.mark.parametrize("x", [[1.0, 2.0], [1.0, 1.0, 2.0, 2.0, 2.0]])
def test_fewer_sizes_than_parameters_are_said_and_their_intervals_flagged(x):
    law = laws.ScalingLaw("power_floor").fit(x, 0.3 + 0.7 / np.array(x))
    assert "2 distinct points cannot determine 3 parameters" in law.reason_
    with pytest.warns(UserWarning, match="says nothing about the error"):
        law.bootstrap(5)
    with pytest.warns(UserWarning, match="says nothing about the error"):
        law.predict([4.0], interval=0.9)


def test_as_many_points_as_parameters_are_an_exact_fit_and_flagged():
    law = laws.ScalingLaw("power_floor").fit([1.0, 2.0, 4.0], [1.0, 0.7, 0.55])
    assert "the fit is exact" in law.reason_
    with pytest.warns(UserWarning, match="3 distinct points and 3 parameters"):
        law.predict([4.0], interval=0.9)


@pytest.mark.parametrize(
    "asked",
    [
        lambda law: law.bootstrap(5),
        lambda law: law.predict([4.0], interval=0.9),
        lambda law: law.profile("alpha"),
        lambda law: laws.plan(law, 0.6),
    ],
    ids=["bootstrap", "predict", "profile", "plan"],
)
def test_a_warning_points_to_the_line_that_asked(asked):
    law = laws.ScalingLaw("power_floor").fit([1.0, 2.0, 4.0], [1.0, 0.7, 0.55])
    with pytest.warns(UserWarning, match="says nothing about the error") as caught:
        asked(law)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([1, 2, np.nan], [1, 2, 3], "NaN"),
        ([1, 2, 3], [1, np.inf, 3], "y has 1 NaN or infinite"),
        ([0, 2, 3], [1, 2, 3], "above zero"),
        ([1, 2, 3], [1, 0, 3], "objective='squared'"),
        ([1, 2, 3], [1, 2], "one value per row"),
        (["a", "b", "c"], [1, 2, 3], "numbers"),
        ([], [], "no points"),
        (np.ones((3, 2)), [1, 2, 3], "shape"),
    ],
)
def test_points_that_cannot_be_fitted_are_refused(x, y, words):
    with pytest.raises(ValueError, match=words):
        laws.ScalingLaw("power").fit(x, y)


def test_a_masked_point_does_not_count_as_known():
    with pytest.raises(ValueError, match="x has 1 NaN"):
        laws.ScalingLaw("power").fit(np.ma.array([1.0, 2, 3], mask=[False, True, False]), [3.0, 2, 1])
    kept = np.ma.array([3.0, 9.0, 1.5, 1.0], mask=[False, True, False, False])
    assert laws.forecast([1, 2, 3, 4], kept, [8]) == laws.forecast([1, 3, 4], [3.0, 1.5, 1.0], [8])


@pytest.mark.parametrize("x", [pd.date_range("2020", periods=3), np.array([1, 2, 3]) + 0j], ids=["dates", "complex"])
def test_what_merely_could_become_a_number_is_refused(x):
    with pytest.raises(ValueError, match=r"X must be numbers, got (datetime64|complex)"):
        laws.ScalingLaw("power").fit(x, [3.0, 2, 1])


@pytest.mark.parametrize("seed", [None, "one", True, np.random.default_rng(0)])
def test_a_seed_that_is_no_number_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        laws.ScalingLaw("power", seed=seed).fit([1, 2, 3], [3.0, 2, 1])


def test_columns_of_other_names_are_refused_with_what_to_do():
    frame = pd.DataFrame({"N": [1.0, 2], "D": [1.0, 2]})
    with pytest.raises(ValueError, match=r"'params'.*give params, tokens as an array"):
        laws.ScalingLaw("chinchilla").fit(frame, [1.0, 2])
    with pytest.raises(ValueError, match=r"'x'.*give that column alone"):
        laws.ScalingLaw("power").fit(frame, [1.0, 2])


@pytest.mark.parametrize("form", ["m4", laws.get("power_floor")], ids=["by name", "as a form"])
def test_a_fitted_law_survives_a_pickle(form):
    law = laws.ScalingLaw(form).fit(X, noisy(5))
    again = pickle.loads(pickle.dumps(law))
    assert again.parameters_ == law.parameters_
    assert repr(again) == repr(law)
    np.testing.assert_array_equal(again.predict([1e5], interval=0.9), law.predict([1e5], interval=0.9))


def test_forms_that_ship_are_pickled_and_copied_as_themselves():
    for form in laws.FORMS:
        assert pickle.loads(pickle.dumps(form)) is form
        assert copy.deepcopy(form) is form


def test_a_form_in_the_place_of_one_that_ships_is_not_taken_for_it():
    ours = replace(laws.get("power"), source="for the test")
    assert copy.deepcopy(ours).source == "for the test"


def test_unknown_names_get_the_nearest_match():
    with pytest.raises(UnknownName, match="power_floor"):
        laws.ScalingLaw("power_flor").fit(X, noisy(0))
    with pytest.raises(ValueError, match="huber_log"):
        laws.ScalingLaw("power", objective="huber").fit(X, noisy(0))
    with pytest.raises(ValueError, match="between 0 and 1"):
        laws.ScalingLaw("power").fit(X, noisy(0)).predict(X, interval=90)


def test_the_profile_of_a_parameter_has_its_minimum_at_the_fit():
    law = laws.ScalingLaw("power_floor", "log_squared").fit(X, noisy(0))
    frame = law.profile("alpha", [0.4, law.parameters_["alpha"], 0.6])
    assert frame["objective"].idxmin() == 1
    assert frame["objective"].iloc[1] == pytest.approx(law.objective_, rel=1e-9)
    assert frame["likely"].tolist()[1]
    with pytest.raises(UnknownName, match="alpha"):
        law.profile("alfa")


def test_residual_bootstrap_agrees_with_the_pair_bootstrap():
    law = laws.ScalingLaw("power_floor", "log_squared").fit(X, noisy(3))
    pairs, residuals = (law.bootstrap(300, seed=0, kind=kind)["alpha"].std() for kind in ("pairs", "residuals"))
    assert 0.4 < pairs / residuals < 2.5


def test_a_seed_gives_identical_draws():
    law = laws.ScalingLaw("power_floor").fit(X, noisy(4))
    pd.testing.assert_frame_equal(law.bootstrap(20, seed=5), law.bootstrap(20, seed=5))
    assert not law.bootstrap(20, seed=5).equals(law.bootstrap(20, seed=6))


def test_a_long_curve_fits_and_resamples_in_little_memory():
    x = np.arange(1.0, 30_001)
    law = laws.ScalingLaw("power_floor", "log_squared").fit(x, 0.1 + x**-0.5)
    assert law.parameters_["alpha"] == pytest.approx(0.5, rel=1e-6)
    _, low, high = law.predict([1e6], interval=0.9)
    assert low[0] - 1e-9 <= 0.101 <= high[0] + 1e-9
