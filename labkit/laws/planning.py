"""How much is needed to reach a target, how sure that is, and the chance that no amount suffices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws.curve import clean
from labkit.laws.estimator import ScalingLaw, level

DRAWS = 1000


@dataclass(frozen=True)
class Plan:
    """What it takes: x to reach the target (inf if not reachable), its interval, and the chance it is unreachable."""

    target: float
    x: float
    low: float
    high: float
    interval: float
    unreachable: float
    form: str
    note: str


def plan(law_or_points, target, interval=0.9, *, seed=0) -> Plan:
    """How large x must be for y to reach ``target``, from a fitted one-variable ``ScalingLaw`` or points (x, y).

    ``low`` and ``high`` hold the needed x with probability ``interval``; ``unreachable`` is the share of the refits
    whose floor lies above the target. Raises ``ValueError`` for a law without an inverse or a target that is no number.

    >>> x = [1.0, 10, 100, 1000]
    >>> found = plan((x, [2.1, 0.3, 0.12, 0.102]), target=0.11)
    >>> 50 < found.x < 1000
    True
    """
    share = level(interval)
    if not np.isfinite(target):
        raise ValueError(f"target must be a finite number, got {target!r}")
    if isinstance(law_or_points, ScalingLaw):
        law = law_or_points
    else:
        curve = clean(*law_or_points)
        objective = "log_squared" if (curve.y > 0).all() else "squared"
        law = ScalingLaw("power_floor", objective, seed=seed).fit(curve.x, curve.y)
    form = law._form
    if form.inverse is None:
        raise ValueError(f"form {form.name!r} has no inverse; plan with power_floor or another of laws.forms()")
    draws = law.bootstrap(DRAWS, seed=seed)
    with np.errstate(all="ignore"):
        needed = np.asarray(form.inverse(target, *(draws[name].to_numpy() for name in form.names)), float)
        best = float(form.inverse(target, *(np.float64(law.parameters_[name]) for name in form.names)))
    needed = np.where(np.isfinite(needed), needed, np.inf)
    best = best if np.isfinite(best) else np.inf
    low, high = np.quantile(needed, [(1 - share) / 2, (1 + share) / 2], method="nearest")
    note = "the fitted floor lies above the target" if np.isinf(best) else "given this form; see laws.forecast for more"
    return Plan(float(target), best, float(low), float(high), share, float(np.isinf(needed).mean()), form.name, note)
