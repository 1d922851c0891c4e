"""Whether a live grid agrees with a shipped one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit import grids
from labkit.seeds import generator

COMMON = {"schedule": "warmup_cosine", "warmup": 0.1, "learning_rate": 0.02, "weight_decay": 0.0, "dropout": 0.0}


def grid(seeds: int, *, widths=(8, 16, 32, 64), tokens=(1000, 2000), shift=0.0, seed=0, spread=0.01) -> pd.DataFrame:
    random = generator(seed, "agreement test")
    rows = [
        {"width": width, "tokens": budget, "unique_tokens": budget, "seed": number, **COMMON}
        | {"loss": (1 + 3 / width + 90 / budget**0.5) * np.exp(shift + spread * random.standard_normal())}
        for width in widths
        for budget in tokens
        for number in range(seeds)
    ]
    return pd.DataFrame(rows)


def test_alike_grids_are_within_and_z_has_a_spread_of_about_one():
    tables = [grids.agreement(grid(2, seed=2 * n + 1), grid(3, seed=2 * n)) for n in range(100)]
    z = np.concatenate([table.z for table in tables])
    # Student's t with 8 degrees of freedom has variance 8 / 6.
    assert z.var() == pytest.approx(8 / 6, rel=0.25)
    assert np.mean([table.within.all() for table in tables]) > 0.95


def test_a_shift_of_six_spreads_is_found():
    found = grids.agreement(grid(2, seed=1, shift=0.06), grid(3, seed=0))
    assert not found.within.all()
    assert found.difference.mean() == pytest.approx(0.06, abs=0.02)


def test_only_shared_configurations_are_held_against_each_other():
    live = grid(2, widths=(16, 128), tokens=(2000,), seed=1)
    found = grids.agreement(live, grid(3))
    assert found[["width", "tokens"]].values.tolist() == [[16, 2000]]


def test_grids_that_share_nothing_are_refused():
    with pytest.raises(ValueError, match="share no configuration"):
        grids.agreement(grid(1, widths=(99,)), grid(3))


def test_one_seed_tells_no_spread():
    with pytest.raises(ValueError, match="one seed for each size at 1,000"):
        grids.agreement(grid(1), grid(1))


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="the live grid has no column 'dropout'"):
        grids.agreement(grid(1).drop(columns="dropout"), grid(3))


@pytest.mark.parametrize("level", [0, 1, 1.5])
def test_levels_lie_between_nought_and_one(level):
    with pytest.raises(ValueError, match="level"):
        grids.agreement(grid(1), grid(3), level=level)
