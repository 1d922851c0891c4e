"""Numeric sources whose truth can be computed another way: spectra, teachers, planes that turn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets

SPLITS = ("train", "validation", "test")


def told(data, name: str, split: str) -> np.ndarray:
    return data.truth[name if split == "train" else f"{split}_{name}"]


def expected_error(truth, examples: int, ridge: float = 0.0) -> float:
    """Test error of ridge regression on that many Gaussian examples, in the limit of many features.

    The self-consistent ridge k solves examples = sum(e / (e + k)) + ridge / k over the eigenvalues e.
    """
    eigenvalues, power = truth["eigenvalues"], truth["power"]
    low, high = 1e-15, 1e9
    for _ in range(200):
        middle = np.sqrt(low * high)
        used = (eigenvalues / (eigenvalues + middle)).sum() + ridge / middle
        low, high = (middle, high) if used > examples else (low, middle)
    left = middle / (eigenvalues + middle)
    variance = ((1 - left) ** 2).sum() / examples
    return ((left**2 * power).sum() + truth["noise_variance"] * variance) / (1 - variance)


def slope(function, low: float, high: float) -> float:
    """Exponent of a power law between two sizes."""
    return float(np.log(function(low) / function(high)) / np.log(high / low))


@pytest.mark.parametrize(("a", "b"), [(1.5, 2.0), (1.2, 1.5), (2.0, 3.5), (1.2, 6.0)])
def test_the_exponent_is_that_of_the_exact_curve(a, b):
    truth = datasets.load("spectrum", a=a, b=b, features=20_000, examples=1, validation=0, test=1).truth
    assert truth["exponent"] == min(b - 1, 2 * a)
    # Far below the number of features, where the missing tail counts for little.
    tolerance = 0.12 if b < 1.8 else 0.06
    assert slope(lambda n: expected_error(truth, n), 50, 200) == pytest.approx(truth["exponent"], rel=tolerance)


@pytest.mark.parametrize(("a", "b"), [(1.5, 2.0), (2.0, 3.0)])
def test_with_noise_and_the_best_ridge_the_exponent_is_smaller_as_said(a, b):
    truth = datasets.load("spectrum", a=a, b=b, features=20_000, noise=0.5, examples=1, validation=0, test=1).truth
    ridges = np.geomspace(1e-4, 1e4, 60) * truth["eigenvalues"][0]

    def best(examples: float) -> float:
        return min(expected_error(truth, examples, ridge) for ridge in ridges)

    assert slope(best, 1000, 10_000) == pytest.approx(truth["exponent_noisy"], rel=0.06)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_least_squares_on_the_examples_follows_the_exact_curve(noise):
    sizes, errors = (16, 32, 64, 128), []
    for size in sizes:
        found = []
        for seed in range(12):
            data = datasets.load(
                "spectrum", features=400, noise=noise, examples=size, validation=0, test=500, seed=seed
            )
            weights, *_ = np.linalg.lstsq(data.inputs.astype(float), data.targets.astype(float), rcond=None)
            found.append(np.mean((data.test_inputs @ weights - data.test_targets) ** 2))
        spread = np.std(found, ddof=1) / np.sqrt(len(found))
        expected = expected_error(data.truth, size)
        # The limit of many features is off by about 1 / size.
        assert abs(np.mean(found) - expected) < 4 * spread + 3 * expected / size
        errors.append(np.mean(found))
    if not noise:
        fitted = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
        assert fitted == pytest.approx(data.truth["exponent"], abs=0.25)


@settings(deadline=None, max_examples=15)
@given(st.floats(1.05, 4), st.floats(1.05, 8), st.integers(2, 300), st.integers(0, 99))
def test_a_spectrum_has_unit_scale_and_the_weights_give_its_targets(a, b, features, seed):
    data = datasets.load("spectrum", a=a, b=b, features=features, examples=50, validation=20, test=20, seed=seed)
    truth = data.truth
    assert truth["eigenvalues"].mean() == pytest.approx(1)
    np.testing.assert_allclose(truth["weights"] ** 2 * truth["eigenvalues"], truth["power"], rtol=1e-9)
    assert truth["power"].sum() == pytest.approx(1)
    for split in SPLITS:
        inputs, targets = data.split(split)
        np.testing.assert_allclose(inputs @ truth["weights"], targets, atol=1e-3)


def dimension_by_neighbours(points: np.ndarray, near: int = 10) -> float:
    """Maximum-likelihood intrinsic dimension from distances to the nearest points (Levina and Bickel, 2005)."""
    squares = (points**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    nearest = np.sqrt(np.maximum(np.partition(distances, near, axis=1)[:, : near + 1], 1e-12))
    nearest.sort(axis=1)
    logs = np.log(nearest[:, near, None] / nearest[:, 1:near])
    return float((near - 1) / logs.sum(axis=1).mean())


@pytest.mark.parametrize(("dimension", "curvature"), [(1, 0.5), (2, 0.0), (2, 0.5), (4, 0.5), (6, 0.5)])
def test_neighbours_find_the_intrinsic_dimension(dimension, curvature):
    data = datasets.load("teacher", dimension=dimension, curvature=curvature, ambient=32, examples=3000)
    found = dimension_by_neighbours(data.inputs.astype(np.float64))
    assert found == pytest.approx(dimension, rel=0.1)
    latent = dimension_by_neighbours(data.truth["latent"].astype(np.float64))
    assert found == pytest.approx(latent, rel=0.12)


def test_a_flat_surface_has_as_many_directions_as_dimensions_and_a_bent_one_more():
    for curvature, directions in ((0.0, 3), (0.5, 32)):
        data = datasets.load("teacher", dimension=3, curvature=curvature, examples=2000)
        values = np.linalg.svd(data.inputs - data.inputs.mean(axis=0), compute_uv=False)
        assert (values > 1e-3 * values[0]).sum() == directions


@pytest.mark.parametrize("curvature", [0.0, 1.0])
def test_inputs_and_targets_of_a_teacher_have_unit_scale(curvature):
    data = datasets.load("teacher", dimension=5, curvature=curvature)
    assert np.mean(data.inputs**2) == pytest.approx(1, rel=0.05)
    assert data.targets.mean() == pytest.approx(0, abs=0.06)
    assert data.targets.std() == pytest.approx(1, abs=0.06)


def test_noise_is_in_the_training_targets_alone_and_as_large_as_said():
    clean, noisy = (datasets.load("teacher", noise=noise) for noise in (0.0, 0.7))
    added = noisy.targets - clean.targets
    assert added.std() == pytest.approx(0.7, rel=0.05)
    assert np.array_equal(clean.test_targets, noisy.test_targets)
    assert noisy.truth["noise_variance"] == pytest.approx(0.49)


def test_a_teacher_without_hidden_layers_is_linear_in_the_hidden_coordinates():
    data = datasets.load("teacher", depth=0, dimension=3)
    columns = np.column_stack([data.truth["latent"], np.ones(len(data.inputs))])
    _, left, *_ = np.linalg.lstsq(columns, data.targets, rcond=None)
    assert left[0] / len(data.inputs) < 1e-9


def test_every_class_of_a_teacher_occurs_and_neighbours_agree():
    data = datasets.load("teacher_classes", classes=5, dimension=2)
    assert np.bincount(data.targets).min() > 0.03 * len(data.targets)
    near = ((data.test_inputs[:300, None] - data.inputs) ** 2).sum(axis=2).argmin(axis=1)
    assert (data.targets[near] == data.test_targets[:300]).mean() > 0.8


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 60), st.floats(0, 90), st.integers(0, 99))
def test_the_probe_stands_at_its_angle_and_margins_are_its_distances(dimension, angle, source):
    data = datasets.load("perceptron", dimension=dimension, probe_angle=angle, examples=40, test=40, source=source)
    teacher, probe = data.truth["teacher"], data.truth["probe"]
    assert np.linalg.norm(teacher) == pytest.approx(1)
    assert np.rad2deg(np.arctan2(np.linalg.norm(probe - (probe @ teacher) * teacher), probe @ teacher)) == (
        pytest.approx(angle, abs=1e-6)
    )
    for split in SPLITS:
        inputs, targets = data.split(split)
        np.testing.assert_allclose(told(data, "margin", split), np.abs(inputs @ probe), atol=1e-5)
        sure = np.abs(inputs @ teacher) > 1e-5
        assert np.array_equal((inputs @ teacher > 0)[sure], targets[sure] == 1)


def test_a_student_at_an_angle_errs_by_its_share_of_180_degrees():
    data = datasets.load("perceptron", probe_angle=36.0, test=40_000)
    error = ((data.test_inputs @ data.truth["probe"] > 0) != data.test_targets).mean()
    assert error == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / 40_000))


@pytest.mark.parametrize("pattern", ["steady", "sudden", "seasonal"])
def test_a_stale_rule_errs_by_how_far_the_plane_has_turned(pattern):
    data = datasets.load("stream", drift=120.0, pattern=pattern, test=40_000)
    first = data.truth["directions"][0]
    wrong = (data.test_inputs @ first > 0) != data.test_targets
    angle = data.truth["test_angle"]
    assert (angle.min(), angle.max()) == (0, pytest.approx(120, abs=0.01))
    for part in np.array_split(np.argsort(angle, kind="stable"), 4):
        expected = angle[part].mean() / 180
        assert wrong[part].mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / len(part)))
    assert (np.diff(data.truth["time"]) > 0).all()


def test_sudden_turns_are_three_and_seasons_return():
    angle = datasets.load("stream", pattern="sudden").truth["angle"]
    assert np.unique(angle).round(6).tolist() == [0, 30, 60, 90]
    seasonal = datasets.load("stream", pattern="seasonal").truth["angle"]
    assert np.abs(seasonal[[0, len(seasonal) // 2, -1]]).max() < 0.01


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("spectrum", {"a": 1.0}, ValueError, "a=1.0 makes a sum that does not converge"),
        ("spectrum", {"b": 9}, ValueError, "b=9 is outside"),
        ("spectrum", {"features": 1}, ValueError, "expected from 2"),
        ("teacher", {"ambient": 3}, ValueError, "do not fit into ambient=3"),
        ("teacher", {"ambient": 4}, ValueError, "or as many and curvature=0"),
        ("teacher", {"noise": -1}, ValueError, "noise=-1 is outside"),
        ("teacher", {"depth": 1.5}, TypeError, "expected a whole number"),
        ("teacher_classes", {"classes": 1}, ValueError, "classes=1 is outside"),
        ("perceptron", {"probe_angle": 91}, ValueError, "expected a number from 0 to 90"),
        ("stream", {"pattern": "sudde"}, ValueError, "unknown pattern 'sudde': did you mean 'sudden'"),
        ("stream", {"drift": 181}, ValueError, "drift=181 is outside"),
    ],
)
def test_bad_dials_are_refused(name, options, error, message):
    with pytest.raises(error, match=message):
        datasets.load(name, **options)
