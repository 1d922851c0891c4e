"""The forms behind a forecast, fitted to every curve and to its earlier states, all in one batch per form.

Fits are to logarithms, with a prior as wide as the search: with few or noisy points a flexible form then stays near
what learning curves usually do, and with many it follows them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.laws import fitting
from labkit.laws.curve import Curve
from labkit.laws.form import get
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective

# weights before any back-test: flexible forms tend to flatten too early and rigid ones to fall too far, so that both
# have about as much to say; the last value always has a little
MEMBERS = {
    "broken_power": 3.0,
    "broken_power_2": 1.5,
    "m4": 1.0,
    "log_logistic": 1.0,
    "power_floor": 1.0,
    "reciprocal_shift": 1.0,
    "stretched_exponential": 0.5,
    "last_value": 0.5,
    "shifted_power": 0.25,
}
PRIOR = 3.0  # strength of the prior, in units of the noise variance
DENSE = 15  # points beyond which more of them are no more evidence: what a form misses is shared by neighbours
MODEL_ERROR = 0.15  # log units a point may be off whatever its standard error: no point outweighs the rest by far
LEAST_NOISE = 0.002  # log units: no curve is trusted to be smoother
TRIED = 64  # starting points per fit
ROUNDS, TOLERANCE = 40, 1e-6  # of a fit: what is left is far below what the forms disagree by
BLOCK = 128  # fits per batch
ZERO = 1e-9  # of the largest y: smaller counts as zero
POINTS = 160  # points a curve is thinned to, by averaging neighbours
CUTS = (0.9, 0.75, 0.6, 0.45)  # earlier states of a curve, as shares of its points; and without the last one
RISE = 0.1  # ln units a curve may rise above its last value where that is the largest seen
LEAST = 3  # points any member is fitted to
_LOGS = Objective("log_squared")


@dataclass
class Task:
    """One curve to extrapolate: points x, z = ln(y + offset), weights, and the targets (m,) in x.

    ``scatter`` is the late noise of single points where x and z are means of many.
    """

    x: np.ndarray
    z: np.ndarray
    weights: np.ndarray
    noise: float
    target: np.ndarray
    offset: float = 0.0
    scatter: float = 0.0

    @property
    def cuts(self) -> list[int]:
        """How many points each earlier state has, ascending, the whole curve last."""
        count = len(self.x)
        earlier = {count - 1, *(round(share * count) for share in CUTS)}
        return [*sorted(cut for cut in earlier if LEAST <= cut < count), count]

    @property
    def rise(self) -> float:
        """How far, in ln(y + offset), the curve was above a lower value it had before."""
        return float((self.z - np.minimum.accumulate(self.z)).max())


@dataclass
class Extrapolation:
    """ln(y + offset) of every member from every state of a curve: (members, cuts, points + targets)."""

    task: Task
    cuts: list[int]
    logs: np.ndarray
    parameters: dict[str, np.ndarray]

    def named(self, member: str) -> dict[str, float]:
        """Parameters by name of a member fitted to the whole curve (to y + offset)."""
        if member == "last_value":
            return {"E": float(np.exp(self.task.z[-1]) - self.task.offset)}
        return dict(zip(get(member).names, map(float, self.parameters[member]), strict=True))


def task(curve: Curve, target: np.ndarray, low: float) -> Task:
    """Prepare a curve: an offset where y is not positive, fewer points where there are very many, weights."""
    whole, curve = curve, _thinned(curve)
    offset = _offset(curve.y, low)
    y = curve.y + offset
    z = np.log(y)
    if curve.se is None:
        weights = curve.repeats.astype(float)
    else:  # of the mean of the repeats, which therefore do not count once more
        with np.errstate(over="ignore"):
            relative = np.where(np.isfinite(curve.se), curve.se, np.nanmedian(curve.se)) / y
            weights = 1 / (MODEL_ERROR**2 + relative**2)
    scatter = _scatter(whole, offset) if len(whole) > len(curve) else 0.0
    return Task(curve.x, z, weights / weights.mean(), noise(curve.x, z), np.asarray(target, float), offset, scatter)


def noise(x: np.ndarray, z: np.ndarray) -> float:
    """Standard deviation of the points about a smooth curve, from each point and the line through its neighbours."""
    if len(z) < 4:
        return max(LEAST_NOISE, 0.02)
    x = np.log(x)
    share = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    rest = z[1:-1] - (1 - share) * z[:-2] - share * z[2:]
    size = np.abs(rest) / np.sqrt(1 + share**2 + (1 - share) ** 2)
    return max(LEAST_NOISE, float(np.sqrt(np.mean(np.minimum(size, 4.5 * np.median(size)) ** 2))))


def _scatter(curve: Curve, offset: float) -> float:
    """Noise of the points in the last third of a curve's range of ln x."""
    late = (np.log(curve.x / curve.x[0]) > 2 / 3 * np.log(curve.x[-1] / curve.x[0])) & (curve.y + offset > 0)
    return noise(curve.x[late], np.log(curve.y[late] + offset))


