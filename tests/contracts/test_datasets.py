"""Every dataset keeps the contract, and the contract notices each way of breaking it."""

from __future__ import annotations

import functools
import random
import socket

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.datasets import Dataset, Entry
from labkit.datasets.contract import check

OFFERED = datasets.available()
LOCAL = OFFERED["name"][~OFFERED["needs_network"] & (OFFERED["name"] != "tables")].tolist()


@pytest.mark.parametrize("name", LOCAL)
def test_every_dataset_keeps_the_contract(name):
    check(datasets.entry(name))


def test_dials_keep_the_contract_too():
    check(datasets.entry("digits"), validation=0)
    check(datasets.entry("glyphs"), examples=500, duplicates=0.3, imbalance=5.0, pixel_noise=0.2, characters="aBc4")
    check(datasets.entry("python_source"), context=64)


FEW = {"examples": st.integers(600, 3000), "validation": st.sampled_from([0, 300]), "test": st.integers(300, 600)}
PLANTED = {"duplicates": st.floats(0, 0.5), "leaks": st.floats(0, 0.2), "skew": st.floats(0, 4)}
TEXT = {**FEW, **PLANTED, "context": st.integers(1, 30), "document": st.integers(31, 60), "source": st.integers(0, 99)}
DIALS = {
    "markov": {**TEXT, "vocabulary": st.integers(8, 22), "order": st.integers(0, 3), "temperature": st.floats(0.5, 9)},
    "grammar": {**TEXT, "symbols": st.integers(2, 9), "rules": st.sampled_from([4, 10]), "nesting": st.floats(0, 0.95)},
    "zipf": {**TEXT, "words": st.integers(50, 5000), "exponent": st.floats(0, 1.5), "letters": st.integers(5, 255)},
    "domains": {
        **TEXT,
        "domains": st.integers(1, 6),
        "overlap": st.floats(0, 1),
        "shared_ids": st.floats(0, 1),
        "difficulty": st.floats(0.5, 3),
    },
    "arithmetic": {
        **FEW,
        "digits": st.integers(2, 8),
        "operation": st.sampled_from("+-*"),
        "format": st.sampled_from(["plain", "reversed"]),
    },
    "chain": {**FEW, "length": st.integers(3, 12), "context": st.integers(1, 99)},
    "facts": {"facts": st.integers(60, 400), "values": st.integers(2, 200), "exposures": st.integers(1, 9)},
    "teacher": {
        **FEW,
        "dimension": st.integers(2, 8),
        "ambient": st.integers(9, 40),
        "curvature": st.floats(0, 10),
        "depth": st.integers(0, 4),
        "noise": st.floats(0, 3),
    },
    "teacher_classes": {
        **FEW,
        "classes": st.integers(2, 30),
        "dimension": st.integers(2, 8),
        "width": st.integers(1, 99),
    },
    "spectrum": {
        **FEW,
        "a": st.floats(1.01, 4),
        "b": st.floats(1.01, 8),
        "features": st.integers(2, 99),
        "noise": st.floats(0, 3),
    },
    "parity": {**FEW, "skills": st.integers(10, 99), "alpha": st.floats(0, 0.5), "subset": st.integers(1, 8)},
    "perceptron": {**FEW, "dimension": st.integers(2, 99), "probe_angle": st.floats(0, 90)},
    "stream": {**FEW, "drift": st.floats(1, 180), "pattern": st.sampled_from(["steady", "sudden", "seasonal"])},
    "pairs": {**FEW, "topics": st.integers(2, 40), "noise": st.floats(0, 10), "mismatch": st.floats(0, 1)},
}


def test_every_made_up_source_has_dials_to_try():
    assert set(DIALS) == set(LOCAL) - {"digits", "glyphs", "python_source"}


@pytest.mark.parametrize("name", DIALS)
@settings(deadline=None, max_examples=6)
@given(st.data())
def test_any_dials_of_a_made_up_source_keep_the_contract(name, data):
    # The window is always given: the usual one is longer than the shortest document.
    fixed = {dial: values for dial, values in DIALS[name].items() if dial in (*FEW, "context")}
    others = {dial: values for dial, values in DIALS[name].items() if dial not in fixed}
    check(datasets.entry(name), **data.draw(st.fixed_dictionaries(fixed, optional=others)))


