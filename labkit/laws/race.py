"""From many starts to a few fits: which of them go on, and in which coordinates."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from labkit.laws import misfit, solver
from labkit.laws.form import Form, Twin
from labkit.laws.level import levelled
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective
from labkit.laws.solver import Solution

CLOSE = 1.25  # times the best cost: what is not far behind
APART = 0.05  # relative difference in some parameter from which on two fits count as different
SAME = 1e-10  # relative difference in cost up to which two fits are one
WAY = np.array([0.25, 0.5, 0.75])  # of the way from an ended start to another
CAUTIOUS = 0.02  # damping of a first step between the kinks of a robust objective, on which long ones end
FEW = 4  # parameters up to which a form sprints
SEEN = 1e-3  # level, in units of the mean of y, from which on it tells of the amplitude
HELD = 4  # steps of least squares before those of a robust objective at a bound
HOME = 250  # iterations of the last steps, in a form's own parameters,
FINISH = 1e-9  # and their tolerance: the twin has brought the fit home
FAR = 1.02  # times the cost in the twin's coordinates: a form that lies so far beyond its bounds will not come back
NEARER = 1e-7  # relative cost of the form's own bounds, beyond the twin's, from which on the last steps are taken,
ALMOST = 1e-3  # and up to which steps of least squares would only lead away from where a robust objective has come


@dataclass(frozen=True)
class Heats:
    """When it is decided which starts go on: after ``ends`` iterations.

    With several heats two kinds of starts are left besides those far behind: those that come to where another one has
    ended, and those whose gap to the best one is more than ``pace`` times what they gained in a heat. ``warm`` are the
    iterations of least squares before a robust objective.
    """

    ends: tuple[int, ...]
    pace: float = np.inf
    close: float = CLOSE
    warm: int = 8


ONCE = Heats((25,))
SPRINT = Heats((4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 80, 160), pace=3.0, close=1.1, warm=4)  # few parameters
RELAY = Heats((8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 200, 250, 300, 400), pace=3.0)  # more, by a twin
TREK = Heats((8, 16, 40))  # more, and no twin: they take long to find their way


def heats(form: Form) -> Heats:
    """The heats of a single curve, whose time is that of its steps and not of its starts."""
    if len(form.parameters) <= FEW:
        return SPRINT
    return TREK if form.twin is None else RELAY


@dataclass(frozen=True)
class Problem:
    """What the starts of a batch have in common: ``kept`` starts of every curve follow one another.

    ``which`` (B,) says which row of the data a start is for; ``low`` and ``high`` (B, p) are the bounds of the form.
    """

    objective: Objective
    data: Data
    which: np.ndarray
    low: np.ndarray
    high: np.ndarray
    kept: int = 1
    iterations: int = 500
    tolerance: float = 1e-12

    def best(self, costs: np.ndarray) -> np.ndarray:
        """The cost of the best start of each one's curve (B,)."""
        return np.minimum.reduce(costs.reshape(-1, self.kept), 1).repeat(self.kept)


def run(form: Form | Twin, problem: Problem, start, heats: Heats, prior=None, *, lost=None, **options) -> Solution:
    """Solve all starts (B, p) for a few iterations, then go on with those that may still win.

    ``lost`` is asked once, of where the steps of least squares have led, which of the starts (B,) need not go on.
    """
    where = (problem.which, problem.low, problem.high)
    damping = CAUTIOUS if problem.objective.robust else solver.CALM
    options = {"tolerance": problem.tolerance, "prior": prior, "damping": damping, **options}
    search = solver.Search(form, problem.objective, problem.data, start, *where, **options)
    if lost is not None and not search.leave(~lost(search.found)):
        return search.found
    done, earlier, decided = 0, None, problem.kept == 1
    for following in (*heats.ends, problem.iterations):
        end = problem.iterations if decided else min(following, problem.iterations)
        found = search.run(end - done)
        if len(heats.ends) > 1:
            _arrived(form, problem, found)
        best = problem.best(found.cost)
        running = (found.status == solver.EXHAUSTED) & (found.cost <= heats.close * best)
        if earlier is not None and heats.pace < np.inf:
            with np.errstate(invalid="ignore"):
                running &= found.cost - best <= heats.pace * (earlier - found.cost)
        done, earlier, decided = end, found.cost.copy(), not np.count_nonzero(running & (found.cost > best))
        if end == problem.iterations or not search.leave(running):
            break
    return search.found


