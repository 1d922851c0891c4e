"""Foretelling large runs, cuts at equal compute, and answers for a budget: held against laws that are known."""

import numpy as np
import pandas as pd
import pytest

from labkit import grids, laws
from labkit.grids.foretelling import DRIFT
from labkit.grids.habit import habits, shared_exponent


def made(noise=0.0, seeds=1, alpha=0.4, beta=0.4, floor=1.0):
    random = np.random.default_rng(0)
    n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e3, 1e5, 6), np.geomspace(1e4, 1e6, 6)))
    n, d = np.tile(n, seeds), np.tile(d, seeds)
    loss = (floor + 20 * n**-alpha + 60 * d**-beta) * np.exp(noise * random.standard_normal(len(n)))
    return pd.DataFrame({"params": n, "tokens": d, "compute": 6 * n * d, "loss": loss})


def test_runs_that_cost_no_more_than_the_share_are_known_and_no_other():
    runs = made(0.003, seeds=3)
    found = grids.foretell(runs, form="chinchilla")
    assert found.knew.compute.max() <= 0.1 * runs.compute.max() < found.table.compute.min()
    together = grids.foretell(runs, form="chinchilla", together=True)
    assert together.knew.compute.sum() <= 0.1 * runs.compute.sum()


def test_hidden_losses_never_move_the_forecast():
    runs = made(0.003, seeds=3)
    found = grids.foretell(runs, form="chinchilla")
    dear = runs.compute > 0.1 * runs.compute.max()
    other = grids.foretell(runs.assign(loss=runs.loss.where(~dear, 9.0)), form="chinchilla")
    columns = ["prediction", "low", "high"]
    assert np.array_equal(found.table[columns], other.table[columns])


def test_runs_on_the_law_are_foretold_within_the_noise_and_inside():
    found = grids.foretell(made(0.003, seeds=3), form="chinchilla")
    assert found.error < 0.02
    assert found.inside > 0.85


def test_a_law_that_is_wrong_drifts_and_its_limits_grow_with_the_distance():
    right, wrong = (grids.foretell(made(0.003, seeds=3), form=form) for form in ("chinchilla", "kaplan"))
    assert wrong.drift > 2 * right.drift
    _, low, high = wrong.law.predict(wrong.table[["params", "tokens"]], interval=0.9)
    beyond = np.log(wrong.table.high / high).to_numpy()
    assert (beyond >= -1e-12).all()
    assert (wrong.table.low <= low + 1e-12).all()
    far = wrong.table.compute > 5 * wrong.knew.compute.max()
    assert beyond[far].min() > beyond[~far].mean()


def test_dear_runs_count_more_with_a_weight():
    runs = made(0.003, seeds=3)
    bent = runs.assign(loss=runs.loss * (1 + 0.05 * np.exp(-runs.compute / 1e8)))  # the cheapest runs are off the law
    plain, weighted = (grids.foretell(bent, form="chinchilla", weight=weight) for weight in (0.0, 0.5))
    assert weighted.error < plain.error


def test_with_too_few_runs_to_rehearse_the_published_drift_is_taken():
    runs = made().sort_values("compute")
    few = pd.concat([runs.head(7), runs.tail(1)])
    assert grids.foretell(few, form="chinchilla").drift == DRIFT


def test_the_reducible_miss_counts_from_the_floor():
    found = grids.foretell(made(), form="chinchilla")
    assert found.reducible_error(0.0) == pytest.approx(found.error, rel=1e-6)
    assert found.reducible_error(1.0) > found.error


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda runs: runs.drop(columns="compute"), "no column 'compute'"),
        (lambda runs: runs.head(3), "runs are known"),
    ],
)
def test_runs_that_cannot_be_foretold_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        grids.foretell(change(made()))


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ValueError, match="share=10"):
        grids.foretell(made(), share=10)


def test_a_cut_has_the_sizes_that_reach_its_compute_and_their_losses():
    runs = made()
    cuts = grids.slices(runs, [6e9])
    spans = (6 * runs.params * runs.tokens).groupby(runs.params).agg(["min", "max"])
    reaching = spans[(spans["min"] <= 6e9) & (spans["max"] >= 6e9)].index
    assert cuts.params.tolist() == reaching.tolist()
    law = 1 + 20 * cuts.params**-0.4 + 60 * (1e9 / cuts.params) ** -0.4
    assert np.abs(cuts.loss / law - 1).max() < 5e-3


def test_a_parabola_without_a_lowest_point_among_the_sizes_has_no_bottom():
    sizes = np.array([1.0, 2, 4, 8])
    cuts = pd.DataFrame({"compute": 1.0, "params": sizes, "loss": 1 + np.log(sizes / 30) ** 2})
    assert grids.parabolas(cuts).bottom.isna().all()
    assert grids.parabolas(cuts.head(3)).empty


def test_more_text_means_fewer_epochs_and_a_lower_loss():
    little, much = (grids.best_use(made(), text=text, compute=6e12, form="chinchilla") for text in (1e5, 1e7))
    assert little.epochs > much.epochs
    assert little.loss > much.loss
    assert little.params_low <= little.params <= little.params_high


def test_one_exponent_is_preferred_where_there_is_one_and_not_where_there_are_two():
    same, apart = (shared_exponent(made(0.002, seeds=3, alpha=a, beta=b)) for a, b in ((0.4, 0.4), (0.25, 0.5)))
    assert same.aic[1] < same.aic[0] + 2
    assert apart.aic[1] > apart.aic[0] + 10


def test_every_habit_has_an_exponent_and_the_first_is_the_measure():
    tables = [read(name) for name in ("compute_optimal", "switches") for read in (grids.load, grids.curves)]
    found = habits(*tables, draws=4)
    assert len(found) == 8
    assert found["shift"][0] == 0
    assert found.value.between(0.1, 1).all()
    assert found.value[1] > found.value[0]  # without embeddings small models look smaller


def test_the_shipped_grid_foretells_as_the_lesson_says():
    runs = grids.load("compute_optimal")
    runs = runs.assign(params=runs.params_with_embeddings)
    each, together = (grids.foretell(runs, together=which) for which in (False, True))
    assert each.error < 0.02 < together.error < 0.03
    assert min(each.inside, together.inside) >= 0.85
    assert isinstance(each.law, laws.ScalingLaw)
