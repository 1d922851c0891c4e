"""The scores, by what they read; importing this registers them."""

from labkit.pruning.measures import baseline, dynamics, outputs

__all__ = ["baseline", "dynamics", "outputs"]
