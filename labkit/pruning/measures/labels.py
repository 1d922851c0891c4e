"""Scores of the label: whether models or neighbours that have not seen the example agree with it."""

from __future__ import annotations

import numpy as np

from labkit.datasets.faults import whole
from labkit.pruning.entry import Score, register_score
from labkit.pruning.features import resolve
from labkit.pruning.log import Log
from labkit.pruning.measures.dynamics import EARLY
from labkit.pruning.neighbours import neighbours
from labkit.pruning.retraining import out_of_sample


def self_confidence(log: Log, *, folds: int = 5, repeats: int = 4, seed: int = 0) -> np.ndarray:
    """1 minus the probability that models which have not seen the example give its label."""
    chance = np.exp(out_of_sample(log, folds=folds, repeats=repeats, seed=seed))
    return 1 - chance.mean(0)[np.arange(len(log)), log.data.targets]


def confident_learning(log: Log, *, folds: int = 5, repeats: int = 4, seed: int = 0) -> np.ndarray:
    """The probability of the best other class minus that of the label, out of sample; suspected errors get 2 more."""
    chance = np.exp(out_of_sample(log, folds=folds, repeats=repeats, seed=seed)).mean(0)
    _, suspected = confident_joint(chance, log.data.targets)
    own = chance[np.arange(len(log)), log.data.targets]
    others = chance.copy()
    others[np.arange(len(log)), log.data.targets] = -np.inf
    return others.max(1) - own + 2.0 * suspected


def confident_joint(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count examples by label and by the class they confidently look like, and point out those off the diagonal.

    Arguments:
        probabilities: (n, classes), by models that have not seen the example.
        targets: int (n,), the labels given.

    A class is confident for an example where its probability reaches the mean it has among the examples of that
    label; of several the most probable counts, and an example without any is not counted.
    Returns counts, int (classes, classes), rows the labels, and bool (n,), the suspected errors.
    Source: Northcutt, Jiang and Chuang (2021). The counts are not calibrated to the sizes of the classes.

    Raises ``ValueError`` where the shapes do not fit.

    >>> chance = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.95, 0.05]])
    >>> confident_joint(chance, np.array([0, 0, 1, 1]))
    (array([[1, 0],
           [1, 1]]), array([False, False, False,  True]))
    """
    probabilities, targets = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    if probabilities.ndim != 2 or targets.shape != (len(probabilities),):
        raise ValueError(
            f"probabilities have shape {probabilities.shape} and targets {targets.shape}; "
            "expected (n, classes) and (n,)"
        )
    classes = probabilities.shape[1]
    members = np.bincount(targets, minlength=classes)
    own = probabilities[np.arange(len(targets)), targets]
    threshold = np.full(classes, np.inf)  # of a class that no example is labelled with
    present = members > 0
    threshold[present] = np.bincount(targets, own, classes)[present] / members[present]
    # A mean of equal numbers may be rounded above them.
    reached = probabilities >= threshold - 1e-12
    like = np.where(reached, probabilities, -np.inf).argmax(1)
    counted = reached.any(1)
    joint = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(joint, (targets[counted], like[counted]), 1)
    return joint, counted & (like != targets)


def knn_shapley(log: Log, *, k: int = 5, reach: int | None = None, features: str | np.ndarray = "inputs") -> np.ndarray:
    """Minus the example's Shapley value for a vote of the k nearest on every other example.

    ``reach`` is how many neighbours share in the worth of a vote: 10 k unless said; n - 1 gives the exact value, and k
    the share of votes that agree with the example, which tells flipped labels much less well.
    """
    points = resolve(log, features)
    most = len(log) - 1
    k = min(whole("k", k, least=1), most)
    near = neighbours(points, min(10 * k if reach is None else whole("reach", reach, least=1), most))
    return 0.0 - shapley_values(near, log.data.targets, log.data.targets, k)


def shapley_values(near: np.ndarray, targets: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    """Shapley values of training examples for the votes of k nearest neighbours, float64 (n,), in O(n m) memory.

    Arguments:
        near: (q, m) numbers of the m nearest training examples of every query, nearest first.
        targets: (n,) labels of the training examples.
        asked: (q,) labels of the queries.
        k: how many vote. The worth of a set of examples is the mean over queries of the number of right votes of its
            k nearest, divided by k.

    The value is exact where m counts all examples that a query may draw on; else it is that of the game in which only
    the m nearest play, and what is left out of the full game is at most 1 / m per query.
    Source: Jia et al. (2019).

    >>> shapley_values(np.array([[0, 1, 2]]), np.array([1, 0, 1]), np.array([1]), k=1)
    array([ 0.83333333, -0.16666667,  0.33333333])
    """
    right = (targets[near] == asked[:, None]).astype(np.float64)
    count = near.shape[1]
    place = np.arange(1, count)
    values = np.empty_like(right)
    values[:, -1] = right[:, -1] / max(count, k)
    np.multiply(right[:, :-1] - right[:, 1:], np.minimum(k, place) / (place * k), out=values[:, :-1])
    # From the furthest inwards.
    np.cumsum(values[:, ::-1], axis=1, out=values[:, ::-1])
    return np.bincount(near.ravel(), values.ravel(), len(targets)) / len(near)


def reducible_holdout_loss(
    log: Log, *, at: float = EARLY, folds: int = 2, repeats: int = 4, seed: int = 0
) -> np.ndarray:
    """Loss after the share ``at`` of the training minus that of models trained on the other folds."""
    held = out_of_sample(log, folds=folds, repeats=repeats, seed=seed)
    irreducible = -held[:, np.arange(len(log)), log.data.targets].mean(0)
    return log["loss"][:, log.place(at)].mean(0, dtype=np.float64) - irreducible


register_score(
    Score(
        name="self_confidence",
        purpose="low probability of the label, by models that have not seen the example",
        function=self_confidence,
        group="labels",
        needs=("classes",),
        direction="flipped labels and unusual examples",
        finds_flips=True,
        trains=True,
        order_free=False,
        source="Northcutt, Jiang and Chuang (2021)",
    )
)
register_score(
    Score(
        name="confident_learning",
        purpose="suspected label errors first, then by the normalised margin, out of sample",
        function=confident_learning,
        group="labels",
        needs=("classes",),
        direction="flipped labels: every suspected one has more than any other example",
        finds_flips=True,
        trains=True,
        order_free=False,
        aliases=("cleanlab", "normalised_margin", "normalized_margin"),
        source="Northcutt, Jiang and Chuang (2021)",
        leaves_out="the calibration of the counts and the other ways of ranking",
    )
)
register_score(
    Score(
        name="knn_shapley",
        purpose="low worth for the votes of nearest neighbours",
        function=knn_shapley,
        group="labels",
        needs=("classes",),
        direction="examples among neighbours with other labels, and flipped labels",
        ties="examples with equally many agreeing neighbours, where reach is k or less",
        finds_flips=True,
        aliases=("shapley",),
        source="Jia et al. (2019)",
        leaves_out="neighbours that are equally far: they count in the order of the examples",
    )
)
register_score(
    Score(
        name="reducible_holdout_loss",
        purpose="loss early in training minus the loss of models that have not seen the example",
        function=reducible_holdout_loss,
        group="labels",
        needs=("classes", "loss"),
        direction="examples not yet learnt that can be learnt from the others; flipped labels have small values",
        trains=True,
        order_free=False,
        aliases=("rho", "rho_loss"),
        source="Mindermann et al. (2022)",
        leaves_out="the choice anew at every step, which is what the paper does",
    )
)
