"""Methods that choose on the way what a run is shown: each run's choices are its own, and every step is made."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import datasets, models, training
from labkit.training import batches, evaluate, job


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@dataclass(frozen=True)
class Everything(training.Selection):
    every: int | None = None
    weight: float | None = None

    def choose(self, moment):
        size = len(moment.examples)
        return training.Round(np.arange(size), None if self.weight is None else np.full(size, self.weight))


@dataclass(frozen=True)
class Repeated(training.Selection):
    """A new random subset in every round."""

    share: float = 0.3
    every: int | None = None

    def choose(self, moment):
        count = max(1, round(self.share * len(moment.examples)))
        return moment.random.choice(len(moment.examples), count, replace=False)


@dataclass(frozen=True)
class Lossy(training.Selection):
    """Those below the mean loss are dropped at random, and the rest of them count for more."""

    share: float = 0.5
    scored: bool = False

    def score(self, moment):
        return np.arange(len(moment.examples)) if self.scored else None

    def choose(self, moment):
        known = np.where(np.isnan(moment.losses), np.inf, moment.losses)
        easy = known < moment.losses[np.isfinite(moment.losses)].mean() if moment.round else np.zeros(len(known), bool)
        kept = ~easy | (moment.random.random(len(known)) < self.share)
        return training.Round(np.flatnonzero(kept), np.where(easy, 1 / self.share, 1.0)[kept])


@dataclass(frozen=True)
class Inside(training.Selection):
    """Weights inside a batch, by how far a loss is from the batch's mean."""

    strength: float = 1.0

    def weigh(self, losses, progress):
        centred = losses - losses.mean(1, keepdim=True)
        return 1 + self.strength * (1 - progress) * centred / (1 + centred.abs().amax(1, keepdim=True))


@dataclass(frozen=True)
class Candidates(training.Selection):
    """Each step, the examples of highest loss among some candidates."""

    pool: int = 64
    every: int | None = 1

    def score(self, moment):
        moment.memory["asked"] = moment.random.choice(len(moment.examples), self.pool, replace=False)
        return moment.memory["asked"]

    def choose(self, moment):
        asked = moment.memory["asked"]
        return asked[np.argsort(-moment.losses[asked], kind="stable")[: moment.batch]]


METHODS = [
    Repeated(), Repeated(0.01), Repeated(every=7), Lossy(), Lossy(scored=True), Inside(), Candidates(),
    Everything(every=5), None,
]  # fmt: skip