@pytest.mark.parametrize("name", DIALS)
def test_the_seed_moves_the_training_examples_alone(name):
    small = {} if name == "facts" else {"examples": 400, "validation": 100, "test": 300}
    one, two = (datasets.load(name, seed=seed, **small) for seed in (0, 1))
    assert not np.array_equal(one.inputs, two.inputs)
    for split in ("validation", "test"):
        for first, second in zip(one.split(split), two.split(split), strict=True):
            assert np.array_equal(first, second)
    told = [key for key in one.truth if key.startswith(("validation_", "test_"))]
    assert all(np.array_equal(one.truth[key], two.truth[key]) for key in told)


@pytest.mark.parametrize("name", sorted(set(DIALS) - {"facts"}))
def test_a_longer_training_set_leaves_the_held_out_ones_and_its_options_are_told(name):
    small = {"validation": 100, "test": 300}
    one, two = (datasets.load(name, examples=count, **small) for count in (200, 700))
    assert (len(one.inputs), len(two.inputs)) == (200, 700)
    assert np.array_equal(one.test_inputs, two.test_inputs)
    assert set(one.options) == set(datasets.entry(name).options)
    assert two.options["examples"] == 700


@pytest.mark.parametrize("target", ["price", "colour"])
def test_a_readers_own_table_keeps_the_contract(tmp_path, target):
    made = np.random.default_rng(0)
    frame = pd.DataFrame({"size": made.normal(50, 10, 400), "colour": made.choice(list("abc"), 400)})
    frame["price"] = frame["size"] * 3 + made.normal(0, 1, 400)
    frame.loc[::7, "size"] = np.nan
    frame.to_csv(tmp_path / "flats.csv", index=False)
    check(datasets.entry("tables"), path=str(tmp_path / "flats.csv"), target=target)


def good(*, seed: int = 0, label_noise: float = 0.0, **change) -> Dataset:
    """A small honest dataset, to break in one way at a time."""
    made = np.random.default_rng(seed)
    fixed = np.random.default_rng(99)
    inputs = made.standard_normal((20, 3)).astype(np.float32)
    true = (inputs[:, 0] > 0).astype(np.int64)
    flipped = np.arange(20) < round(20 * label_noise)
    given = {
        "name": "good",
        "kind": "classification",
        "inputs": inputs,
        "targets": np.where(flipped, 1 - true, true),
        "validation_inputs": fixed.standard_normal((5, 3)).astype(np.float32),
        "validation_targets": np.zeros(5, dtype=np.int64),
        "test_inputs": fixed.standard_normal((5, 3)).astype(np.float32),
        "test_targets": np.ones(5, dtype=np.int64),
        "classes": 2,
        "faults": pd.DataFrame({"label_flipped": flipped, "true_label": true}) if label_noise else pd.DataFrame(),
    }
    return Dataset(**{**given, **{k: v(given) if callable(v) else v for k, v in change.items()}})


def entry(build=good, **given) -> Entry:
    return Entry(**{"name": "good", "kind": "classification", "purpose": "a test", "build": build, **given})


def broken(**change) -> Entry:
    def build(*, seed: int = 0, label_noise: float = 0.0) -> Dataset:
        return good(seed=seed, label_noise=label_noise, **change)

    return entry(build)


def test_an_honest_entry_passes():
    check(broken())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": lambda g: g["inputs"].astype(np.float64)}, "inputs in the train split of 'good' are float64"),
        ({"targets": lambda g: g["targets"].astype(np.int32)}, "targets in the train split of 'good' are int32"),
        ({"targets": lambda g: g["targets"] + 1}, "leave the range 0 to 1"),
        ({"test_targets": lambda g: g["test_targets"] - 2}, "leave the range 0 to 1"),
        ({"classes": None}, "needs classes="),
        ({"kind": "regression", "classes": None}, "says 'classification' and returns 'regression'"),
        ({"inputs": lambda g: g["inputs"] * 255}, "bring them to about 1"),
        (
            {
                "inputs": lambda g: (
                    np.where(g["inputs"] > 2, np.float32("nan"), 1).astype(np.float32) * np.float32("nan")
                )
            },
            "not finite",
        ),
        ({"test_inputs": lambda g: g["inputs"][:5]}, "5 pieces of the test split of 'good' occur in the train split"),
        ({"validation_inputs": lambda g: g["test_inputs"]}, "occur in the validation split"),
        ({"image_shape": (2, 2)}, r"has images \(2, 2\) in 3 columns"),
        ({"labels": ("a", "b", "c")}, "names 3 of 2 classes"),
        (
            {"test_inputs": np.empty((0, 3), dtype=np.float32), "test_targets": np.empty(0, dtype=np.int64)},
            "needs training and test examples",
        ),
        (
            {"faults": lambda g: pd.DataFrame({"label_flipped": [True] * 20, "true_label": g["targets"]})},
            "does not say where the label differs",
        ),
        ({"faults": lambda g: pd.DataFrame({"duplicate_of": [1] + [-1] * 19})}, "names examples that are not equal"),
        ({"faults": lambda g: pd.DataFrame({"leak_of": [1] + [-1] * 19})}, "names test examples that are not equal"),
        ({"faults": lambda g: pd.DataFrame({"duplicate_of": [1, 2] + [-1] * 18})}, "said to copy another duplicate"),
    ],
)
def test_broken_contents_are_noticed(change, message):
    with pytest.raises(AssertionError, match=message):
        check(broken(**change))


