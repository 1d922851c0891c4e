"""Scores of what happens to an example while models train, each averaged over the observed models.

The start, before any update, is left out of all means over time: it says how models are drawn, not what is learnt.
"""

from __future__ import annotations

import numpy as np

from labkit.datasets.faults import whole
from labkit.pruning.entry import Score, register_score
from labkit.pruning.log import Log

EARLY = 0.1
"""The share of the training after which early scores are read: 20 of 200 epochs in Paul et al. (2021)."""

_SMALL = 1e-8


def el2n(log: Log, *, at: float = EARLY) -> np.ndarray:
    """Norm of the error (answer minus one-hot label) after the share ``at`` of the training."""
    return log["el2n"][:, log.place(at)].mean(0, dtype=np.float64)


def forgetting(log: Log) -> np.ndarray:
    """How often a right answer turned wrong from one moment to the next; an example never right counts all moments."""
    right = log["correct"][:, 1:] > 0.5
    lost = (right[:, :-1] & ~right[:, 1:]).sum(1)
    return np.where(right.any(1), lost, right.shape[1]).mean(0)


def aum(log: Log) -> np.ndarray:
    """Minus the mean over time of the margin: the label's logit minus the largest other."""
    return -log["margin"][:, 1:].mean((0, 1), dtype=np.float64)


def confidence(log: Log) -> np.ndarray:
    """1 minus the mean over time of the probability of the label."""
    return 1 - log["probability"][:, 1:].mean((0, 1), dtype=np.float64)


def variability(log: Log) -> np.ndarray:
    """Standard deviation over time of the probability of the label."""
    return log["probability"][:, 1:].std(1, dtype=np.float64).mean(0)


def correctness(log: Log) -> np.ndarray:
    """Share of the moments at which the answer was wrong."""
    return 1 - log["correct"][:, 1:].mean((0, 1), dtype=np.float64)


def threshold_closeness(log: Log) -> np.ndarray:
    """c (1 - c), with c the mean over time of the probability of the label."""
    mean = log["probability"][:, 1:].mean(1, dtype=np.float64)
    return (mean * (1 - mean)).mean(0)


def dyn_unc(log: Log, *, window: int = 10) -> np.ndarray:
    """Mean over all windows of so many moments of the standard deviation of the probability of the label."""
    chance = log["probability"][:, 1:].astype(np.float64)
    size = _window(window, chance.shape[1])
    found = np.zeros(chance.shape[2])
    places = chance.shape[1] - size + 1
    for first in range(places):
        found += chance[:, first : first + size].std(1, ddof=1).mean(0)
    return found / places


def tdds(log: Log, *, window: int = 10, decay: float = 0.9) -> np.ndarray:
    """Fluctuation of how much the answer moves, window by window, the latest window weighing most.

    The movement between two moments is the sum over classes of |q log(q / p)|. A window of ``window`` moments has
    the norm of its movements' deviations from their mean; windows are weighted ``decay (1 - decay)^age``.
    """
    size = _window(window, len(log.steps) - 1, least=3)
    if not 0 < decay < 1:
        raise ValueError(f"decay={decay!r}; expected a number between 0 and 1")
    found = np.zeros(len(log))
    for chances in log["probabilities"]:
        chances = chances[1:].astype(np.float64)
        logs = np.log(chances + _SMALL)
        moved = np.abs(chances[1:] * np.diff(logs, axis=0)).sum(2)
        last = len(moved) - (size - 1)
        for first in range(last + 1):
            part = moved[first : first + size - 1]
            found += decay * (1 - decay) ** (last - first) * np.linalg.norm(part - part.mean(0), axis=0)
    return found / log.runs


def learning_percentage(log: Log) -> np.ndarray:
    """1 minus the share of the fall in perplexity that the first epoch brings, from 0 (all at once) to 2.

    The perplexity is exp of the mean loss over models. An example whose perplexity does not fall by the end has
    learnt nothing, and a first epoch that raises it by more than the rest lowers it counts the same: 2.
    """
    mean = log["loss"].mean(0, dtype=np.float64)
    batch = min(log.settings["batch_size"], len(log))
    first = 1 + int(np.abs(log.steps[1:] - len(log) / batch).argmin())
    # Measured against the largest, so that exp cannot overflow: the ratio is the same.
    start, early, end = np.exp(mean[[0, first, -1]] - mean.max(0))
    fall = start - end
    share = np.divide(start - early, fall, out=np.full(len(fall), -1.0), where=fall > 0)
    return 1 - np.clip(share, -1.0, 1.0)


