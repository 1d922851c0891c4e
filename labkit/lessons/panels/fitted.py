"""What one form says about a curve: the line, its interval, and the size that a target takes. Fits are remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from labkit import curve_files

FORECAST = "forecast"  # the default predictor, beside the forms
HORIZON = 1000.0  # how many times the largest known size a target is looked for
_SHORT = 3  # forms with more parameters are slow to resample,
_MOST = 60  # so their intervals rest on at most so many of the points, spread evenly
_STEPS = 60


@dataclass(frozen=True, eq=False)
class Known:
    """The points a fit may see, sorted by size. Two are the same when their numbers are."""

    x: np.ndarray
    y: np.ndarray
    bounds: tuple[float, float | None]
    seed: int
    se: np.ndarray | None = None  # standard errors of y; None: all points count alike

    @cached_property
    def _key(self) -> tuple:
        given = (self.x, self.y) if self.se is None else (self.x, self.y, self.se)
        return *(one.tobytes() for one in given), self.bounds, self.seed

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and self._key == other._key

    def fewer(self) -> Known:
        """An even selection of at most 60 points."""
        if len(self.x) <= _MOST:
            return self
        kept = np.unique(np.linspace(0, len(self.x) - 1, _MOST).round().astype(int))
        se = None if self.se is None else self.se[kept]
        return Known(self.x[kept], self.y[kept], self.bounds, self.seed, se)

    def weights(self) -> np.ndarray | None:
        """What each point counts in a fit of ln y."""
        import pandas as pd

        return None if self.se is None else curve_files.weights(pd.DataFrame({"y": self.y, "se": self.se})).to_numpy()


@dataclass(frozen=True)
class Told:
    """Predictions (m,) with their limits, the parameters, and the size at which the target is reached."""

    prediction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    needed: float
    soonest: float
    latest: float
    parameters: dict[str, float] = field(default_factory=dict)

    def curves(self) -> dict[str, np.ndarray]:
        """The columns of a line to draw."""
        return {"y": self.prediction, "low": self.low, "high": self.high}


def told(known: Known, form: str, x: np.ndarray, interval: float, target: float) -> Told | None:
    """What the form, fitted to the known points, says at ``x`` (m,) and about the target.

    The target is reached where the line falls to it; soonest and latest are where the limits do. None where the form
    has as many parameters as there are known sizes, or more: such a fit says nothing.
    """
    if not can_be_fitted(known, form):
        return None
    ahead = np.geomspace(known.x[0], known.x[-1] * HORIZON, _STEPS)
    line = _line(known, form, (*ahead.tolist(), *x.tolist()), interval)
    reached = [_reached(ahead, values[:_STEPS], target) for values in line]
    parameters = {} if form == FORECAST else dict(_law(known, form).parameters_)
    return Told(*(values[_STEPS:] for values in line), *reached, parameters)


def can_be_fitted(known: Known, form: str) -> bool:
    """Whether the known sizes outnumber the parameters of the form."""
    from labkit import laws

    if form in (FORECAST, "last_value"):
        return True
    return len(np.unique(known.x)) > len(laws.get(form).parameters)


def _reached(x: np.ndarray, y: np.ndarray, target: float) -> float:
    """The first size at which y is at the target or below, straight between neighbours on logarithmic axes."""
    below = np.flatnonzero(y <= target)
    if not len(below):
        return np.inf
    i = below[0]
    if i == 0:
        return float(x[0])
    least = 1e-12 * target  # a limit of zero has no logarithm
    share = np.log(y[i - 1] / target) / np.log(y[i - 1] / max(y[i], least))
    return float(x[i - 1] * (x[i] / x[i - 1]) ** share)


@lru_cache(maxsize=128)
def _law(known: Known, form: str):
    from labkit import laws

    return laws.ScalingLaw(form, objective="log_squared", seed=known.seed).fit(known.x, known.y, known.weights())


@lru_cache(maxsize=256)
def _line(known: Known, form: str, x: tuple[float, ...], interval: float) -> tuple[np.ndarray, ...]:
    from labkit import laws

    if form == FORECAST:
        how = {"interval": interval, "se": known.se, "bounds": known.bounds, "seed": known.seed}
        return laws.forecast(known.x, known.y, x, **how)
    sizes, law = np.array(x), _law(known, form)
    fewer = known if len(law.parameters_) <= _SHORT else known.fewer()
    middle = law.predict(sizes)
    _, low, high = _law(fewer, form).predict(sizes, interval=interval)
    return tuple(
        np.clip(values, *known.bounds) for values in (middle, np.minimum(low, middle), np.maximum(high, middle))
    )
