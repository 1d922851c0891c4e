"""What scores are known to do on digits, and what they never read."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from labkit import datasets, models, pruning, training

# Claims --------------------------------------------------------------------------------------------------------------


def test_flipped_digits_are_found():
    data = datasets.load("digits", validation=0, label_noise=0.1)
    flipped = data.faults["label_flipped"].to_numpy()
    log = pruning.observe(data, seeds=4)

    def precision(name):
        return flipped[np.argsort(-pruning.score(name, log))[: flipped.sum()]].mean()

    assert precision("knn_shapley") >= 0.95
    for name in ("aum", "loss", "confidence"):
        assert precision(name) >= 0.9, name
    assert precision("self_supervised_prototypes") < 0.3
    assert precision("grand_at_init") < 0.3


def test_clean_digits_are_pruned_as_well_as_is_known():
    data = datasets.load("digits", validation=0)
    log = pruning.observe(data)
    cells = {"full": ("random", 1.0), "random 0.2": ("random", 0.2), "random 0.1": ("random", 0.1)}
    cells |= {"aum 0.2": ("aum", 0.2), "el2n 0.1": ("el2n", 0.1), "init 0.1": ("grand_at_init", 0.1)}
    runs = []
    for (name, fraction), seed in itertools.product(cells.values(), range(5)):
        kept = pruning.keep(pruning.score(name, log, seed=seed), fraction, seed=seed)
        runs.append({"seed": 50 + seed, "indices": kept, "learning_rate": 0.003})
    errors = training.fit_many("mlp", data, runs, steps=1500, optimizer="adam").table["test_error"]
    accuracy = dict(zip(cells, 1 - errors.to_numpy().reshape(-1, 5).mean(1), strict=True))
    assert accuracy["full"] >= 0.972
    assert accuracy["aum 0.2"] >= 0.965 > accuracy["random 0.2"]
    assert accuracy["el2n 0.1"] < accuracy["random 0.1"] - 0.1
    assert accuracy["init 0.1"] < accuracy["random 0.1"]


def test_nothing_that_is_seen_of_the_test_or_of_planted_faults_changes_a_score():
    data = datasets.load("digits", label_noise=0.1)
    chosen = np.arange(120)
    small = replace(data, inputs=data.inputs[chosen], targets=data.targets[chosen], faults=data.faults.iloc[:120])
    made = np.random.default_rng(0)
    shuffled = replace(
        small,
        test_inputs=made.random(small.test_inputs.shape, dtype=np.float32),
        test_targets=made.permutation(small.test_targets),
        faults=small.faults.iloc[::-1].reset_index(drop=True),
        truth={"hint": 1.0},
    )
    logs = [pruning.observe(each, models.build("mlp", width=8), seeds=2, steps=40) for each in (small, shuffled)]
    assert all(len(log.data.test_inputs) == len(log.data.faults) == len(log.data.truth) == 0 for log in logs)
    few = {"memorization": {"runs": 24}, "influence": {"runs": 24}}
    for name in pruning.available("score")["name"]:
        one, two = (pruning.score(name, log, **few.get(name, {})) for log in logs)
        assert np.array_equal(one, two), name


def test_a_cpu_and_a_gpu_agree():
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    data = datasets.load("digits")
    logs = [pruning.observe(data, seeds=2, steps=60, record_every=6, device=device) for device in ("cpu", "cuda")]
    for name in ("aum", "el2n", "vog", "trak", "grand"):
        one, two = (pruning.score(name, log) for log in logs)
        assert spearmanr(one, two)[0] > 0.99, name
