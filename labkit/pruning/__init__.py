"""Which examples are worth training on: scores, policies that keep by them, and selectors that need more."""

from labkit.pruning.keep import keep
from labkit.pruning.policies import Policy, policies, policy, register_policy
from labkit.pruning.quotas import allocate

__all__ = ["Policy", "allocate", "keep", "policies", "policy", "register_policy"]