def _offset(y: np.ndarray, low: float) -> float:
    """What to add to y so that it has a logarithm: nothing if it is positive."""
    least = ZERO * np.abs(y).max()
    if y.min() > least:
        return 0.0
    if np.isfinite(low) and low >= 0:
        positive = y[y > least]
        return 0.5 * float(positive.min())
    spread = np.ptp(y)
    return float(-y.min() + (spread if spread > 0 else 1.0))


def _thinned(curve: Curve) -> Curve:
    if len(curve) <= POINTS:
        return curve
    edges = np.linspace(np.log(curve.x[0]), np.log(curve.x[-1]), POINTS + 1)
    place = np.clip(np.searchsorted(edges, np.log(curve.x), side="right") - 1, 0, POINTS - 1)
    place = np.unique(place, return_inverse=True)[1]
    count = np.bincount(place)
    x = np.exp(np.bincount(place, np.log(curve.x)) / count)
    x[-1] = curve.x[-1]
    se = None
    if curve.se is not None:
        known = np.where(np.isfinite(curve.se), curve.se, np.nanmedian(curve.se))
        se = np.sqrt(np.bincount(place, known**2)) / count
    return Curve(x, np.bincount(place, curve.y) / count, se, np.bincount(place, curve.repeats), curve.notes)


def extrapolate(tasks: list[Task]) -> list[Extrapolation]:
    """Every member's continuation of every curve from each of its states."""
    results = [
        Extrapolation(t, t.cuts, np.empty((len(MEMBERS), len(t.cuts), len(t.x) + len(t.target))), {}) for t in tasks
    ]
    jobs = sorted(
        ((i, k) for i, result in enumerate(results) for k in range(len(result.cuts))),
        key=lambda job: (results[job[0]].cuts[job[1]], job),
    )
    for member, name in enumerate(MEMBERS):
        if name == "last_value":
            for result in results:
                for k, cut in enumerate(result.cuts):
                    result.logs[member, k] = result.task.z[cut - 1]
            continue
        for first in range(0, len(jobs), BLOCK):
            _extrapolate(member, name, jobs[first : first + BLOCK], results)
    return results


def _extrapolate(member: int, name: str, jobs: list[tuple[int, int]], results: list[Extrapolation]) -> None:
    form = get(name)
    longest = max(results[i].cuts[k] for i, k in jobs)
    x, y, weights = (np.ones((len(jobs), longest)), np.ones((len(jobs), longest)), np.zeros((len(jobs), longest)))
    strength = np.empty(len(jobs))
    for row, (i, k) in enumerate(jobs):
        one, cut = results[i].task, results[i].cuts[k]
        x[row], y[row] = one.x[cut - 1], np.exp(one.z[cut - 1])
        x[row, :cut], y[row, :cut], weights[row, :cut] = one.x[:cut], np.exp(one.z[:cut]), one.weights[:cut]
        size = one.noise if cut == len(one.x) else noise(one.x[:cut], one.z[:cut])
        strength[row] = PRIOR * max(1.0, cut / DENSE) * size**2
    fits = fitting.fit(
        form,
        _LOGS,
        Data((x,), y, weights),
        keep=2,
        most=TRIED,
        strength=strength,
        iterations=ROUNDS,
        tolerance=TOLERANCE,
    )
    theta = fits.parameters()
    for row, (i, k) in enumerate(jobs):
        result = results[i]
        points = np.concatenate([result.task.x, result.task.target])
        value = form.evaluate((points[None],), theta[row : row + 1])[0][0]
        seen = result.task.z[: result.cuts[k]]
        with np.errstate(all="ignore"):
            logs = np.log(value)
        # a curve may not rise far above all that was seen; a form that is undefined repeats the last value
        logs = np.where(np.isfinite(logs), logs, np.where(value <= 0, -20.0, seen[-1]))
        result.logs[member, k] = np.clip(logs, seen.min() - 20, max(seen.max(), seen[-1] + RISE))
        if k == len(result.cuts) - 1:
            result.parameters[name] = theta[row]
