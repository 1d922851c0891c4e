"""Which examples are worth training on: scores, policies that keep by them, and selectors that need more."""

from labkit.pruning import measures  # registers the scores
from labkit.pruning.advice import Advice, NoiseCheck
from labkit.pruning.advising import advise
from labkit.pruning.benchmarking import benchmark
from labkit.pruning.benchmarking_summary import benchmark_summary
from labkit.pruning.catalogue import available, register
from labkit.pruning.entry import Score, find_score, unregister_score
from labkit.pruning.features import features
from labkit.pruning.keeping import keep
from labkit.pruning.log import Log
from labkit.pruning.measures.labels import confident_joint, shapley_values
from labkit.pruning.methods import (
    CyclicalCurriculum,
    Dynamic,
    InfoBatch,
    LossReweighting,
    ReducibleLoss,
    RepeatedRandom,
    SeTa,
    dynamic,
    find_dynamic,
    register_dynamic,
    unregister_dynamic,
)
from labkit.pruning.neighbours import neighbours
from labkit.pruning.observing import observe
from labkit.pruning.quotas import allocate
from labkit.pruning.recall import validation_recall
from labkit.pruning.retraining import SubsetRuns, out_of_sample, subset_runs
from labkit.pruning.rules import Policy, policies, policy, register_policy, unregister_policy
from labkit.pruning.scaling_law import PruningScaling, scaling
from labkit.pruning.scaling_points import scaling_points
from labkit.pruning.scoring import score, scores
from labkit.pruning.selection import select
from labkit.pruning.selectors import Selector, register_selector, selector, unregister_selector
from labkit.pruning.selectors.matching import last_layer_gradients

__all__ = [
    "Advice",
    "CyclicalCurriculum",
    "Dynamic",
    "InfoBatch",
    "Log",
    "LossReweighting",
    "NoiseCheck",
    "Policy",
    "PruningScaling",
    "ReducibleLoss",
    "RepeatedRandom",
    "Score",
    "SeTa",
    "Selector",
    "SubsetRuns",
    "advise",
    "allocate",
    "available",
    "benchmark",
    "benchmark_summary",
    "confident_joint",
    "dynamic",
    "features",
    "find_dynamic",
    "find_score",
    "keep",
    "last_layer_gradients",
    "measures",
    "neighbours",
    "observe",
    "out_of_sample",
    "policies",
    "policy",
    "register",
    "register_dynamic",
    "register_policy",
    "register_selector",
    "scaling",
    "scaling_points",
    "score",
    "scores",
    "select",
    "selector",
    "shapley_values",
    "subset_runs",
    "unregister_dynamic",
    "unregister_policy",
    "unregister_score",
    "unregister_selector",
    "validation_recall",
]