def _arrived(law: Form | Twin, problem: Problem, found: Solution) -> None:
    """End the starts that come to where the best one of their curve has ended: the way there only goes down."""
    if problem.kept == 1 or not (found.status == solver.REACHED).any():
        return
    for first in range(0, len(found.cost), problem.kept):
        rows = np.arange(first, first + problem.kept)
        ended = np.where(found.status[rows] == solver.REACHED, found.cost[rows], np.inf)
        best = rows[ended.argmin()]
        at, lowest = found.theta[best], ended.min()
        on = rows[(found.status[rows] == solver.EXHAUSTED) & (found.cost[rows] >= lowest)]
        if not len(on) or lowest == np.inf:
            continue
        way = at + WAY[:, None, None] * (found.theta[on] - at)
        where = np.tile(problem.which[on], len(WAY))
        costs = cost(law, problem.objective, problem.data, way.reshape(-1, len(at)), where).reshape(len(WAY), -1)
        course = np.concatenate((np.full((1, len(on)), lowest), costs, found.cost[on][None]))
        down = (course[1:] >= course[:-1]).all(0)
        near = (np.abs(found.theta[on] - at) <= APART * np.maximum(np.abs(at), 1e-9)).all(1)
        same = on[down | near]
        found.theta[same], found.cost[same], found.status[same] = at, lowest, solver.REACHED


def far(form: Form, problem: Problem, start, heats: Heats, prior) -> Solution:
    """Solve all starts and follow ridges to their end."""
    return run(form, problem, start, heats, prior, ridges=True, warm=heats.warm)


def by_twin(form: Form, problem: Problem, start, heats: Heats) -> Solution:
    """Solve all starts in the coordinates of the form's twin, and the last steps in the form's own parameters."""
    twin, there, start = _to_twin(form, problem, start)
    beyond = np.zeros(len(start), bool)

    def lost(found: Solution) -> np.ndarray:
        beyond[:] = _beyond(form, problem, found)
        return beyond

    found = run(twin, there, start, heats, warm=heats.warm, lost=lost if problem.objective.robust else None)
    same = _alike(found.cost, problem.kept)
    home = _from_twin(form, problem, found)
    near = (beyond | (found.status != solver.EXHAUSTED)) & (found.cost <= CLOSE * problem.best(found.cost))
    near |= (found.cost == problem.best(found.cost)) | (home.cost == problem.best(home.cost))
    ended = (found.status == solver.REACHED) & ((there.low < found.theta) & (found.theta < there.high)).all(1)
    dearer, on = home.cost > (1 + NEARER) * found.cost, np.unique(same[near])
    held = 0 if (home.cost <= (1 + ALMOST) * found.cost)[on].all() else HELD
    _bring_home(form, problem, home, on[dearer[on]], on[(dearer | ~ended)[on]], heats, held)
    return home.rows(same)


def _beyond(form: Form, problem: Problem, found: Solution) -> np.ndarray:
    """The starts (B,) of curves whose best one lies far beyond the form's own bounds: it ends at one of them."""
    lead = np.arange(0, len(found.cost), problem.kept) + found.cost.reshape(-1, problem.kept).argmin(1)
    own = replace(problem, which=problem.which[lead], low=problem.low[lead], high=problem.high[lead])
    home = _from_twin(form, own, found.rows(lead))
    return np.repeat(home.cost > FAR * found.cost[lead], problem.kept)


def again(form: Form, problem: Problem, start) -> Solution:
    """Fits to changed points from the fits to others: one start (B, p) each, and no search."""
    if form.twin is None:
        where = (problem.which, problem.low, problem.high)
        return solver.solve(form, problem.objective, problem.data, start, *where, ridges=True)
    twin, there, start = _to_twin(form, problem, start)
    found = solver.solve(twin, problem.objective, problem.data, start, there.which, there.low, there.high)
    home = _from_twin(form, problem, found)
    dearer = np.flatnonzero(home.cost > (1 + NEARER) * found.cost)
    _bring_home(form, problem, home, dearer, dearer, ONCE)
    return home


def _to_twin(form, problem, start):
    ends = form.twin.bounds(problem.low, problem.high)
    with np.errstate(all="ignore"):
        start = np.fmin(np.fmax(form.twin.into(start), ends[0]), ends[1])
    return form.twin, replace(problem, low=ends[0], high=ends[1]), start


