"""Readings of repeated text recover what was planted: gaps, effective tokens, speed-ups, worths, prices, regimes."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from labkit import grids
from labkit.grids.repeats import fresh_runs, resamples

BASE = {"E": 1.0, "A": 40.0, "B": 60.0, "alpha": 0.4, "beta": 0.35}
UNIQUE = (16_384, 32_768, 65_536, 131_072)
WIDTHS = {8: 4_000.0, 16: 16_000.0, 32: 64_000.0}
WORTH = 9.0


def loss(params, tokens, unique=None, worth=WORTH):
    unique = tokens if unique is None else unique
    effective = unique * (1 + worth * (1 - np.exp(-(tokens / unique - 1) / worth)))
    return BASE["E"] + BASE["A"] * params ** -BASE["alpha"] + BASE["B"] * effective ** -BASE["beta"]


def frame(cells, noise=0.0, seeds=3, **more):
    random, rows = np.random.default_rng(0), []
    for (width, params, unique, tokens, height), seed in itertools.product(cells, range(seeds)):
        rows.append({"width": width, "params": params, "unique_tokens": unique, "tokens": tokens, "seed": seed,
                     "dropout": 0.0, "weight_decay": 0.0, **more,
                     "loss": height * np.exp(noise * random.standard_normal())})  # fmt: skip
    return pd.DataFrame(rows)


def planted(noise=0.0, price=None):
    once = [(w, n, d, d, loss(n, d)) for w, n in WIDTHS.items() for d in [16_384 * 2**i for i in range(7)]]
    again = []
    for (w, n), u, e in itertools.product(WIDTHS.items(), UNIQUE, (2, 4, 8, 16, 32)):
        if u * e <= 524_288:
            height = loss(n, u * e, u) if price is None else loss(n, u * e) + price(n, u, e)
            again.append((w, n, u, u * e, height))
    return frame(again, noise), frame(once, noise)


@pytest.fixture(scope="module")
def shipped():
    return [
        grids.load(name).assign(params=lambda t: t.params_with_embeddings) for name in ("repetition", "compute_optimal")
    ]


def test_a_planted_worth_of_repeats_is_recovered_in_two_steps():
    law = grids.data_constrained(*planted(), excess=False, draws=2)
    assert law.worth == pytest.approx(WORTH, rel=1e-3)
    assert law.rms < 1e-5
    assert law.effective(1000, 1) == pytest.approx(1000)
    assert law.effective(1000, 1e6) == pytest.approx(1000 * (1 + WORTH), rel=1e-3)


def test_the_interval_of_the_worth_holds_it_under_noise():
    law = grids.data_constrained(*planted(noise=0.003), excess=False, draws=60)
    low, high = law.worth_limits
    assert low < WORTH < high
    assert high < 3 * WORTH


def test_parameters_are_discounted_only_where_asked():
    repeated, fresh = planted()
    law = grids.data_constrained(repeated, fresh, draws=2)
    assert np.isfinite(law.excess)
    assert np.isinf(grids.data_constrained(repeated, fresh, draws=2, excess=False).excess)
    with pytest.raises(ValueError, match="chinchilla"):
        grids.data_constrained(repeated, fresh, base="kaplan")
    with pytest.raises(ValueError, match="more than one epoch"):
        grids.data_constrained(fresh, fresh)


def test_refits_predict_around_the_law(shipped):
    law = grids.data_constrained(*shipped, draws=20, excess=False, most=8)
    few = shipped[0].head(4)
    drawn = law.redrawn(few)
    assert drawn.shape == (20, 4)
    assert (np.abs(np.log(np.median(drawn, axis=0) / law.predict(few))) < 0.02).all()


def test_worth_of_epochs_falls_from_one():
    law = grids.data_constrained(*planted(noise=0.003), excess=False, draws=20)
    table = grids.worth_of_epochs(law, (1, 2, 4, 40))
    assert table.next[0] == table["mean"][0] == 1
    assert (table.next.diff()[1:] < 0).all()
    assert (table["mean"] >= table.next).all()
    assert (table.next_low <= table.next + 1e-12).all()
    assert (table.next <= table.next_high + 1e-12).all()
    assert table["mean"][3] == pytest.approx((1 + law.worth * (1 - np.exp(-39 / law.worth))) / 40)
    with pytest.raises(ValueError, match="1 or more"):
        grids.worth_of_epochs(law, (0.5,))


def test_published_worths_of_a_token_follow_from_the_published_constant():
    draws = pd.DataFrame({"worth": [15.387756] * 2})
    law = grids.data_constrained(*planted(), draws=2)
    table = grids.worth_of_epochs(type(law)(law.base, 15.387756, 5.3, (1, 2), (1, 2), 0.0, draws), (2, 4, 8, 16, 40))
    assert (100 * table["mean"]).round().tolist() == [98, 93, 83, 66, 38]


def test_effective_tokens_of_fresh_losses_are_their_tokens():
    repeated, fresh = planted()
    inverted = grids.effective_tokens(repeated, fresh)
    few = inverted[inverted.bound == ""]
    exact = few.unique_tokens * (1 + WORTH * (1 - np.exp(-(few.epochs - 1) / WORTH)))
    assert (few.effective / exact).to_numpy() == pytest.approx(1, abs=0.02)  # straight lines between budgets
    assert (inverted.speedup * inverted.effective).to_numpy() == pytest.approx(inverted.tokens.to_numpy(float))


def test_losses_outside_those_of_fresh_runs_are_bounds():
    repeated, fresh = planted()
    worse, better = repeated.assign(loss=99.0), repeated.assign(loss=0.1)
    assert set(grids.effective_tokens(worse, fresh).bound) == {"below"}
    assert set(grids.effective_tokens(better, fresh).bound) == {"above"}
    assert grids.speedups(worse, fresh).bounded.eq(1).all()


def test_speedups_grow_and_interpolate():
    repeated, fresh = planted()
    table = grids.speedups(repeated, fresh)
    assert table.epochs.tolist() == [2, 4, 8, 16, 32]
    assert (table.speedup.diff()[1:] > 0).all()
    between = grids.speedups(repeated, fresh, epochs=(10,)).iloc[0]
    both = grids.speedups(repeated[repeated.unique_tokens <= 32_768], fresh).set_index("epochs").speedup
    assert both[8] < between.speedup < both[16]
    assert grids.speedup_rise(repeated, fresh)[0] == pytest.approx(both[16] / both[4], rel=0.02)
    with pytest.raises(ValueError, match="not between"):
        grids.speedups(repeated, fresh, epochs=(99,))


def test_gaps_are_paired_by_seed():
    cells = [(8, 10.0, 16, 64, 2.0)]
    luck = pd.Series([0.1, -0.2, 0.4])
    fresh = frame([(8, 10.0, 64, 64, 2.0)])
    fresh["loss"] += luck
    repeated = frame(cells)
    repeated["loss"] += luck + 0.25
    row = grids.gaps(repeated, fresh).iloc[0]
    assert (row.gap, row.low, row.high) == pytest.approx((0.25, 0.25, 0.25))
    assert row.seed_sd == pytest.approx(luck.std())
    assert row.ratio == pytest.approx(0.25 / luck.std())


def test_gaps_need_fresh_partners():
    repeated, fresh = planted()
    with pytest.raises(ValueError, match="fresh one"):
        grids.gaps(repeated, fresh.assign(seed=fresh.seed + 10))


def test_a_run_that_two_grids_have_counts_once(shipped):
    once = fresh_runs(shipped[1], shipped[0])
    assert not once.duplicated(["width", "tokens", "seed"]).any()
    assert set(once.tokens) > set(shipped[1].tokens)


def test_slopes_of_a_planted_gap_are_found():
    def price(n, u, e):
        return 0.05 * np.log2(n) - 0.1 * np.log2(u) + 1.2

    slopes = grids.gap_slopes(*planted(price=price)).set_index("of").slope
    assert slopes["params"] == pytest.approx(0.05)
    assert slopes["unique_tokens"] == pytest.approx(-0.1)


def test_a_planted_price_of_overfitting_is_recovered():
    def price(n, u, e):
        return 0.003 * (e - 1) ** 1.4 * (n / 20_000) ** 0.8 * (u / 32_768) ** -0.6

    law = grids.overfitting(*planted(price=price), base="chinchilla", draws=5)
    assert law.table.value.to_numpy() == pytest.approx([0.003, 1.4, 0.8, -0.6], rel=0.01)
    few = planted(price=price)[0].head(5)
    assert law.redrawn(few).mean(0) == pytest.approx(law.predict(few), rel=0.01)


def test_the_larger_size_that_turns_sooner_is_seen():
    rows = [(8, 10.0, 16, 16 * e, h) for e, h in ((1, 3.0), (2, 2.0), (4, 1.0))]
    rows += [(16, 40.0, 16, 16 * e, h) for e, h in ((1, 2.0), (2, 1.0), (4, 3.0))]
    table, sooner = grids.turning(frame(rows, noise=0.01), unique_tokens=16)
    assert table.epochs.tolist() == [4, 2]
    assert sooner == 1
    reverse = frame([(24 - width, *rest) for width, *rest in rows])
    assert grids.turning(reverse, unique_tokens=16)[1] == 0


def test_resamples_are_all_there_are_or_as_many_as_asked():
    assert sorted(resamples(2)) == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert len(resamples(9, most=50)) == 50


def test_effective_data_foretells_what_follows_its_law_and_not_what_turns_up():
    repeated, fresh = planted(noise=0.002)
    good = grids.hidden_epochs(repeated, fresh, excess=False).errors.set_index("law")
    assert good.rms["effective data"] < 0.01
    assert good.lead_low["all tokens as fresh"] > 0
    assert good.lead_low["last epoch"] > 0

    def price(n, u, e):
        return 0.004 * (e - 1) ** 1.5 * (n / 20_000) * (u / 32_768) ** -0.6

    bad = grids.hidden_epochs(*planted(price=price), excess=False, base="chinchilla").errors.set_index("law")
    assert bad.rms["price of overfitting"] < 0.01 < bad.rms["effective data"]


def test_hidden_epochs_need_some_of_both():
    repeated, fresh = planted()
    with pytest.raises(ValueError, match="or more"):
        grids.hidden_epochs(repeated, fresh, hidden=64)
    with pytest.raises(ValueError, match="exactly 6"):
        grids.hidden_epochs(repeated, fresh, known=6)
    with pytest.raises(ValueError, match="16384"):
        grids.turning(repeated, unique_tokens=5)


def test_power_laws_foretell_longer_runs():
    table = grids.longer_runs(planted()[1])
    assert len(table) == 2 * len(WIDTHS)
    assert table.miss.abs().max() < 1e-3


def test_our_own_worth_is_bounded_and_feeds_the_best_use(shipped):
    worth, low, high = grids.own_worth()
    assert 1 < low < worth < high < 100
    few = [grids.best_use(shipped[1], text=2e4, compute=1e10, worth=w) for w in (low, high)]
    assert few[0].loss > few[1].loss


def test_all_four_regimes_lie_on_the_map_in_their_places(shipped):
    law = grids.overfitting(*shipped, draws=2)
    table = grids.regimes(law, compute=np.geomspace(1e8, 1e13, 11), unique=np.geomspace(2e3, 2e6, 7), dearest=1e12)
    assert set(table.regime) == set(grids.REGIMES)
    assert table.beyond.max() == pytest.approx(10)
    one = table[table.regime == grids.REGIMES[0]]
    assert (one.epochs <= 1).all()
    assert (one.used > 0.999).all()
    assert (table.loss >= table.ceiling - 1e-12).all()
    assert (6 * table.params * table.epochs * table.unique_tokens <= table.compute * 1.0001).all()
    order = {name: place for place, name in enumerate(grids.REGIMES)}
    places = table.assign(place=table.regime.map(order)).sort_values("compute")
    # With more compute on the same text one never comes back to a regime of plenty.
    assert places.groupby("unique_tokens").place.apply(lambda part: part.diff().dropna().ge(0).all()).all()


def test_more_compute_never_hurts_a_plan_that_may_stop(shipped):
    law = grids.overfitting(*shipped, draws=2)
    table = grids.regimes(law, compute=np.geomspace(1e8, 1e13, 9), unique=[16_384.0])
    assert (table.loss.diff().dropna() <= 1e-9).all()
    assert table.used.iloc[-1] < 0.5


def test_the_map_takes_the_law_of_effective_data_too_and_refuses_nonsense(shipped):
    law = grids.data_constrained(*shipped, draws=2, base="chinchilla_general")
    assert set(grids.regimes(law, compute=[1e9, 1e12], unique=[1e4]).regime) <= set(grids.REGIMES)
    with pytest.raises(ValueError, match="above zero"):
        grids.regimes(law, compute=[0.0], unique=[1e4])
