"""How much is needed to reach a target, how sure that is, and the chance that no amount in reach suffices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws import calibration, ensemble
from labkit.laws.combine import combine
from labkit.laws.curve import Curve, clean, limits
from labkit.laws.ensemble import LEAST
from labkit.laws.estimator import ScalingLaw, level

DRAWS = 1000
STEPS = 240
HALVINGS = 60
NEVER = 1e300  # an x beyond this is no plan


@dataclass(frozen=True)
class Plan:
    """What it takes to reach a target: x (inf if not in reach), its interval, and the chance that it is out of reach.

    ``reached`` says that the last known value is there already. ``horizon`` is the largest x that was considered.
    """

    target: float
    x: float
    low: float
    high: float
    interval: float
    unreachable: float
    horizon: float
    reached: bool
    form: str
    note: str


def plan(law_or_points, target, interval=0.9, *, horizon=1000.0, bounds=(0, None), seed=0) -> Plan:
    """How large x must be for y to fall to ``target``, from points (x, y) or (x, y, se), or a fitted ``ScalingLaw``.

    From points the calibrated forecast is asked at every x up to ``horizon`` times the largest known one: ``low``,
    ``x`` and ``high`` are where a new observation is at or below the target with probability (1 − interval)/2, a half
    and (1 + interval)/2. From a law of one variable the needed x of its bootstrap refits is used: it knows parameter
    uncertainty alone. Quantities out of reach are inf.

    Raises ``ValueError`` for a target that is no number, a law of several variables, a horizon not above 1.

    >>> x = [1.0, 3, 10, 30, 100, 300, 1000]
    >>> found = plan((x, [v**-0.5 for v in x]), target=0.01)
    >>> 7_000 < found.x < 14_000, found.low < found.x < found.high
    (True, True)
    """
    share = level(interval)
    if not np.isfinite(target):
        raise ValueError(f"target must be a finite number, got {target!r}")
    if not horizon > 1:
        raise ValueError(f"horizon is how many times the largest known x to look, above 1; got {horizon!r}")
    if isinstance(law_or_points, ScalingLaw):
        return _from_law(law_or_points, float(target), share, horizon, seed)
    return _from_points(clean(*law_or_points, bounds=bounds), float(target), share, horizon, limits(bounds))


def _from_points(curve: Curve, target: float, share: float, horizon: float, range_: tuple[float, float]) -> Plan:
    reached = bool(curve.y[-1] <= target)
    farthest = float(curve.x[-1] * horizon)
    if len(curve) < LEAST or np.ptp(curve.y) == 0:
        x = float(curve.x[-1]) if reached else np.inf
        note = "too few points that differ to say more than whether the target is reached"
        return Plan(target, x, x, np.inf, share, 0.0 if reached else 1.0, farthest, reached, "last_value", note)
    grid = curve.x[-1] * np.geomspace(1, horizon, STEPS)
    task = ensemble.task(curve, grid, range_[0])
    combined = combine(ensemble.extrapolate([task])[0])
    features, constants = calibration.features(task, combined), calibration.shipped()
    if target + task.offset <= 0 or target < range_[0]:
        chance = np.zeros(STEPS)
    else:
        chance = constants.chance_below(features, np.log(target + task.offset) - combined.logs)
    chance = np.maximum.accumulate(chance)
    x, low, high = (_crossing(grid, chance, p) for p in (0.5, (1 - share) / 2, (1 + share) / 2))
    note = f"within {horizon:g} times the largest known x"
    return Plan(target, x, low, high, share, float(1 - chance[-1]), farthest, reached, "forecast", note)


def _crossing(grid: np.ndarray, chance: np.ndarray, wanted: float) -> float:
    """The first x at which the chance is at least what is wanted; inf if it never is."""
    above = np.flatnonzero(chance >= wanted)
    if not len(above):
        return np.inf
    i = above[0]
    if i == 0:
        return float(grid[0])
    share = (wanted - chance[i - 1]) / (chance[i] - chance[i - 1])
    return float(np.exp(np.log(grid[i - 1]) * (1 - share) + np.log(grid[i]) * share))


def _from_law(law: ScalingLaw, target: float, share: float, horizon: float, seed: int) -> Plan:
    form = law._form
    if len(form.columns) != 1:
        raise ValueError(f"plan needs a law of one variable; {form.name!r} has {', '.join(form.columns)}: use allocate")
    known = law._data.columns[0][0]
    last = float(known.max())
    draws = law.bootstrap(DRAWS, seed=seed).to_numpy()
    needed = _needed(form, draws, target, known)
    best = float(_needed(form, law._theta[None], target, known)[0])
    tails = [(1 - share) / 2, (1 + share) / 2]
    low, high = np.quantile(needed, tails, method="nearest")
    reached = bool(law.predict(np.array([last]))[0] <= target)
    note = "given this form; the largest x asked about is not limited"
    if np.isinf(best):
        note = "the fitted floor lies above the target"
    chance = float(np.isinf(needed).mean())
    return Plan(target, best, float(low), float(high), share, chance, np.inf, reached, form.name, note)


def _needed(form, theta: np.ndarray, target: float, known: np.ndarray) -> np.ndarray:
    """x at which each law (B, p) falls to the target: by its inverse, or by halving; inf where it never does."""
    if form.inverse is not None:
        with np.errstate(all="ignore"):
            x = np.asarray(form.inverse(target, *theta.T), float)
        return np.where(np.isfinite(x) & (x < NEVER), np.where(x > 0, x, known.min()), np.inf)
    low = np.full(len(theta), np.log(known.min()))
    high = low + np.log(known.max() / known.min()) + 60.0

    def above(x):
        value, _ = form.evaluate((np.exp(x)[:, None],), theta)
        return np.broadcast_to(value, (len(theta), 1))[:, 0] > target

    never = above(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        over = above(middle)
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.where(never, np.inf, np.exp(high))
