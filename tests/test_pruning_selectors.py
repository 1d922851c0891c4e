"""Each selector against its definition, worked out the slow way or by hand."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import nnls

from labkit import datasets, pruning
from labkit.pruning.pool import Pool
from labkit.pruning.selectors import facility
from labkit.pruning.selectors.diversity import graph_cut, log_determinant

RNG = np.random.default_rng


def table(features):
    return np.linalg.norm(features[:, None] - features[None], axis=2)


def greedy(value, n, budget):
    """The set that adding the best one each time leads to, by trying all."""
    kept = []
    for _ in range(budget):
        rest = [i for i in range(n) if i not in kept]
        kept.append(max(rest, key=lambda i: value([*kept, i])))
    return kept


def assert_greedy(value, n, kept):
    """Every one in the order given is as good as any other would have been; equally good ones may differ."""
    kept = kept.tolist()
    for i in range(len(kept)):
        best = max(value([*kept[:i], j]) for j in range(n) if j not in kept[:i])
        assert value(kept[: i + 1]) == pytest.approx(best, rel=1e-6)


def served(distances):
    """Facility location: similarity of every example to the nearest kept one, similarity = longest - distance."""
    longest = distances.max()
    return lambda kept: (longest - distances[:, kept].min(axis=1)).sum()


@pytest.mark.parametrize("seed", range(5))
def test_facility_location_is_the_exhaustive_greedy(seed):
    features = RNG(seed).normal(size=(60, 3))
    kept, _ = facility.facility_location(Pool(60, features), 15, RNG(0))
    assert_greedy(served(table(features)), 60, kept)


@pytest.mark.parametrize("seed", range(10))
def test_facility_location_is_within_its_bound_of_the_best(seed):
    features = RNG(seed).normal(size=(12, 2))
    value = served(table(features))
    best = max(value(list(kept)) for kept in itertools.combinations(range(12), 3))
    assert value(pruning.select("facility_location", features, 0.25)) >= (1 - 1 / np.e) * best


def test_facility_location_is_the_same_when_distances_are_not_kept(monkeypatch):
    features = RNG(0).normal(size=(300, 5))
    dense = pruning.select("facility_location", features, 0.1, return_weights=True)
    monkeypatch.setattr(facility, "DENSE", 10)
    monkeypatch.setattr(facility, "CHUNK", 2000)
    bare = pruning.select("facility_location", features, 0.1, method="lazy", return_weights=True)
    np.testing.assert_array_equal(dense[0], bare[0])
    np.testing.assert_array_equal(dense[1], bare[1])


def test_stochastic_facility_location_is_nearly_as_good():
    features = RNG(0).normal(size=(500, 4))
    cost = [
        table(features)[:, pruning.select("facility_location", features, 0.1, method=method)].min(axis=1).sum()
        for method in ("lazy", "stochastic")
    ]
    spread = [table(features)[:, RNG(s).choice(500, 50, replace=False)].min(axis=1).sum() for s in range(20)]
    assert cost[0] <= cost[1] < cost[0] + 0.3 * (np.mean(spread) - cost[0])


def test_facility_location_of_many_examples_never_holds_a_square_table():
    features = RNG(0).normal(size=(9000, 4)).astype(np.float32)
    tracemalloc.start()
    kept, weights = pruning.select("facility_location", features, 0.002, return_weights=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(kept) == 18
    assert weights.sum() == 9000
    assert peak < 80 * 2**20  # the square table would take 309 MiB


def test_facility_weights_count_the_examples_that_each_stands_for():
    features = RNG(1).normal(size=(80, 3))
    kept, weights = pruning.select("facility_location", features, 0.1, return_weights=True)
    owner = table(features)[:, kept].argmin(axis=1)
    np.testing.assert_array_equal(weights, np.bincount(owner, minlength=8))


def test_copies_that_are_all_kept_stand_for_themselves():
    kept, weights = pruning.select("facility_location", np.ones((10, 2)), 0.5, return_weights=True)
    assert len(kept) == 5
    assert weights.min() >= 1
    assert weights.sum() == 10


def test_craig_works_inside_each_class_on_gradients():
    rng = RNG(2)
    targets = np.repeat([0, 1, 2], [50, 30, 20])
    gradients = pruning.last_layer_gradients(rng.dirichlet(np.ones(3), 100), targets, rng.normal(size=(100, 4)))
    kept, weights = pruning.select("craig", None, 0.1, features=gradients, groups=targets, return_weights=True)
    assert np.bincount(targets[kept]).tolist() == [5, 3, 2]
    for label, size in enumerate((50, 30, 20)):
        own = np.flatnonzero(targets == label)
        mine = kept[targets[kept] == label]
        assert sorted(own[greedy(served(table(gradients[own])), size, len(mine))]) == mine.tolist()
        assert weights[targets[kept] == label].sum() == size
    # The weighted sum comes closer to the gradient of all than a random subset's does.
    total = gradients.sum(axis=0)
    gap = np.linalg.norm(weights @ gradients[kept] - total)
    random = [np.linalg.norm(10 * gradients[rng.choice(100, 10, replace=False)].sum(0) - total) for _ in range(50)]
    assert gap < np.median(random)


@pytest.mark.parametrize("seed", range(10))
def test_k_centre_is_at_most_twice_the_smallest_radius(seed):
    features = RNG(seed).normal(size=(12, 2))
    distances = table(features)
    best = min(distances[:, list(kept)].min(axis=1).max() for kept in itertools.combinations(range(12), 3))
    kept = pruning.select("k_centre", features, 0.25)
    assert distances[:, kept].min(axis=1).max() <= 2 * best + 1e-9


def test_k_centre_is_farthest_first_from_the_middle():
    features = RNG(3).normal(size=(200, 4))
    distances = table(features)
    kept = [int(np.linalg.norm(features - features.mean(0), axis=1).argmin())]
    while len(kept) < 20:
        kept.append(int(distances[:, kept].min(axis=1).argmax()))
    assert pruning.select("k_centre", features, 0.1).tolist() == sorted(kept)


def test_herding_is_its_definition():
    features = RNG(4).normal(size=(100, 3)) + 5
    mean, kept = features.mean(0), []
    for _ in range(15):
        rest = [i for i in range(100) if i not in kept]
        kept.append(min(rest, key=lambda i: np.linalg.norm(features[[*kept, i]].mean(0) - mean)))
    assert pruning.select("herding", features, 0.15).tolist() == sorted(kept)


def test_the_mean_of_a_herd_is_far_closer_than_that_of_a_random_subset():
    # A herd that goes for the farthest instead of the nearest would be farther than random.
    features = RNG(5).normal(size=(1000, 8))
    error = np.linalg.norm(features[pruning.select("herding", features, 0.05)].mean(0) - features.mean(0))
    random = [np.linalg.norm(features[RNG(s).choice(1000, 50, replace=False)].mean(0)) for s in range(20)]
    assert error < np.mean(random) / 5


def cosines(features):
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.parametrize("redundancy", [0.0, 0.5, 3.0])
def test_graph_cut_is_the_exhaustive_greedy(redundancy):
    features = RNG(6).normal(size=(40, 3))
    like = (1 + cosines(features)) / 2

    def value(kept):
        return like[:, kept].sum() - redundancy * like[np.ix_(kept, kept)].sum()

    assert_greedy(value, 40, graph_cut(Pool(40, features), 15, RNG(0), redundancy=redundancy))


@pytest.mark.parametrize("noise", [0.01, 1.0])
def test_log_determinant_is_the_exhaustive_greedy(noise):
    features = RNG(7).normal(size=(40, 3)) * RNG(8).lognormal(size=(40, 1))
    like = cosines(features)

    def value(kept):
        return np.linalg.slogdet(np.eye(len(kept)) + like[np.ix_(kept, kept)] / noise)[1]

    assert_greedy(value, 40, log_determinant(Pool(40, features), 15, RNG(0), noise=noise))


def test_log_determinant_prefers_what_is_new():
    # With the sign of the gain turned round it would keep the two that are nearly alike.
    features = [[1.0, 0.0], [1.0, 0.01], [0.0, 1.0]]
    kept = pruning.select("log_determinant", features, 0.67)
    assert 2 in kept


def test_grad_match_finds_the_sparse_combination():
    rng = RNG(9)
    gradients = rng.normal(size=(200, 40))
    true, weights = np.sort(rng.choice(200, 5, replace=False)), rng.uniform(1, 3, 5)
    # Two more rows make the sum of all a combination of five of them.
    rest = np.setdiff1d(np.arange(200), true)
    gradients[rest[-1]] -= gradients.sum(0) - weights @ gradients[true]
    np.testing.assert_allclose(gradients.sum(0), weights @ gradients[true], atol=1e-9)
    kept, found = pruning.select("grad_match", features=gradients, fraction=5 / 200, return_weights=True)
    assert kept.tolist() == true.tolist()
    np.testing.assert_allclose(found / found.sum(), weights / weights.sum(), rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_grad_match_reaches_non_negative_least_squares_where_the_budget_allows(seed):
    gradients = RNG(seed).normal(size=(30, 20)) + 0.2
    target = gradients.mean(0)
    solution, residual = nnls(gradients.T, target)
    budget = (solution > 0).sum()
    kept, weights = pruning.select("grad_match", features=gradients, fraction=budget / 30, return_weights=True)
    weights = weights * solution.sum() / weights.sum()
    assert np.linalg.norm(weights @ gradients[kept] - target) == pytest.approx(residual, abs=1e-8)


def test_grad_match_with_more_budget_than_dimensions_goes_on_in_rounds():
    gradients = RNG(10).normal(size=(200, 4)) + 0.5
    kept, weights = pruning.select("grad_match", features=gradients, fraction=0.2, return_weights=True)
    assert len(kept) == 40
    assert (weights > 0).all()
    mean = weights @ gradients[kept] / weights.sum()
    direction = gradients.mean(0) / np.linalg.norm(gradients.mean(0))
    assert mean @ direction / np.linalg.norm(mean) > 0.999


def test_last_layer_gradients_are_those_of_the_loss():
    torch = pytest.importorskip("torch")
    rng = RNG(11)
    hidden, weight, bias = rng.normal(size=(6, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)
    targets = np.array([0, 1, 2, 3, 0, 1])
    logits = hidden @ weight.T + bias
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = pruning.last_layer_gradients(probabilities, targets, hidden).reshape(6, 4, 4)
    for i in range(6):
        w, b = torch.tensor(weight, requires_grad=True), torch.tensor(bias, requires_grad=True)
        out = torch.tensor(hidden[i : i + 1]) @ w.T + b
        torch.nn.functional.cross_entropy(out, torch.tensor(targets[i : i + 1])).backward()
        np.testing.assert_allclose(found[i, :, :3], w.grad.numpy(), atol=1e-12)
        np.testing.assert_allclose(found[i, :, 3], b.grad.numpy(), atol=1e-12)
    for bad in ((probabilities, targets[:3]), (probabilities, targets + 3), (probabilities, targets, hidden[:2])):
        with pytest.raises(ValueError, match=r"expected|classes"):
            pruning.last_layer_gradients(*bad)


def test_d2_does_not_keep_the_neighbour_of_what_it_keeps():
    # Two pairs at distance 1. With e = exp(-1) the scores become 1 + 0.9e, 0.9 + e, 0.8 and 0.8e; after the first is
    # kept its neighbour falls to 0.9 + e - e(1 + 0.9e) = 0.778, just below 0.8.
    features, scores = [[0.0], [1.0], [10.0], [11.0]], [1.0, 0.9, 0.8, 0.0]
    assert pruning.select("d2", features, 0.5, scores, neighbours=1).tolist() == [0, 2]
    assert pruning.select("d2", features, 0.5, scores, neighbours=1, gamma=50).tolist() == [0, 1]
    assert pruning.select("d2", features, 0.5, scores, neighbours=1, gamma=50, cutoff=0.25).tolist() == [1, 2]
    # Scale of scores and of distances plays no part.
    assert pruning.select("d2", 7 * np.array(features), 0.5, 5 * np.array(scores) - 9, neighbours=1).tolist() == [0, 2]


def test_moderate_keeps_the_middle_of_the_distances_to_the_median_of_the_class():
    data = datasets.load("digits")
    inputs, targets = data.inputs.astype(float), data.targets
    median = np.array([np.median(inputs[targets == label], axis=0) for label in range(10)])
    order = np.argsort(np.linalg.norm(inputs - median[targets], axis=1))
    assert sorted(order[410:614]) == pruning.select("moderate", data, 204 / 1024).tolist()


def test_class_balanced_goes_by_the_size_of_each_class_and_not_of_the_last():
    groups = np.repeat(["large", "small", "tiny"], [80, 15, 5])
    scores = np.arange(100.0)
    kept = pruning.select("class_balanced", None, 0.3, scores, groups=groups)
    assert kept.tolist() == [*range(67, 80), *range(83, 95), *range(95, 100)]
    kept = pruning.select("class_proportional", None, 0.2, scores, groups=groups)
    assert kept.tolist() == [*range(64, 80), *range(92, 95), 99]


def test_a_floor_lies_between_what_the_policy_would_keep_and_balance():
    groups = np.repeat([0, 1], 50)
    scores = np.arange(100.0)
    counts = [
        np.bincount(groups[pruning.select("class_balanced", None, 0.2, scores, groups=groups, floor=floor)]).tolist()
        for floor in (0.0, 0.5, 1.0)
    ]
    # Free, the policy keeps class 1 alone; half a share of 10 is sure for class 0.
    assert counts == [[0, 20], [5, 15], [10, 10]]


def test_recall_based_keeps_more_of_what_is_recognised_less():
    groups = np.repeat([0, 1, 2], [100, 100, 100])
    kept = pruning.select("recall_based", groups=groups, fraction=0.2, recall=[0.9, 0.7, 0.8])
    assert np.bincount(groups[kept]).tolist() == [10, 30, 20]
    kept = pruning.select("recall_based", groups=groups, fraction=0.6, recall={0: 0.9, 1: 0.1, 2: 0.9})
    assert np.bincount(groups[kept]).tolist() == [40, 100, 40]
    kept = pruning.select("recall_based", groups=groups, fraction=0.2, recall=[1, 1, 1])
    assert np.bincount(groups[kept]).tolist() == [20, 20, 20]


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**-60, 2.0**60, 2.0**600])
@pytest.mark.parametrize(
    "name", ["k_centre", "herding", "facility_location", "graph_cut", "moderate", "craig", "grad_match", "d2"]
)
def test_the_scale_of_features_plays_no_part(name, scale):
    features, scores, groups = RNG(14).normal(size=(60, 3)), RNG(15).normal(size=60), np.repeat([0, 1], 30)
    here, there = (
        pruning.select(name, None, 0.1, scores, features * by, groups, return_weights=True) for by in (1.0, scale)
    )
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_allclose(here[1], there[1])


def test_semantic_dedup_drops_the_copies_first():
    rng = RNG(12)
    originals = rng.normal(size=(150, 16))
    features = np.vstack([originals, originals[:50] + 0.001 * rng.normal(size=(50, 16))])
    kept = pruning.select("semantic_dedup", features, 0.75)
    # Of each pair one is kept, whichever is farther from the centre, and the 100 single ones are.
    assert sorted(kept % 150) == list(range(150))


def test_clusters_each_keep_their_share():
    rng = RNG(13)
    features = np.vstack([rng.normal(size=(60, 2)), rng.normal(size=(30, 2)) + 50, rng.normal(size=(10, 2)) - 50])
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    scores = rng.normal(size=100)
    kept = pruning.select("clustered", features, 0.2, scores, clusters=3)
    for label, count in ((0, 12), (1, 6), (2, 2)):
        own = np.flatnonzero(labels == label)
        assert sorted(own[np.argsort(-scores[own])[:count]]) == kept[labels[kept] == label].tolist()
    # More clusters than different examples are no trouble.
    assert len(pruning.select("clustered", np.ones((10, 1)), 0.5, clusters=4)) == 5
