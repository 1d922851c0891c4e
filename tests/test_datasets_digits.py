"""Digits: fixed splits of real images."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.datasets import digits as module
from labkit.datasets.splits import keys, stratified


def rows(array: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in array}


def test_the_splits_have_their_sizes_and_share_nothing():
    data = datasets.load("digits")
    parts = [rows(data.split(split)[0]) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [1024, 273, 500]
    assert len(set.union(*parts)) == 1797


def test_every_class_gives_its_share_to_every_split():
    data = datasets.load("digits")
    whole = np.bincount(np.concatenate([data.split(split)[1] for split in ("train", "validation", "test")]))
    for split, count in (("train", 1024), ("validation", 273), ("test", 500)):
        assert np.abs(np.bincount(data.split(split)[1]) - whole * count / 1797).max() <= 1


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1287), st.integers(0, 1287))
def test_the_test_split_never_moves_and_validation_splits_are_nested(one, two):
    less, more = (datasets.load("digits", validation=count) for count in sorted((one, two)))
    assert np.array_equal(less.test_inputs, more.test_inputs)
    assert rows(less.validation_inputs) <= rows(more.validation_inputs)
    assert rows(more.inputs) <= rows(less.inputs)
    assert len(less.inputs) + len(less.validation_inputs) == 1297


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_any_stretch_of_a_split_has_every_class_in_its_share(split):
    targets = datasets.load("digits", validation=600).split(split)[1]
    for part in np.array_split(targets, 4):
        expected = len(part) / 10
        assert np.abs(np.bincount(part, minlength=10) - expected).max() < 4 * np.sqrt(expected)


def test_images_are_those_of_scikit_learn(monkeypatch):
    images, targets = module._read()
    monkeypatch.setattr(module.Path, "is_file", lambda path: False)
    again, targets_again = module._read()
    assert np.array_equal(images, again)
    assert np.array_equal(targets, targets_again)
    assert (images.dtype, targets.dtype, images.min(), images.max()) == (np.float32, np.int64, 0, 1)
    assert (again.dtype, targets_again.dtype) == (np.float32, np.int64)


@settings(deadline=None, max_examples=15)
@given(st.floats(0, 1), st.integers(0, 2**40))
def test_flips_are_exact_and_told(noise, seed):
    clean = datasets.load("digits", validation=0)
    data = datasets.load("digits", validation=0, label_noise=noise, seed=seed)
    flipped = data.targets != clean.targets
    assert flipped.sum() == round(1297 * noise)
    assert np.array_equal(data.inputs, clean.inputs)
    assert np.array_equal(data.test_targets, clean.test_targets)
    if noise:
        assert np.array_equal(data.faults["label_flipped"], flipped)
        assert np.array_equal(data.faults["true_label"], clean.targets)
    else:
        assert data.faults.empty


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation": 1298}, ValueError, "expected from 0 to 1,287"),
        ({"validation": -1}, ValueError, "expected from 0 to 1,287"),
        ({"validation": 27.3}, TypeError, "expected a whole number"),
        ({"validation": True}, TypeError, "expected a whole number"),
        ({"label_noise": 2}, ValueError, "label_noise=2 is outside its range; expected a number from 0 to 1"),
        ({"label_noise": float("nan")}, ValueError, "outside its range"),
        ({"label_noise": "0.1"}, TypeError, "label_noise='0.1' is a str; expected a number"),
        ({"seed": "a"}, TypeError, "seed='a' is a str; expected a whole number"),
    ],
)
def test_bad_dials_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        datasets.load("digits", **options)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_a_stratified_choice_takes_each_class_by_its_share(labels, draw):
    targets = np.array(labels)
    count = draw.draw(st.integers(0, len(labels)))
    chosen = stratified(targets, np.arange(len(targets)), keys("x", len(targets)), count)
    assert len(set(chosen)) == count
    shares = np.bincount(targets, minlength=5) * count / len(targets)
    assert np.abs(np.bincount(targets[chosen], minlength=5) - shares).max() < 2


def test_the_file_read_is_a_plain_table():
    path = module._table()
    with gzip.open(path) as file:
        assert len(file.readline().split(b",")) == 65
