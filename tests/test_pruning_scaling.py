"""The scaling law of pruning: against exact curves of the perceptron, and against curves made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labkit import datasets, models, pruning, theory
from labkit.pruning.observing_parts import observe_parts

FRACTIONS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)
KEPT = np.geomspace(1.0, 16.0, 8)


def exact(keep, angle, fractions=FRACTIONS):
    error = theory.perceptron.test_error
    parts = [{"fraction": f, "kept": KEPT, "test_error": error(KEPT / f, f, keep, angle)} for f in fractions]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


@pytest.fixture(scope="module")
def angles():
    return {angle: pruning.scaling(exact("hardest", angle)) for angle in (0.0, 10.0, 20.0, 40.0)}


def test_the_worse_the_probe_the_smaller_the_exponent_of_the_best_fraction(angles):
    exponents = [angles[angle].exponent for angle in sorted(angles)]
    assert exponents == sorted(exponents, reverse=True)
    assert all(found.steeper for found in angles.values())
    assert exponents[0] > 2 * angles[0.0].plain_exponent


def test_the_envelope_is_the_least_of_the_exact_curves(angles):
    for angle, found in angles.items():
        kept = found.envelope["kept"].to_numpy()
        ends = [0, len(kept) - 1]
        best = np.min([theory.perceptron.test_error(kept[ends] / f, f, "hardest", angle) for f in FRACTIONS], axis=0)
        np.testing.assert_allclose(found.envelope["error"].iloc[ends], best, rtol=1e-9)
        assert set(found.envelope["fraction"]) <= set(FRACTIONS)


def test_the_best_fraction_falls_as_more_is_kept(angles):
    fractions = angles[20.0].envelope["fraction"].to_numpy()
    assert (np.diff(fractions) <= 0).all()
    assert fractions[0] > fractions[-1]


def test_random_pruning_gains_nothing():
    found = pruning.scaling(exact("random", 0.0))
    assert found.gain == pytest.approx(0, abs=1e-9)
    assert found.steeper is False
    assert found.bend == pytest.approx(1)


def made_up(exponents, *, spread=0.0, seeds=1, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        {"fraction": f, "kept": kept, "seed": s, "test_error": 2 * kept**-slope * np.exp(spread * rng.normal())}
        for f, slope in exponents.items()
        for kept in np.geomspace(20, 640, 6)
        for s in range(seeds)
    ]
    return pd.DataFrame(rows)


def test_power_laws_are_recovered():
    found = pruning.scaling(made_up({1.0: 0.4, 0.5: 0.7}), form="power")
    laws = found.laws.set_index("fraction")
    assert laws["alpha"].to_dict() == pytest.approx({0.5: 0.7, 1.0: 0.4})
    assert laws["exponent"].to_dict() == pytest.approx({0.5: 0.7, 1.0: 0.4})
    assert found.gain == pytest.approx(0.3)
    assert (found.steeper, found.bends) == (True, False)


def test_noise_among_equal_fractions_is_not_taken_for_gain():
    gains = [
        pruning.scaling(made_up(dict.fromkeys((1.0, 0.7, 0.5, 0.3), 0.5), spread=0.1, seeds=6, seed=s)).gain_low
        for s in range(12)
    ]
    assert np.mean(np.array(gains) > 0) <= 0.25


def test_a_real_gain_is_seen_through_noise():
    known = [pruning.scaling(made_up({1.0: 0.4, 0.5: 0.6}, spread=0.05, seeds=6, seed=s)) for s in range(12)]
    assert np.mean([found.gain_low < 0.2 < found.gain_high for found in known]) >= 0.6
    assert all(found.steeper for found in known)
    found = known[0]
    assert "more steeply" in found.sentence


def test_an_exponential_bends_below_power_laws():
    kept = np.geomspace(10, 100, 6)
    parts = [pd.DataFrame({"fraction": 1.0, "kept": kept, "test_error": kept**-0.3}),
             pd.DataFrame({"fraction": 0.5, "kept": kept, "test_error": 0.6 * np.exp(-kept / 20)})]  # fmt: skip
    found = pruning.scaling(pd.concat(parts))
    assert found.bends is True
    assert found.bend > 2


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.drop(columns="kept"), "no column kept"),
        (lambda t: t.assign(test_error=0.0), "not above 0"),
        (lambda t: t[t["fraction"] == 1], "at least 2"),
        (lambda t: t[t["kept"] < 50], "at least 3"),
        (lambda t: t.iloc[1:], "not every seed"),
        (lambda t: t.assign(kept=t["kept"] * np.where(t["fraction"] == 1, 1000, 1)), "reached by all"),
    ],
)
def test_frames_without_what_it_takes_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        pruning.scaling(change(made_up({1.0: 0.4, 0.5: 0.6}, spread=0.05, seeds=2)))


def test_points_come_from_pools_that_are_nested_and_scored_alone():
    points = pruning.scaling_points(
        "digits", model="softmax", pools=[40, 80, 160], fractions=[1.0, 0.5], seeds=2, steps=40, scoring_seeds=1
    )
    assert len(points) == 2 * 3 * 2
    assert (points["kept"] == (points["pool"] * points["fraction"]).round()).all()
    assert points["test_error"].between(0, 1).all()
    again = pruning.scaling_points(
        "digits", model="softmax", pools=[80], fractions=[0.5], seeds=[1], steps=40, scoring_seeds=1
    )
    same = points[(points["pool"] == 80) & (points["fraction"] == 0.5) & (points["seed"] == 1)]
    assert again["test_error"].item() == pytest.approx(same["test_error"].item(), abs=1e-9)
    with pytest.raises(ValueError, match="a pool"):
        pruning.scaling_points("digits", pools=[5000])


@pytest.mark.parametrize("score", ["aum", "el2n", "entropy", "random"])
def test_parts_observed_side_by_side_are_scored_as_if_each_were_all_there_is(score):
    data, model = datasets.load("digits"), models.build("mlp", width=16)
    order = np.random.default_rng(0).permutation(len(data.inputs))
    parts, seeds = [np.sort(order[:50]), np.sort(order[30:80])], [[0, 1], [2, 3]]
    settings = {"steps": 40, "batch_size": 32, "optimizer": "adam", "learning_rate": 0.003}
    logs = observe_parts(data, model, parts, seeds, names=pruning.find_score(score).needs, **settings)
    for log, part, own in zip(logs, parts, seeds, strict=True):
        alone = pruning.observe(_only(data, part), model, seeds=own, **settings)
        np.testing.assert_allclose(pruning.score(score, log), pruning.score(score, alone), atol=1e-4)


def _only(data, part):
    return replace(data, inputs=data.inputs[part], targets=data.targets[part])
