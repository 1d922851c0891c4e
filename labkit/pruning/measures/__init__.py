"""The scores, by what they read; importing this registers them."""

from labkit.pruning.measures import attribution, baseline, distances, dynamics, gradients, labels, outputs, subsets

__all__ = ["attribution", "baseline", "distances", "dynamics", "gradients", "labels", "outputs", "subsets"]
