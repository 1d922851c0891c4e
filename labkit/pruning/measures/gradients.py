"""Scores of gradients: how hard an example pulls at the parameters, and how its inputs pull at the answer."""

from __future__ import annotations

import numpy as np
import torch

from labkit.pruning.entry import Score, register_score
from labkit.pruning.log import Log
from labkit.pruning.measures.dynamics import EARLY
from labkit.training.result import Part

_NUMBERS = 1 << 22


def grand(log: Log, *, at: float = EARLY) -> np.ndarray:
    """Norm of the gradient of the loss for all parameters, after the share ``at`` of the training."""
    return log["gradient_norm"][:, log.place(at)].mean(0, dtype=np.float64)


def grand_at_init(log: Log) -> np.ndarray:
    """The same before the first update."""
    return log["gradient_norm"][:, 0].mean(0, dtype=np.float64)


def vog(log: Log, *, per_class: bool = True) -> np.ndarray:
    """Spread over time of the gradient of the label's logit for the inputs: the mean over inputs of its deviation.

    ``per_class`` gives it in standard deviations from the mean of the example's class, as Agarwal et al. do.
    """
    found = np.zeros(len(log))
    for part in log.fit.parts:
        found += _spread(log, part).sum(0)
    found /= log.runs
    if not per_class or log.data.kind == "regression":
        return found
    for label in np.unique(log.data.targets):
        mine = log.data.targets == label
        spread = found[mine].std()
        found[mine] = (found[mine] - found[mine].mean()) / (spread if spread > 0 else 1.0)
    return found


def _spread(log: Log, part: Part) -> np.ndarray:
    """Standard deviation over snapshots of the input gradients, mean over inputs, float64 (runs, n)."""
    runs, width = len(part.rows), log.data.inputs.shape[1]
    device = next(iter(part.parameters.values())).device
    step = max(1, _NUMBERS // (len(log.snapshots) * runs * width))
    found = np.empty((runs, len(log)))
    for first in range(0, len(log), step):
        places = slice(first, first + step)
        inputs = torch.tensor(log.data.inputs[places], dtype=torch.float32, device=device).expand(runs, -1, -1)
        labels = _labels(log, places, device)
        slopes = torch.stack([_slope(part, moment, inputs, labels) for moment in log.snapshots])
        # Written out: over an outer axis ``std`` is many times slower.
        slopes -= slopes.mean(0)
        found[:, places] = slopes.square_().mean(0).sqrt_().mean(2, dtype=torch.float64).cpu().numpy()
    return found


def _labels(log: Log, places: slice, device: torch.device) -> torch.Tensor:
    targets = torch.tensor(log.data.targets[places], device=device)
    # Regression has a single answer.
    return torch.zeros_like(targets, dtype=torch.long) if log.data.kind == "regression" else targets.long()


def _slope(part: Part, moment: int, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    leaves = inputs.clone().requires_grad_()
    with torch.enable_grad():
        answers = part.model.forward(part.snapshots[moment], leaves)
        own = answers.gather(2, labels.expand(len(inputs), -1).unsqueeze(2)).sum()
        return torch.autograd.grad(own, leaves)[0]


register_score(
    Score(
        name="grand",
        purpose="norm of the example's gradient early in training, mean over models",
        function=grand,
        group="gradients",
        needs=("gradient_norm",),
        direction="examples that pull hardest at the parameters, and flipped labels",
        finds_flips=True,
        aliases=("gradient_norm",),
        source="Paul et al. (2021)",
        leaves_out="the direction of the pull",
    )
)
register_score(
    Score(
        name="grand_at_init",
        purpose="a warning: the gradient norm before training, which says nothing of how hard an example is",
        function=grand_at_init,
        group="gradients",
        needs=("gradient_norm",),
        direction="inputs of large norm; keeping them is worse than keeping any",
        source="Paul et al. (2021), not reproduced by Kirsch (2023)",
        leaves_out="all that is learnt: do not prune by it",
    )
)
register_score(
    Score(
        name="vog",
        purpose="how much the inputs' pull at the label's logit changes over the training",
        function=vog,
        group="gradients",
        needs=("snapshots",),
        direction="examples on which the models change their mind late, within their class",
        aliases=("variance_of_gradients",),
        source="Agarwal et al. (2022)",
        leaves_out="differences between classes, unless per_class=False",
    )
)
