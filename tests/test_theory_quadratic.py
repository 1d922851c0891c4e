"""The noisy quadratic model: its recursion against simulation, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.theory import quadratic

CURVATURE = np.array([1.0, 0.3, 0.05])
NOISE = np.array([1.0, 2.0, 0.5])


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_theory_and_simulation_agree_under_a_schedule(average):
    schedule = np.concatenate([np.full(60, 0.8), np.linspace(0.8, 0.0, 40)])
    setting = {"batch_size": 4.0, "noise": NOISE, "start": 2.0, "average": average}
    runs = quadratic.simulate(CURVATURE, schedule, repeats=4000, seed=1, **setting)
    exact = quadratic.loss(CURVATURE, schedule, **setting)
    spread = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert runs.shape == (4000, 101)
    assert (np.abs(runs.mean(axis=0) - exact) <= 5 * spread + 1e-12).all()


@settings(deadline=None, max_examples=30)
@given(h=st.floats(0.2, 5), share=st.floats(0.05, 0.9), noise=st.floats(0.1, 10), batch=st.integers(1, 64))
def test_a_constant_rate_levels_off_at_the_stationary_loss(h, share, noise, batch):
    rate = share * quadratic.stability_limit([h])
    level = quadratic.stationary([h], rate, batch_size=batch, noise=noise)
    assert level == pytest.approx([rate * noise / batch / (2 * (2 - rate * h))])
    end = quadratic.loss([h], rate, steps=400, batch_size=batch, noise=noise)[-1]
    assert end == pytest.approx(level.sum(), rel=1e-6)


def test_the_loss_grows_from_the_stability_limit_on():
    limit = quadratic.stability_limit(CURVATURE)
    below, at, above = quadratic.loss(CURVATURE, limit * np.array([0.9, 1.0, 1.1]), steps=2000, noise=NOISE)
    assert below[-1] == pytest.approx(below[-500], rel=1e-3)
    assert at[-1] > 1.5 * at[1000]
    assert above[-1] > 1e100
    assert quadratic.stationary(CURVATURE, limit)[0] == np.inf


def test_a_lost_run_is_infinite_and_not_undefined():
    losses = quadratic.loss([1.0], 50.0, steps=500, noise=1.0, average=0.5)
    assert losses[-1] == np.inf


def test_without_noise_the_loss_falls_as_the_curvature_says():
    losses = quadratic.loss([2.0], 0.1, steps=10)
    np.testing.assert_allclose(losses, 0.8 ** (2 * np.arange(11)))


def test_doubling_batch_and_halving_noise_are_the_same():
    one = quadratic.loss(CURVATURE, 0.5, steps=50, batch_size=8, noise=NOISE)
    two = quadratic.loss(CURVATURE, 0.5, steps=50, batch_size=4, noise=NOISE / 2)
    np.testing.assert_allclose(one, two)


def test_averaging_lowers_the_stationary_loss():
    plain, averaged = (quadratic.loss([1.0], 0.5, steps=500, noise=1.0, average=a)[-1] for a in (0.0, 0.95))
    assert averaged < 0.1 * plain


def test_settings_and_schedules_broadcast():
    rates = np.array([0.1, 0.5])
    constant = quadratic.loss(CURVATURE, rates[:, None], steps=7, batch_size=[1, 2, 4], noise=NOISE)
    assert constant.shape == (2, 3, 8)
    schedule = quadratic.loss(
        CURVATURE, np.full((2, 1, 7), rates[:, None, None]), batch_size=[[1], [2], [4]], noise=NOISE
    )
    np.testing.assert_allclose(schedule, constant)
    alone = quadratic.loss(CURVATURE, 0.5, steps=7, batch_size=2, noise=NOISE)
    np.testing.assert_allclose(constant[1, 1], alone)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0.0], 0.1), ValueError, "curvature is 0"),
        ((1.0, 0.1), ValueError, r"curvature has the shape \(\)"),
        (([1.0], -0.1), ValueError, "learning_rate is -0.1"),
        (([1.0], 0.1), ValueError, "needs steps="),
        (([1.0], "fast"), TypeError, "learning_rate is 'fast'"),
    ],
)
def test_bad_settings_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        quadratic.loss(*arguments)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match=r"noise has the shape \(2,\)"):
        quadratic.loss([1.0], 0.1, steps=1, noise=[1.0, 2.0])
    with pytest.raises(ValueError, match="average is 1, which"):
        quadratic.loss([1.0], 0.1, steps=1, average=1.0)
    with pytest.raises(ValueError, match="a simulation is for one"):
        quadratic.simulate([1.0], [0.1, 0.2], steps=3)
    with pytest.raises(ValueError, match="do not broadcast"):
        quadratic.loss([1.0], [0.1, 0.2], batch_size=[1, 2, 3])
