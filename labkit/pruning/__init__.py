"""Which examples are worth training on: scores, policies that keep by them, and selectors that need more."""

from labkit.pruning.keeping import keep
from labkit.pruning.quotas import allocate
from labkit.pruning.rules import Policy, policies, policy, register_policy

__all__ = ["Policy", "allocate", "keep", "policies", "policy", "register_policy"]
