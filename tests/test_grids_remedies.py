"""What remedies recover, ensembles tend to and related languages lend: planted answers are found, rules are kept."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import grids
from labkit.grids import trials
from labkit.grids.trials import verdicts_repetition as verdicts
from labkit.grids.trials.looped import Looped
from labkit.grids.trials.members import shipped_points
from labkit.grids.trials.relatives import relative
from labkit.models import CrossEntropy, Ports, Transformer
from labkit.registry import UnknownName

NOISE = np.array([-0.002, 0.0, 0.003])


def runs(shares, epochs=16, widths=(8, 16), gap=0.4):
    """Plain, remedied and fresh runs of three seeds; ``shares`` of the gap by (remedy's column, strength, width)."""
    rows = []
    for width, seed in itertools.product(widths, range(3)):
        both = {"width": width, "params": 10 * width, "tokens": 16 * epochs, "seed": seed}
        plain = {"dropout": 0.0, "weight_decay": 0.0}
        rows.append({**both, **plain, "unique_tokens": 16 * epochs, "loss": 2 + NOISE[seed]})
        rows.append({**both, **plain, "unique_tokens": 16, "loss": 2 + gap + NOISE[seed]})
        for (column, strength, of), share in shares.items():
            if of == width:
                own = {**both, **plain, column: strength, "unique_tokens": 16}
                rows.append({**own, "loss": 2 + gap * (1 - share) + NOISE[seed] * (1 + share)})
    return pd.DataFrame(rows)


SHARES = {
    ("dropout", 0.1, 8): 0.6, ("dropout", 0.4, 8): 0.2, ("dropout", 0.1, 16): 0.3, ("dropout", 0.4, 16): 0.8,
    ("weight_decay", 0.1, 8): 0.1, ("weight_decay", 1.0, 8): 0.3,
    ("weight_decay", 0.1, 16): 0.2, ("weight_decay", 1.0, 16): 0.5,
}  # fmt: skip


def test_shares_of_the_gap_are_what_was_planted():
    table = grids.remedied(runs(SHARES), runs({}))
    column = {"weight decay": "weight_decay", "dropout": "dropout"}
    for row in table.itertuples():
        assert row.share == pytest.approx(SHARES[column[row.remedy], row.strength, row.width], abs=0.01)
        assert row.low <= row.share <= row.high
    best = grids.best_remedies(table).set_index(["width", "remedy"]).strength
    assert best.to_dict() == {
        (8, "dropout"): 0.1,
        (8, "weight decay"): 1.0,
        (16, "dropout"): 0.4,
        (16, "weight decay"): 1.0,
    }
    with pytest.raises(ValueError, match="fresh one"):
        grids.remedied(runs(SHARES).query("unique_tokens == 16"), runs({}).assign(width=99))


def test_dropout_that_recovers_most_is_recognised_and_the_reverse():
    found = grids.recovered(runs(SHARES), runs({}))
    assert found.set_index("of").share["dropout"] == pytest.approx(0.7, abs=0.01)
    assert verdicts.dropout_recovers(found)[0] in (True, None)
    other = {"dropout": "weight_decay", "weight_decay": "dropout"}
    swapped = {(other[column], *rest): share for (column, *rest), share in SHARES.items()}
    assert verdicts.dropout_recovers(grids.recovered(runs(swapped), runs({})))[0] is False
    nothing = grids.recovered(runs(SHARES, gap=0.001), runs({}))
    assert verdicts.dropout_recovers(nothing)[0] is None


def test_the_best_dropout_grows_where_it_was_made_to():
    best = grids.best_strengths(runs(SHARES), "dropout", epochs=16)
    assert best.iloc[0].tolist() == [0.1, 0.4]
    assert len(best) == 28
    assert verdicts.stronger_when_larger(best)[0] is True
    assert verdicts.stronger_when_larger(best.iloc[:, ::-1])[0] is False
    with pytest.raises(UnknownName, match="dropout"):
        grids.best_strengths(runs(SHARES), "dropuot", epochs=16)
    with pytest.raises(ValueError, match="16"):
        grids.best_strengths(runs(SHARES), "dropout", epochs=5)
    assert verdicts.decay_ten_times(grids.best_strengths(runs(SHARES), "weight decay", epochs=16))[0] is True


def test_steps_in_size_are_between_the_best_runs_of_each():
    widths = (8, 16, 32)
    shares = {("weight_decay", 0.1, width): share for width, share in zip(widths, (0.9, 0.5, 0.1), strict=True)}
    shares |= {("weight_decay", 1.0, width): share for width, share in zip(widths, (0.5, 0.7, 0.9), strict=True)}
    table = runs(shares, widths=widths)
    table["loss"] -= 0.05 * np.log2(table.width / 8)
    usual, tuned = (grids.steps_in_size(table, decay=way) for way in ("usual decay", "tuned decay"))
    assert usual.change.round(2).tolist() == [0.11, 0.11, 0.22, 0.22]
    assert tuned.set_index("step").change["8 to 16"] == pytest.approx(0.03, abs=0.01)
    assert verdicts.tuned_falls(usual, tuned)[0] is False
    table["loss"] -= 0.1 * np.log2(table.width / 8)
    usual, tuned = (grids.steps_in_size(table, decay=way) for way in ("usual decay", "tuned decay"))
    assert verdicts.tuned_falls(usual, tuned)[0] is True
    ways = grids.by_size(table).set_index(["way", "width"]).strength
    assert (ways["tuned decay", 8], ways["tuned decay", 32]) == (0.1, 1.0)
    assert (grids.by_size(table).query("way == 'tuned dropout'").strength == 0).all()


def test_what_remedies_cost_at_one_epoch_is_measured_against_plain_fresh_runs():
    plain = runs({}).query("unique_tokens == tokens")
    treated = [plain.assign(dropout=0.1, loss=plain.loss + 0.05), plain.assign(weight_decay=1.0, loss=plain.loss + 0.1)]
    table = grids.slowed(pd.concat(treated), plain).set_index("remedy").cost
    assert table.to_dict() == pytest.approx({"dropout": 0.05, "weight decay": 0.1})
    assert verdicts.remedies_slow(grids.slowed(pd.concat(treated), plain))[0] is True


def curves(floor, decays=(0.1,)):
    k = np.arange(1, 9)
    frames = [
        pd.DataFrame({"width": 8, "params": 80, "weight_decay": decay, "seed": seed, "members": k,
                      "loss": floor + 0.3 / k + NOISE[seed] + decay / 100})
        for decay, seed in itertools.product(decays, range(3))
    ]  # fmt: skip
    return pd.concat(frames)


def singles(floor):
    sizes = {8: 0.4, 16: 0.2, 32: 0.1, 64: 0.05}
    table = runs({}, widths=tuple(sizes))
    repeated = table.unique_tokens < table.tokens
    table.loc[repeated, "loss"] = floor + table.width.map(sizes) + NOISE[table.seed]
    return table


@pytest.mark.parametrize(("ensemble", "single", "holds"), [(2.0, 2.2, True), (2.2, 2.0, False), (2.0, 2.001, None)])
def test_asymptotes_of_members_and_of_size_are_recovered_and_compared(ensemble, single, holds):
    table = trials.asymptotes(curves(ensemble, (0.05, 0.1)), singles(single))
    assert table.value.tolist() == pytest.approx([single, ensemble + 0.0005], abs=0.002)
    assert (table.left_out_low <= table.left_out_high).all()
    assert table.weight_decay.iloc[1] == 0.05
    assert verdicts.ensembles_go_lower(table)[0] is holds


def test_text_that_plain_training_needs_is_read_between_what_was_trained():
    rows = {"width": 8, "params": 80, "dropout": 0.0, "weight_decay": 0.0, "seed": 0}
    cells = [(16, 16, 4.0), (16, 32, 2.0), (64, 64, 3.0), (64, 128, 1.0)]
    table = pd.DataFrame([{**rows, "unique_tokens": u, "tokens": t, "loss": h} for u, t, h in cells])
    assert trials.usual_text(table).loss.tolist() == [2.0, 1.0]
    assert trials.text_for(table, 2**0.5) == pytest.approx(32)
    assert np.isinf(trials.text_for(table, 0.9))
    assert verdicts.five_times_the_text((2.0, 1.5, np.inf))[0] is None
    assert verdicts.five_times_the_text((2.0, 1.5, 2.5))[0] is False


def test_shipped_ensembles_use_the_best_decay_of_one_model_and_half_of_it():
    best = grids.best_strengths(grids.load("remedies"), "weight decay", epochs=16).iloc[0]
    for width in (12, 24, 48):
        decays = {point["weight_decay"] for point in shipped_points() if point["widths"] == [width]}
        assert decays == {best[width], best[width] / 2}


def test_averages_of_members_are_no_worse_than_their_members_and_repeat():
    arguments = {"widths": [4], "members": 3, "seeds": [0, 1], "unique_tokens": 512, "epochs": 2}
    table = trials.ensembles(**arguments)
    assert table.members.tolist() == [1, 2, 3] * 2
    for _, part in table.groupby("seed"):
        assert (part.loss.diff().dropna() < 0).all()  # the loss of a mean of logits is at most the mean of the losses
    again = trials.ensembles(**{**arguments, "seeds": [1]})
    assert again.loss.to_numpy() == pytest.approx(table[table.seed == 1].loss.to_numpy(), abs=1e-4)


def test_shared_weights_have_the_gradient_of_all_their_uses():
    ends, random = Ports("text", inputs=6, outputs=11), np.random.default_rng(0)
    model = Looped(width=8, depth=3, qk_norm=True)
    drawn = [model.draw(ends, random) for _ in range(2)]
    values = {name: torch.tensor(np.stack([one[name] for one in drawn])).requires_grad_() for name in drawn[0]}
    inputs, targets, loss = torch.randint(11, (2, 5, 6)), torch.randint(11, (2, 5)), CrossEntropy()
    model.losses(values, inputs, targets, loss).mean(1).sum().backward()
    own = {name: value.detach() for name, value in values.items()}
    for beta in (0.0, 1.0):
        into = {name: torch.ones_like(value) for name, value in own.items()}
        even = torch.full((2, 1, 5), 0.2)
        with torch.no_grad():
            model.gradient(own, inputs, targets, even, loss=loss, into=into, beta=beta, trace=torch.empty(2, 1, 5))
        for name, value in values.items():
            assert torch.allclose(into[name], beta + value.grad, atol=1e-6), name


def test_a_loop_of_one_block_is_the_plain_transformer():
    ends, random = Ports("text", inputs=6, outputs=11), np.random.default_rng(0)
    one, plain = Looped(width=8, depth=1), Transformer(width=8, depth=1)
    values = {name: torch.tensor(value)[None] for name, value in plain.draw(ends, random).items()}
    inputs = torch.randint(11, (1, 5, 6))
    assert torch.equal(one.forward(values, inputs), plain.forward(values, inputs))
    assert set(one.shapes(ends)) == set(plain.shapes(ends))


def test_a_relative_is_the_same_chain_under_other_names():
    random = np.random.default_rng(0)
    table = random.dirichlet(np.ones(8), size=8)
    assert np.array_equal(relative(table, 0.0, random), table)
    moved = relative(table, 0.5, random)
    assert np.sort(moved.ravel()) == pytest.approx(np.sort(table.ravel()))
    assert (np.abs(moved - table).max(1) > 0).all()  # every row knows some of the moved ids
    assert (np.abs(moved - table).min() == 0) == (np.isclose(moved, table).sum() >= 16)


def test_the_target_alone_is_tried_at_several_lengths_and_mixtures_at_one():
    table = trials.bilingual(
        shares=[0.5, 1.0], distances=[0.0, 1.0], widths=[4], seeds=[0, 1], target_tokens=512, steps=8
    )
    assert table[table.share < 1].steps.unique().tolist() == [8]
    assert sorted(table[table.share == 1].steps.unique()) == [1, 2, 4, 8]
    assert (table.target_loss > table.entropy).all()
    assert table[table.share == 1].auxiliary_loss.isna().all()
    same = table[table.distance == 0]
    assert (same.target_loss - same.auxiliary_loss).abs().max() < 0.1  # one language, two held-out texts


def test_nonsense_shares_are_refused_and_the_target_alone_needs_no_relative():
    with pytest.raises(ValueError, match="above 0"):
        trials.bilingual(shares=[0.0], distances=[0.5], widths=[4], seeds=[0])
    alone = trials.bilingual(shares=[1.0], distances=[], widths=[4], seeds=[0], target_tokens=512, steps=2)
    assert alone.steps.tolist() == [2, 1]


def test_related_runs_do_not_depend_on_the_seeds_beside_them():
    arguments = {"shares": [0.5], "distances": [0.25], "widths": [4], "target_tokens": 512, "steps": 4}
    both, one = (trials.bilingual(seeds=seeds, **arguments) for seeds in ([0, 1], [1]))
    assert both[both.seed == 1].target_loss.to_numpy() == pytest.approx(one.target_loss.to_numpy(), abs=1e-4)


def languages(gains):
    rows = []
    for seed, noise in enumerate(NOISE):
        rows += [
            {"seed": seed, "share": 1.0, "distance": np.nan, "steps": s, "target_loss": 3 + 1 / s + noise}
            for s in (1, 2)
        ]
        for distance, gain in gains.items():
            mixed = {"seed": seed, "distance": distance, "steps": 4}
            rows += [{**mixed, "share": m, "target_loss": 3.5 - gain + abs(m - 0.5) - 2 * noise} for m in (0.25, 0.5)]
    return pd.DataFrame(rows)


def test_gains_are_over_the_best_length_alone_and_of_the_best_share():
    table = trials.auxiliary_gains(languages({0.25: 0.3, 1.0: -0.1}))
    assert table.gain.tolist() == pytest.approx([0.3, -0.1, 0.4], abs=0.002)
    assert table.share.iloc[0] == 0.5
    assert table.steps.iloc[0] == 2
    assert verdicts.close_text_helps(table)[0] is True
    assert verdicts.distant_text_does_not(table)[0] is True
    other = trials.auxiliary_gains(languages({0.25: 0.1, 1.0: 0.3}))
    assert verdicts.close_text_helps(other)[0] is False
    assert verdicts.distant_text_does_not(other)[0] is False


@pytest.mark.parametrize(("target", "auxiliary", "holds"), [(0.01, 0.3, True), (0.3, 0.3, False), (0.0, -0.1, False)])
def test_size_that_stops_paying_is_seen(target, auxiliary, holds):
    rows = [
        {
            "seed": seed,
            "width": width,
            "target_loss": 3 - target * place + noise,
            "auxiliary_loss": 3 - auxiliary * place,
        }
        for seed, noise in enumerate(NOISE)
        for place, width in enumerate((8, 16, 48))
    ]
    assert verdicts.size_stops_paying(trials.falls_with_size(pd.DataFrame(rows)))[0] is holds


def test_verdicts_are_inconclusive_between_their_bounds():
    near = pd.DataFrame({"epochs": 4.0, "ratio": [0.2, 1.9, 0.7, 1.4]})
    assert verdicts.as_good_as_fresh(near)[0] is None
    assert verdicts.as_good_as_fresh(near.assign(ratio=[0.1, 0.2, 0.3, 0.1]))[0] is True
    assert verdicts.as_good_as_fresh(near.assign(ratio=[2.0, 2.1, 2.2, 2.1]))[0] is False
    assert verdicts.worth_as_published((5.0, 3.0, 9999.0))[0] is None
    assert verdicts.epochs_first(pd.DataFrame({"excess": [1, 9], "worth": [2, 2]}))[0] is None
    assert verdicts.parameters_overfit((0.1, -0.1, 0.3))[0] is None
    assert verdicts.parameters_overfit((-0.2, -0.3, -0.1))[0] is False
    assert verdicts.selection_helps((0.1, 0.05, 0.2))[0] is True
    assert verdicts.quality_helps((-0.1, -0.2, -0.05))[0] is False
    assert verdicts.power_law_in_steps((0.03, 0.025, 0.035))[0] is False
    assert verdicts.turns_sooner(pd.DataFrame({"epochs": [8, 8]}), 0.5)[0] is None


def test_the_rules_of_speed_and_of_slopes_ask_for_both_parts():
    table = pd.DataFrame(
        {"epochs": [4.0, 8, 16], "speedup": [1.0, 1.5, 3.0], "low": [0.9, 1.4, 2.5], "high": [1.1, 1.6, 3.5]}
    )
    assert verdicts.one_epoch_is_faster(table, (2.0, 1.5, 2.5))[0] is True
    assert verdicts.one_epoch_is_faster(table, (2.0, 0.5, 2.5))[0] is None
    assert verdicts.one_epoch_is_faster(table.assign(low=0.8, high=0.9), (2.0, 1.5, 2.5))[0] is False
    assert verdicts.ten_epochs(pd.Series({"speedup": 2.5, "low": 2.0, "high": 3.0}))[0] is True
    assert verdicts.ten_epochs(pd.Series({"speedup": 2.5, "low": 1.5, "high": 3.0}))[0] is None
    slopes = pd.DataFrame({"of": ["params", "unique_tokens"], "slope": [1, -1], "low": [0.5, -2], "high": [2, -0.5]})
    assert verdicts.degrades(slopes)[0] is True
    assert verdicts.degrades(slopes.assign(low=[0.5, 0.1], high=[2, 3]))[0] is False


def test_foretelling_must_beat_both_others():
    laws = ["effective data", "all tokens as fresh", "last epoch"]
    errors = pd.DataFrame({"law": laws, "rms": [0.1, 0.2, 0.3], "lead_low": [0, 0.05, 0.1], "lead_high": [0, 0.2, 0.3]})
    assert verdicts.effective_data_foretells(errors)[0] is True
    assert verdicts.effective_data_foretells(errors.assign(lead_low=[0, -0.1, 0.1]))[0] is None
    worse = errors.assign(lead_low=[0, 0.1, -0.3], lead_high=[0, 0.2, -0.1])
    assert verdicts.effective_data_foretells(worse)[0] is False


def test_every_claim_of_the_theme_has_its_rule():
    from labkit.results.claims import load

    keys = [key for key in load() if key.split("/")[0] in {
        "scaling-data-constrained-language", "repeat-or-not-repeat", "one-epoch-all-you", "pre-training-under-infinite",
        "training-bilingual-lms-data"}]  # fmt: skip
    rules = [name for name, rule in vars(verdicts).items() if callable(rule) and rule.__module__ == verdicts.__name__]
    assert len(keys) == len([name for name in rules if not name.startswith("_")]) == 22
