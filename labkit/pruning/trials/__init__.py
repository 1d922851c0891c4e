"""Trials of published claims about choosing data, each small enough for a lesson; plain arguments, tidy frames."""

from labkit.pruning.trials.agreement import agreement, spearman
from labkit.pruning.trials.datamodels import datamodels
from labkit.pruning.trials.filters import filter_networks
from labkit.pruning.trials.label_errors import audit, mislabelled_test
from labkit.pruning.trials.perplexity import least_surprising
from labkit.pruning.trials.ranking import advised, hardness
from labkit.pruning.trials.sizes import hard_or_easy
from labkit.pruning.trials.soup import soup
from labkit.pruning.trials.transfer import small_for_large
from labkit.pruning.trials.verdicts import above, below, errors, interval, together
from labkit.pruning.trials.weighting import reweighted
from labkit.pruning.trials.windows import window_training

__all__ = [
    "above",
    "advised",
    "agreement",
    "audit",
    "below",
    "datamodels",
    "errors",
    "filter_networks",
    "hard_or_easy",
    "hardness",
    "interval",
    "least_surprising",
    "mislabelled_test",
    "reweighted",
    "small_for_large",
    "soup",
    "spearman",
    "together",
    "window_training",
]
