"""Every selector keeps exactly the budget, and the same set however the examples are ordered."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets, pruning
from labkit.pruning.selectors import registry

# Every selector with options that could break it, and policies inside classes.
CASES = [
    *((name, {}) for name in registry.names() if name != "recall_based"),
    ("recall_based", {"recall": "half"}),
    ("facility_location", {"method": "stochastic"}),
    ("d2", {"neighbours": 1, "cutoff": 0.3}),
    ("class_balanced", {"floor": 0.5, "policy": "coverage_centric"}),
    ("class_proportional", {"policy": "hardest", "cutoff": 0.2}),
    ("clustered", {"clusters": 2, "policy": "sampled"}),
    ("semantic_dedup", {"clusters": 1}),
]
IDS = ["-".join([name, *map(str, options.values())]) for name, options in CASES]


def pools(most=30):
    """Examples with few different values, so that ties and copies are the rule."""
    value = st.one_of(
        st.integers(-1, 1), st.floats(-1e3, 1e3, width=32), st.floats(allow_nan=False, allow_infinity=False)
    )
    row = st.tuples(st.lists(value, min_size=2, max_size=2), st.integers(0, 2), st.sampled_from("abc"))
    return st.lists(row, min_size=1, max_size=most)


def arrays(rows):
    features, scores, groups = zip(*rows, strict=True)
    return np.array(features), np.array(scores, float), np.array(groups)


def chosen(name, options, features, scores, groups, fraction, seed):
    if "recall" in options:
        options = {"recall": np.linspace(0, 1, len(np.unique(groups)))}
    return pruning.select(
        name,
        None,
        fraction,
        scores=scores,
        features=features,
        groups=groups,
        seed=seed,
        return_weights=True,
        **options,
    )


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@settings(deadline=None, max_examples=25)
@given(rows=pools(), fraction=st.floats(0, 1), seed=st.integers(0, 3))
def test_every_selector_keeps_exactly_the_budget(name, options, rows, fraction, seed):
    kept, weights = chosen(name, options, *arrays(rows), fraction, seed)
    assert kept.dtype == np.int64
    assert len(kept) == len(weights) == round(fraction * len(rows))
    assert (np.diff(kept) > 0).all()
    assert ((kept >= 0) & (kept < len(rows))).all()
    assert (weights >= 0).all()
    if len(kept):
        assert weights.sum() == pytest.approx(len(rows))


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@settings(deadline=None, max_examples=25)
@given(rows=pools(), fraction=st.floats(0, 1), seed=st.integers(0, 3), data=st.data())
def test_the_set_that_is_kept_does_not_depend_on_the_order(name, options, rows, fraction, seed, data):
    order = data.draw(st.permutations(range(len(rows))))
    sets = []
    for own in (rows, [rows[i] for i in order]):
        features, scores, groups = arrays(own)
        kept, weights = chosen(name, options, features, scores, groups, fraction, seed)
        sets.append(
            sorted((*features[i].tolist(), scores[i], groups[i], w) for i, w in zip(kept, weights, strict=True))
        )
    assert sets[0] == sets[1]


@pytest.mark.parametrize("name", ["k_centre", "herding", "facility_location", "graph_cut", "log_determinant"])
def test_set_selectors_work_on_the_whole_and_inside_groups_that_are_given(name):
    data = datasets.load("digits")
    whole = pruning.select(name, data, 0.1)
    assert len(whole) == 102
    inside = pruning.select(name, data, 0.1, groups=data.targets)
    counts = np.bincount(data.targets[inside], minlength=10)
    exact = 0.1 * np.bincount(data.targets)
    assert len(inside) == 102
    assert (np.abs(counts - exact) < 1).all()


def test_no_selection_looks_at_the_test():
    data = datasets.load("digits")
    rng = np.random.default_rng(0)
    scrambled = dataclasses.replace(
        data, test_targets=rng.permutation(data.test_targets), test_inputs=data.test_inputs[::-1]
    )
    scores = rng.normal(size=1024)
    features = pruning.last_layer_gradients(np.full((1024, 10), 0.1), data.targets, data.inputs[:, :5])
    for name, options in CASES:
        if "recall" in options:
            options = {"recall": np.linspace(0, 1, 10)}
        entry = pruning.selector(name)
        given_features = features if "gradients" in entry.needs else None
        both = [
            pruning.select(name, source, 0.05, scores=scores, features=given_features, **options)
            for source in (data, scrambled)
        ]
        np.testing.assert_array_equal(*both)


def test_recall_is_of_the_validation_split():
    data = datasets.load("digits")
    log = pruning.observe(data, "softmax", seeds=2, steps=60)
    recall = pruning.validation_recall(log)
    right = (log.fit.predict(data.validation_inputs).argmax(-1) == data.validation_targets).mean(0)
    for label in range(10):
        assert recall[label] == pytest.approx(right[data.validation_targets == label].mean())
    with pytest.raises(ValueError, match="no validation example of class"):
        pruning.validation_recall(pruning.observe(datasets.load("digits", validation=0), "softmax", seeds=1, steps=5))


def test_recall_of_a_class_without_training_examples_is_left_out():
    data = datasets.load("digits")
    log = pruning.observe(data, "softmax", seeds=1, steps=30).take(np.flatnonzero(data.targets != 3))
    kept = pruning.select("recall_based", log, 0.1)
    assert len(kept) == round(0.1 * len(log))


def test_a_log_brings_gradients_recall_and_features():
    data = datasets.load("digits")
    log = pruning.observe(data, "mlp", seeds=2, steps=60)
    errors = pruning.features(log, "errors")
    for name in ("craig", "grad_match"):
        here, there = (pruning.select(name, source, 0.05, features=f) for source, f in ((log, None), (data, errors)))
        np.testing.assert_array_equal(here, there)
    np.testing.assert_array_equal(
        pruning.select("recall_based", log, 0.1),
        pruning.select("recall_based", data, 0.1, recall=pruning.validation_recall(log)),
    )
    np.testing.assert_array_equal(
        pruning.select("herding", log, 0.1, features="hidden"),
        pruning.select("herding", data, 0.1, features=pruning.features(log, "hidden")),
    )
    with pytest.raises(ValueError, match="did you mean 'hidden'"):
        pruning.select("herding", log, features="hiden")


def test_a_budget_of_nothing_is_an_empty_answer_and_all_is_all():
    features = np.arange(12.0).reshape(6, 2)
    for name in ("k_centre", "facility_location", "clustered"):
        assert pruning.select(name, features, 0).tolist() == []
        assert pruning.select(name, features, 1).tolist() == list(range(6))
    kept, weights = pruning.select("grad_match", features=features, fraction=1.0, return_weights=True)
    assert weights.tolist() == [1] * 6
    assert len(kept) == 6


def test_ties_go_by_lot_and_not_by_place():
    # Four corners, five copies of each: any two corners are equally good, and so are the copies.
    features = np.tile(np.eye(4), (5, 1))
    sets = [tuple(pruning.select("k_centre", features, 0.1, seed=seed)) for seed in range(30)]
    assert len({tuple(sorted(i % 4 for i in kept)) for kept in sets}) > 1
    assert len({i // 4 for kept in sets for i in kept}) == 5
    # Nothing but tied scores is known: every place has its chance.
    ties = np.zeros(20)
    counts = sum(
        np.bincount(pruning.select("class_balanced", None, 0.2, ties, groups=ties, seed=s), minlength=20)
        for s in range(200)
    )
    assert counts.min() > 15


def test_text_needs_features_of_its_own():
    data = datasets.load("markov")
    with pytest.raises(ValueError, match="needs features"):
        pruning.select("k_centre", data)
    features = np.random.default_rng(0).normal(size=(len(data.inputs), 2))
    assert len(pruning.select("k_centre", data, 0.001, features=features)) == round(0.001 * len(data.inputs))


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("k_centre", {}, "nothing to select from"),
        ("k_centre", {"scores": [1, 2]}, "needs features"),
        ("d2", {"features": np.eye(3)}, "needs scores"),
        ("moderate", {"features": np.eye(3)}, "needs groups"),
        ("craig", {"data": np.eye(3), "groups": [0, 0, 1]}, "needs gradients"),
        ("d2", {"features": np.eye(3), "scores": [1, 2]}, "not of one length: 3 features, 2 scores"),
        ("k_centre", {"features": [[1.0, np.nan], [2.0, 3.0]]}, "not finite"),
        ("k_centre", {"features": np.zeros(4)}, r"expected \(n, d\)"),
        ("k_centre", {"features": np.zeros((0, 2))}, "no examples"),
        ("moderate", {"features": np.eye(2), "groups": [[0], [1]]}, r"expected \(n,\)"),
        ("moderate", {"features": np.eye(2), "groups": [0, np.nan]}, "1 examples have no group"),
        ("d2", {"features": np.eye(2), "scores": [1, np.nan]}, "not finite"),
        ("k_centre", {"features": np.eye(3), "fraction": 1.5}, "expected 0 <= fraction <= 1"),
        ("class_balanced", {"groups": [0, 1], "policy": "hardest"}, "needs scores"),
        ("class_balanced", {"groups": [0, 1], "floor": 2}, "floor"),
        ("recall_based", {"groups": [0, 1]}, "needs recall="),
        ("recall_based", {"groups": [0, 1], "recall": [0.5]}, "one number from 0 to 1"),
        ("recall_based", {"groups": [0, 1], "recall": [0.5, 1.5]}, "one number from 0 to 1"),
        ("recall_based", {"groups": ["a", "b"], "recall": {"a": 0.5}}, "no entry for 'b'"),
        ("d2", {"features": np.eye(3), "scores": [1, 2, 3], "neighbours": 0}, "neighbours"),
        ("d2", {"features": np.eye(3), "scores": [1, 2, 3], "gamma": -1}, "gamma"),
        ("graph_cut", {"features": np.eye(3), "redundancy": -1}, "redundancy"),
        ("log_determinant", {"features": np.eye(3), "noise": 0}, "noise"),
        ("facility_location", {"features": np.eye(3), "method": "fast"}, "expected one of auto"),
        ("clustered", {"features": np.eye(3), "clusters": 0}, "clusters"),
        ("k_centr", {"features": np.eye(3)}, "did you mean 'k_center'|did you mean 'k_centre'"),
        ("hardest", {"scores": [1, 2]}, r"call pruning.keep\(scores"),
    ],
)
def test_what_cannot_be_selected_from_is_refused_with_the_way_out(name, given, words):
    given = {"fraction": 0.5, **given}
    with pytest.raises(ValueError, match=words):
        pruning.select(name, **given)


def test_unknown_options_are_refused_with_the_nearest_match():
    with pytest.raises(TypeError, match="did you mean 'neighbours'"):
        pruning.select("d2", np.eye(3), 0.5, scores=[1, 2, 3], neighbors=3)
    with pytest.raises(TypeError, match="did you mean 'cutoff'"):
        pruning.select("class_balanced", groups=[0, 1, 1, 0], scores=[1, 2, 3, 4], fraction=0.5, cutof=0.1)
    # Also where there is nothing to choose.
    for wrong in ({"cutof": 0.1}, {"policy": "middle", "cutoff": 0.1}):
        with pytest.raises(TypeError, match="has no option"):
            pruning.select("class_balanced", groups=[0, 1], scores=[1, 2], fraction=1.0, **wrong)
    with pytest.raises(ValueError, match="did you mean 'hardest'"):
        pruning.select("clustered", features=np.eye(3), fraction=0.0, policy="hardets")
    with pytest.raises(TypeError, match="features is of type"):
        pruning.select("k_centre", features=[["a"], ["b"]])


def test_a_selector_of_ones_own_works_like_ours_and_must_keep_its_budget():
    def longest(pool, budget, rng, *, most=1):
        return np.argsort(-np.linalg.norm(pool.features, axis=1), kind="stable")[: budget * most]

    entry = pruning.register(pruning.Selector("longest", "the longest", longest, needs=("features",)))
    try:
        assert pruning.select("longest", [[1.0], [-3.0], [2.0]], 0.7).tolist() == [1, 2]
        with pytest.raises(ValueError, match="kept 3 examples; expected 2"):
            pruning.select("longest", [[1.0], [-3.0], [2.0]], 0.7, most=2)
    finally:
        pruning.unregister_selector(entry.name)
    with pytest.raises(ValueError, match="expected some of"):
        pruning.Selector("bad", "", longest, needs=("labels",))


def test_all_that_there_is_to_select_with_is_listed():
    found = pruning.available("selector")
    assert found["name"].tolist() == registry.names()
    assert (found["purpose"].str.len() > 0).all()
