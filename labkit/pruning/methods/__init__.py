"""Dynamic methods: each chooses, while a model is trained, what it is shown next."""

from labkit.pruning.methods import curriculum, infobatch, reducible, reweighting, sampling, seta
from labkit.pruning.methods.curriculum import CyclicalCurriculum
from labkit.pruning.methods.entry import (
    Dynamic,
    all_dynamic,
    dynamic,
    find_dynamic,
    register_dynamic,
    unregister_dynamic,
)
from labkit.pruning.methods.infobatch import InfoBatch
from labkit.pruning.methods.reducible import ReducibleLoss
from labkit.pruning.methods.reweighting import LossReweighting
from labkit.pruning.methods.sampling import RepeatedRandom
from labkit.pruning.methods.seta import SeTa

__all__ = [
    "CyclicalCurriculum",
    "Dynamic",
    "InfoBatch",
    "LossReweighting",
    "ReducibleLoss",
    "RepeatedRandom",
    "SeTa",
    "all_dynamic",
    "curriculum",
    "dynamic",
    "find_dynamic",
    "infobatch",
    "reducible",
    "register_dynamic",
    "reweighting",
    "sampling",
    "seta",
    "unregister_dynamic",
]
