"""Baselines: written with a reason, from enough reruns, and never by hand."""

import json
from contextlib import nullcontext

import numpy as np
import pytest

from labkit import results
from labkit.registry import UnknownName


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.delenv("LABKIT_RUN_DIR", raising=False)
    monkeypatch.delenv("LABKIT_HEADLESS", raising=False)


@pytest.fixture
def rerun(tmp_path):
    """Writes one run of the demo notebook with its seed and gives its folder."""

    def write(seed, preset="smoke", **extra):
        draw = np.random.default_rng(seed)
        folder = tmp_path / "runs" / f"{preset}-{seed}"
        results.start("demo", preset, folder)
        results.record("error", 0.2 + 0.01 * draw.standard_normal(), se=0.01, n=3, kind="statistical")
        results.record("points", 12, kind="exact")
        results.record("curve", [1.0, 0.5], kind="numeric")
        results.record("seconds", 10 + seed % 3, kind="time")
        scores = {"good": 0.1, "fair": 0.2, "tied": 0.2}
        noisy = {name: score + 0.005 * draw.standard_normal() for name, score in scores.items()}
        results.record("order", noisy, se=0.005, kind="ordinal")
        for name, given in extra.items():
            results.record(name, **given)
        return folder

    return write


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "baselines"


def test_a_baseline_holds_mean_spread_and_provenance(rerun, folder):
    runs = [rerun(seed) for seed in range(20)]
    values = [results.read(run).records["error"].value for run in runs]
    results.accept(runs, "first numbers", bounds={"error": 0.5}, folder=folder)
    held = results.read_baseline(results.baseline_path("demo", "smoke", folder))
    entry = held.entries["error"]
    assert entry.value == pytest.approx(np.mean(values), rel=1e-12)
    assert entry.sd == pytest.approx(np.std(values, ddof=1), rel=1e-12)
    assert (entry.repeats, entry.n, entry.bound, entry.reason) == (20, 3, 0.5, "first numbers")
    assert entry.old is None
    assert held.entries["seconds"].value == 11
    assert {pair[:2] for pair in held.entries["order"].pairs} == {("good", "fair"), ("good", "tied")}
    assert (held.edited, held.whole) == (frozenset(), True)


@pytest.mark.parametrize("reason", ["", "  ", None])
def test_no_reason_no_baseline(rerun, folder, reason):
    with pytest.raises(ValueError, match="needs a reason"):
        results.accept([rerun(0)], reason, folder=folder)
    assert not folder.exists()


def test_too_few_reruns_are_refused_with_what_to_do(rerun, folder):
    with pytest.raises(ValueError, match=r"at least 20 reruns.*got 3.*17 more times, each with a seed"):
        results.accept([rerun(seed) for seed in range(3)], "why", folder=folder)
    assert not folder.exists()


def test_what_needs_no_reruns_is_accepted_from_one_run(rerun, folder):
    held = results.read_baseline(results.accept(rerun(0), "only the count", names=["points"], folder=folder))
    assert list(held.entries) == ["points"]


def test_reruns_with_one_seed_are_refused(rerun, folder, tmp_path):
    runs = []
    for copy in range(20):
        results.start("demo", "smoke", tmp_path / f"copy-{copy}")
        results.record("error", 0.2, se=0.01, n=3, kind="statistical")
        runs.append(tmp_path / f"copy-{copy}")
    with pytest.raises(ValueError, match="a seed of its own"):
        results.accept(runs, "why", folder=folder)


def test_a_folder_given_twice_is_refused(rerun, folder):
    with pytest.raises(ValueError, match="given twice"):
        results.accept([rerun(0), rerun(0)], "why", folder=folder)


def test_runs_of_two_presets_are_refused(rerun, folder):
    with pytest.raises(ValueError, match="full"):
        results.accept([rerun(0), rerun(1, preset="full")], "why", folder=folder)


def test_an_exact_record_that_depends_on_the_seed_is_refused(rerun, folder):
    runs = [rerun(seed, chosen={"value": seed, "kind": "exact"}) for seed in range(20)]
    with pytest.raises(ValueError, match="'chosen' is exact but differs"):
        results.accept(runs, "why", folder=folder)


@pytest.mark.parametrize(("apart", "accepted"), [(1e-9, True), (4e-7, True), (2e-6, False)])
def test_a_computed_number_may_move_in_its_last_digits_between_reruns(rerun, folder, apart, accepted):
    slopes = [[0.5, 2.0 * (1 + apart * (seed % 2))] for seed in range(20)]
    runs = [rerun(seed, slopes={"value": slope, "kind": "numeric"}) for seed, slope in enumerate(slopes)]
    with nullcontext() if accepted else pytest.raises(ValueError, match="'slopes' is numeric but differs"):
        results.accept(runs, "why", folder=folder)
    assert results.baseline_path("demo", "smoke", folder).is_file() == accepted


def test_runs_with_different_records_are_refused(rerun, folder):
    with pytest.raises(ValueError, match="do not both record extra"):
        results.accept([rerun(0), rerun(1, extra={"value": 1, "kind": "exact"})], "why", folder=folder)


def test_an_unknown_name_is_refused_with_the_nearest(rerun, folder):
    with pytest.raises(UnknownName, match="did you mean 'points'"):
        results.accept(rerun(0), "why", names=["point"], folder=folder)


def test_accepting_again_keeps_the_old_value_and_what_did_not_change(rerun, folder):
    path = results.accept([rerun(seed) for seed in range(20)], "first", bounds={"error": 0.5}, folder=folder)
    first = results.read_baseline(path)
    results.accept([rerun(seed) for seed in range(20, 40)], "new optimiser", folder=folder)
    second = results.read_baseline(path)
    assert second.entries["error"].reason == "new optimiser"
    assert second.entries["error"].bound == 0.5
    assert second.entries["error"].old["value"] == first.entries["error"].value
    assert second.entries["error"].old["reason"] == "first"
    assert second.entries["points"].reason == "first"
    assert (second.edited, second.whole) == (frozenset(), True)


def test_an_entry_edited_by_hand_is_found(rerun, folder):
    results.accept([rerun(seed) for seed in range(20)], "first", folder=folder)
    path = results.baseline_path("demo", "smoke", folder)
    content = json.loads(path.read_text())
    content["entries"]["error"]["value"] += 1e-9
    path.write_text(json.dumps(content))
    assert results.read_baseline(path).edited == {"error"}
    del content["entries"]["points"]
    path.write_text(json.dumps(content))
    assert not results.read_baseline(path).whole
    with pytest.raises(ValueError, match="accept all records"):
        results.accept(rerun(0), "only the curve", names=["curve"], folder=folder)


def test_accepting_other_records_does_not_launder_an_edited_entry(rerun, folder):
    results.accept([rerun(seed) for seed in range(20)], "first", folder=folder)
    path = results.baseline_path("demo", "smoke", folder)
    content = json.loads(path.read_text())
    content["entries"]["error"]["value"] += 1
    path.write_text(json.dumps(content))
    results.accept(rerun(0), "only the count", names=["points"], folder=folder)
    assert results.read_baseline(path).edited == {"error"}


@pytest.mark.parametrize("names", [("", "smoke"), ("../x", "smoke"), ("demo", "")])
def test_a_baseline_has_a_plain_name(names):
    with pytest.raises(ValueError, match="belongs to a notebook"):
        results.baseline_path(*names)


def test_a_file_that_is_no_baseline_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"schema": 1, "entries": {"a": {"nonsense": 1}}}')
    with pytest.raises(ValueError, match="is not a baseline"):
        results.read_baseline(path)
