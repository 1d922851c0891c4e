"""Schedules have the shape that their name promises, may differ between runs, and bad ones are refused."""

import numpy as np
import pytest

from labkit import datasets, training
from labkit.registry import UnknownName
from labkit.training.schedules import SCHEDULES, factors, read

COUNT = 1000


def curve(given, steps=COUNT):
    return factors([read(given)], 0, steps, np.array([steps]))[:, 0]


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_between_zero_and_one_and_reach_one(name):
    table = curve(name)
    assert table.min() > 0
    assert 0.99 < table.max() <= 1


@pytest.mark.parametrize("name", ["cosine", "linear", "warmup_cosine", "warmup_linear", "wsd", "infinite"])
def test_schedules_that_cool_end_under_a_hundredth(name):
    assert curve(name)[-1] < 0.01


def test_wsd_is_constant_between_its_ends():
    table = curve({"name": "wsd", "warmup": 0.1, "decay": 0.3})
    assert (table[100:700] == 1).all()
    assert (np.diff(table[:100]) > 0).all()
    assert (np.diff(table[701:]) < 0).all()


def test_infinite_waits_at_its_level():
    table = curve({"name": "infinite", "cooled": 0.5, "level": 0.3, "decay": 0.25})
    np.testing.assert_allclose(table[500:750], 0.3, atol=1e-6)
    assert table[-1] == pytest.approx(0.003, rel=0.02)


def test_power_falls_as_its_exponent_says():
    table = curve({"name": "power", "exponent": 0.7})
    slope = np.polyfit(np.log(np.arange(100, COUNT) + 0.5), np.log(table[100:]), 1)[0]
    assert slope == pytest.approx(-0.7, abs=1e-3)


def test_step_drops_where_it_is_told():
    table = curve({"name": "step", "at": [0.2, 0.6], "factor": 0.5})
    assert [table[150], table[300], table[900]] == [1, 0.5, 0.25]


@pytest.mark.parametrize("name", SCHEDULES)
def test_pieces_of_a_schedule_are_the_schedule(name):
    schedule = read(name)
    pieces = [schedule.factors(first, min(first + 7, 100), 100) for first in range(0, 100, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), schedule.factors(0, 100, 100))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_runs_with_schedules_of_their_own_are_those_runs_alone(digits, optimizer):
    given = ["constant", {"name": "wsd", "decay": 0.5}, list(np.linspace(1, 0, 40)), lambda progress: 1 - progress**2]
    runs = [{"seed": 3, "learning_rate": 0.02, "schedule": schedule} for schedule in given]
    together = training.fit_many("mlp", digits, runs, steps=40, optimizer=optimizer)
    assert together.table["test_loss"].nunique() == 4
    assert "schedule" in together.table
    for row, schedule in enumerate(given):
        run = {"seed": 3, "learning_rate": 0.02}
        alone = training.fit_many("mlp", digits, [run], steps=40, optimizer=optimizer, schedule=schedule)
        assert alone.table["test_loss"][0] == pytest.approx(together.table["test_loss"][row], rel=1e-5)


def test_a_table_of_ones_is_constant(digits):
    table, name = (training.fit_many("softmax", digits, [{}], steps=20, schedule=s) for s in ([1] * 20, "constant"))
    assert table.table["test_loss"][0] == name.table["test_loss"][0]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("cosin", UnknownName, "did you mean 'cosine'"),
        ({"name": "wsd", "decai": 0.1}, UnknownName, "did you mean 'decay'"),
        ({"name": "wsd", "decay": 1.5}, ValueError, "decay=1.5; expected a number from 0 to 1"),
        ({"decay": 0.5}, ValueError, "has no 'name'"),
        ([1.0, -0.5], ValueError, "below 0"),
        ([], TypeError, "expected a name"),
        (3, TypeError, "expected a name"),
        (lambda progress: 1.0, ValueError, "expected 5 finite factors"),
        ([1.0, 0.5], ValueError, "makes 5 steps and its schedule has 2 factors"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(digits, given, error, words):
    with pytest.raises(error, match=words):
        training.fit_many("softmax", digits, [{}], steps=5, schedule=given)
    with pytest.raises(error, match=f"run 0.*{words}"):
        training.fit_many("softmax", digits, [{"schedule": given}], steps=5)