def test_an_entry_that_differs_from_load_to_load_is_noticed():
    counter = iter(range(100))
    with pytest.raises(AssertionError, match="loaded twice differs in its train split"):
        check(entry(lambda: good(seed=next(counter))))


def test_global_random_state_is_noticed():
    for draw in (np.random.random, random.random):

        def build(draw=draw) -> Dataset:
            draw()
            return good()

        with pytest.raises(AssertionError, match="global random state"):
            check(entry(functools.partial(build)))


def test_an_undeclared_use_of_the_network_is_noticed():
    def build() -> Dataset:
        with socket.socket() as one:
            one.connect_ex(("127.0.0.1", 9))
        return good()

    with pytest.raises(AssertionError, match="declare needs_network=True"):
        check(entry(build))
    check(entry(build, needs_network=True))


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ({"skill": np.zeros(19), "validation_skill": np.zeros(4), "test_skill": np.zeros(5)}, "has 19 rows for 20"),
        ({"skill": np.zeros(20), "test_skill": np.zeros(5)}, "has 0 rows for"),
    ],
)
def test_truth_that_does_not_fit_is_noticed(truth, message):
    with pytest.raises(AssertionError, match=message):
        check(broken(truth=truth))


def test_truth_that_differs_from_load_to_load_is_noticed():
    counter = iter(range(100))
    with pytest.raises(AssertionError, match="differs in its truth"):
        check(entry(lambda: good(truth={"deep": {"number": np.array([next(counter)])}})))


def test_noise_that_reaches_the_test_is_noticed():
    def build(*, label_noise: float = 0.0) -> Dataset:
        return good(label_noise=label_noise, test_targets=np.full(5, int(label_noise > 0)))

    with pytest.raises(AssertionError, match="reaches test_targets"):
        check(entry(build))


def test_faults_that_are_not_told_and_seeds_that_do_nothing_are_noticed():
    with pytest.raises(AssertionError, match="does not say which"):
        check(broken(faults=pd.DataFrame()))

    def deaf(*, seed: int = 0) -> Dataset:
        return good()

    with pytest.raises(AssertionError, match="another seed"):
        check(entry(deaf))


def test_promises_of_the_entry_are_checked():
    with pytest.raises(AssertionError, match="says 7 examples and returns 20"):
        check(entry(lambda: good(), examples=7))
    with pytest.raises(AssertionError, match="needs a name and a purpose"):
        check(entry(lambda: good(), purpose=""))
    with pytest.raises(AssertionError, match="returns a int"):
        check(entry(lambda: 3))


def words(**change) -> Dataset:
    """A small honest text."""
    given = {"name": "words", "kind": "text", "vocabulary": 50, "context": 4}
    for number, prefix in enumerate(("", "validation_", "test_")):
        line = np.random.default_rng(number).integers(0, 50, 3000).astype(np.uint8)
        given[f"{prefix}inputs"] = np.lib.stride_tricks.sliding_window_view(line[:-1], 4)
        given[f"{prefix}targets"] = line[4:]
    return Dataset(**{**given, **{k: v(given) if callable(v) else v for k, v in change.items()}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"vocabulary": 20}, "leave the range 0 to 19"),
        ({"vocabulary": None}, "needs vocabulary="),
        ({"truth": {"entropy_rate": 4.0}}, "entropy_rate of 'words' is 4; expected 0 to 3.912 nats"),
        ({"context": 5}, "not context=5 long"),
        ({"inputs": lambda g: g["inputs"].copy()}, "windows of 'words' are copies"),
        ({"targets": lambda g: g["targets"][::-1]}, "do not follow their windows"),
        ({"test_inputs": lambda g: g["inputs"], "test_targets": lambda g: g["targets"]}, "occur in the train split"),
    ],
)
def test_broken_text_is_noticed(change, message):
    made = entry(lambda: words(**change), kind="text", name="words")
    if message is None:
        check(made)
    else:
        with pytest.raises(AssertionError, match=message):
            check(made)
