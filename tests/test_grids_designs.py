"""Designs of the shipped grids, and the learning rates they use."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit import grids
from labkit.grids.designs import DEFAULTS, DESIGNS, PRESETS
from labkit.grids.rates import rate_law
from labkit.registry import UnknownName


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("preset", PRESETS)
def test_budgets_are_whole_batches_and_no_run_stands_twice(name, preset):
    runs = grids.design(name, preset)
    batch = runs.batch_size * runs.context
    assert (runs.tokens % batch == 0).all()
    assert (runs.unique_tokens % runs.context == 0).all()
    assert (runs.unique_tokens <= runs.tokens).all()
    assert set(DEFAULTS) <= set(runs.columns)
    assert not runs.duplicated().any()
    assert (runs.learning_rate > 0).all()


def test_every_token_of_the_compute_optimal_grid_is_seen_once():
    runs = grids.compute_optimal()
    assert (runs.unique_tokens == runs.tokens).all()
    assert runs.groupby(["width", "tokens"]).seed.nunique().eq(3).all()
    assert runs.width.nunique() >= 6
    assert runs.tokens.nunique() >= 6


def test_repetition_has_runs_of_one_epoch_to_repeat_from():
    runs = grids.repetition().query("dropout == 0 and weight_decay == 0")
    epochs = runs.tokens / runs.unique_tokens
    assert set(epochs[runs.unique_tokens == 16_384]) >= {1, 2, 4, 8, 16, 32}
    fresh = grids.compute_optimal()
    assert set(runs.width) <= set(fresh.width)


def test_live_grids_share_no_seed_with_shipped_ones():
    for name, make in DESIGNS.items():
        assert not set(make("full").seed) & set(make("lesson").seed), name


def test_the_first_seed_can_be_given():
    assert sorted(grids.repetition("lesson", seed=7).seed.unique()) == [7, 8]


def test_live_runs_are_configurations_of_the_shipped_grid():
    keys = ["width", "tokens", "unique_tokens", "schedule", "warmup", "learning_rate"]
    for preset in ("lesson", "smoke"):
        live = grids.compute_optimal(preset)[keys].drop_duplicates()
        assert len(live.merge(grids.compute_optimal()[keys].drop_duplicates())) == len(live)
    assert len(grids.compute_optimal("lesson")) >= 20


def test_a_switch_changes_one_habit():
    runs = grids.switches()
    plain = grids.compute_optimal()[["width", "tokens", "schedule", "warmup", "learning_rate"]].drop_duplicates()
    both = runs.merge(plain, on=["width", "tokens"], suffixes=("", "_plain"))
    changed = {
        name: [c for c in ("schedule", "warmup", "learning_rate") if (rows[c] != rows[f"{c}_plain"]).any()]
        for name, rows in both.groupby("switch")
    }
    assert changed == {
        "constant": ["schedule", "warmup"],
        "fixed_warmup": ["warmup"],
        "no_warmup": ["schedule", "warmup"],
        "untuned": ["learning_rate"],
    }


def test_every_size_was_tuned_between_worse_rates():
    assert grids.best_rates(grids.load("tuning")).interior.all()


def test_tuned_rates_lie_within_a_factor_of_two_of_each_best_rate():
    best = grids.best_rates(grids.load("tuning"))
    assert (np.abs(np.log2(grids.tuned_rate(best.width, best.tokens) / best.learning_rate)) < 1).all()


def test_a_planted_law_of_rates_is_recovered():
    rates = 0.002 * 2.0 ** np.arange(7)
    rows = [
        (width, tokens, rate, 2 + np.log(rate * width * (tokens / 1e5) ** 0.1 / 0.3) ** 2)
        for width in (8, 16, 32)
        for tokens in (1e5, 1e6)
        for rate in rates
    ]
    law = rate_law(pd.DataFrame(rows, columns=["width", "tokens", "learning_rate", "loss"]))
    assert law == pytest.approx((0.3 * 1e5**0.1, -1, -0.1), rel=1e-6)


def test_a_best_rate_at_the_edge_is_told():
    rows = {"width": 8, "tokens": 64, "learning_rate": [0.1, 0.2, 0.4], "loss": [3.0, 2.0, 1.0]}
    best = grids.best_rates(pd.DataFrame(rows)).iloc[0]
    assert (best.learning_rate, best.interior) == (pytest.approx(0.4), False)


@pytest.mark.parametrize("call", [lambda: grids.design("repetitoin"), lambda: grids.compute_optimal("lessons")])
def test_unknown_names_get_the_nearest(call):
    with pytest.raises(UnknownName, match="did you mean"):
        call()
