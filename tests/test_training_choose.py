"""Model sizes are chosen on validation data, over seeds, and never on test data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit.training import choose


def table(exponent: float, seeds: int = 4, noise: float = 0.0) -> pd.DataFrame:
    """Curves whose needed parameter count is exactly 10 · examples ** exponent."""
    random = np.random.default_rng(0)
    rows = []
    for n in 4.0 ** np.arange(3, 8):
        for width in 2 ** np.arange(1, 16):
            error = 0.1 if width * 10 >= 10 * n**exponent else 0.3
            for seed in range(seeds):
                error_here = error * np.exp(noise * random.normal())
                rows.append(("d", "m", int(n), float(width), 10 * width, seed, error_here, random.uniform()))
    names = ["dataset", "model", "examples", "width", "parameters", "seed", "validation_error", "test_error"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_exponent_of_the_needed_size_is_recovered(exponent):
    draws = choose.growth(table(exponent, noise=0.005), within=0.05, draws=50)
    assert np.quantile(draws, [0.05, 0.95]) == pytest.approx([exponent, exponent], abs=0.02)


def test_the_needed_size_is_the_smallest_good_one():
    found = choose.needed_size(table(0.5))
    assert found.width.tolist() == [8, 16, 32, 64, 128]


def test_a_lucky_seed_does_not_decide():
    points = pd.DataFrame(
        {
            "dataset": "d",
            "model": "m",
            "examples": 64,
            "width": [8.0, 8.0, 32.0, 32.0],
            "validation_error": [0.20, 0.20, 0.10, 0.40],
        }
    )
    assert choose.best_width(points).width.unique().tolist() == [8.0]


def test_scrambled_test_errors_change_no_choice():
    points = table(0.5, noise=0.05)
    scrambled = points.assign(test_error=points.test_error.sample(frac=1, random_state=1).to_numpy())
    for one, other in [
        (choose.best_width(points)[["examples", "width"]], choose.best_width(scrambled)[["examples", "width"]]),
        (choose.needed_size(points), choose.needed_size(scrambled)),
    ]:
        pd.testing.assert_frame_equal(one, other)


def test_a_model_without_a_width_is_kept_as_it_is():
    points = pd.DataFrame({"dataset": "d", "model": "softmax", "examples": [1, 2], "width": np.nan})
    points["validation_error"] = 0.1
    assert len(choose.best_width(points)) == 2


def test_one_seed_is_refused():
    with pytest.raises(ValueError, match="at least 2 seeds"):
        choose.growth(table(0.5, seeds=1))
