"""Drift: quiet over reruns with other seeds, loud on a shift of twice the bound, kind by kind."""

import dataclasses
import json
import math

import numpy as np
import pytest

from labkit import results
from labkit.results import Baseline, Entry, Record, bounds, drift, records
from labkit.results.baselines import merged
from labkit.results.values import build

REPEATS = 20
HERE = records.environment()
ELSEWHERE = {**HERE, "versions": {**HERE["versions"], "numpy": "0.1"}}
OTHER_MACHINE = {**HERE, "cpus": -1}


def held(entry, environment=HERE, **more):
    return Baseline("demo", "smoke", environment, {"it": entry}, **more)


def verdict(record, entry, environment=HERE, **more):
    row = results.compare([record], held(entry, environment, **more)).iloc[0]
    assert row["failure"] == (row["verdict"] in ("drifted", "missing"))
    return row["verdict"]


def runs(generator, count, seeds=3, spread=0.1, names=("it",)):
    """Records as a notebook makes them: mean and standard error over a few seeds."""
    made = []
    for _ in range(count):
        draws = 1.0 + spread * generator.standard_normal((len(names), seeds))
        made.append(
            [
                Record(name, row.mean(), "statistical", se=row.std(ddof=1) / math.sqrt(seeds), n=seeds)
                for name, row in zip(names, draws, strict=True)
            ]
        )
    return made


def test_the_false_alarm_rate_is_the_one_promised():
    generator = np.random.default_rng(0)
    draws = generator.standard_normal((200_000, REPEATS + 1))
    mean, spread = draws[:, :REPEATS].mean(1), draws[:, :REPEATS].std(1, ddof=1)
    for level in (1e-1, 1e-2, 1e-3):
        alarms = (np.abs(draws[:, REPEATS] - mean) > bounds.reach(REPEATS, level) * spread).mean()
        assert alarms == pytest.approx(level, abs=5 * math.sqrt(level / 200_000))


def test_no_false_alarm_in_a_hundred_reruns_of_forty_records():
    names = [f"record {number}" for number in range(40)]
    generator = np.random.default_rng(1)
    accepted = list(zip(*runs(generator, REPEATS, names=names), strict=True))
    baseline = Baseline("demo", "smoke", HERE, {one[0].name: merged(one[0].name, one) for one in accepted})
    alarms = sum(results.compare(run, baseline)["failure"].sum() for run in runs(generator, 100, names=names))
    assert alarms == 0


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_shift_of_twice_the_bound_is_always_found(sign):
    generator = np.random.default_rng(2)
    for _ in range(50):
        entry = merged("it", [run[0] for run in runs(generator, REPEATS)])
        moved = dataclasses.replace(entry, value=entry.value + sign * 2 * drift.limit(entry))
        [[record]] = runs(generator, 1)
        assert verdict(record, entry) == "same"
        assert verdict(record, moved) == "drifted"


def test_the_stated_power_is_what_simulation_gives():
    generator = np.random.default_rng(3)
    draws = generator.standard_normal((200_000, REPEATS + 1))
    mean, spread = draws[:, :REPEATS].mean(1), draws[:, :REPEATS].std(1, ddof=1)
    bound = bounds.reach(REPEATS) * spread
    for shift in (0.5, 1.0, 1.5):
        found = (np.abs(draws[:, REPEATS] + shift * bound - mean) > bound).mean()
        assert found == pytest.approx(results.power(shift), abs=0.005)


def test_a_standard_error_grown_threefold_is_drift_and_chance_is_not():
    steady = [Record("it", value, "statistical", se=0.1, n=5) for value in np.linspace(0.9, 1.1, REPEATS)]
    entry = merged("it", steady)
    assert verdict(Record("it", 1.0, "statistical", se=0.29, n=5), entry) == "same"
    assert verdict(Record("it", 1.0, "statistical", se=0.31, n=5), entry) == "drifted"


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_errors_from_few_seeds_do_not_alarm_by_chance(seeds):
    generator = np.random.default_rng(4)
    squares = generator.chisquare(seeds - 1, (2_000, REPEATS + 1)) / (seeds - 1)
    errors = np.sqrt(squares)
    alarms = sum(error[-1] > bounds.se_limit(error[:REPEATS].tolist()) for error in errors)
    assert alarms == 0


