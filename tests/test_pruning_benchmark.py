"""The benchmark of ways to choose: its account of compute, its pairs, and what it shows on digits."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from labkit import datasets, models, pruning, sweeps, training
from labkit.pruning import benchmarking_costs as costs
from labkit.registry import UnknownName

QUICK = {"model": "softmax", "steps": 30, "seeds": 2, "fractions": [0.25, 0.5], "scoring": {"seeds": 1}}


@pytest.fixture(scope="module")
def quick():
    return pruning.benchmark(
        "digits",
        scores=["aum", {"name": "el2n", "at": 0.5}],
        policies=["hardest", "random", {"name": "coverage_centric", "cutoff": 0.2}],
        selectors=[{"name": "class_balanced", "policy": "random"}, {"name": "k_centre", "groups": "classes"}],
        dynamic=["infobatch", "loss_reweighting"],
        account=["steps", "epochs"],
        **QUICK,
    )


def test_every_method_fraction_seed_and_account_has_a_row(quick):
    both = {
        "random", "aum hardest", "el2n(at=0.5) hardest", "aum coverage_centric(cutoff=0.2)",
        "el2n(at=0.5) coverage_centric(cutoff=0.2)", "class_balanced(policy=random)", "k_centre(groups=classes)",
        "repeated_random", "infobatch",
    }  # fmt: skip
    always = {"full", "loss_reweighting"}
    assert set(quick["method"]) == both | always
    for account in ("steps", "epochs"):
        counts = quick[quick["account"] == account].groupby("method")["seed"].count()
        assert counts[sorted(both)].eq(4).all()
        assert counts[sorted(always)].eq(2).all()
    assert quick.loc[quick["method"].isin(always), "fraction"].eq(1).all()
    assert not quick["diverged"].any()


def test_kept_counts_are_exact_and_steps_follow_the_account(quick):
    static = quick[quick["kind"].isin(["random", "policy", "selector"])]
    assert (static["kept"] == (static["fraction"] * 1024).round()).all()
    steps = quick[quick["account"] == "steps"]
    assert steps["steps"].eq(30).all()
    epochs = quick[quick["account"] == "epochs"]
    assert (epochs["steps"] == (30 * epochs["fraction"]).round().clip(lower=1)).all()
    passes = epochs[epochs["kind"] == "policy"]["epochs"]
    # Steps are whole numbers.
    np.testing.assert_allclose(passes, 30 * 32 / 1024, rtol=0.07)


def test_differences_are_to_random_of_the_same_seed_fraction_and_account(quick):
    keys = ["account", "fraction", "seed"]
    base = quick[quick["method"].isin(["random", "full"])].set_index(keys)["test_error"]
    for row in quick.itertuples():
        expected = row.test_error - base[(row.account, row.fraction, row.seed)]
        assert row.difference == pytest.approx(expected, abs=1e-12)


def test_a_row_is_the_last_step_of_a_plain_training_on_what_was_kept(quick):
    row = quick[(quick["method"] == "aum hardest") & (quick["account"] == "steps") & (quick["seed"] == 1)].iloc[0]
    data, model = datasets.load("digits"), models.build("softmax")
    log = pruning.observe(data, model, seeds=[10_000], steps=30)
    kept = pruning.keep(pruning.score("aum", log), row["fraction"])
    table = training.fit_many(model, data, [{"seed": 1, "indices": kept}], steps=30, optimizer="adam").table
    assert table["test_error"].item() == pytest.approx(row["test_error"], abs=1e-9)
    assert table["train_error"].item() == pytest.approx(row["train_error"], abs=1e-9)


def test_scoring_is_charged_for_training_up_to_where_it_is_read(quick):
    data, model = datasets.load("digits"), models.build("softmax")
    once = model.flops_per_example(data, training=True)
    spent = quick.groupby("method")["flops_scoring"].first()
    # Thirty steps, recorded at each and at the start; a forward pass is a third of a training step.
    assert spent["aum hardest"] == pytest.approx(once * (30 * 32 + 31 * 1024 / 3))
    assert spent["el2n(at=0.5) hardest"] == pytest.approx(once * (15 * 32 + 16 * 1024 / 3))
    assert spent[["full", "random", "repeated_random", "k_centre(groups=classes)"]].eq(0).all()
    steps = quick[quick["account"] == "steps"]
    assert steps["flops_training"].eq(30 * 32 * once).all()


def test_scores_before_training_cost_one_pass_and_those_that_retrain_every_model():
    data, model = datasets.load("digits"), models.build("softmax")
    once = model.flops_per_example(data, training=True)
    log = pruning.observe(data, model, seeds=2, steps=20)
    assert costs.scored(pruning.find_score("grand_at_init"), log, {}) == pytest.approx(2 * once * 1024 / 3)
    bare = pruning.Log.of(data, model, steps=20)
    found = costs.scored(pruning.find_score("self_confidence"), bare, {"folds": 4, "repeats": 3})
    assert found == pytest.approx(12 * once * (20 * 32 + 256 / 3))
    assert costs.scored(pruning.find_score("knn_shapley"), bare, {}) == 0


def test_a_call_is_one_point_of_a_sweep(tmp_path):
    grid = sweeps.grid(account=["steps"], seeds=[1])
    fixed = {"model": "softmax", "scores": ["el2n"], "fractions": [0.5], "steps": 10, "scoring": {"seeds": 1}}
    table = sweeps.run(_point, grid, store=str(tmp_path), progress=False)
    assert set(table["method"]) == {"full", "random", "el2n hardest", "repeated_random"}
    assert json.loads(json.dumps(fixed)) == fixed


def _point(account, seeds):
    return pruning.benchmark(
        "digits", model="softmax", scores=["el2n"], fractions=[0.5], steps=10, scoring={"seeds": 1}, account=account,
        seeds=seeds,
    )  # fmt: skip


def test_a_smaller_model_can_score_for_a_larger_one():
    frame = pruning.benchmark(
        "digits", model="mlp", scores=["el2n"], fractions=[0.5], steps=10, seeds=1,
        scoring={"model": "mlp", "model_options": {"width": 4}, "seeds": 1},
    )  # fmt: skip
    small = models.build("mlp", width=4).flops_per_example(datasets.load("digits"), training=True)
    spent = frame.set_index("method").loc["el2n hardest", "flops_scoring"]
    assert spent == pytest.approx(small * (1 * 32 + 2 * 1024 / 3))


def test_the_summary_has_the_mean_and_students_interval():
    rng = np.random.default_rng(0)
    gaps = rng.normal(-0.02, 0.01, 6)
    frame = pd.DataFrame({"seed": range(6), "difference": gaps, "test_error": 0.1 + gaps, "train_error": 0.0})
    for name in ("dataset", "model", "account", "method", "kind", "score", "policy", "options"):
        frame[name] = "x"
    frame = frame.assign(fraction=0.5, kept=10, steps=1, epochs=1.0, validation_error=0.0, flops_training=1.0,
                         flops_scoring=2.0)  # fmt: skip
    row = pruning.benchmark_summary(frame, interval=0.95).iloc[0]
    low, high = stats.t.interval(0.95, 5, gaps.mean(), stats.sem(gaps))
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["better"] is True
    assert pd.isna(pruning.benchmark_summary(frame[:1]).loc[0, "low"])
    with pytest.raises(ValueError, match="no column"):
        pruning.benchmark_summary(frame.drop(columns="difference"))


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"scores": ["amu"]}, UnknownName, "did you mean 'aum'"),
        ({"scores": "aum"}, TypeError, "expected a list"),
        ({"scores": [{"name": "el2n", "a": 1}]}, UnknownName, "did you mean 'at'"),
        ({"policies": ["hardst"]}, UnknownName, "did you mean 'hardest'"),
        ({"policies": [{"name": "hardest", "cutof": 0.1}]}, TypeError, "did you mean 'cutoff'"),
        ({"selectors": ["k_center_"]}, UnknownName, "k_center"),
        ({"dynamic": [{"name": "rs2", "shares": 1}]}, UnknownName, "did you mean 'share'"),
        ({"fractions": [0]}, ValueError, "above 0"),
        ({"fractions": [1.5]}, ValueError, "range"),
        ({"account": "step"}, UnknownName, "did you mean 'steps'"),
        ({"seeds": [1, 1]}, ValueError, "different"),
        ({"scoring": {"sedes": 3}}, UnknownName, "did you mean 'seeds'"),
        ({"steps": 0}, ValueError, "steps"),
        ({"dataset_options": {"validation": 0}, "data": datasets.load("digits")}, ValueError, "ready made"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(given, error, match):
    with pytest.raises(error, match=match):
        pruning.benchmark(given.pop("data", "digits"), **{**QUICK, **given})


@pytest.fixture(scope="module")
def digits():
    """Last-step accuracies by method and fraction: 1,297 training examples, an MLP, Adam, as many steps for all."""
    found = {}
    for noise in (0.0, 0.1):
        frame = pruning.benchmark(
            "digits",
            dataset_options={"validation": 0, "label_noise": noise},
            scores=["aum", "el2n", "grand_at_init"],
            policies=["hardest", {"name": "coverage_centric", "cutoff": 0.2}],
            fractions=[0.1, 0.2],
            seeds=2,
            steps=700,
            learning_rate=0.003,
            scoring={"seeds": 2},
        )
        summary = pruning.benchmark_summary(frame)
        found[noise] = 1 - summary.set_index(["method", "fraction"])["test_error"]
    return found


def test_the_hardest_fifth_by_the_margin_does_as_well_as_all_digits(digits):
    clean = digits[0.0]
    assert clean["full", 1.0] > 0.97
    assert clean["aum hardest", 0.2] > 0.955
    assert clean["aum hardest", 0.2] > clean["random", 0.2]


def test_the_hardest_tenth_by_early_errors_collapses_and_gradients_at_the_start_lose(digits):
    clean = digits[0.0]
    assert clean["el2n hardest", 0.1] < clean["random", 0.1] - 0.1
    assert clean["grand_at_init hardest", 0.1] < clean["random", 0.1] - 0.1
    assert clean["grand_at_init hardest", 0.2] < clean["random", 0.2]


def test_repeated_random_sampling_beats_every_static_tenth_at_equal_steps(digits):
    tenth = digits[0.0].xs(0.1, level="fraction")
    assert tenth["repeated_random"] > tenth.drop("repeated_random").max()


def test_flipped_labels_turn_keeping_the_hardest_to_ruin_and_coverage_repairs_it(digits):
    noisy = digits[0.1]
    assert noisy["aum hardest", 0.1] < 0.3
    assert noisy["aum coverage_centric(cutoff=0.2)", 0.1] > 0.88
    assert noisy["aum coverage_centric(cutoff=0.2)", 0.1] > noisy["random", 0.1]


def test_flipped_digits_are_found_by_their_margins():
    data = datasets.load("digits", validation=0, label_noise=0.1)
    log = pruning.observe(data, seeds=4, steps=700)
    flipped = data.faults["label_flipped"].to_numpy()
    worst = np.argsort(-pruning.score("aum", log))[: flipped.sum()]
    assert flipped[worst].mean() >= 0.95
