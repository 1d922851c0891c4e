"""Skills, facts, problems and pairs: every answer is worked out again from what is shown."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets

SPLITS = ("train", "validation", "test")


def told(data, name: str, split: str) -> np.ndarray:
    return data.truth[name if split == "train" else f"{split}_{name}"]


def lines(data, split: str) -> list[str]:
    """The whole lines of a text, in letters."""
    letters = "".join(data.truth["alphabet"][i] for i in data.stream(split))
    return letters.split("\n")[:-1]


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 40), st.floats(0, 3), st.integers(16, 40), st.integers(1, 6), st.floats(0, 1), st.integers(0, 99))
def test_a_label_is_the_parity_of_the_bits_of_the_skill(skills, alpha, bits, subset, noise, seed):
    options = {"skills": skills, "alpha": alpha, "bits": bits, "subset": subset, "label_noise": noise, "seed": seed}
    data = datasets.load("parity", **options, examples=200, validation=50, test=100)
    for split in SPLITS:
        inputs, targets = data.split(split)
        skill = told(data, "skill", split)
        assert np.array_equal(inputs[:, :skills].argmax(axis=1), skill)
        assert (inputs[:, :skills].sum(axis=1) == 1).all()
        picked = inputs[:, skills:][np.arange(len(inputs))[:, None], data.truth["subsets"][skill]]
        parity = (picked < 0).sum(axis=1) % 2
        if split == "train" and noise:
            assert np.array_equal(parity, data.faults["true_label"])
            assert (parity != targets).sum() == round(noise * 200)
        else:
            assert np.array_equal(parity, targets)
    assert data.truth["exponent_examples"] == pytest.approx(alpha / (1 + alpha))


def test_skills_occur_with_their_frequencies_and_fewer_bits_say_nothing():
    data = datasets.load("parity", skills=20, alpha=0.8, examples=50_000)
    counts = np.bincount(data.truth["skill"], minlength=20)
    expected = 50_000 * data.truth["frequencies"]
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    slope = np.polyfit(np.log(np.arange(1, 21)), np.log(data.truth["frequencies"]), 1)[0]
    assert slope == pytest.approx(-1.8)
    mine = data.truth["skill"] == 0
    for bit in range(20, 52):
        assert abs(np.corrcoef(data.inputs[mine, bit], data.targets[mine])[0, 1]) < 5 / np.sqrt(mine.sum())


@settings(deadline=None, max_examples=10)
@given(st.integers(2, 200), st.integers(2, 200), st.integers(1, 20), st.integers(0, 99))
def test_every_fact_is_told_as_often_as_said_and_never_otherwise(facts, values, exposures, seed):
    data = datasets.load("facts", facts=facts, values=values, letters=2, exposures=exposures, seed=seed)
    assert data.truth["bits"] == pytest.approx(facts * np.log2(values))
    names = {}
    for split, times in (("train", exposures), ("validation", 1), ("test", 1)):
        rows = data.stream(split).reshape(-1, 5)
        fact = np.concatenate([[-1] * data.context, told(data, "fact", split)]).reshape(-1, 5)[:, -1]
        assert np.array_equal(rows[:, 3].astype(int) - 28, data.truth["value"][fact])
        assert (np.bincount(fact, minlength=facts) == times).all()
        for row, number in zip(rows, fact, strict=True):
            assert names.setdefault(number, bytes(row)) == bytes(row)
        inputs, targets = data.split(split)
        asked = told(data, "answer", split)
        assert asked.sum() == times * facts
        assert np.array_equal(targets[asked].astype(int) - 28, data.truth["value"][told(data, "fact", split)[asked]])
        assert (inputs[asked, -1] == 26).all()
    assert len({name[:2] for name in names.values()}) == facts


def test_the_values_of_facts_are_even_and_follow_no_rule():
    data = datasets.load("facts", facts=20_000, values=10, letters=4, exposures=1)
    counts = np.bincount(data.truth["value"], minlength=10)
    assert (np.abs(counts - 2000) < 5 * np.sqrt(2000)).all()
    first = data.stream().reshape(-1, 7)[:, [0, 5]].astype(int)
    assert abs(np.corrcoef(first.T)[0, 1]) < 5 / np.sqrt(20_000)


REMADE = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


@pytest.mark.parametrize("operation", ["+", "-", "*"])
@pytest.mark.parametrize("layout", ["plain", "reversed"])
@pytest.mark.parametrize("digits", [2, 5, 8])
def test_every_answer_is_right_and_of_its_width(operation, layout, digits):
    data = datasets.load(
        "arithmetic", digits=digits, operation=operation, format=layout, examples=5000, validation=500, test=1000
    )
    for split in SPLITS:
        for line in lines(data, split):
            asked, answer = line.split("=")
            one, two = asked.split(operation)
            assert len(one) == len(two) == digits
            assert len(answer) == {"+": digits + 1, "-": digits, "*": 2 * digits}[operation]
            right = REMADE[operation](int(one), int(two))
            assert int(answer[::-1] if layout == "reversed" else answer) == right >= 0


def test_carries_are_those_of_adding_by_hand():
    data = datasets.load("arithmetic", digits=4, format="carries", examples=20_000)
    for line in lines(data, "train"):
        one, two, answer = re.fullmatch(r"(\d{4})\+(\d{4})=(\d{10})", line).groups()
        carry = 0
        for place in range(5):
            digits = [int(number[::-1][place]) if place < 4 else 0 for number in (one, two)]
            assert int(answer[2 * place]) == carry
            carry, shown = divmod(sum(digits) + carry, 10)
            assert int(answer[2 * place + 1]) == shown
        assert carry == 0


def test_no_problem_held_out_nor_its_mirror_image_is_in_training():
    data = datasets.load("arithmetic", digits=2, examples=400_000)
    seen = {
        split: {frozenset(map(int, re.findall(r"\d+", line)[:2])) for line in lines(data, split)} for split in SPLITS
    }
    assert not seen["train"] & (seen["test"] | seen["validation"])
    assert not seen["test"] & seen["validation"]
    everything = 100 * 101 / 2
    assert len(set.union(*seen.values())) > 0.97 * everything
    assert len(seen["test"]) == pytest.approx(everything / 16, rel=0.25)


@pytest.mark.parametrize("operation", ["+", "-"])
def test_all_the_surprise_of_arithmetic_is_in_its_numbers(operation):
    data = datasets.load("arithmetic", digits=1, operation=operation, examples=2_000_000, test=10)
    counts = np.unique(lines(data, "train"), return_counts=True)[1]
    shares = counts / counts.sum()
    # Training has 14 in 16 of the problems, so that it surprises less by the logarithm of that, roughly.
    entropy = -(shares * np.log(shares)).sum()
    width = len(lines(data, "train")[0]) + 1
    assert entropy / width == pytest.approx(data.truth["entropy_rate"] + np.log(14 / 16) / width, abs=0.02)


def follow(line: str) -> tuple[str, int]:
    """The answer of a chain, and the steps it takes, by looking up one variable after another."""
    *clauses, question = line.split(";")
    said = {clause[0]: (clause[2], clause[3]) for clause in clauses}
    name, sign, steps = question[1], 1, 0
    while name != "1":
        turn, name = said[name]
        sign, steps = (-sign if turn == "-" else sign), steps + 1
    return "+" if sign > 0 else "-", steps


@pytest.mark.parametrize("length", [2, 3, 6])
def test_every_chain_gives_its_answer_in_as_many_steps_as_told(length):
    data = datasets.load("chain", length=length, examples=20_000, validation=500, test=2000)
    for split in SPLITS:
        steps = {}
        for line in lines(data, split):
            answer, hops = follow(line)
            assert answer == line[-1]
            steps[len(steps)] = hops
        asked = told(data, "answer", split)
        problems, hops = told(data, "problem", split)[asked], told(data, "hops", split)[asked]
        assert [steps[p] for p in problems if p in steps] == [
            h for p, h in zip(problems, hops, strict=True) if p in steps
        ]
        letters = [data.truth["alphabet"][i] for i in data.split(split)[1][asked]]
        assert set(letters) <= {"+", "-"}
        assert abs(letters.count("+") / len(letters) - 0.5) < 2.5 / np.sqrt(len(letters))


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any))
def test_questions_have_their_shares_in_training_and_equal_ones_held_out(shares):
    data = datasets.load("chain", length=3, shares=tuple(shares), examples=20 * 900 - 19, test=20 * 300)
    width = 20
    for split, wanted in (("train", np.array(shares) / sum(shares)), ("test", np.full(3, 1 / 3))):
        hops = np.bincount(told(data, "hops", split)[width - 1 :: width], minlength=4)[1:]
        assert np.abs(hops - wanted * hops.sum()).max() <= 2


def test_held_out_chains_are_not_in_training():
    data = datasets.load("chain", length=2, examples=300_000)
    train, held = ({line.rsplit(";", 1)[0] for line in lines(data, split)} for split in ("train", "test"))
    assert held
    assert not train & held


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 300), st.floats(0, 1), st.integers(0, 99))
def test_mismatched_pairs_are_exact_and_told(examples, mismatch, seed):
    options = {"examples": examples, "validation": 10, "test": 20, "seed": seed}
    clean, data = (datasets.load("pairs", **options, mismatch=share) for share in (0.0, mismatch))
    half = data.truth["view_width"]
    assert np.array_equal(data.inputs[:, :half], clean.inputs[:, :half])
    if not mismatch:
        assert data.faults.empty
        return
    partner = data.faults["partner"].to_numpy()
    assert np.array_equal(data.inputs[:, half:], clean.inputs[partner, half:])
    assert (partner != np.arange(examples)).sum() == round(mismatch * examples)
    assert np.array_equal(data.faults["mismatched"], partner != np.arange(examples))
    if round(mismatch * examples) > 1:
        assert sorted(partner) == list(range(examples))
    assert np.array_equal(data.test_inputs, clean.test_inputs)


def test_views_of_a_pair_find_one_another_unless_mismatched():
    data = datasets.load("pairs", mismatch=0.3, examples=2000)
    one, two = np.split(data.inputs, 2, axis=1)
    maps = data.truth["maps"]
    hidden = one @ maps[0].T
    gallery = two @ maps[1].T
    nearest = ((hidden[:, None] - gallery) ** 2).sum(axis=2).argmin(axis=1)
    hit = nearest == np.arange(2000)
    wrong = data.faults["mismatched"].to_numpy()
    assert hit[~wrong].mean() > 0.5
    assert hit[wrong].mean() < 0.02
    scale = np.sqrt(np.mean(data.inputs**2))
    assert scale == pytest.approx(1, abs=0.15)


def test_the_latent_of_a_pair_is_what_its_first_view_shows():
    data = datasets.load("pairs", noise=0.0, mismatch=0.5)
    first = data.inputs[:, : data.truth["view_width"]]
    np.testing.assert_allclose(first @ data.truth["maps"][0].T / 2, data.truth["latent"], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("parity", {"bits": 4}, ValueError, "bits=4 is outside"),
        ("parity", {"subset": 9}, ValueError, "subset=9 is outside"),
        ("facts", {"letters": 1}, ValueError, "26 names of 1 letters for 512 facts"),
        ("facts", {"values": 201}, ValueError, "values=201 is outside"),
        ("arithmetic", {"operation": "/"}, ValueError, "unknown operation '/'"),
        ("arithmetic", {"format": "revers"}, ValueError, "did you mean 'reversed'"),
        ("arithmetic", {"format": "carries", "operation": "*"}, ValueError, "writes the carries of sums"),
        ("arithmetic", {"digits": 9}, ValueError, "digits=9 is outside"),
        ("chain", {"shares": (1, 2)}, ValueError, "expected 4 numbers"),
        ("chain", {"shares": (0, 0, 0, 0)}, ValueError, "are all 0"),
        ("chain", {"length": 1}, ValueError, "length=1 is outside"),
        ("pairs", {"dimension": 64}, ValueError, "expected from 1 to 32"),
        ("pairs", {"mismatch": 1.5}, ValueError, "mismatch=1.5 is outside"),
    ],
)
def test_bad_dials_are_refused(name, options, error, message):
    with pytest.raises(error, match=message):
        datasets.load(name, **options)