def test_values_that_agree_in_all_reruns_are_held_to_their_standard_error():
    entry = Entry("statistical", 0.25, REPEATS, sd=0.0, se=0.01, se_limit=0.03, n=3)
    assert verdict(Record("it", 0.26, "statistical", se=0.01, n=3), entry) == "same"
    assert verdict(Record("it", 0.35, "statistical", se=0.01, n=3), entry) == "drifted"


def test_the_practical_bound_counts_where_it_is_wider_and_only_there():
    entry = Entry("statistical", 1.0, REPEATS, sd=0.01, se=0.01, se_limit=0.03, n=3)
    record = Record("it", 1.2, "statistical", se=0.01, n=3)
    assert verdict(record, entry) == "drifted"
    assert verdict(record, dataclasses.replace(entry, bound=0.3)) == "same"
    inside = Record("it", 1.05, "statistical", se=0.01, n=3)
    assert verdict(inside, dataclasses.replace(entry, bound=0.001)) == "same"


def test_fewer_seeds_than_the_baseline_are_drift():
    entry = Entry("statistical", 1.0, REPEATS, sd=0.1, se=0.1, se_limit=0.3, n=5)
    assert verdict(Record("it", 1.0, "statistical", se=0.1, n=2), entry) == "drifted"


@pytest.mark.parametrize(
    ("value", "environment", "expected"),
    [
        (1 + 0.9e-6, HERE, "same"),
        (1 + 1.2e-6, HERE, "drifted"),
        (1 + 0.9e-3, ELSEWHERE, "same"),
        (1 + 1.2e-3, ELSEWHERE, "drifted"),
    ],
)
def test_numeric_records_agree_to_six_digits_here_and_three_elsewhere(value, environment, expected):
    assert verdict(Record("it", value, "numeric"), Entry("numeric", 1.0, 1), environment) == expected


def test_one_number_of_a_list_is_enough_to_drift():
    entry = Entry("numeric", (1.0, 1e-3), 1)
    assert verdict(Record("it", (1.0, 1e-3), "numeric"), entry) == "same"
    assert verdict(Record("it", (1.0, 1.1e-3), "numeric"), entry) == "drifted"
    assert verdict(Record("it", (1.0,), "numeric"), entry) == "drifted"
    assert verdict(Record("it", 1.0, "numeric"), entry) == "drifted"


@pytest.mark.parametrize(
    ("scores", "se", "expected"),
    [
        ({"a": 0.1, "b": 0.3}, 0.01, "same"),
        ({"a": 0.30, "b": 0.29}, 0.01, "same"),  # reversed, but within two standard errors
        ({"a": 0.5, "b": 0.2}, 0.01, "drifted"),
        ({"a": 0.5, "b": 0.2}, 0.2, "same"),
        ({"a": 0.1, "c": 0.3}, 0.01, "drifted"),
    ],
)
def test_an_order_drifts_when_a_clear_pair_is_clearly_reversed(scores, se, expected):
    entry = Entry("ordinal", ("a", "b"), REPEATS, pairs=(("a", "b", 0.2, 0.02),))
    assert verdict(build("it", scores, se=se, kind="ordinal"), entry) == expected


def test_a_tie_in_the_baseline_may_fall_either_way():
    entry = Entry("ordinal", ("a", "b"), REPEATS, pairs=())
    assert verdict(Record("it", ("b", "a"), "ordinal", scores=(0.1, 0.9)), entry) == "same"


def test_orders_with_true_ties_stay_quiet_over_reruns():
    generator = np.random.default_rng(5)
    truth = {"best": 0.1, "second": 0.12, "third": 0.12, "last": 0.3}

    def one():
        scores = {name: score + 0.01 * generator.standard_normal() for name, score in truth.items()}
        return build("it", scores, se=0.01, kind="ordinal")

    for _ in range(10):
        entry = merged("it", [one() for _ in range(REPEATS)])
        assert {verdict(one(), entry) for _ in range(20)} == {"same"}
        swapped = build("it", {"best": 0.3, "second": 0.12, "third": 0.12, "last": 0.1}, se=0.01, kind="ordinal")
        assert verdict(swapped, entry) == "drifted"


