"""Methods that choose while a model is trained: what they show, how often, and with what weight."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import contracts, datasets, pruning, training
from labkit.pruning.methods.seta import grouped
from labkit.registry import UnknownName

NAMES = pruning.available("dynamic")["name"].tolist()
FREE = [name for name in NAMES if name != "reducible_loss"]


@pytest.fixture(scope="module")
def data():
    whole = datasets.load("digits")
    return replace(whole, inputs=whole.inputs[:320], targets=whole.targets[:320])


def built(name, data, **dials):
    needed = {"irreducible": np.zeros(len(data.inputs))} if name == "reducible_loss" else {}
    return pruning.dynamic(name, **needed, **dials)


def moment(losses, *, round=1, step=50, steps=100, batch=8, seed=0, memory=None):
    losses = np.asarray(losses, dtype=np.float32)
    count = len(losses)
    return training.Moment(
        round, step, steps, batch, np.arange(count), np.zeros(count, dtype=np.int64), losses,
        np.zeros(count, dtype=np.int32), np.random.default_rng(seed), {} if memory is None else memory,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_method_trains_a_model_that_learns(name, data):
    fit = training.fit_many("softmax", data, [{"seed": 0, "selection": built(name, data)}], steps=200, optimizer="adam")
    assert fit.table["steps"].item() == 200
    assert fit.table["test_error"].item() < 0.5
    assert fit.exposures(0).sum() == 200 * 32


@pytest.mark.parametrize("name", NAMES)
def test_a_run_does_not_depend_on_the_runs_beside_it_or_on_global_generators(name, data):
    method = built(name, data)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    alone = training.fit_many("softmax", data, [{"seed": 3}], steps=40, selection=method)
    assert (np.random.get_state()[1] == state).all()
    np.random.seed(2)
    beside = training.fit_many("softmax", data, [{"seed": 5}, {"seed": 3}], steps=40, selection=method)
    np.testing.assert_array_equal(alone.exposures(0), beside.exposures(1))
    assert np.abs(alone.predict(data.test_inputs)[0] - beside.predict(data.test_inputs)[0]).max() > 1e-2
    np.testing.assert_allclose(alone.predict(data.test_inputs)[0], beside.predict(data.test_inputs)[1], atol=1e-4)


@settings(deadline=None, max_examples=25)
@given(count=st.integers(1, 60), share=st.floats(0.02, 1.0), seed=st.integers(0, 99))
def test_repeated_random_sampling_shows_every_example_as_often_in_the_long_run(count, share, seed):
    method, memory, seen = pruning.dynamic("rs2", share=share), {}, np.zeros(count, dtype=int)
    size = max(1, round(share * count))
    random = np.random.default_rng(seed)
    for _ in range(20):
        shown = method.choose(replace(moment(np.zeros(count)), memory=memory, random=random))
        assert len(shown) == size == len(set(shown.tolist()))
        seen[shown] += 1
        # A round may straddle two passes, whose orders differ.
        assert seen.max() - seen.min() <= 2 if seen.sum() % count else seen.max() == seen.min()


def test_repeated_random_sampling_with_replacement_forgets_what_it_showed():
    method, memory = pruning.dynamic("rs2", share=0.5, replacement=True), {}
    random, seen = np.random.default_rng(0), np.zeros(40, dtype=int)
    for _ in range(10):
        seen[method.choose(replace(moment(np.zeros(40)), memory=memory, random=random))] += 1
    assert seen.sum() == 200
    assert seen.max() - seen.min() > 2


@settings(deadline=None, max_examples=40)
@given(
    losses=st.lists(st.floats(0, 9, width=32), min_size=2, max_size=50), rate=st.floats(0, 0.95), seed=st.integers(0, 9)
)
def test_infobatch_weights_make_up_for_what_is_left_out(losses, rate, seed):
    chosen = pruning.dynamic("infobatch", rate=rate).choose(moment(losses, seed=seed))
    if isinstance(chosen, np.ndarray):
        assert len(chosen) == len(losses)
        return
    weights = np.ones(len(chosen.places)) if chosen.weights is None else chosen.weights
    assert weights.sum() == pytest.approx(len(losses), rel=1e-5)
    hard = np.flatnonzero(np.float32(losses) >= np.mean(np.float32(losses), dtype=np.float64))
    assert set(hard) <= set(chosen.places.tolist())
    assert (weights[np.isin(chosen.places, hard)] == 1).all()


def test_infobatch_keeps_the_mean_gradient_on_average():
    losses, gradient = np.arange(20.0), np.random.default_rng(1).normal(size=20)
    sums = []
    for seed in range(400):
        chosen = pruning.dynamic("infobatch", rate=0.5).choose(moment(losses, seed=seed))
        sums.append((gradient[chosen.places] * chosen.weights).sum())
    assert np.mean(sums) == pytest.approx(gradient.sum(), abs=4 * np.std(sums) / 20)


@pytest.mark.parametrize(("step", "full"), [(87, False), (88, True)])
def test_infobatch_shows_everything_in_the_last_eighth(step, full):
    chosen = pruning.dynamic("infobatch").choose(moment(np.arange(16.0), step=step))
    assert isinstance(chosen, np.ndarray) == full


def test_examples_never_shown_are_shown_first():
    losses = np.array([np.nan] * 5 + [1.0] * 5 + [2.0])
    chosen = pruning.dynamic("infobatch", rate=0.9).choose(moment(losses))
    assert set(range(5)) <= set(chosen.places.tolist())
    everything = pruning.dynamic("infobatch").choose(moment(np.full(4, np.nan), round=0, step=0))
    assert everything.tolist() == [0, 1, 2, 3]


@settings(deadline=None, max_examples=40)
@given(values=st.lists(st.floats(-50, 50), min_size=1, max_size=40), groups=st.integers(1, 12))
def test_groups_on_a_line_are_in_order_and_none_is_split(values, groups):
    found = grouped(np.array(values), groups)
    assert found.min() >= 0
    assert found.max() < groups
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    for value in set(values):
        assert len(set(found[np.array(values) == value])) == 1


def test_groups_on_a_line_find_clumps():
    values = np.concatenate([np.full(30, 0.0), np.full(5, 4.0), np.full(2, 9.0)]) + np.linspace(0, 0.1, 37)
    assert grouped(values, 3).tolist() == [0] * 30 + [1] * 5 + [2] * 2


def test_setas_window_slides_from_easy_to_hard_and_starts_again():
    method = pruning.dynamic("seta", rate=0.0, groups=4, window=0.5)
    losses = np.repeat([0.0, 1.0, 2.0, 3.0], 5)
    shown = [set(np.flatnonzero(np.isin(np.arange(20), method.choose(moment(losses, round=r)))) // 5) for r in range(4)]
    assert shown == [{0, 1}, {1, 2}, {2, 3}, {0, 1}]
    assert len(method.choose(moment(losses, step=90))) == 20


def test_seta_leaves_out_its_share_before_it_groups():
    method = pruning.dynamic("seta", rate=0.3)
    assert len(method.choose(moment(np.full(50, np.nan), round=0, step=0))) == 35


def test_weights_inside_a_batch_follow_the_three_strategies():
    losses, late = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0]])
    places = {"linupper": [0.0, 1.0, 1.0], "quadratic": [0.0, 1.0, 0.0], "extremes": [1.0, 0.0, 1.0]}
    for strategy, exponents in places.items():
        expected = np.exp(exponents) * 3 / np.exp(exponents).sum()
        found = pruning.dynamic("loss_reweighting", strategy=strategy).weigh(losses, late)
        np.testing.assert_allclose(found[0], expected, rtol=1e-6)


def test_weights_begin_even_and_have_a_mean_of_one():
    method = pruning.dynamic("loss_reweighting", warmup=0.5, temperature=0.3)
    losses = torch.rand(4, 16, generator=torch.Generator().manual_seed(0))
    begun, later = (method.weigh(losses, torch.full((4, 1), at)) for at in (0.0, 0.4))
    torch.testing.assert_close(begun, torch.ones(4, 16))
    torch.testing.assert_close(later.mean(1), torch.ones(4))
    torch.testing.assert_close(method.weigh(torch.full((1, 5), 2.0), torch.ones(1, 1)), torch.ones(1, 5))


def test_a_cyclical_curriculum_grows_and_shrinks_and_prefers_what_is_easy():
    method = pruning.dynamic("curriculum", start=0.2, growth=0.5)
    assert method.sizes() == pytest.approx([0.2, 0.4, 0.8, 1.0, 0.8, 0.4])
    losses, counts = np.repeat([0.0, 3.0], 50), np.zeros(2)
    for seed in range(20):
        shown = method.choose(moment(losses, round=0, seed=seed))
        assert len(shown) == 20
        counts += np.bincount(shown // 50, minlength=2)
    assert counts[0] > 5 * counts[1]


def test_reducible_loss_shows_what_can_be_learnt_and_not_what_is_noise():
    held = np.array([0.0, 0.0, 5.0, 5.0])
    method = pruning.dynamic("rho", irreducible=held, share=0.5, every=1)
    memory = {}
    at = moment([3.0, 0.1, 5.0, 5.2], batch=2, memory=memory)
    assert sorted(method.score(at).tolist()) == [0, 1, 2, 3]
    assert sorted(method.choose(at).tolist()) == [0, 3]


def test_looking_for_reducible_loss_costs_forward_passes(data):
    method = built("reducible_loss", data, share=0.25, every=2)
    row = training.fit_many("softmax", data, [{"seed": 0, "selection": method}], steps=20).table.iloc[0]
    # Ten rounds, each of 2 * 32 / 0.25 = 256 candidates, at a third of a training step each.
    assert row["selection_flops"] == 10 * 256 * (row["flops"] // (20 * 32) // 3)


@pytest.mark.parametrize(
    ("name", "dials", "error", "match"),
    [
        ("rs3", {}, UnknownName, "did you mean 'rs2'"),
        ("rs2", {"shre": 0.1}, UnknownName, "did you mean 'share'"),
        ("rs2", {"share": 0}, ValueError, "above 0"),
        ("rs2", {"share": True}, TypeError, "share"),
        ("infobatch", {"rate": 1}, ValueError, "below 1"),
        ("infobatch", {"rate": -0.1}, ValueError, "range"),
        ("seta", {"groups": 0}, ValueError, "groups"),
        ("loss_reweighting", {"strategy": "linuper"}, UnknownName, "did you mean 'linupper'"),
        ("loss_reweighting", {"temperature": 0}, ValueError, "above 0"),
        ("curriculum", {"start": 0.9, "end": 0.5}, ValueError, "start"),
        ("rho", {}, TypeError, "irreducible"),
        ("rho", {"irreducible": np.array([np.nan])}, ValueError, "finite"),
    ],
)
def test_what_cannot_be_is_refused(name, dials, error, match):
    with pytest.raises(error, match=match):
        pruning.dynamic(name, **dials)


def test_too_few_irreducible_losses_are_refused(data):
    method = pruning.dynamic("rho", irreducible=np.zeros(5))
    with pytest.raises(ValueError, match="every training example"):
        training.fit_many("softmax", data, [{"seed": 0}], steps=5, selection=method)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_keeps_its_contract(name):
    contracts.check(pruning.find_dynamic(name))


@dataclass(frozen=True)
class Forgetful(training.Selection):
    """Draws from numpy's global generator."""

    def choose(self, moment):
        return np.random.permutation(len(moment.examples))


