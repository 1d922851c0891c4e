"""The dataset record and the registry that loads it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest

from labkit import datasets
from labkit.datasets import Dataset, Entry, entries
from labkit.registry import UnknownName


def tiny(**changes) -> Dataset:
    """Six training, two validation and three test examples of two features."""
    given = {
        "name": "tiny",
        "kind": "classification",
        "inputs": np.arange(12, dtype=np.float32).reshape(6, 2),
        "targets": np.array([0, 1, 0, 1, 0, 1]),
        "validation_inputs": np.ones((2, 2), dtype=np.float32),
        "validation_targets": np.array([0, 1]),
        "test_inputs": np.zeros((3, 2), dtype=np.float32),
        "test_targets": np.array([0, 1, 1]),
        "classes": 2,
    }
    return Dataset(**{**given, **changes})


@pytest.fixture
def registered():
    """Register entries for one test."""
    names = []

    def add(entry: Entry) -> Entry:
        names.append(datasets.register(entry).name)
        return entry

    yield add
    for name in names:
        entries._registry.unregister(name)


def test_the_record_is_frozen_and_its_arrays_are_read_only():
    data = datasets.load("digits")
    with pytest.raises(FrozenInstanceError):
        data.name = "other"
    for split in ("train", "validation", "test"):
        for array in data.split(split):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_arrays_given_to_the_record_stay_writable():
    mine = np.zeros((6, 2), dtype=np.float32)
    tiny(inputs=mine)
    mine[0] = 1
    assert mine[0, 0] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": np.full((6, 2), 0.5, dtype=np.float32)},
        {"inputs": np.arange(12, dtype=np.float64).reshape(6, 2)},
        {"targets": np.array([1, 1, 0, 1, 0, 1])},
        {"validation_targets": np.array([1, 1])},
        {"test_targets": np.array([1, 1, 1])},
        {"classes": 3},
        {"image_shape": (1, 2)},
        {"faults": pd.DataFrame({"label_flipped": [True] + [False] * 5})},
        {"faults": pd.DataFrame({"font": list("abcdef")})},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_fingerprint_follows_the_contents(change):
    assert tiny(**change).fingerprint != tiny().fingerprint


def test_the_fingerprint_does_not_move_between_releases():
    # Baselines name data by it: a change here makes every accepted number incomparable.
    assert tiny().fingerprint == tiny(name="same contents").fingerprint
    assert tiny().fingerprint.startswith("d63c0cfceacc176a")
    assert datasets.load("digits").fingerprint.startswith("5e70dc656ccad243")


def test_the_fingerprint_does_not_depend_on_how_arrays_lie_in_memory():
    columns = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(6, 2))
    assert tiny(inputs=columns).fingerprint == tiny().fingerprint


def test_moving_an_example_between_splits_changes_the_fingerprint():
    data = tiny()
    moved = tiny(
        inputs=np.concatenate([data.inputs, data.validation_inputs[:1]]),
        targets=np.append(data.targets, data.validation_targets[0]),
        validation_inputs=data.validation_inputs[1:],
        validation_targets=data.validation_targets[1:],
    )
    assert moved.fingerprint != data.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "clasification"}, "expected one of classification, text, regression"),
        ({"targets": np.zeros(5, dtype=int)}, r"train split of 'tiny' has inputs \(6, 2\) and targets \(5,\)"),
        ({"test_inputs": np.zeros((3, 3), dtype=np.float32)}, "test split"),
        ({"targets": np.zeros((6, 1))}, "train split"),
        ({"faults": pd.DataFrame({"label_flipped": [True]})}, "1 rows of faults for 6 examples"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        tiny(**change)


def test_describe_says_what_there_is_and_what_was_planted():
    faults = pd.DataFrame({"label_flipped": [True, True] + [False] * 4, "duplicate_of": [-1] * 5 + [0]})
    said = tiny(faults=faults).describe()
    for part in (
        "6 training, 2 validation and 3 test",
        "2 features",
        "2 classes",
        "2 with a flipped label",
        "1 copied from another",
    ):
        assert part in said
    assert "planted" not in tiny().describe()


def test_truth_is_read_only_told_and_sent_along():
    truth = {"entropy_rate": 0.5, "names": ["a", "b"], "table": np.ones(3), "deep": {"table": np.ones(2)}, "yes": True}
    data = tiny(truth=truth)
    assert data.fingerprint == tiny().fingerprint
    assert "known: entropy rate 0.5. Fingerprint" in data.describe()
    assert data.truth["names"] == ("a", "b")
    with pytest.raises(TypeError):
        data.truth["entropy_rate"] = 1
    for table in (data.truth["table"], data.truth["deep"]["table"]):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 5
    truth["table"][0] = 7
    for back in (pickle.loads(pickle.dumps(data)), replace(data, name="other"), copy.deepcopy(data)):
        assert back.truth.keys() == truth.keys()
        assert not back.truth["deep"]["table"].flags.writeable
    assert not tiny().truth


def test_a_text_without_validation_can_be_sent_to_another_process():
    data = datasets.load("markov", examples=100, validation=0, test=50)
    back = pickle.loads(pickle.dumps(data))
    assert back.validation_inputs.shape == (0, 16)
    assert np.array_equal(back.inputs, data.inputs)


def test_an_entry_that_reads_what_may_change_is_built_each_time(registered):
    registered(Entry("mine", "any", "a test", lambda: tiny(), keep=False))
    assert datasets.load("mine") is not datasets.load("mine")


def test_an_unknown_split_or_a_stream_of_images_is_refused():
    with pytest.raises(ValueError, match="expected one of train, validation, test"):
        tiny().split("dev")
    with pytest.raises(ValueError, match="only text has a stream"):
        tiny().stream()


def test_unknown_names_and_options_get_the_nearest_match():
    with pytest.raises(UnknownName, match="did you mean 'digits'"):
        datasets.load("digit")
    with pytest.raises(TypeError, match="no option 'label_nois': did you mean 'label_noise'"):
        datasets.load("digits", label_nois=0.1)


def test_everything_offered_is_listed_with_its_options():
    table = datasets.available().set_index("name")
    assert {"digits", "glyphs", "python_source", "mnist", "fashion_mnist", "cifar_10"} <= set(table.index)
    assert table.index[table["needs_network"]].tolist() == ["mnist", "fashion_mnist", "cifar_10"]
    assert "validation=273" in table.loc["digits", "options"]
    assert (table["purpose"].str.len() > 20).all()


def test_equal_options_load_one_object():
    assert datasets.load("digits") is datasets.load("digits", validation=273)
    assert datasets.load("digits", validation=np.int64(273)) is datasets.load("digits")
    assert datasets.load("digits", validation=0) is not datasets.load("digits")


def test_what_is_kept_stays_under_its_limit_of_bytes():
    kept = entries._Kept(most_bytes=3 * tiny().nbytes)
    for number in range(5):
        kept.get(number, tiny)
    assert list(kept._held) == [2, 3, 4]
    kept.get(2, tiny)
    kept.get(9, tiny)
    assert list(kept._held) == [4, 2, 9]


def test_a_dataset_larger_than_the_limit_is_still_kept_until_the_next():
    kept = entries._Kept(most_bytes=1)
    first = kept.get("a", tiny)
    assert kept.get("a", tiny) is first
    kept.get("b", tiny)
    assert list(kept._held) == ["b"]


def test_threads_that_load_at_once_get_one_object():
    kept = entries._Kept(most_bytes=2**20)
    barrier, found = threading.Barrier(8), []

    def load():
        barrier.wait()
        found.append(kept.get("a", tiny))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(data) for data in found}) == 1


def test_a_readers_own_entry_is_loaded_like_one_that_ships(registered):
    registered(Entry("mine", "classification", "a test", lambda *, size=1, extra=None: tiny()))
    assert datasets.load("mine", size=2).name == "tiny"
    assert datasets.load("mine", extra=np.zeros(3)).name == "tiny"
    assert "mine" in set(datasets.available()["name"])
    with pytest.raises(ValueError, match="exists already"):
        datasets.register(Entry("mine", "classification", "a test", lambda: tiny()))


def test_a_replaced_entry_is_not_answered_from_what_was_kept(registered):
    registered(Entry("mine", "classification", "a test", lambda: tiny()))
    assert datasets.load("mine").classes == 2
    datasets.register(Entry("mine", "classification", "a test", lambda: tiny(classes=5)), replace=True)
    assert datasets.load("mine").classes == 5


def test_entries_that_cannot_work_are_refused_when_made(registered):
    with pytest.raises(TypeError, match="without a default: size"):
        Entry("mine", "classification", "a test", lambda size: tiny())
    with pytest.raises(ValueError, match="expected one of classification"):
        Entry("mine", "images", "a test", lambda: tiny())
    registered(Entry("mine", "classification", "a test", lambda: 3))
    with pytest.raises(TypeError, match="was built as int"):
        datasets.load("mine")


@pytest.mark.parametrize("name", ["digits", "python_source"])
def test_another_process_gets_the_same_data_and_no_windows_written_out(name):
    data = datasets.load(name)
    sent = pickle.dumps(data)
    assert len(sent) < 1.1 * data.nbytes + 10_000
    back = pickle.loads(sent)
    for split in ("train", "validation", "test"):
        for one, two in zip(data.split(split), back.split(split), strict=True):
            assert one.shape == two.shape
            assert np.array_equal(one[::500], two[::500])
            assert not two.flags.writeable
    assert back.fingerprint == data.fingerprint
    assert replace(back, name="checked again").fingerprint == data.fingerprint


def test_contents_survive_replace():
    assert replace(tiny(), name="other").fingerprint == tiny().fingerprint


def test_datasets_load_neither_torch_nor_plotting_nor_scikit_learn():
    code = (
        "import sys; from labkit import datasets; table = datasets.available();"
        "[datasets.load(n) for n in table['name'][~table['needs_network']] if n != 'tables'];"
        "sys.exit(', '.join(m for m in ('torch', 'matplotlib', 'sklearn', 'scipy') if m in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