def _window(given: int, moments: int, least: int = 2) -> int:
    size = whole("window", given, least=least)
    if moments < least:
        raise ValueError(f"the log has {moments} moments after the start; a window takes at least {least}")
    return min(size, moments)


_FLIPS = "examples learnt late or never, and flipped labels"

register_score(
    Score(
        name="el2n",
        purpose="size of the error early in training, mean over models",
        function=el2n,
        group="dynamics",
        needs=("el2n",),
        direction=_FLIPS,
        finds_flips=True,
        aliases=("error_l2_norm",),
        source="Paul et al. (2021)",
        leaves_out="what is learnt later; keeping the hardest tenth fails",
    )
)
register_score(
    Score(
        name="forgetting",
        purpose="how often a right answer turned wrong between recorded moments",
        function=forgetting,
        group="dynamics",
        needs=("correct",),
        direction="examples forgotten often; those never answered rightly count as forgotten at every moment",
        ties="many: all that one never forgets have 0",
        finds_flips=True,
        aliases=("forgetting_events",),
        source="Toneva et al. (2019)",
        leaves_out="what happens between two recorded moments",
    )
)
register_score(
    Score(
        name="aum",
        purpose="small margin of the label over the training",
        function=aum,
        group="dynamics",
        needs=("margin",),
        direction=_FLIPS,
        finds_flips=True,
        aliases=("area_under_the_margin", "accumulated_margin"),
        source="Pleiss et al. (2020)",
        leaves_out="the artificial class that sets a threshold there",
    )
)
register_score(
    Score(
        name="confidence",
        purpose="low mean probability of the label over the training",
        function=confidence,
        group="dynamics",
        needs=("probability",),
        direction=_FLIPS,
        finds_flips=True,
        aliases=("data_map_confidence",),
        source="Swayamdipta et al. (2020)",
    )
)
register_score(
    Score(
        name="variability",
        purpose="how much the probability of the label moves over the training",
        function=variability,
        group="dynamics",
        needs=("probability",),
        direction="ambiguous examples; both the always and the never learnt have small values",
        aliases=("data_map_variability",),
        source="Swayamdipta et al. (2020)",
        leaves_out="examples that stay wrong: they count as easy",
    )
)
register_score(
    Score(
        name="correctness",
        purpose="share of the recorded moments with a wrong answer",
        function=correctness,
        group="dynamics",
        needs=("correct",),
        direction=_FLIPS,
        ties="many: it has as many values as moments times models",
        finds_flips=True,
        aliases=("data_map_correctness",),
        source="Swayamdipta et al. (2020)",
    )
)
register_score(
    Score(
        name="threshold_closeness",
        purpose="mean probability of the label close to a half",
        function=threshold_closeness,
        group="dynamics",
        needs=("probability",),
        direction="ambiguous examples; both the always and the never learnt have small values",
        source="Chang et al. (2017)",
        leaves_out="examples that stay wrong: they count as easy",
    )
)
register_score(
    Score(
        name="dyn_unc",
        purpose="how much the probability of the label moves within short windows",
        function=dyn_unc,
        group="dynamics",
        needs=("probability",),
        direction="examples whose answer swings; both the always and the never learnt have small values",
        aliases=("dynamic_uncertainty",),
        source="He et al. (2024)",
        leaves_out="examples that stay wrong: they count as easy",
    )
)
register_score(
    Score(
        name="tdds",
        purpose="how unevenly the answer moves from moment to moment, late in training above all",
        function=tdds,
        group="dynamics",
        needs=("probabilities",),
        direction="examples that still move the models at the end",
        aliases=("temporal_dual_depth",),
        source="Zhang et al. (2024)",
        leaves_out="labels, but through what they do to training",
    )
)
register_score(
    Score(
        name="learning_percentage",
        purpose="how little of the fall in perplexity the first epoch brings",
        function=learning_percentage,
        group="dynamics",
        needs=("loss",),
        direction="examples learnt late; those never learnt have 2",
        ties="those never learnt, 2, and those that were best after the first epoch, 0",
        finds_flips=True,
        aliases=("lp",),
        source="Mekala et al. (2024)",
        leaves_out="the choice per cluster of the paper: use it with a selector",
    )
)