def _from_twin(form, problem, found) -> Solution:
    with np.errstate(all="ignore"):
        theta = form.twin.back(found.theta, problem.low, problem.high)
    costs = cost(form, problem.objective, problem.data, theta, problem.which)
    status = np.where(np.isfinite(costs), found.status, solver.IMPOSSIBLE)
    return Solution(theta, costs, status, found.iterations)


def _bring_home(form, problem, home, dearer, on, heats, warm=HELD) -> None:
    """The last steps of the fits ``on`` in the form's own parameters.

    ``dearer`` are those that cost more than in the twin's coordinates, as the form's bounds are nearer: what is at a
    bound stays there first, while the others follow, ``warm`` steps of them by least squares.
    """
    if not len(on):
        return
    factored = _factored(form)
    if len(dearer):
        low, high = home.theta <= problem.low, home.theta >= problem.high
        held = replace(
            problem, low=np.where(high, problem.high, problem.low), high=np.where(low, problem.low, problem.high)
        )
        seen = _seen(form, home.theta[dearer])
        _finish(factored, held, home, dearer[~seen], heats, warm=RELAY.warm)
        _finish_by_level(form, held, home, dearer[seen], heats, warm)
        on = on[(home.cost <= CLOSE * problem.best(home.cost))[on]]
    _finish(factored, problem, home, on, heats)


@functools.cache
def _factored(form: Form) -> Form:
    """The form with what grows without end stepped by factors."""
    parameters = (replace(one, log=one.log or one.name in form.twin.endless) for one in form.parameters)
    return replace(form, parameters=tuple(parameters))


def _seen(form: Form, theta: np.ndarray) -> np.ndarray:
    """Whether the level at x = 1 (B,) is more than next to nothing: not where the curve has fallen before."""
    level = levelled(form)
    if level is None:
        return np.zeros(len(theta), bool)
    with np.errstate(all="ignore"):
        return level.into(theta)[:, form.names.index(form.twin.endless[0])] >= SEEN


def _finish_by_level(form: Form, problem, home, on, heats, warm) -> None:
    if not len(on):
        return
    level = levelled(form)
    with np.errstate(all="ignore"):
        home.theta[on] = level.into(home.theta[on])
    _finish(level, problem, home, on, heats, warm=warm)
    with np.errstate(all="ignore"):
        home.theta[on] = level.back(home.theta[on], problem.low[on], problem.high[on])


def _finish(law: Form | Twin, problem, home, on, heats, *, warm: int = 0) -> None:
    if not len(on):
        return
    own = replace(
        problem,
        which=problem.which[on],
        low=problem.low[on],
        high=problem.high[on],
        kept=1 if heats is ONCE else len(on),  # heats are for one curve
        iterations=min(problem.iterations, HOME),
        tolerance=max(problem.tolerance, FINISH),
    )
    home.update(on, run(law, own, home.theta[on], heats, damping=solver.CALM, warm=warm))


def _alike(costs: np.ndarray, kept: int) -> np.ndarray:
    """For every start (B,) the first one of its curve that ended at the same cost; mostly the start itself."""
    costs = costs.reshape(-1, kept)
    order = np.argsort(costs, axis=1, kind="stable")
    ranks, first = np.arange(kept), kept * np.arange(len(costs))[:, None]
    place = (order + first).ravel()
    ranked = costs.ravel()[place].reshape(costs.shape)
    leader = np.zeros_like(order)
    with np.errstate(invalid="ignore"):
        leader[:, 1:] = np.where(ranked[:, 1:] > (1 + SAME) * ranked[:, :-1], ranks[1:], 0)
    leader = np.maximum.accumulate(leader, axis=1)
    found = np.empty(costs.size, int)
    found[place] = place[(leader + first).ravel()]
    return found


def cost(form: Form | Twin, objective: Objective, data: Data, theta: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The objective (B,) of parameters (B, p), each for its row of the data, in pieces that bound the memory."""
    size = max(1, solver.CHUNK // (data.y.shape[1] * theta.shape[1]))
    if len(theta) <= size:
        return misfit.cost(form, objective, data.rows(which), theta)
    pieces = (slice(i, i + size) for i in range(0, len(theta), size))
    return np.concatenate([misfit.cost(form, objective, data.rows(which[s]), theta[s]) for s in pieces])
