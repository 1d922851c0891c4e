"""Which examples are worth training on: scores, policies that keep by them, and selectors that need more."""

from labkit.pruning import measures  # registers the scores
from labkit.pruning.catalogue import available, register
from labkit.pruning.entry import Score, find_score, unregister_score
from labkit.pruning.keeping import keep
from labkit.pruning.log import Log
from labkit.pruning.observing import observe
from labkit.pruning.quotas import allocate
from labkit.pruning.rules import Policy, policies, policy, register_policy
from labkit.pruning.scoring import score, scores

__all__ = [
    "Log",
    "Policy",
    "Score",
    "allocate",
    "available",
    "find_score",
    "keep",
    "measures",
    "observe",
    "policies",
    "policy",
    "register",
    "register_policy",
    "score",
    "scores",
    "unregister_score",
]
