"""The pruned perceptron: published values, the replica equations, limits and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.special import ndtr, ndtri

from labkit.theory import hinge_moments, perceptron
from labkit.theory.hard_margin import separate

KEPT = np.array([0.5, 1, 2, 3, 4, 5, 8, 12])
TABLE = {
    ("random", 1.0): [0.3288, 0.2657, 0.1885, 0.1428, 0.1137, 0.0938, 0.0609, 0.0412],
    ("hardest", 0.5): [0.4057, 0.3210, 0.1361, 0.0812, 0.0610, 0.0492, 0.0311, 0.0208],
    ("easiest", 0.5): [0.2502, 0.1818, 0.1173, 0.0862, 0.0679, 0.0560, 0.0366, 0.0250],
    ("hardest", 0.25): [0.4521, 0.3987, 0.1051, 0.0430, 0.0312, 0.0249, 0.0156, 0.0104],
}


@pytest.mark.parametrize(("keep", "fraction"), TABLE)
def test_errors_of_a_perfect_probe_match_the_reference_to_four_digits(keep, fraction):
    errors = perceptron.test_error(KEPT / fraction, fraction, keep)
    np.testing.assert_allclose(errors, TABLE[keep, fraction], atol=5.1e-5)


def test_unpruned_margins_match_the_reference():
    margins = perceptron.student([0.5, 1, 2, 5, 10]).margin
    np.testing.assert_allclose(margins, [1.2564, 0.7865, 0.4546, 0.1967, 0.0999], atol=5.1e-5)


def test_deep_pruning_matches_the_reference():
    errors = perceptron.test_error([50, 100, 250, 100], [0.08, 0.05, 0.01, 0.015])
    np.testing.assert_allclose(errors, [0.01005, 0.00501, 0.00243, 0.48394], atol=5.1e-6)


def test_the_error_of_a_perfect_probe_is_proportional_to_the_fraction_above_two_kept_per_dimension():
    fractions = np.array([0.1, 0.01, 0.001])
    np.testing.assert_allclose(perceptron.test_error(3.0 / fractions, fractions), 0.0176 * fractions / 0.1, rtol=5e-3)


def test_many_examples_approach_the_maximal_stability_constant():
    # At 300 the equations of the unpruned student, solved with 25 digits, give this; the constant is 0.5005.
    assert 300 * perceptron.test_error(300.0) == pytest.approx(0.500478957840971, rel=1e-9)
    assert 3000 * perceptron.test_error(3000.0) == pytest.approx(0.5005, abs=5e-5)


def test_easy_examples_win_when_data_are_scarce_and_hard_ones_when_they_abound():
    pool = np.array([2, 5, 8, 30])
    hard, easy = (perceptron.test_error(pool, 0.5, keep) for keep in ("hardest", "easiest"))
    np.testing.assert_allclose(hard, [0.321, 0.0998, 0.0610, 0.01665], atol=5e-4)
    np.testing.assert_allclose(easy, [0.1818, 0.0994, 0.0679, 0.02019], atol=5e-4)
    assert hard[0] > easy[0]
    assert hard[-1] < easy[-1]


@pytest.mark.parametrize(
    ("angle", "errors", "fractions"),
    [
        (5, [0.1271, 0.0206, 0.0074, 0.0032], [0.30, 0.10, 0.07, 0.05]),
        (10, [0.1471, 0.0393, 0.0146, 0.0064], [0.50, 0.20, 0.15, 0.10]),
        (20, [0.1675, 0.0678, 0.0277, 0.0124], [0.70, 0.40, 0.30, 0.20]),
        (40, [0.1833, 0.0983, 0.0464, 0.0220], [0.80, 0.70, 0.50, 0.40]),
    ],
)
def test_the_envelope_of_an_imperfect_probe_matches_the_reference(angle, errors, fractions):
    grid = [0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99]
    best = perceptron.envelope([2, 4, 8, 16], probe_angle=angle, fractions=grid)
    np.testing.assert_allclose(best.error, errors, atol=5.1e-5)
    np.testing.assert_allclose(best.fraction, fractions)
    assert best.at_edge.tolist() == [fraction == 0.05 for fraction in fractions]


def test_a_perfect_probe_puts_the_envelope_at_the_edge_of_its_grid():
    assert perceptron.envelope(4.0).at_edge


def saddle_residuals(alpha, fraction, keep, angle):
    """How far the student is from the replica equations of a probe at an angle, by plain quadrature."""
    student = perceptron.student(alpha / fraction, fraction, keep, angle)
    R, rho, kappa = student.overlap, student.probe_overlap, student.margin
    c, v = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle)) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(400)

    def interval(low, high):
        return 0.5 * (high - low) * nodes + 0.5 * (high + low), 0.5 * (high - low) * weights

    cut = -ndtri((1 - fraction) / 2) if keep == "hardest" else -ndtri(fraction / 2)
    z, dz = interval(0.0, min(cut, 9.0)) if keep == "hardest" else interval(cut, 9.0)
    z, dz = np.concatenate([z, -z]), np.concatenate([dz, dz])
    dz = dz * np.exp(-z * z / 2) / np.sqrt(2 * np.pi) / fraction
    t, dt = interval(-10.0, kappa)
    z, t = z[:, None], t[None, :]
    q, L = np.sqrt(1 - rho**2), np.sqrt(v - R**2 - rho**2 + 2 * rho * R * c)
    G = z * (rho * R - c) - t * (R - rho * c)
    D = z**2 * (rho**2 + c**2 - 2 * rho * R * c) + 2 * t * z * (R * c - rho) + t**2 * v
    B = np.exp(-((t - rho * z) ** 2) / (2 * q * q)) / (np.sqrt(2 * np.pi) * q)
    bell, upper = np.exp(-D / (2 * L * L)), ndtr(-G / (q * L))

    def mean(values):
        return dz @ (values @ dt)

    return [
        (R - rho * c) / v - alpha / (np.pi * L) * mean(bell * (kappa - t)),
        1 - (rho**2 + R**2 - 2 * rho * R * c) / v - 2 * alpha * mean(B * upper * (kappa - t) ** 2),
        (rho - R * c) / v
        - 2
        * alpha
        * mean((B * upper * (z - rho * t) / q**2 + bell / (2 * np.pi * L) * (rho * R - c) / q**2) * (kappa - t)),
    ]


@pytest.mark.parametrize("keep", ["hardest", "easiest"])
@pytest.mark.parametrize(
    ("alpha", "fraction", "angle"), [(0.7, 0.3, 20), (2.5, 0.5, 10), (5.0, 0.2, 40), (1.5, 0.8, 70)]
)
def test_the_student_satisfies_the_replica_equations(keep, alpha, fraction, angle):
    np.testing.assert_allclose(saddle_residuals(alpha, fraction, keep, angle), 0, atol=1e-7)


@settings(deadline=None, max_examples=25)
@given(
    fraction=st.floats(0.05, 1),
    inside=st.sampled_from([-1.0, 1.0]),
    angle=st.floats(0.5, 85),
    w=st.tuples(st.floats(-3, 8), st.floats(-3, 8), st.floats(0.2, 3)),
)
@example(fraction=0.5, inside=-1.0, angle=1.0, w=(0.0, 1.5e-304, 1.0))
def test_derivatives_of_the_hinge_are_those_of_its_value(fraction, inside, angle, w):
    cut = np.array([min(-ndtri((1 - fraction) / 2 if inside > 0 else fraction / 2), 40.0)])
    turn = np.deg2rad(angle)
    one = np.ones(1)
    kept = hinge_moments.Pruning(fraction * one, cut, inside * one, np.cos(turn) * one, np.sin(turn) * one)
    w = np.array([w])
    _, gradient, hessian = hinge_moments.squared_hinge(w, kept)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 1e-4
        above, below = (hinge_moments.squared_hinge(w + sign * step, kept) for sign in (1, -1))
        np.testing.assert_allclose((above[0] - below[0]) / 2e-4, gradient[:, axis], atol=2e-5)
        np.testing.assert_allclose((above[1] - below[1]) / 2e-4, hessian[:, axis], atol=2e-5)


def test_theory_and_simulation_agree_over_thirty_random_settings():
    rng = np.random.default_rng(20)
    for index in range(30):
        keep = perceptron.KEEPS[index % 3]
        pool, fraction = float(np.exp(rng.uniform(0, np.log(12)))), rng.uniform(0.2, 0.8)
        angle = float(rng.choice([0, 10, 20, 40]))
        errors = perceptron.simulate(80, pool, fraction, keep, angle, repeats=12, seed=index)
        exact = perceptron.test_error(
            round(80 * pool) / 80, round(fraction * round(80 * pool)) / round(80 * pool), keep, angle
        )
        allowed = 0.02 * exact + 4 * errors.std(ddof=1) / np.sqrt(len(errors))
        assert abs(errors.mean() - exact) < allowed, (keep, pool, fraction, angle)


def test_the_separator_is_the_least_distance_solution():
    rng = np.random.default_rng(4)
    for rows, dimensions in ((15, 30), (90, 30)):
        x = rng.standard_normal((3, rows, dimensions))
        x *= np.sign(x[:, :, :1])
        for examples, w in zip(x, separate(x), strict=True):
            system = np.vstack([examples.T, np.ones(rows)])
            dual, _ = nnls(system, np.r_[np.zeros(dimensions), 1.0])
            residual = system @ dual - np.r_[np.zeros(dimensions), 1.0]
            np.testing.assert_allclose(w, -residual[:-1] / residual[-1], atol=1e-5)


def test_sets_that_nothing_separates_are_refused():
    with pytest.raises(RuntimeError, match="separable"):
        separate(np.array([[[1.0, 0.0], [-1.0, 0.0]]]))


def test_a_setting_does_not_depend_on_those_beside_it():
    pool, fraction, angle = np.geomspace(0.3, 100, 600), np.linspace(0.05, 1, 600), np.linspace(0, 90, 600)
    together = perceptron.test_error(pool, fraction, "hardest", angle)
    alone = [perceptron.test_error(pool[i], fraction[i], "hardest", angle[i]) for i in (0, 299, 599)]
    np.testing.assert_allclose(together[[0, 299, 599]], alone, rtol=1e-9)


def test_a_repeat_does_not_depend_on_how_many_there_are():
    few, many = (perceptron.simulate(30, 3.0, 0.5, repeats=repeats, seed=1) for repeats in (2, 5))
    np.testing.assert_allclose(few, many[:2], rtol=1e-6)


def test_keeping_all_is_the_same_whatever_the_rule_and_the_probe():
    errors = [perceptron.test_error(3.0, 1.0, keep, angle) for keep in perceptron.KEEPS for angle in (0, 30, 90)]
    np.testing.assert_allclose(errors, errors[0], rtol=1e-9)


def test_a_probe_at_a_right_angle_knows_nothing():
    # What it keeps is as informative about the teacher as random examples: only the spread along the probe differs.
    exact = perceptron.test_error(4.0, 0.5, "hardest", 90.0)
    assert exact == pytest.approx(perceptron.test_error(2.0), rel=0.02)


@settings(deadline=None, max_examples=30)
@given(
    pool=st.floats(0.01, 500),
    fraction=st.floats(0.01, 1),
    angle=st.floats(0, 90),
    keep=st.sampled_from(perceptron.KEEPS),
)
def test_errors_lie_between_none_and_chance(pool, fraction, angle, keep):
    assert 0 < perceptron.test_error(pool, fraction, keep, angle) <= 0.5 + 1e-9


def test_a_perfect_probe_is_the_limit_of_good_ones():
    for keep in ("hardest", "easiest"):
        np.testing.assert_allclose(
            perceptron.test_error([1.0, 8.0, 40.0], 0.3, keep, 1e-5),
            perceptron.test_error([1.0, 8.0, 40.0], 0.3, keep, 0.0),
            rtol=1e-6,
        )


def test_shapes_broadcast():
    errors = perceptron.test_error(np.ones((4, 1)), np.linspace(0.5, 1, 3), probe_angle=np.zeros((2, 1, 1)))
    assert errors.shape == (2, 4, 3)
    assert perceptron.test_error([]).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"pool_per_dimension": 0}, ValueError, "pool_per_dimension is 0; expected finite numbers above 0"),
        ({"pool_per_dimension": np.nan}, ValueError, "pool_per_dimension is nan"),
        ({"pool_per_dimension": "many"}, TypeError, "pool_per_dimension is 'many'"),
        ({"pool_per_dimension": 1, "fraction": 1.2}, ValueError, "fraction is 1.2"),
        ({"pool_per_dimension": 1, "fraction": 0}, ValueError, "fraction is 0"),
        ({"pool_per_dimension": 1, "probe_angle": 91}, ValueError, "probe_angle is 91"),
        ({"pool_per_dimension": 1, "keep": "hardst"}, ValueError, "did you mean 'hardest'"),
        ({"pool_per_dimension": [1, 2], "fraction": [1, 1, 1]}, ValueError, "do not broadcast"),
    ],
)
def test_bad_settings_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        perceptron.test_error(**arguments)


def test_a_simulation_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="keeps none"):
        perceptron.simulate(10, 1.0, 0.01)
    with pytest.raises(ValueError, match="dimension is 1"):
        perceptron.simulate(1, 1.0)
    with pytest.raises(TypeError, match=r"repeats is 2\.5"):
        perceptron.simulate(10, 1.0, repeats=2.5)
    with pytest.raises(ValueError, match="expected one number"):
        perceptron.simulate(10, [1.0, 2.0])


def test_an_envelope_needs_a_grid_and_one_angle():
    with pytest.raises(ValueError, match="fractions is empty"):
        perceptron.envelope(1.0, fractions=[])
    with pytest.raises(ValueError, match="one angle"):
        perceptron.envelope(1.0, probe_angle=[0.0, 10.0])
