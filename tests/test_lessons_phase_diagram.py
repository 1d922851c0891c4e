"""The phase diagram panel: its numbers are the theory's, its dots those of the simulation, and Stop ends the work."""

from __future__ import annotations

import time

import numpy as np
import pytest

from labkit.display.render import VEGALITE
from labkit.lessons import panels
from labkit.theory import perceptron

SMALL = {"dimension": 12, "repeats": 3}
SECONDS = 30


def test_the_record_holds_the_exact_errors_of_the_setting():
    record = panels.phase_diagram(**SMALL).set(pool=20.0, fraction=0.3, probe_angle=10.0).value
    for rule, error in record.errors.items():
        assert error == pytest.approx(perceptron.test_error(20.0, 0.3, rule, 10.0))
    assert record.best == "hardest"
    assert record.curves.keep.unique().tolist() == list(perceptron.KEEPS)


def test_the_map_does_not_depend_on_pool_or_fraction_but_on_the_probe():
    panel = panels.phase_diagram(**SMALL)
    first = panel.value.map
    assert panel.set(pool=1.0, fraction=0.2).value.map.equals(first)
    assert (panel.set(probe_angle=30.0).value.map.best != first.best).any()


def test_with_a_reader_nothing_is_simulated_until_it_is_asked_for():
    panel = panels.phase_diagram(**SMALL)
    assert len(panel.value.simulated) == 0
    assert panel.value.missing == 15
    assert "15 points can be simulated" in str(panel.value)


def test_headless_the_dots_are_there_and_near_the_curves(headless):
    record = panels.phase_diagram(fraction=0.3, dimension=25, repeats=8).value
    assert record.missing == 0
    assert len(record.simulated) == 18
    for row in record.simulated.itertuples():
        exact = perceptron.test_error(row.pool_per_dimension, 0.3, row.keep)
        assert abs(row.error - exact) < 0.1 * exact + 5 * row.se, row


def test_simulating_starts_and_finished_points_stay_when_the_dial_comes_back():
    panel = panels.phase_diagram(**SMALL)
    panel.start()
    assert panel.wait(SECONDS)
    assert panel.value.missing == 0
    panel.set(fraction=0.9)
    panel.stop()
    assert panel.wait(SECONDS)
    assert panel.set(fraction=0.5).value.missing == 0


def test_stop_ends_the_simulation_between_a_few_repeats():
    panel = panels.phase_diagram(dimension=40, repeats=400)
    panel.start()
    time.sleep(0.3)
    begun = time.monotonic()
    panel.stop()
    assert panel.wait(SECONDS)
    assert time.monotonic() - begun < 10
    assert panel.value.missing > 0


def test_another_seed_draws_other_pools(headless):
    errors = [panels.phase_diagram(seed=seed, **SMALL).value.simulated.error for seed in (0, 0, 1)]
    np.testing.assert_array_equal(errors[0], errors[1])
    assert (errors[0] != errors[2]).all()


def test_the_picture_says_the_setting_and_the_best_rule():
    panel = panels.phase_diagram(pool=10.0, **SMALL)
    sentence = panel.bundle()[VEGALITE]["description"]
    assert "50% of 10 per dimension" in sentence
    assert "keep the hardest" in sentence
    panel.set(pool=50.0, fraction=0.1, probe_angle=20.0)
    assert "keep random ones" in panel.bundle()[VEGALITE]["description"]


@pytest.mark.parametrize(
    ("options", "match"),
    [({"pool": 100.0}, "pool got 100"), ({"fraction": 1.0}, "fraction got 1"), ({"repeats": 1}, "repeats is 1")],
)
def test_a_start_outside_its_control_is_refused(options, match):
    with pytest.raises(ValueError, match=match):
        panels.phase_diagram(**options)