def mixed_runs(count):
    return [
        {
            "seed": seed,
            "examples": [70, 300, 1024][seed % 3],
            "momentum": [0.0, 0.9][seed % 2],
            "label_noise": [0.0, 0.2][seed % 2],
            "batch_size": [32, 20][seed // 3 % 2],
            "selection": METHODS[seed % len(METHODS)],
        }
        for seed in range(count)
    ]


@pytest.mark.parametrize("method", [Everything(), Everything(5), Everything(1000), Everything(weight=1.0)], ids=repr)
@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_showing_everything_is_plain_training(digits, name, method):
    runs = [{"seed": 0}, {"seed": 1, "examples": 50, "label_noise": 0.3}, {"seed": 2, "examples": 20}]
    plain = training.fit_many(name, digits, runs, steps=70)
    chosen = training.fit_many(name, digits, runs, steps=70, selection=method)
    assert np.array_equal(plain.predict(digits.test_inputs), chosen.predict(digits.test_inputs))
    shared = [column for column in plain.table if column != "seconds"]
    pd.testing.assert_frame_equal(plain.table[shared], chosen.table[shared])


def test_showing_everything_of_a_long_text_is_plain_training():
    line = np.resize(np.arange(7, dtype=np.uint8), 70_004)
    windows = np.lib.stride_tricks.sliding_window_view(line[:-1], 4)
    held = {f"{split}_{what}": part[:100] for split in ("validation", "test")
            for what, part in (("inputs", windows), ("targets", line[4:]))}  # fmt: skip
    data = datasets.Dataset(
        name="cycle", kind="text", inputs=windows, targets=line[4:], vocabulary=7, context=4, **held
    )
    model = models.build("context_mlp", width=4, embedding=2)
    options = {"steps": 300, "batch_size": 512}
    plain, chosen = (training.fit_many(model, data, [{}], selection=s, **options) for s in (None, Everything()))
    assert np.array_equal(plain.predict(windows[:9]), chosen.predict(windows[:9]))
    assert chosen.table["selection_rounds"][0] == 3  # 153,600 of 70,000


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_selected_run_alone_and_among_64_agree(digits, optimizer):
    runs = [{**run, "learning_rate": 0.05 if optimizer == "sgd" else 2e-3} for run in mixed_runs(64)]
    together = training.fit_many("mlp", digits, runs, steps=40, optimizer=optimizer)
    logits = together.predict(digits.test_inputs)
    for row in (*range(9), 63):
        alone = training.fit_many("mlp", digits, [runs[row]], steps=40, optimizer=optimizer)
        np.testing.assert_allclose(alone.predict(digits.test_inputs)[0], logits[row], rtol=1e-5, atol=1e-5)
        if runs[row]["selection"] is not None:
            assert np.array_equal(alone.exposures(0), together.exposures(row))


def test_choices_do_not_depend_on_how_work_is_cut(digits, monkeypatch):
    whole = training.fit_many("mlp", digits, mixed_runs(9), steps=20)
    monkeypatch.setitem(job._STACK_NUMBERS, "cpu", 1)
    monkeypatch.setattr(batches, "_PLACES", 100)
    monkeypatch.setattr(evaluate, "_NUMBERS", 10_000)
    cut = training.fit_many("mlp", digits, mixed_runs(9), steps=20)
    np.testing.assert_allclose(cut.predict(digits.test_inputs), whole.predict(digits.test_inputs), atol=1e-5)
    columns = [name for name in whole.table if "seconds" not in name]
    pd.testing.assert_frame_equal(cut.table[columns], whole.table[columns], rtol=1e-5)
    again = training.fit_many("mlp", digits, mixed_runs(9), steps=20)
    assert np.array_equal(cut.predict(digits.test_inputs), again.predict(digits.test_inputs))


def test_every_step_is_made_with_full_batches(digits):
    table = training.fit_many("mlp", digits, mixed_runs(18), steps=53)
    for row, run in enumerate(mixed_runs(18)):
        if run["selection"] is not None:
            exposures = table.exposures(row)
            assert exposures.sum() == 53 * run["batch_size"]
            assert (exposures > 0).sum() <= run["examples"]
    assert set(table.table["steps"]) == {53}
    assert (table.table["flops"] == 53 * table.table["batch_size"] * 6 * 64 * 74).all()
    epochs = training.fit_many("mlp", digits, [{"examples": 100}], epochs=3, selection=Repeated())
    assert epochs.table["steps"][0] == 10  # of the whole pool, whatever the method shows


def test_a_round_ends_when_its_examples_have_been_shown(digits):
    fit = training.fit_many("softmax", digits, [{}], steps=64, selection=Repeated(0.25))
    assert fit.table["selection_rounds"][0] == 8  # 64 * 32 / 256
    assert fit.exposures(0).sum() == 64 * 32
    fit = training.fit_many("softmax", digits, [{}], steps=64, selection=Repeated(0.25, every=10))
    assert fit.table["selection_rounds"][0] == 7
    subset = training.fit_many("softmax", digits, [{}], steps=8, selection=Repeated(0.25)).exposures(0)
    assert subset.max() == 1
    assert subset.sum() == 256


def test_rounds_smaller_than_a_batch_repeat_their_examples(digits):
    fit = training.fit_many("softmax", digits, [{}], steps=6, selection=Repeated(share=5 / 1024))
    assert fit.exposures(0).sum() == 6 * 32
    assert fit.table["steps"][0] == 6


def test_seeds_draw_their_own_subsets_and_the_same_seed_the_same(digits):
    runs = [{"seed": 0}, {"seed": 1}, {"seed": 1, "selection_seed": 0}, {"seed": 0}]
    fit = training.fit_many("softmax", digits, runs, steps=5, selection=Repeated(0.2))
    shown = [tuple(np.flatnonzero(fit.exposures(row))) for row in range(4)]
    assert shown[0] == shown[3] != shown[1]
    state = np.random.get_state()[1].copy()
    training.fit_many("softmax", digits, runs, steps=5, selection=Repeated(0.2))
    assert np.array_equal(state, np.random.get_state()[1])


def test_a_method_sees_the_losses_of_what_was_shown(digits):
    seen = []

    class Watching(training.Selection):
        every = 4

        def choose(self, moment):
            seen.append((moment.round, moment.step, moment.losses.copy(), moment.seen.copy(), moment.progress))
            with pytest.raises(ValueError, match="read-only"):
                moment.losses[0] = 0
            assert np.array_equal(digits.targets[moment.examples], moment.targets)
            return np.arange(100)

    fit = training.fit_many("softmax", digits, [{"learning_rate": 0.0}], steps=10, selection=Watching())
    assert [(r, s) for r, s, *_ in seen] == [(0, 0), (1, 4), (2, 8)]
    assert np.isnan(seen[0][2]).all()
    last = seen[2]
    assert last[3].sum() == 8 * 32
    assert np.array_equal(last[3] > 0, np.isfinite(last[2]))
    assert last[4] == 0.8
    # At a rate of zero nothing moves: losses are those of the start.
    start = fit.predict(digits.inputs[:100])[0]
    wanted = torch.nn.functional.cross_entropy(
        torch.from_numpy(start), torch.tensor(digits.targets[:100]), reduction="none"
    )
    np.testing.assert_allclose(last[2][:100], wanted, rtol=1e-5)


@pytest.mark.parametrize("name", ["softmax", "module", "batch norm", "transformer"])
def test_scoring_measures_the_model_of_now_and_is_counted(digits, name):
    data = digits if name != "transformer" else datasets.load("python_source", context=8)
    own = {
        "module": models.Module(lambda ends: torch.nn.Linear(64, 10)),
        "batch norm": models.build("mlp", width=8, batch_norm=True),
    }
    model = own[name] if name in own else models.build(name)
    found = {}

    class Scoring(training.Selection):
        every = 6

        def score(self, moment):
            return np.arange(9)

        def choose(self, moment):
            found[moment.step] = moment.losses[:9].copy()
            return np.arange(50)

    runs = [{"examples": 500}]
    fit = training.fit_many(
        model, data, runs, steps=12, selection=Scoring(), record=["loss"], record_at=[6],
        record_examples=batches.subset(len(data.inputs), 0, np.arange(9)),
    )  # fmt: skip
    np.testing.assert_allclose(found[6], fit.dynamics["loss"][0, 0], rtol=1e-5)
    assert fit.table["selection_flops"][0] == 2 * 9 * model.flops_per_example(data) // 3
    assert fit.table["selection_seconds"][0] > 0


@pytest.mark.parametrize("name", ["mlp", "module", "transformer"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weights_inside_a_batch_scale_its_gradient_and_not_what_is_reported(digits, name, optimizer):
    data = digits if name != "transformer" else datasets.load("python_source", context=8)
    model = models.Module(lambda ends: torch.nn.Linear(64, 10)) if name == "module" else models.build(name)

    class Fixed(training.Selection):
        """Weighs by the labels' losses of the start, which at a rate of zero stay as they are."""

        def weigh(self, losses, progress):
            return (losses > losses.median(1, keepdim=True).values).float() * 2

    class Same(Fixed):
        def weigh(self, losses, progress):
            return torch.ones_like(losses)

    rate = 0.05 if optimizer == "sgd" else 1e-3
    runs = [
        {"examples": 16, "batch_size": 16, "learning_rate": rate, "selection": method}
        for method in (None, Same(), Fixed())
    ]
    own = batches.subset(len(data.inputs), 0, np.arange(16))
    log = {"record": ["loss"], "record_at": [0], "record_examples": own}
    fit = training.fit_many(model, data, runs, steps=1, optimizer=optimizer, **log)
    batch_losses = fit.history.query("metric == 'batch_loss'")["value"].to_numpy()
    np.testing.assert_allclose(batch_losses, batch_losses[0], rtol=1e-6)
    logits = fit.predict(data.test_inputs[:50])
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-6, atol=1e-6)
    assert not np.allclose(logits[0], logits[2])
    # The same step by weights that are known beforehand.
    before = fit.dynamics["loss"][2, 0]
    weights = np.zeros(len(data.inputs))
    weights[own] = (before > np.sort(before)[7]) * 2.0
    given = training.fit_many(model, data, [{**runs[0], "weights": weights}], steps=1, optimizer=optimizer)
    np.testing.assert_allclose(given.predict(data.test_inputs[:50])[0], logits[2], rtol=1e-4, atol=1e-5)


def test_weights_of_a_round_are_factors_of_the_losses(digits):
    """Half the rate at twice the weight is the same step, and weights multiply with those of the run."""
    runs = [
        {"learning_rate": 0.1},
        {"learning_rate": 0.05, "selection": Everything(weight=2.0)},
        {"learning_rate": 0.05, "selection": Everything(every=3, weight=2.0), "weights": np.ones(1024)},
    ]
    losses = training.fit_many("mlp", digits, runs, steps=40).table["test_loss"]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


def test_a_diverging_run_is_marked_and_its_method_left_in_peace(digits):
    class Strict(Repeated):
        def choose(self, moment):
            known = moment.losses[moment.seen > 0]
            assert np.isfinite(known).all()
            return super().choose(moment)

    runs = [{"seed": 0, "learning_rate": 1e12}, {"seed": 1}]
    fit = training.fit_many("mlp", digits, runs, steps=60, selection=Strict(0.1))
    assert fit.table["diverged"].tolist() == [True, False]
    alone = training.fit_many("mlp", digits, runs[1:], steps=60, selection=Strict(0.1))
    assert alone.table["test_loss"][0] == pytest.approx(fit.table["test_loss"][1], rel=1e-5)


def test_the_table_names_methods_and_their_dials(digits):
    runs = [{"seed": 0}, {"seed": 0, "selection": Repeated(0.5)}, {"seed": 0, "selection": Candidates(40)}]
    fit = training.fit_many("softmax", digits, runs, steps=20)
    assert fit.table["selection"].tolist()[1:] == ["Repeated(share=0.5, every=None)", "Candidates(pool=40, every=1)"]
    assert fit.table["selection_rounds"].tolist()[1:] == [2, 20]
    assert fit.table["selection_flops"].tolist()[1:] == [0, 20 * 40 * 2 * 640]
    sizes = fit.history.query("metric == 'selected'")
    assert sizes.groupby("run")["value"].first().to_dict() == {1: 512, 2: 32}
    with pytest.raises(ValueError, match="run 0 has no method of selection; those that have: \\[1, 2\\]"):
        fit.exposures(0)
    assert "selection_flops" not in training.fit_many("softmax", digits, [{}], steps=1).table


def bad(**attributes):
    return type("Bad", (training.Selection,), {"__repr__": lambda self: "Bad()", **attributes})()


@pytest.mark.parametrize(
    ("method", "error", "words"),
    [
        (bad(choose=lambda self, moment: []), ValueError, "what Bad\\(\\) in round 0 of run 0 chose is empty"),
        (bad(choose=lambda self, moment: [5000]), ValueError, "contains 5000; expected places from 0 to 1023"),
        (bad(choose=lambda self, moment: [0.5]), TypeError, "expected whole numbers"),
        (bad(score=lambda self, moment: [-1]), ValueError, "wants to score contains -1"),
        (bad(choose=lambda self, moment: training.Round(np.arange(9), np.ones(3))), ValueError, "weights of shape"),
        (bad(choose=lambda self, moment: training.Round(np.arange(3), [1, -1, 1])), ValueError, "at least 0 for each"),
        (bad(weigh=lambda self, losses, progress: losses.mean(1)), ValueError, "expected one factor each"),
        (bad(every=0), ValueError, "every=0; expected a whole number of steps"),
        (Repeated, TypeError, "selection is the class Repeated; expected an object"),
        ("rs2", TypeError, "selection is an array"),
    ],
)
def test_a_method_that_cannot_be_is_refused(digits, method, error, words):
    with pytest.raises(error, match=words):
        training.fit_many("mlp", digits, [{}], steps=5, selection=method)


@pytest.mark.parametrize(
    ("name", "run", "words"),
    [
        ("random_features", {}, "solved at once"),
        ("softmax", {"mixture": [0.5, 0.5]}, "has a mixture and a method of selection"),
    ],
)
def test_what_has_no_use_for_a_method_refuses_it(digits, name, run, words):
    with pytest.raises(ValueError, match=words):
        training.fit_many(name, digits, [run], steps=5, selection=Repeated(), groups=digits.targets % 2)


def test_a_run_refuses_what_is_no_method(digits):
    with pytest.raises(TypeError, match="run 0: selection is a str; expected an object of a subclass"):
        training.fit_many("mlp", digits, [{"selection": "rs2"}], steps=5)
