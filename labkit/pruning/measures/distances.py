"""Scores of where an example lies among the others.

Those that go by angles look at principal components, which are centred: raw pixels all point the same way.
"""

from __future__ import annotations

import numpy as np

from labkit.datasets.faults import whole
from labkit.pruning.entry import Score, register_score
from labkit.pruning.features import resolve
from labkit.pruning.log import Log

_CLUSTERS = 10


def self_supervised_prototypes(
    log: Log, *, clusters: int | None = None, features: str | np.ndarray = "pca", seed: int = 0
) -> np.ndarray:
    """1 minus the cosine to the centre of the example's own cluster; as many clusters as classes unless said."""
    points = resolve(log, features)
    wanted = (log.data.classes or _CLUSTERS) if clusters is None else whole("clusters", clusters, least=1)
    if wanted > len(points):
        raise ValueError(f"clusters={wanted} of {len(points)} examples; expected at most one for each")
    from sklearn.cluster import KMeans

    # Sorted by their values, so that the starting points do not depend on the order of the examples.
    order = np.lexsort(points.T[::-1])
    found = KMeans(wanted, n_init=4, random_state=seed).fit(points[order])
    centres = np.empty_like(points)
    centres[order] = found.cluster_centers_[found.labels_]
    return _away(points, centres)


def supervised_prototypes(log: Log, *, features: str | np.ndarray = "pca") -> np.ndarray:
    """1 minus the cosine to the mean of the example's class."""
    points = resolve(log, features)
    return _away(points, _centres(points, log.data.targets, np.mean))


def moderate(log: Log, *, features: str | np.ndarray = "inputs") -> np.ndarray:
    """Distance to the median of the example's class, coordinate by coordinate."""
    points = resolve(log, features)
    return np.linalg.norm(points - _centres(points, log.data.targets, np.median), axis=1)


def _centres(points: np.ndarray, targets: np.ndarray, middle) -> np.ndarray:
    found = np.empty_like(points)
    for label in np.unique(targets):
        mine = targets == label
        found[mine] = middle(points[mine], axis=0)
    return found


def _away(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """1 minus the cosine; 1 where either has no direction."""
    size = np.linalg.norm(points, axis=1) * np.linalg.norm(centres, axis=1)
    return 1 - np.divide((points * centres).sum(1), size, out=np.zeros(len(points)), where=size > 0)


register_score(
    Score(
        name="self_supervised_prototypes",
        purpose="far from the centre of its own k-means cluster",
        function=self_supervised_prototypes,
        group="features",
        direction="unusual inputs, whatever the label",
        aliases=("prototypes", "ssl_prototypes", "self_supervised_prototype"),
        source="Sorscher et al. (2022)",
        leaves_out="labels: it cannot see that one is wrong",
    )
)
register_score(
    Score(
        name="supervised_prototypes",
        purpose="far from the mean of its class",
        function=supervised_prototypes,
        group="features",
        needs=("classes",),
        direction="unusual examples of a class, and flipped labels",
        finds_flips=True,
        aliases=("supervised_prototype", "class_prototypes"),
        source="Sorscher et al. (2022)",
        leaves_out="classes of several shapes, which have no single centre",
    )
)
register_score(
    Score(
        name="moderate",
        purpose="distance to the median of its class; meant for policy='middle'",
        function=moderate,
        group="features",
        needs=("classes",),
        direction="examples far from their class, and flipped labels",
        finds_flips=True,
        aliases=("moderate_distance",),
        source="Xia et al. (2023)",
        leaves_out="the choice of the middle of each class: select('moderate', ...) makes it",
    )
)
