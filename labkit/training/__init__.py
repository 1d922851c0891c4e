"""Many tiny models trained at once, as one stacked tensor program."""

from labkit.training.curve import learning_curve
from labkit.training.dynamics import Dynamics, gradient_norms
from labkit.training.fit import fit_many
from labkit.training.optimizers import OPTIMIZERS
from labkit.training.result import FitResult
from labkit.training.schedules import SCHEDULES
from labkit.training.selection import Moment, Round, Selection
from labkit.training.stop import Stopped

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Dynamics",
    "FitResult",
    "Moment",
    "Round",
    "Selection",
    "Stopped",
    "fit_many",
    "gradient_norms",
    "learning_curve",
]
