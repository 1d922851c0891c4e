"""The phase diagram of the pruned perceptron: which examples to keep, by pool, kept fraction and probe."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.panels import phase_chart
from labkit.lessons.panels.controls import Slider
from labkit.lessons.panels.live_panel import LivePanel
from labkit.theory import perceptron, pruning_trial

_POOLS, _FRACTIONS, _ANGLES = (0.5, 50.0), (0.05, 0.95), (0.0, 60.0)
_WORDS = {"hardest": "the hardest", "easiest": "the easiest", "random": "random ones"}
_CELLS = 20, 13  # of the map, across and up
_CURVE = 33  # pools of a curve
_DOTTED = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # pools that are simulated
_MOST_KEPT = 10.0  # per dimension: a simulation of more takes seconds
_AT_ONCE = 4  # repeats between two looks at Stop


@dataclass(frozen=True)
class PhaseDiagram:
    """Exact errors of the three rules at one setting, the map around it, and what has been simulated.

    ``errors`` maps hardest, easiest and random to the test error at the setting. ``map`` has a row per cell:
    pool_per_dimension, fraction, best and the three errors. ``curves`` has columns keep, pool_per_dimension, error.
    ``simulated`` has keep, pool_per_dimension, error (a mean), se; ``missing`` counts the points not simulated yet.
    """

    pool: float
    fraction: float
    probe_angle: float
    errors: dict[str, float]
    map: pd.DataFrame
    curves: pd.DataFrame
    simulated: pd.DataFrame
    missing: int

    @property
    def best(self) -> str:
        """The rule with the lowest error."""
        return min(self.errors, key=self.errors.__getitem__)

    def __str__(self) -> str:
        told = ", ".join(f"{_WORDS[rule]} {error:.2%}" for rule, error in self.errors.items())
        left = (
            f" {self.missing} point{'s' * (self.missing > 1)} can be simulated; press Simulate." if self.missing else ""
        )
        return (
            f"{self.fraction:.0%} of {self.pool:.3g} examples per dimension leaves {self.fraction * self.pool:.3g}. "
            f"Test error keeping {told}. Lowest: {_WORDS[self.best]}.{left}"
        )


def phase_diagram(
    *,
    pool: float = 5.0,
    fraction: float = 0.5,
    probe_angle: float = 0.0,
    dimension: int = 40,
    repeats: int = 12,
    seed: int = 0,
) -> LivePanel:
    """Turn pool, kept fraction and probe angle; see which examples to keep, the curves, and simulated points on them.

    Arguments:
        pool: examples in the pool for each input dimension, 0.5 to 50; where the control starts.
        fraction: share of the pool that is kept, 0.05 to 0.95; where the control starts.
        probe_angle: degrees between the probe that ranks the examples and the teacher, 0 to 60; where it starts.
        dimension: input dimensions of the simulated perceptrons; the curves are for many.
        repeats: simulated perceptrons behind every point, at least 2.
        seed: of the simulation.

    ``panel.value`` is a ``PhaseDiagram`` record; ``panel.start()`` simulates and ``panel.stop()`` ends that.
    Raises ``ValueError`` for a start outside its control, or fewer than 2 repeats.

    >>> panel = phase_diagram(pool=20)
    >>> panel.settings["pool"], panel.running
    (20.0, False)
    """
    if repeats < 2:
        raise ValueError(f"repeats is {repeats}, expected at least 2: one simulation has no standard error")
    done: dict[tuple[Any, ...], np.ndarray] = {}
    controls = [
        Slider(
            "pool", "pool per dimension", *_POOLS, pool, step=0.02, log=True, note="examples in the pool per dimension"
        ),
        Slider("fraction", "fraction kept", *_FRACTIONS, fraction, step=0.05, note="share of the pool that is kept"),
        Slider(
            "probe_angle",
            "probe angle in degrees",
            *_ANGLES,
            probe_angle,
            step=1.0,
            note="degrees between the probe and the teacher",
        ),
    ]

    def pieces(settings: dict[str, Any]) -> list[tuple[Any, ...]]:
        share, angle = settings["fraction"], settings["probe_angle"]
        pools = [one for one in _DOTTED if share * one <= _MOST_KEPT and round(share * round(one * dimension))]
        return [(one, share, rule, angle) for one in pools for rule in perceptron.KEEPS]

    def missing(settings: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [piece for piece in pieces(settings) if piece not in done]

    def work(piece: tuple[Any, ...], should_stop: Callable[[], bool]) -> None:
        found: list[np.ndarray] = []
        for start in range(0, repeats, _AT_ONCE):
            if should_stop():
                return
            found.append(
                perceptron.simulate(dimension, *piece, min(_AT_ONCE, repeats - start), seed=seed * repeats + start)
            )
        done[piece] = np.concatenate(found)

    def evaluate(settings: dict[str, Any]) -> PhaseDiagram:
        at, share, angle = settings["pool"], settings["fraction"], settings["probe_angle"]
        wanted = pieces(settings)
        rows = [
            (piece[2], piece[0], done[piece].mean(), done[piece].std(ddof=1) / np.sqrt(repeats))
            for piece in wanted
            if piece in done
        ]
        return PhaseDiagram(
            at,
            share,
            angle,
            {rule: float(perceptron.test_error(at, share, rule, angle)) for rule in perceptron.KEEPS},
            _map(angle),
            _curves(share, angle),
            pd.DataFrame(rows, columns=["keep", "pool_per_dimension", "error", "se"]),
            len(wanted) - len(rows),
        )

    return LivePanel(
        "Which examples to keep",
        controls,
        evaluate=evaluate,
        draw=phase_chart.draw,
        say=str,
        missing=missing,
        work=work,
        verb="Simulate",
    )


@functools.lru_cache(maxsize=64)
def _map(probe_angle: float) -> pd.DataFrame:
    pools, fractions = np.geomspace(*_POOLS, _CELLS[0]), np.linspace(*_FRACTIONS, _CELLS[1])
    return pruning_trial.best_rules(pools, fractions, probe_angle)


@functools.lru_cache(maxsize=256)
def _curves(fraction: float, probe_angle: float) -> pd.DataFrame:
    pools = np.geomspace(*_POOLS, _CURVE)
    table = pruning_trial.errors(pools, [fraction], list(perceptron.KEEPS), probe_angle)
    return table[["keep", "pool_per_dimension", "error"]]
