"""The repetition explorer: what two laws say of repeats, budgets that end early, and what the grid saw."""

import numpy as np
import pytest

from labkit import grids
from labkit.lessons import panels

PRICED, EFFECTIVE = "price of overfitting", "effective data"


@pytest.fixture(autouse=True)
def _headless(headless):
    pass


@pytest.fixture(scope="module")
def explorer():
    return panels.repetition_explorer()


def test_a_budget_that_ends_before_the_text_repeats_nothing_and_is_chinchillas(explorer):
    found = explorer.set(text=131_072, compute=3e9, law=PRICED).value
    assert found.best.epochs < 1
    assert found.best.loss == pytest.approx(found.valley.fresh.min(), rel=1e-3)
    assert "nothing is read twice" in str(found)


def test_more_text_is_never_worse_at_equal_compute(explorer):
    losses = [explorer.set(text=16_384 * 2**doubling, compute=1e11).value.best.loss for doubling in range(8)]
    assert (np.diff(losses) <= 1e-9).all()


@pytest.mark.parametrize("law", [PRICED, EFFECTIVE])
def test_more_compute_is_never_worse_on_equal_text(explorer, law):
    explorer.set(law=law)
    losses = [explorer.set(text=32_768, compute=10.0**power).value.best.loss for power in range(9, 16)]
    assert (np.diff(losses) < 1e-3).all()


def test_by_the_price_compute_beyond_the_turn_is_left_unspent(explorer):
    few, many = (explorer.set(text=16_384, compute=compute, law=PRICED).value.best for compute in (1e11, 1e12))
    assert many.used < few.used < 1
    assert many.loss == pytest.approx(few.loss, rel=0.005)
    assert "more of it does harm" in str(explorer.value)


def test_effective_data_spend_everything_and_warn_where_the_grid_turned_up(explorer):
    found = explorer.set(text=16_384, compute=1e11, law=EFFECTIVE).value
    assert found.best.used == 1
    assert set(found.turned.index) == {20_352.0, 68_352.0}
    assert "got worse after 8 epochs" in found.warning
    assert not explorer.set(law=PRICED).value.warning


def test_the_next_letter_is_worth_what_its_law_says():
    both = (grids.load(name) for name in ("repetition", "compute_optimal"))
    repeated, fresh = (runs.assign(params=runs.params_with_embeddings) for runs in both)
    own = grids.data_constrained(repeated, fresh, most=4, draws=5)
    best = panels.repetition_explorer(text=32_768, compute=3e10, law=EFFECTIVE, own={EFFECTIVE: own}).value.best
    assert best.worth == pytest.approx(np.exp(-(best.epochs - 1) / own.worth))


def test_limits_hold_the_point_and_the_law_stands_by_its_runs(explorer):
    found = explorer.set(text=32_768, compute=3e10, law=PRICED, remedy="none").value
    assert found.best.params_low <= found.best.params <= found.best.params_high
    assert found.best.loss_low <= found.best.loss <= found.best.loss_high
    means = found.points.groupby(["params", "epochs"]).loss.mean()
    drawn = [
        np.interp(np.log(epochs), np.log(line.epochs), line.loss)
        for (size, epochs) in means.index
        for line in [found.lines[found.lines.params == size]]
    ]
    assert np.abs(np.log(means.to_numpy() / drawn)).mean() < 0.02


def test_points_are_the_shipped_runs_on_that_text_and_there_are_none_elsewhere(explorer):
    grid = grids.load("repetition")
    plain = grid[(grid.dropout == 0) & (grid.weight_decay == 0)]
    assert len(explorer.set(text=65_536).value.points) == (plain.unique_tokens == 65_536).sum()
    assert explorer.set(text=1e6).value.points.empty


def test_a_remedy_is_shown_where_it_was_tried_and_missed_elsewhere(explorer):
    for text, sizes in ((32_768, 1), (16_384, 3)):
        tried = explorer.set(text=text, remedy="dropout").value
        assert tried.points[tried.points.remedy == "dropout"].params.nunique() == sizes
    assert "was not tried" not in str(tried)
    assert "dropout was not tried" in str(explorer.set(text=65_536).value)


def test_its_parameters_are_those_of_the_lesson(explorer):
    from labkit.lessons import presets

    assert set(explorer.settings) <= set(presets.load("06").values("lesson"))
