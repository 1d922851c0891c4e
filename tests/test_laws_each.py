"""Laws side by side: each group gets its own law, and its intervals hold what they should."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit.laws.each import fit_each, overlapping

X = np.tile(2.0 ** np.arange(5, 12), 5)


def points(exponents: dict[str, float], noise: float, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    parts = [
        pd.DataFrame({"model": m, "examples": X, "test_error": 2 * X**-a * np.exp(noise * random.normal(size=len(X)))})
        for m, a in exponents.items()
    ]
    return pd.concat(parts)


def test_every_group_gets_its_own_law():
    table = fit_each(points({"a": 0.3, "b": 0.6}, 0.0), "model")
    assert table[table.parameter == "alpha"].value.tolist() == pytest.approx([0.3, 0.6])
    assert table.explained.to_numpy() == pytest.approx(1)


def test_intervals_of_independent_errors_hold_the_exponent_about_as_often_as_they_say():
    held = 0
    for seed in range(60):
        row = fit_each(points({"a": 0.4}, 0.1, seed), "model", draws=200, seed=seed).iloc[1]
        held += row.low <= 0.4 <= row.high
    # 90% of 60 is 54; the pair bootstrap of 35 points is known to be a little narrow.
    assert held >= 45


def test_the_reference_moves_the_amplitude_and_not_the_exponent():
    frame = points({"a": 0.5}, 0.0)
    one, other = fit_each(frame, "model"), fit_each(frame, "model", reference=256)
    assert one.value[1] == pytest.approx(other.value[1])
    assert other.value[0] == pytest.approx(2 * 256**-0.5)


def test_an_unknown_column_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'examples'"):
        fit_each(points({"a": 0.5}, 0.0), "model", x="exmples")


def test_one_interval_apart_is_enough_not_to_overlap():
    assert not overlapping([0, 0, 5], [4, 4, 6])


def test_a_group_that_cannot_be_fitted_is_named():
    frame = points({"a": 0.5, "b": 0.5}, 0.0)
    frame.loc[frame.model == "b", "test_error"] = 0.0
    with pytest.raises(ValueError, match=r"^b: objective 'log_squared' takes logarithms"):
        fit_each(frame, "model")


def test_means_that_are_alike_leave_nothing_to_explain():
    rows = fit_each(points({"a": 0.5}, 0.0).assign(test_error=0.2), "model", draws=20)
    assert rows.explained.isna().all()


@pytest.mark.parametrize("reference", [0, -1.0, float("nan"), float("inf")])
def test_an_amplitude_is_read_at_a_size_above_zero(reference):
    with pytest.raises(ValueError, match="reference is a size above zero"):
        fit_each(points({"a": 0.5}, 0.0), "model", reference=reference)