@dataclass(frozen=True)
class Stubborn(training.Selection):
    def choose(self, moment):
        return np.arange(len(moment.examples))

    def __repr__(self):
        return "Stubborn()"


def test_the_contract_finds_what_is_wrong():
    with pytest.raises(AssertionError, match="global generator"):
        contracts.check(pruning.Dynamic("forgetful", Forgetful, "all"))
    with pytest.raises(AssertionError, match="purpose"):
        contracts.check(pruning.Dynamic("silent", Stubborn))
    with pytest.raises(AssertionError, match="no dial"):
        contracts.check(pruning.Dynamic("stubborn", Stubborn, "all", at=lambda share: {"share": share}))


def test_a_method_of_ones_own_is_listed_and_used_like_ours():
    with pytest.raises(TypeError, match=r"training\.Selection"):
        pruning.Dynamic("wrong", dict)
    mine = pruning.register(pruning.Dynamic("stubborn", Stubborn, "all of them"))
    try:
        contracts.check(mine)
        assert "stubborn" in set(pruning.available("dynamic")["name"])
        assert repr(pruning.dynamic("stubborn")) == "Stubborn()"
        with pytest.raises(ValueError, match="exists already"):
            pruning.register(mine)
    finally:
        pruning.unregister_dynamic("stubborn")
    assert "stubborn" not in set(pruning.available("dynamic")["name"])
