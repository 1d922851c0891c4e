"""Tables about the pruned perceptron: what they hold, where curves cross, and how sure a simulated crossing is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit.theory import perceptron, pruning_trial


def test_every_pool_fraction_and_rule_has_its_exact_error():
    table = pruning_trial.errors([2.0, 8.0], [0.3, 0.6], ["easiest", "random"], probe_angle=10.0)
    assert len(table) == 8
    for row in table.itertuples():
        exact = perceptron.test_error(row.pool_per_dimension, row.fraction, row.keep, row.probe_angle)
        assert row.error == pytest.approx(exact, rel=1e-9)
        assert row.kept_per_dimension == pytest.approx(row.pool_per_dimension * row.fraction)


@pytest.mark.parametrize("angle", [0.0, 25.0])
def test_the_best_rule_is_the_one_with_the_lowest_error(angle):
    table = pruning_trial.best_rules([1.0, 6.0, 40.0], [0.1, 0.5, 0.9], angle)
    assert (table[list(perceptron.KEEPS)].idxmin(axis=1) == table.best).all()
    assert len(table) == 9


def test_random_examples_are_best_between_the_regions_of_a_poor_probe():
    assert pruning_trial.best_rules([60.0], [0.1], 20.0).best.tolist() == ["random"]


def test_keeping_everything_has_no_best_rule():
    with pytest.raises(ValueError, match="fraction of 1 keeps everything"):
        pruning_trial.best_rules([1.0], [0.5, 1.0])


@pytest.mark.parametrize(("fraction", "angle"), [(0.1, 0.0), (0.5, 0.0), (0.5, 20.0)])
def test_at_the_crossing_both_errors_are_equal(fraction, angle):
    pool = pruning_trial.crossing(fraction, angle)
    hard, easy = (perceptron.test_error(pool, fraction, rule, angle) for rule in ("hardest", "easiest"))
    assert hard == pytest.approx(easy, rel=1e-3)
    hard, easy = (perceptron.test_error(0.8 * pool, fraction, rule, angle) for rule in ("hardest", "easiest"))
    assert hard > easy


def test_small_fractions_cross_at_two_kept_examples_per_dimension():
    for fraction in (0.05, 0.1):
        assert fraction * pruning_trial.crossing(fraction) == pytest.approx(2.0, rel=0.01)


def test_a_rule_that_never_wins_crosses_nowhere_and_one_that_always_does_from_the_start():
    assert pruning_trial.crossing(0.5, 0.0, "random", "easiest") == np.inf
    assert pruning_trial.crossing(0.5, 0.0, "easiest", "random") == 0.0


def test_the_best_series_is_the_lowest_of_the_others():
    table = pruning_trial.best_fractions([1.0, 4.0, 16.0], [0.05, 0.2, 0.5, 1.0], probe_angle=20.0)
    best = table[table.series == "best"].set_index("kept_per_dimension")
    every = table[table.series != "best"]
    np.testing.assert_allclose(best.error, every.groupby("kept_per_dimension").error.min())
    assert not best.at_edge.any()
    assert sorted(every.series.unique()) == ["keep 0.05", "keep 0.2", "keep 0.5", "keep 1"]


def test_a_simulated_table_holds_what_the_simulation_gives():
    setting = (25, 3.0, 0.5, "easiest", 10.0, 5, 7)
    table = pruning_trial.simulated(*setting)
    np.testing.assert_array_equal(table.error, perceptron.simulate(*setting))
    assert table.kept_per_dimension.unique() == pytest.approx([38 / 25])


def test_the_standard_error_of_a_log_ratio_is_that_of_resampling():
    rng = np.random.default_rng(3)
    first, second = rng.gamma(9.0, 0.02, 60), rng.gamma(9.0, 0.01, 80)
    value, se = pruning_trial.log_ratio(first, second)
    drawn = [np.log(rng.choice(first, 60).mean() / rng.choice(second, 80).mean()) for _ in range(3000)]
    assert value == pytest.approx(np.log(first.mean() / second.mean()))
    assert se == pytest.approx(np.std(drawn), rel=0.1)


def test_one_repeat_has_no_standard_error():
    with pytest.raises(ValueError, match="at least two repeats each, got 1 and 2"):
        pruning_trial.log_ratio([0.1], [0.1, 0.2])


def runs(crossing, noise, repeats=40, pools=(2.0, 4.0, 8.0, 16.0)):
    rng = np.random.default_rng(11)
    rows = [
        (keep, pool, 0.1 * (pool / crossing) ** -slope * np.exp(noise * rng.standard_normal()))
        for keep, slope in (("hardest", 1.5), ("easiest", 0.9))
        for pool in pools
        for _ in range(repeats)
    ]
    return pd.DataFrame(rows, columns=["keep", "pool_per_dimension", "error"])


def test_a_crossing_of_straight_lines_is_found_between_the_pools():
    found, se = pruning_trial.crossed(runs(5.3, 0.0))
    assert found == pytest.approx(5.3)
    assert se == pytest.approx(0.0, abs=1e-9)


def test_the_standard_error_of_a_crossing_covers_its_miss():
    found, se = pruning_trial.crossed(runs(5.3, 0.2), seed=1)
    assert abs(found - 5.3) < 4 * se
    assert 0.02 < se < 1.0
    assert pruning_trial.crossed(runs(5.3, 0.2), seed=1) == (found, se)


def test_a_crossing_outside_the_pools_is_unknown():
    found, se = pruning_trial.crossed(runs(100.0, 0.0))
    assert np.isnan(found)
    assert np.isnan(se)
