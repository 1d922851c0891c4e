"""How wide a forecast's interval has to be, learned from curves whose continuation is known.

A limit lies, in ln(y + offset), a scale times a quantile from the prediction. The scale joins the noise of new points
with how wrong the forecast is itself, as independent errors add: in squares. The second part is log-linear in what can
be seen of a curve: its noise, how badly every form fits it, how much the forms disagree, how wrong they were on its own
past, how far ahead is asked. The quantiles are not symmetric: curves fall below their forecasts more often, and
further, than they stay above. Coefficients and quantiles are learned over a library of curves by
``benchmarks/calibrate.py`` and ship with the package. Just beyond the data, where forms hardly disagree, the interval
is that of the noise.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from labkit import places
from labkit.laws.combine import Combined
from labkit.laws.ensemble import Task, noise

FEATURES = (
    "constant",
    "late_noise",
    "spread",
    "past",
    "distance",
    "span",
    "points",
    "misfit",
)
SPANS = (0.5, 8.5)  # ranges of ln x and numbers of points the library covers: beyond them the nearest counts
COUNTS = (5, 100)
CHANCES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995)
TAIL = 4.0  # degrees of freedom of the errors while learning the scale: outliers must not set it
RIDGE = 1e-3
LARGEST = 3.0  # ln error beyond which an error is no worse
FILE = "forecast_calibration.toml"


@dataclass(frozen=True)
class Calibration:
    """Coefficients of a forecast's own error, and the errors in units of the scale below which each chance lies."""

    coefficients: tuple[float, ...]
    quantiles: tuple[float, ...]

    def chance_below(self, features: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        """Chance (m,) that a new observation lies less than ``gaps`` (m,) above the prediction, in ln(y + offset)."""
        odds, known = _knots(self.quantiles)
        ratio = gaps / self._scale(features)
        beyond = TAIL * np.log(np.maximum(ratio / np.where(ratio < 0, known[0], known[-1]), 1.0))
        learned = special.expit(np.interp(ratio, known, odds) + np.sign(ratio) * beyond)
        size, free = _noise_alone(features)
        noise = special.stdtr(free, gaps / size)
        return np.where(gaps < 0, np.maximum(learned, noise), np.minimum(learned, noise))

    def half_widths(self, features: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """How far (m,) below and above, in ln(y + offset), an interval reaches that holds a share ``level``.

        It is for new observations: it reaches as far as the noise alone at least, which is known from a few points.
        """
        size, free = _noise_alone(features)
        least = special.stdtrit(free, 0.5 + level / 2) * size
        scale = self._scale(features)
        below, above = -self._quantile(0.5 - level / 2), self._quantile(0.5 + level / 2)
        return np.maximum(below * scale, least), np.maximum(above * scale, least)

    def _scale(self, features: np.ndarray) -> np.ndarray:
        return np.hypot(np.exp(features @ np.array(self.coefficients)), _noise_alone(features)[0])

    def _quantile(self, chance: float) -> float:
        """Error in units of the scale; beyond the outermost known chance by a power law, as in Student's t."""
        odds, known = _knots(self.quantiles)
        wanted = special.logit(chance)
        found = np.interp(wanted, odds, known)
        return float(found * np.exp(max(wanted - odds[-1], odds[0] - wanted, 0.0) / TAIL))


def _knots(quantiles: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of the chances, and their quantiles; the prediction itself is as likely too high as too low."""
    half = len(CHANCES) // 2
    odds = special.logit(np.array(CHANCES))
    return np.insert(odds, half, 0.0), np.insert(np.array(quantiles), half, 0.0)


def features(task: Task, combined: Combined) -> np.ndarray:
    """What the scale depends on, one row per target (m, len(FEATURES))."""
    least = 0.01 * task.noise**2 + 1e-6
    spread = np.sqrt(combined.spread**2 + least)
    past = np.sqrt(np.where(np.isnan(combined.past), spread, combined.past) ** 2 + least)
    # between known points a target is no way off, and before them as far as from the first
    away = np.where(combined.distance < 0, np.maximum(-combined.distance - combined.span, 0), combined.distance)
    ahead = np.log(away + 0.03)
    ones = np.ones_like(spread)
    columns = [ones, np.log(_late_noise(task)) * ones, np.log(spread), np.log(past), ahead]
    span, points = np.log(np.clip(combined.span, *SPANS)), np.log(np.clip(len(task.x), *COUNTS))
    misfit = np.log(max(combined.misfit / task.noise, 1.0))
    whole = np.array([span, points, misfit])
    return np.column_stack([*columns, np.tile(whole, (len(ones), 1))])


def _noise_alone(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size (m,) of the late noise, and from how many points, less two, it is known."""
    points = np.rint(np.exp(features[:, FEATURES.index("points")]))
    return np.exp(features[:, FEATURES.index("late_noise")]), _late(points) - 2


def _late(points):
    return np.maximum(5, points // 3)


def _late_noise(task: Task) -> float:
    """Noise of the last third of the points: what holds there goes on."""
    count = int(_late(len(task.x)))
    late = noise(task.x[-count:], task.z[-count:]) if len(task.x) > count else task.noise
    return max(late, task.scatter)


def errors(task: Task, combined: Combined, y: np.ndarray) -> np.ndarray:
    """How far in ln(y + offset) the truth y (m,), where it is known, lies above a forecast."""
    truth = np.log(np.maximum(np.asarray(y, float) + task.offset, 1e-4 * np.exp(task.z.max())))
    return np.clip(truth - combined.logs, -LARGEST, LARGEST)


def learn(features: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> Calibration:
    """The calibration under which errors (k,) with weights (k,) are most likely, given their features (k, f)."""
    from scipy.optimize import minimize

    weights = weights / weights.sum()
    noise = _noise_alone(features)[0] ** 2

    def loss(coefficients):
        own = np.exp(2 * features @ coefficients)
        total = own + noise
        square = errors**2 / total / TAIL
        value = weights @ (np.log(total) + (TAIL + 1) * np.log1p(square)) / 2 + RIDGE * (coefficients[1:] ** 2).sum()
        slope = features.T @ (weights * own / total * (1 - (TAIL + 1) * square / (1 + square)))
        return value, slope + 2 * RIDGE * np.concatenate([[0], coefficients[1:]])

    start = np.concatenate([[0.0], np.full(features.shape[1] - 1, 0.1)])
    coefficients = minimize(loss, start, jac=True, method="BFGS").x
    ratio = errors / np.sqrt(np.exp(2 * features @ coefficients) + noise)
    order = np.argsort(ratio, kind="stable")
    quantiles = np.interp(CHANCES, np.cumsum(weights[order]) - weights[order] / 2, ratio[order])
    half = len(CHANCES) // 2
    quantiles = np.concatenate([np.minimum(quantiles[:half], 0), np.maximum(quantiles[half:], 0)])
    return Calibration(tuple(map(float, coefficients)), tuple(map(float, quantiles)))


@functools.cache
def shipped() -> Calibration:
    """The calibration in the shipped data; raises ``FileNotFoundError`` saying how to make it."""
    path = places.data() / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run benchmarks/calibrate.py to make it")
    return read(tomllib.loads(path.read_text(encoding="utf-8")))


def read(table: Mapping) -> Calibration:
    """A calibration from the tables of its file, features checked by name."""
    coefficients = table["coefficients"]
    if tuple(coefficients) != FEATURES or tuple(table["chances"]) != CHANCES:
        raise ValueError(f"calibration is for features {list(coefficients)}, this version uses {list(FEATURES)}")
    return Calibration(tuple(coefficients.values()), tuple(table["quantiles"]))
