"""How much is needed to reach a target, how sure that is, and the chance that no amount in reach suffices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_is_fitted

from labkit.laws import calibration, compute_plan, ensemble
from labkit.laws.allocation import FLOPS_TRAINING, law_on_sizes
from labkit.laws.combine import combine
from labkit.laws.curve import Curve, clean, limits
from labkit.laws.ensemble import LEAST
from labkit.laws.estimator import ScalingLaw, level
from labkit.laws.forecast import _last_value
from labkit.laws.points import numbers
from labkit.laws.publications import Published

DRAWS = 1000
SURFACE_DRAWS = 300
STEPS = 240
HALVINGS = 60
FARTHEST = 60.0  # ln of how far beyond the known x a law without an inverse is followed
PLACES = 400  # where such a law is looked at before halving
EXACT = 1e-6  # how nearly an inverse must give back the target
NEVER = 1e300  # an x beyond this is no plan
ABOVE = "the fitted floor lies above the target"
ANY_X = np.array([1e-12, 1e30])  # between which one of one variable is
ANY_COMPUTE = np.array([FLOPS_TRAINING, 1e30])  # FLOPs between which a published law, without runs, is asked first


@dataclass(frozen=True)
class Plan:
    """What it takes to reach a target: x (inf if not in reach), its interval, and the chance that it is out of reach.

    Fields:
        target: y to reach.
        x, low, high: what is needed, in the unit of the known x (FLOPs for a law on params and tokens), and its limits;
            inf where that is out of reach.
        interval: level of the limits.
        unreachable: chance, 0 to 1, that nothing up to the horizon suffices.
        horizon: the largest x that was considered; inf for a law.
        reached: whether the last known value is there already; from points ``x`` is then the last known one.
        form: what it rests on: "forecast", "last_value" or the law's form.
        note: what to know about it, in words.
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
    and (1 + interval)/2. From a law of one variable the needed x of its bootstrap refits is used, the first at which
    the law is at the target: it knows parameter uncertainty alone. For a law on params and tokens x is training
    compute, 6 FLOPs per parameter and token, each budget split as ``allocate`` does. Out of reach is inf. One of
    ``laws.published`` brings no points, so its limits and its chance are nan.

    Raises ``ValueError`` for a target that is no number, points that are no curve, a law of other variables, one that
    is not fitted or a published one that rises, and a horizon that is infinite or not above 1.

    >>> x = [1.0, 3, 10, 30, 100, 300, 1000]
    >>> found = plan((x, [v**-0.5 for v in x]), target=0.01)
    >>> 7_000 < found.x < 14_000, found.low < found.x < found.high
    (True, True)
    """
    share, goal = level(interval), numbers(target, "target")
    if goal.shape != () or not np.isfinite(goal):
        raise ValueError(f"target must be a finite number, got {target!r}")
    if not 1 < horizon < np.inf:
        raise ValueError(f"horizon is how many times the largest known x to look, above 1 and finite; got {horizon!r}")
    if isinstance(law_or_points, ScalingLaw):
        check_is_fitted(law_or_points, "parameters_")
        return _from_law(law_or_points, float(goal), share, horizon, seed)
    if isinstance(law_or_points, Published):
        return _from_published(law_or_points, float(goal), share)
    if not isinstance(law_or_points, (tuple, list)) or len(law_or_points) not in (2, 3):
        given = type(law_or_points).__name__
        raise ValueError(
            f"plan takes points (x, y) or (x, y, se), a fitted ScalingLaw, or a law of laws.published; got {given}"
        )
    return _from_points(clean(*law_or_points, bounds=bounds), float(goal), share, horizon, limits(bounds))


def _from_points(curve: Curve, target: float, share: float, horizon: float, range_: tuple[float, float]) -> Plan:
    reached = bool(curve.y[-1] <= target)
    farthest = float(curve.x[-1] * horizon)
    grid = curve.x[-1] * np.geomspace(1, horizon, STEPS)
    if len(curve) < LEAST or np.ptp(curve.y) == 0:
        form, chance = "last_value", _chance_by_last_value(curve, grid, target)
        why = "too few points" if len(curve) < LEAST else "all values are alike"
        note = f"{why}: the last value is repeated with a wide interval"
    else:
        form, note = "forecast", f"within {horizon:g} times the largest known x"
        task = ensemble.task(curve, grid, range_[0])
        combined = combine(ensemble.extrapolate([task])[0])
        features, constants = calibration.features(task, combined), calibration.shipped()
        above = target + task.offset
        chance = constants.chance_below(features, np.log(above) - combined.logs) if above > 0 else np.zeros(STEPS)
    chance = np.maximum.accumulate(chance if target >= range_[0] else np.zeros(STEPS))
    x, low, high = (_crossing(grid, chance, p) for p in (0.5, (1 - share) / 2, (1 + share) / 2))
    x = float(curve.x[-1]) if reached else x
    return Plan(target, x, low, high, share, float(1 - chance[-1]), farthest, reached, form, note)


def _chance_by_last_value(curve: Curve, grid: np.ndarray, target: float) -> np.ndarray:
    """Chances that a new observation is at or below the target, under the interval that ``forecast`` falls back to."""
    band = _last_value(curve, grid, (-np.inf, np.inf), 0.9)
    scale = (band.high - band.prediction) / np.log(10)  # its tails are exponential: a tenth lies outside
    with np.errstate(over="ignore"):  # y of 1e-300: any target is for ever away
        gap = (target - curve.y[-1]) / scale
    tail = 0.5 * np.exp(-np.abs(gap))
    return np.where(gap < 0, tail, 1 - tail)


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
    form, columns = law._form, [column[0] for column in law._data.columns]
    if len(columns) == 1:
        known, find, count = columns[0], _needed, DRAWS
        last = known[[known.argmax()]]
    elif set(form.columns) == {"params", "tokens"}:
        known, find, count = FLOPS_TRAINING * columns[0] * columns[1], compute_plan.needed, SURFACE_DRAWS
        last = np.column_stack(columns)
    else:
        raise ValueError(
            f"plan needs a law of one variable, or of params and tokens; {form.name!r} has {', '.join(form.columns)}"
        )
    needed = find(form, law.bootstrap(count, seed=seed).to_numpy(), target, known)
    best = float(find(form, law._theta[None], target, known)[0])
    tails = [(1 - share) / 2, (1 + share) / 2]
    low, high = np.quantile(needed, tails, method="nearest")
    reached = bool(law.predict(last).min() <= target)
    note = ABOVE if np.isinf(best) else "given this form; the largest x asked about is not limited"
    chance = float(np.isinf(needed).mean())
    return Plan(target, best, float(low), float(high), share, chance, np.inf, reached, form.name, note)


def _from_published(law: Published, target: float, share: float) -> Plan:
    form = law.form
    if len(form.columns) == 1:
        theta = np.array([[law.parameters[name] for name in form.names]])
        first, last = form.value(ANY_X, law.parameters)
        if not first > last:
            raise ValueError(f"plan needs a law that falls, and {law.name!r} does not: ask its predict instead")
        best = float(_needed(form, theta, target, ANY_X)[0])
    else:
        form, theta = law_on_sizes(law, "plan")
        best = float(compute_plan.needed(form, theta, target, ANY_COMPUTE)[0])
    note = ABOVE if np.isinf(best) else "as published, without an interval"
    return Plan(target, best, np.nan, np.nan, share, np.nan, np.inf, False, form.name, note)


def _needed(form, theta: np.ndarray, target: float, known: np.ndarray) -> np.ndarray:
    """x at which each law (B, p) first falls to the target; the smallest known one where it begins there, or inf."""
    first = known.min()
    begin = _values(form, theta, np.full(len(theta), first))
    there = begin <= target
    if form.inverse is None:
        found = _by_halving(form, theta, target, np.log(first), np.log(known.max()) + FARTHEST)
    else:
        with np.errstate(all="ignore"):
            found = np.broadcast_to(np.asarray(form.inverse(target, *theta.T), float), len(theta))
            # beyond what a law reaches its inverse is nan, or an x at which it is somewhere else
            sound = (found > 0) & (found < NEVER)
            back = _values(form, theta, np.where(sound, found, first))
        found = np.where(sound & (np.abs(back - target) <= EXACT * (np.abs(target) + np.abs(begin))), found, np.inf)
    return np.where(there & ~(found <= first), first, found)


def _by_halving(form, theta: np.ndarray, target: float, low: float, high: float) -> np.ndarray:
    places = np.linspace(low, high, PLACES)
    value, _ = form.evaluate((np.exp(places)[None],), theta)
    reached = np.broadcast_to(value, (len(theta), PLACES)) <= target
    place = reached.argmax(1)
    left, right = places[np.maximum(place - 1, 0)], places[place]
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        over = _values(form, theta, np.exp(middle)) > target
        left, right = np.where(over, middle, left), np.where(over, right, middle)
    return np.where(reached.any(1), np.exp(right), np.inf)


def _values(form, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Each law (B, p) at its own x (B,)."""
    value, _ = form.evaluate((x[:, None],), theta)
    return np.broadcast_to(value, (len(theta), 1))[:, 0]
