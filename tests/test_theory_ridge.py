"""Ridge regression by spectrum: simulation, limits, exponents."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.theory import ridge


@pytest.mark.parametrize(
    ("examples", "noise", "penalty"),
    [(40, 0.0, 0.0), (40, 0.5, 0.0), (100, 0.1, 0.01), (150, 0.0, 1.0), (400, 0.5, 0.0), (400, 0.5, 0.3)],
)
def test_theory_and_simulation_agree(examples, noise, penalty):
    spectrum, target = ridge.power_law(200, 1.5), ridge.power_law(200, 2.0)
    errors = ridge.simulate(examples, spectrum, target, noise, penalty, repeats=60, seed=3)
    exact = ridge.test_error(examples, spectrum, target, noise, penalty)
    assert abs(errors.mean() - exact) < 0.03 * exact + 4 * errors.std(ddof=1) / np.sqrt(len(errors))


def local_exponent(a, b, at, **setting):
    n = at * np.array([0.8, 1.25])
    errors = ridge.test_error(n, ridge.power_law(100_000, a), ridge.power_law(100_000, b), **setting)
    return -np.diff(np.log(errors))[0] / np.diff(np.log(n))[0]


@pytest.mark.parametrize(("a", "b"), [(1.5, 2.0), (2.0, 3.0), (1.5, 6.0)])
def test_noise_free_curves_have_the_closed_exponent(a, b):
    assert local_exponent(a, b, 1000) == pytest.approx(ridge.exponent(a, b), rel=0.03)


def test_a_fixed_ridge_slows_the_fall():
    assert local_exponent(2.0, 3.0, 3e5, ridge=100.0) == pytest.approx(
        ridge.exponent(2.0, 3.0, ridge="fixed"), rel=0.05
    )


def test_noisy_curves_with_a_fixed_ridge_have_the_closed_exponent():
    expected = ridge.exponent(2.0, 3.0, noise=True, ridge="fixed")
    assert local_exponent(2.0, 3.0, 3e5, noise=1.0, ridge=1.0) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("a", "b"), [(2.0, 3.0), (1.5, 6.0)])
def test_noisy_curves_at_the_best_ridge_have_the_closed_exponent(a, b):
    expected = ridge.exponent(a, b, noise=True, ridge="optimal")
    assert local_exponent(a, b, 1e5, noise=1.0, ridge="optimal") == pytest.approx(expected, rel=0.05)


def test_noise_that_is_interpolated_stays():
    assert ridge.exponent(2.0, 3.0, noise=True) == 0.0
    assert local_exponent(2.0, 3.0, 300, noise=1.0) == pytest.approx(0.0, abs=0.02)


def test_the_best_ridge_is_as_good_as_any():
    spectrum, target = ridge.power_law(500, 1.5), ridge.power_law(500, 2.0)
    n = np.array([20, 200, 2000])
    best = ridge.test_error(n, spectrum, target, 0.2, "optimal")
    others = ridge.test_error(n, spectrum, target, 0.2, np.geomspace(1e-4, 1e4, 400)[:, None])
    assert (best <= others.min(axis=0) * (1 + 1e-9)).all()
    np.testing.assert_allclose(best, others.min(axis=0), rtol=1e-3)


def test_without_noise_the_best_ridge_is_none():
    spectrum = ridge.power_law(500, 1.5)
    none, best = (ridge.test_error([20, 200], spectrum, spectrum, 0.0, penalty) for penalty in (0.0, "optimal"))
    assert (best <= none).all()


def test_more_examples_than_modes_leave_the_textbook_variance():
    # Ordinary least squares: noise times modes / (examples - modes), up to one degree of freedom.
    error = ridge.test_error(1000, np.ones(200), np.ones(200), 0.3)
    assert error == pytest.approx(0.3 * 200 / 800)


def test_more_examples_than_modes_without_noise_leave_nothing():
    assert ridge.test_error([200, 400], np.ones(200), np.ones(200)).tolist() == [0.0, 0.0]


def test_as_many_examples_as_modes_interpolate_the_noise_without_bound():
    assert ridge.test_error(50, np.ones(50), np.ones(50), 1.0) == np.inf


def test_isotropic_interpolation_misses_the_share_of_directions_not_seen():
    assert ridge.test_error(30, np.ones(100), np.full(100, 0.01)) == pytest.approx(0.7)


def test_a_huge_ridge_predicts_nothing():
    target = ridge.power_law(50, 2.0)
    assert ridge.test_error(20, ridge.power_law(50, 1.5), target, 0.0, 1e12) == pytest.approx(target.sum(), rel=1e-6)


def test_shapes_broadcast_and_batches_do_not_matter(monkeypatch):
    spectrum = ridge.power_law(300, 1.5)
    arguments = ([[10], [100]], spectrum, spectrum, [0.0, 0.1, 1.0], 0.5)
    whole = ridge.test_error(*arguments)
    monkeypatch.setattr(ridge, "_AT_ONCE", 1)
    assert whole.shape == (2, 3)
    np.testing.assert_allclose(ridge.test_error(*arguments), whole)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, [1.0], [1.0]), ValueError, "examples is 0"),
        ((5, [1.0, 0.0], [1.0, 1.0]), ValueError, "eigenvalues is 0"),
        ((5, [1.0, 1.0], [1.0]), ValueError, r"shape \(2,\) and target \(1,\)"),
        ((5, [1.0], [1.0], -1.0), ValueError, "noise is -1"),
        ((5, [1.0], [1.0], 0.0, "best"), ValueError, "ridge is 'best'"),
        ((5, ["a"], [1.0]), TypeError, "eigenvalues is"),
    ],
)
def test_bad_settings_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        ridge.test_error(*arguments)


def test_exponents_are_for_summable_spectra():
    with pytest.raises(ValueError, match="spectrum_decay is 1"):
        ridge.exponent(1.0, 2.0)
    with pytest.raises(ValueError, match="did you mean 'optimal'"):
        ridge.exponent(2.0, 2.0, ridge="optimum")
