"""The compute-optimal explorer: published splits, limits of one's own law, inference, and budgets too small."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from labkit import display, laws
from labkit.lessons import panels


@pytest.fixture(autouse=True)
def headless(monkeypatch):
    monkeypatch.setenv("LABKIT_HEADLESS", "1")


@pytest.fixture(scope="module")
def own():
    n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e3, 1e5, 6), np.geomspace(1e4, 1e6, 6)))
    noise = np.exp(0.005 * np.random.default_rng(0).standard_normal(len(n)))
    X = pd.DataFrame({"params": n, "tokens": d})
    return laws.ScalingLaw("chinchilla", "log_squared").fit(X, (1 + 20 * n**-0.4 + 60 * d**-0.4) * noise)


def test_the_best_size_is_that_of_the_closed_form():
    law = laws.published("hoffmann-2022").parameters
    a, b = law["alpha"], law["beta"]
    best = (a * law["A"] / (b * law["B"])) ** (1 / (a + b)) * (1e22 / 6) ** (b / (a + b))
    row = panels.compute_explorer(sources=["hoffmann-2022"], compute=1e22).value.table.iloc[0]
    assert row.params == pytest.approx(best, rel=0.05)
    assert 6 * row.params * row.tokens == pytest.approx(1e22, rel=1e-6)


def test_tokens_to_be_served_make_the_best_model_smaller(own):
    panel = panels.compute_explorer(own=own, sources=["ours"], compute=1e12)
    before = panel.value.table.params[0]
    assert panel.set(inference_tokens=1e8).value.table.params[0] < before


def test_our_law_has_limits_around_its_best_size_and_warns_far_from_its_runs(own):
    panel = panels.compute_explorer(own=own, sources=["ours", "kaplan-2020"], compute=1e11)
    theirs, ours = panel.value.table.itertuples()  # in the order of the boxes
    assert ours.params_low <= ours.params <= ours.params_high
    assert np.isnan(theirs.params_low)
    assert "times away" not in str(panel.value)
    assert "times away" in str(panel.set(compute=1e20).value)


def test_a_budget_that_cannot_serve_is_said_and_drawn(own):
    panel = panels.compute_explorer(own=own, sources=["ours"], compute=1e9, inference_tokens=1e14)
    assert "do not suffice" in str(panel.value)
    assert "do not suffice" in display.bundle(panel.figure)["text/plain"]


def test_the_valley_is_lowest_at_its_own_best_size(own):
    valley = panels.compute_explorer(own=own, compute=1e15).value.valley
    lowest = valley.loc[valley.groupby("law").excess.idxmin()]
    assert lowest.factor.between(0.8, 1.25).all()
    assert (valley.excess > -1e-3).all()


def test_its_parameters_bring_another_panel_to_the_same_settings(own):
    panel = panels.compute_explorer(own=own, compute=3e10, sources=["ours"])
    names = {}
    exec(panel.to_parameters(), names)
    assert {name: names[name] for name in panel.settings} == panel.settings


def test_the_legend_names_the_laws_that_are_drawn_and_their_colours_stay(own):
    panel = panels.compute_explorer(own=own, sources=["kaplan-2020", "ours"], compute=1e12)
    for chosen in (["kaplan-2020", "ours"], ["ours"]):
        colour = panel.set(sources=chosen).figure.to_dict()["vconcat"][0]["layer"][1]["encoding"]["color"]
        assert colour["legend"]["values"] == chosen
        assert colour["scale"]["domain"] == ["hoffmann-2022", "epoch-2024", "kaplan-2020", "muennighoff-2023", "ours"]
    drawn = display.svg(panel.figure)
    assert ">ours<" in drawn
    assert ">kaplan-2020<" not in drawn


@pytest.mark.parametrize(("compute", "served"), [(1e9, 1.0), (3e12, 1e5), (1e20, 1e9)])
def test_limits_of_our_law_are_those_of_a_search_among_all_sizes(own, compute, served):
    row = panels.compute_explorer(own=own, sources=["ours"], compute=compute, inference_tokens=served).value.table.loc[
        0
    ]
    module = import_module("labkit.lessons.panels.compute_explorer")
    sizes = module._sizes(np.array([compute]), served)[0]
    tokens = (compute / sizes - 2 * served) / 6
    draws = own.bootstrap(module._DRAWS, seed=0)
    losses = draws.E.to_numpy()[:, None]
    for amount, scale, exponent in ((sizes, "A", "alpha"), (tokens, "B", "beta")):
        losses = losses + draws[scale].to_numpy()[:, None] * amount ** -draws[exponent].to_numpy()[:, None]
    best = sizes[losses.argmin(axis=1)]
    assert [row.params_low, row.params_high] == pytest.approx(np.quantile(best, [0.05, 0.95]), rel=1e-9)


def test_powers_of_ten_are_written_as_such_in_the_chart_and_in_what_it_says():
    panel = panels.compute_explorer(compute=1e22)
    told = f"{panel.value} {display.bundle(panel.figure)['text/plain']}"
    assert "10²² FLOPs" in told
    assert "e+" not in told
    picture = display.svg(panel.figure)
    for tick in ("10⁹", "10²⁴", "10¹⁴", "1/32"):
        assert f">{tick}</text>" in picture
