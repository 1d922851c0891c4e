"""Planted copies: the counts are exact, what is told is true, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.datasets.planting import copy_documents

SMALL = {"examples": 6000, "validation": 500, "test": 2000, "context": 8}


def documents(data, size: int, split: str = "train") -> np.ndarray:
    line = data.stream(split)
    return line[: len(line) // size * size].reshape(-1, size)


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 0.5), st.floats(0, 1), st.integers(20, 200), st.floats(0, 2), st.integers(0, 1000))
def test_planted_copies_are_exact_and_told(duplicates, leaks, document, skew, seed):
    clean = datasets.load("markov", **SMALL, seed=seed)
    data = datasets.plant(clean, duplicates=duplicates, leaks=leaks, document=document, skew=skew, seed=seed)
    was, now, held = documents(clean, document), documents(data, document), documents(clean, document, "test")
    changed = (was != now).any(axis=1)
    assert changed.sum() == round(duplicates * len(was)) + round(leaks * len(held))
    leaked = {row.tobytes() for row in now} & {row.tobytes() for row in held}
    assert len(leaked) == round(leaks * len(held))
    faults = data.faults
    for name, inputs, targets in (
        ("duplicate_of", data.inputs, data.targets),
        ("leak_of", data.test_inputs, data.test_targets),
    ):
        of = faults[name].to_numpy()
        mine = np.flatnonzero(of >= 0)
        assert np.array_equal(data.inputs[mine], inputs[of[mine]])
        assert np.array_equal(data.targets[mine], targets[of[mine]])
    told = ((faults["duplicate_of"] >= 0) | (faults["leak_of"] >= 0)).sum()
    assert told == changed.sum() * (document - SMALL["context"])
    for split in ("validation", "test"):
        assert np.array_equal(data.stream(split), clean.stream(split))


@pytest.mark.parametrize("name", ["markov", "grammar", "zipf", "domains"])
def test_every_made_up_text_takes_the_same_dials(name):
    data = datasets.load(name, **SMALL, duplicates=0.25, leaks=0.5, document=100)
    assert {"duplicate_of", "leak_of"} == set(data.faults.columns)
    assert "copied from another" in data.describe()
    assert "copied from the test" in data.describe()


def test_a_copied_document_takes_its_domain_along():
    options = {**SMALL, "document": 100, "domains": 5, "shared_ids": 0.0}
    data = datasets.load("domains", **options, duplicates=0.4, leaks=0.3)
    # No id is used by two domains, so that the id says whose it is.
    owner = data.targets // 16
    assert np.array_equal(owner, data.truth["domain"])


def test_skew_copies_few_documents_very_often():
    most = []
    for skew in (0.0, 1.0, 2.0):
        dials = {"document": 10, "seed": 0, "context": 4, "leaks": 0.0}
        made = copy_documents(20_000, 100, duplicates=0.5, skew=skew, **dials)
        assert (made.source != np.arange(2000)).sum() == 1000
        most.append(np.bincount(made.source).max())
    assert most[0] < 13 < 50 < most[1] < most[2]


def test_real_text_can_be_planted_too():
    data = datasets.plant(datasets.load("python_source"), duplicates=0.01, leaks=0.04)
    leaked = (data.faults["leak_of"] >= 0).sum()
    assert leaked == round(0.04 * (len(data.stream("test")) // 256)) * (256 - 16)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"duplicates": 1.0}, ValueError, "training documents of 256 ids; give smaller shares"),
        ({"duplicates": -0.1}, ValueError, "duplicates=-0.1 is outside"),
        ({"leaks": 2}, ValueError, "leaks=2 is outside"),
        ({"document": 8}, ValueError, "expected at least 9"),
        ({"skew": float("nan")}, ValueError, "skew=nan is outside"),
        ({"seed": None}, TypeError, "seed=None"),
    ],
)
def test_what_cannot_be_planted_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        datasets.plant(datasets.load("markov", **SMALL), **change)


def test_what_copies_would_make_wrong_is_refused():
    with pytest.raises(TypeError, match="planted in text only"):
        datasets.plant(datasets.load("digits"))
    with pytest.raises(ValueError, match="truth about every example"):
        datasets.plant(datasets.load("chain", examples=500))
    with pytest.raises(ValueError, match="faults planted already"):
        datasets.plant(datasets.load("markov", **SMALL, duplicates=0.2), duplicates=0.2)
