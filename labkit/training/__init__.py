"""Many tiny models trained at once, as one stacked tensor program."""

from labkit.training.curve import learning_curve
from labkit.training.fit import fit_many
from labkit.training.optimizers import OPTIMIZERS
from labkit.training.result import FitResult
from labkit.training.schedules import SCHEDULES
from labkit.training.stop import Stopped

__all__ = ["OPTIMIZERS", "SCHEDULES", "FitResult", "Stopped", "fit_many", "learning_curve"]