@pytest.mark.parametrize(
    ("seconds", "environment", "expected"),
    [(14, HERE, "same"), (29, HERE, "same"), (31, HERE, "drifted"), (31, OTHER_MACHINE, "not comparable")],
)
def test_time_fails_at_three_times_on_the_same_machine(seconds, environment, expected):
    assert verdict(Record("it", float(seconds), "time"), Entry("time", 10.0, 1), environment) == expected


def test_time_over_half_as_long_again_is_remarked_on():
    table = results.compare([Record("it", 16.0, "time")], held(Entry("time", 10.0, 1)))
    assert "slower than it was" in table["sentence"].item()


def test_other_data_is_not_comparable_and_no_failure():
    entry = Entry("exact", 12, 1, fingerprint="aaaa")
    assert verdict(Record("it", 13, "exact", fingerprint="bbbb"), entry) == "not comparable"
    assert verdict(Record("it", 13, "exact", fingerprint="aaaa"), entry) == "drifted"


@pytest.mark.parametrize("change", [{"kind": "numeric"}, {"unit": "nats"}])
def test_a_changed_kind_or_unit_is_drift(change):
    assert verdict(dataclasses.replace(Record("it", 12, "exact"), **change), Entry("exact", 12, 1)) == "drifted"


def test_missing_records_fail_and_new_ones_do_not():
    table = results.compare([Record("other", 1, "exact")], held(Entry("exact", 12, 1))).set_index("name")
    assert table["verdict"].to_dict() == {"it": "missing", "other": "new"}
    assert table["failure"].to_dict() == {"it": True, "other": False}


def test_an_entry_edited_or_removed_by_hand_fails_even_where_the_number_agrees():
    entry = Entry("exact", 12, 1)
    assert verdict(Record("it", 12, "exact"), entry, edited=frozenset({"it"})) == "drifted"
    removed = Baseline("demo", "smoke", HERE, {}, whole=False)
    table = results.compare([Record("it", 12, "exact")], removed)
    assert table["failure"].item()
    assert "removed from the baseline by hand" in table["sentence"].item()


def test_moving_one_number_of_the_file_by_twice_its_bound_is_named(tmp_path):
    generator = np.random.default_rng(6)

    def rerun(number):
        results.start("demo", "smoke", tmp_path / f"run-{number}")
        for name in ("slope", "offset"):
            draws = 1 + 0.1 * generator.standard_normal(3)
            results.record(name, draws.mean(), se=draws.std(ddof=1) / 3**0.5, n=3, kind="statistical")
        return tmp_path / f"run-{number}"

    results.accept([rerun(number) for number in range(20)], "first", folder=tmp_path)
    for number in range(20, 40):
        table = results.check(rerun(number), tmp_path)
        assert not table["failure"].any(), table.to_string()
    path = results.baseline_path("demo", "smoke", tmp_path)
    content = json.loads(path.read_text())
    content["entries"]["slope"]["value"] += 2 * table.set_index("name")["bound"]["slope"]
    path.write_text(json.dumps(content))
    table = results.check(tmp_path / "run-39", tmp_path)
    assert table.loc[table["failure"], "name"].tolist() == ["slope"]
    assert "apart" in table.set_index("name")["sentence"]["slope"]


def test_a_run_of_another_preset_is_refused(tmp_path):
    results.start("demo", "full", tmp_path)
    with pytest.raises(ValueError, match="the run is of"):
        results.compare(tmp_path, held(Entry("exact", 12, 1)))


def test_without_a_baseline_everything_is_new(tmp_path):
    results.start("demo", "full", tmp_path)
    results.record("points", 3, kind="exact")
    table = results.check(tmp_path, tmp_path)
    assert table["verdict"].tolist() == ["new"]
    assert not table["failure"].any()


def test_a_folder_of_reports_is_checked_run_by_run(tmp_path):
    for notebook in ("00_first", "01_second"):
        results.start(notebook, "smoke", tmp_path / "runs" / notebook)
        results.record("points", 3, kind="exact")
        results.accept(tmp_path / "runs" / notebook, "first", folder=tmp_path)
    results.record("points", 4, kind="exact")
    table = results.check(tmp_path, tmp_path)
    assert table["notebook"].tolist() == ["00_first", "01_second"]
    assert table["verdict"].tolist() == ["same", "drifted"]


def test_a_folder_without_records_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="recorded nothing"):
        results.check(tmp_path, tmp_path)
