"""The trial of the stopping rules tells good rules from bad ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit.laws import stopping_trial as trial


@pytest.fixture(scope="module")
def made():
    return trial.made_up_curves(200, seed=1)


def test_made_up_curves_fall_to_their_floor(made):
    assert (np.diff(made.truth, axis=1) < 0).all()
    assert (made.truth[:, -1] > made.floor).all()
    assert np.abs(made.y - made.truth)[:, trial.OUTLIER].min() > 0.03


def test_a_rule_that_knows_the_truth_keeps_every_promise_and_a_rash_one_does_not(made):
    gains = made.truth - made.truth[:, -1:]
    level = (gains <= 0.02).argmax(axis=1) + 1
    knowing = pd.DataFrame({"curve": np.arange(200), "level": level, "x": made.x[level - 1]})
    rash = knowing.assign(level=1)
    assert trial.outcome(knowing, made, 0.02)["kept"] == 1
    assert trial.outcome(rash, made, 0.02)["kept"] == 0
    assert trial.outcome(rash, made, 0.02)["examples"] == made.x[0]


def test_a_curve_that_never_stops_used_all_its_examples(made):
    nothing = pd.DataFrame({"curve": np.array([], int), "level": np.array([], int), "x": np.array([])})
    found = trial.outcome(nothing, made, 0.02)
    assert found["examples"] == made.x[-1]
    assert found["stopped"] == 0


def test_steadiness_is_the_ratio_of_variances(made):
    level = trial.OUTLIER + 1
    random = np.random.default_rng(0)
    miss = random.normal(size=200)
    plain = pd.DataFrame({"curve": range(200), "level": level, "floor": made.floor + miss})
    anchored = plain.assign(floor=made.floor + miss / 2)
    found = trial.steadiness(plain, anchored, made)
    assert found.value == pytest.approx(0.25)
    assert found.low <= 0.25 <= found.high
