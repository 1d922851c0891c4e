"""Selectors, one file for each idea; importing this folder registers all of them."""

from labkit.pruning.selectors import classes, clusters, diversity, facility, graph, matching, spread, typical
from labkit.pruning.selectors.entry import Selector, register_selector, registry, selector, unregister_selector

__all__ = [
    "Selector",
    "classes",
    "clusters",
    "diversity",
    "facility",
    "graph",
    "matching",
    "register_selector",
    "registry",
    "selector",
    "spread",
    "typical",
    "unregister_selector",
]
