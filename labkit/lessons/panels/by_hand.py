"""The first panel: bend a power law over measured points by hand, and see how far off it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.display.describe import number
from labkit.lessons.panels import charts
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Slider
from labkit.lessons.panels.points import tidy, typical_miss


@dataclass(frozen=True)
class ByHand:
    """A curve set by hand: its three numbers, its typical miss and the best possible one (shares of the error)."""

    amplitude: float
    exponent: float
    floor: float
    miss: float
    best_miss: float
    line: pd.DataFrame

    def __str__(self) -> str:
        yours, best = f"{self.miss:.1%}", f"{self.best_miss:.1%}"
        return f"Your curve misses a point by {yours} on average; the best curve of this kind by {best}."


def dial(
    points: Any,
    *,
    x: str = "examples",
    y: str = "error",
    amplitude: float | None = None,
    exponent: float | None = None,
    floor: float | None = None,
) -> Panel:
    """Fit ``floor + amplitude · x^-exponent`` to measured points by hand.

    Arguments:
        points: frame with columns x and y (several rows per x are fine), or a pair of arrays.
        x, y: the columns; y is an error or a loss, above zero.
        amplitude, exponent, floor: where the controls start; None starts at a curve that is too flat.

    ``panel.value`` is a ``ByHand`` record: the three numbers, ``miss`` and ``best_miss``.
    Raises ``ValueError`` for points that cannot be drawn on log axes, or a start outside its control.

    >>> panel = dial(([10, 100, 1000], [0.5, 0.25, 0.15]))
    >>> round(panel.set(exponent=0.3, amplitude=1.0, floor=0.0).value.miss, 2)
    0.11
    """
    measured = tidy(points, x, y)
    sizes, errors = measured[x].to_numpy(), measured[y].to_numpy()
    best_miss = _best_miss(sizes, errors)
    grid = np.geomspace(sizes.min(), sizes.max() * 10, 120)
    most = errors.max() * sizes.min() ** 2.0
    least = errors.min() / 10
    middle = float(f"{np.exp(np.log(errors).mean() + 0.1 * np.log(sizes).mean()):.4g}")
    controls = [
        Slider(
            "amplitude",
            "amplitude A",
            float(least),
            float(most),
            middle if amplitude is None else amplitude,
            step=0.01,
            log=True,
            note="amplitude: the error at one example, without the floor",
        ),
        Slider(
            "exponent",
            "exponent α",
            0.0,
            2.0,
            0.1 if exponent is None else exponent,
            step=0.01,
            note="exponent: how fast the error falls; ten times the data divides it by 10^exponent",
        ),
        Slider(
            "floor",
            "floor E",
            0.0,
            float(errors.min()),
            0.0 if floor is None else floor,
            step=float(f"{errors.min() / 100:.1g}"),
            note="floor: the error that no amount of data removes",
        ),
    ]

    def evaluate(settings: dict[str, Any]) -> ByHand:
        a, alpha, e = settings["amplitude"], settings["exponent"], settings["floor"]
        line = pd.DataFrame({x: grid, y: e + a * grid**-alpha})
        miss = typical_miss(e + a * sizes**-alpha, errors)
        return ByHand(a, alpha, e, miss, best_miss, line)

    def draw(record: ByHand) -> Any:
        curve = f"{record.floor:.3g} + {number(record.amplitude)} · {x}^−{record.exponent:.3g}"
        sentence = f"{curve} misses by {record.miss:.1%} on average"
        return charts.by_hand(measured, record.line, x, y, sentence)

    return Panel("Fit the curve by hand", controls, evaluate=evaluate, draw=draw, say=str)


def _best_miss(sizes: np.ndarray, errors: np.ndarray) -> float:
    from labkit import laws

    law = laws.ScalingLaw("power_floor", objective="log_squared").fit(sizes, errors)
    return typical_miss(law.predict(sizes), errors)
