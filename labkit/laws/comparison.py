"""Which form predicts a curve best, judged by hiding its end: several times, further and further back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labkit.laws import dense, diagnosis, fitting, race, solver
from labkit.laws.curve import Curve, clean
from labkit.laws.ensemble import MODEL_ERROR
from labkit.laws.fitting import Fits
from labkit.laws.form import FORMS, Form, get
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective
from labkit.laws.points import target

SHARES = (0.85, 0.7, 0.55)  # of the points, known at each cut
KEEP = 4
UNSURE = 1e6  # standard error over y beyond which a point says as little
LAST, CLOSE = 60, 1e-9  # iterations on all of very many points, and their tolerance
LEAST = 1e-12  # prediction over y: what is lower, or not above zero, is this far off


def compare(x, y, forms=None, *, se=None, bounds=(0, None), objective=None, seed=0):
    """Fit forms to the first 85, 70 and 55% of the points and score each on all the points that follow.

    ``forms`` are names or forms of one variable, or a single one; by default all whose parameters the points outnumber.
    ``objective`` defaults to "log_squared", or "squared" where y is not positive; errors are in ln y, or in y. With
    standard errors ``se`` of y surer points count for more, in fits and in RMS errors. Beyond 4,000 points least
    squares fit neighbours together, and robust objectives look for their minimum on every so-many-th point before they
    settle on all; errors are those at every point. Returns a frame, best first:
    form, parameters (their number), train (RMS error at all points), held_out (RMS), worst (largest), rank (mean rank
    over the cuts), near_equal (fits of nearly the same cost but other parameters), converged.

    Raises ``ValueError`` for fewer than 3 distinct x, for no forms or forms of several variables, and for an objective
    in logarithms where y is not positive.

    >>> x = [1, 2, 4, 8, 16, 32, 64]
    >>> frame = compare(x, [0.1 + v**-0.5 for v in x])
    >>> frame.loc[0, "form"]
    'power_floor'
    """
    import pandas as pd

    curve = clean(x, y, se, bounds)
    if len(curve) < 3:
        raise ValueError(f"compare needs at least 3 distinct x; got {len(curve)}")
    objective = Objective(objective or ("log_squared" if (curve.y > 0).all() else "squared"))
    target(curve.y, len(curve), positive=objective.name if objective.logarithmic else None)
    sure = _sureness(curve, objective)
    counts = sure if curve.se is not None else curve.repeats  # an error of a mean knows of its repeats
    cuts = sorted({max(2, min(round(share * len(curve)), len(curve) - 1)) for share in SHARES})
    rows, missed = [], []
    for form in _chosen(forms, len(curve)):
        errors, facts = _tried(form, objective, curve, counts, cuts, seed)
        ahead = [errors[i, cut:] for i, cut in enumerate(cuts)]
        missed.append([_rms(part, sure[cut:]) for part, cut in zip(ahead, cuts, strict=True)])
        joined = np.concatenate(ahead)
        rows.append(
            {
                "form": form.name,
                "parameters": len(form.parameters),
                "train": _rms(errors[-1], sure),
                "held_out": _rms(joined, np.concatenate([sure[cut:] for cut in cuts])),
                "worst": float(np.abs(joined).max()),
                **facts,
            }
        )
    frame = pd.DataFrame(rows)
    frame.insert(5, "rank", pd.DataFrame(missed).rank().mean(axis=1))
    return frame.sort_values(["held_out", "parameters"], kind="stable", ignore_index=True)


def _chosen(forms, count: int) -> list[Form]:
    if forms is None:
        return [form for form in FORMS if form.subject == "one variable" and len(form.parameters) < count]
    chosen = [get(form) for form in ([forms] if isinstance(forms, (str, Form)) else forms)]
    if not chosen:
        raise ValueError("forms is empty: name at least one form of one variable, or leave it out for all of them")
    for form in chosen:
        if len(form.columns) != 1:
            raise ValueError(f"compare takes forms of one variable; {form.name!r} has {', '.join(form.columns)}")
    return chosen


def _sureness(curve: Curve, objective: Objective) -> np.ndarray:
    """What each point counts for its standard error, as in a forecast: no point outweighs the rest by far."""
    if curve.se is None:
        return np.ones(len(curve))
    se = np.where(np.isfinite(curve.se), curve.se, np.nanmedian(curve.se))
    scale = curve.y if objective.logarithmic else np.abs(curve.y).mean() or 1.0
    with np.errstate(over="ignore"):
        relative = np.minimum(se / scale, UNSURE)
    sure = 1 / (MODEL_ERROR**2 + relative**2)
    return sure / sure.mean()


def _rms(errors: np.ndarray, sure: np.ndarray) -> float:
    return float(np.sqrt((sure * errors**2).mean() / sure.mean()))


def _tried(
    form: Form, objective: Objective, curve: Curve, counts: np.ndarray, cuts: list[int], seed: int
) -> tuple[np.ndarray, dict]:
    """Errors (cuts + 1, n) of the fits to the first points and to all, and facts about the fit to all."""
    states = [*cuts, len(curve)]
    if form.name == "last_value":
        predicted = np.repeat([[curve.y[state - 1]] for state in states], len(curve), axis=1)
        return _errors(objective, predicted, curve.y), {"near_equal": 1, "converged": True}
    x, y, counted, known = dense.gathered(curve.x, curve.y, counts, states, objective)
    data = Data((x[None],), y[None], (np.arange(len(x)) < np.array(known)[:, None]) * counted)
    every, sought = None, data
    if len(x) > dense.MANY:  # the way to a fit is found on some of the points, and its end on all
        some = dense.sampled(len(x))
        every, sought = data, Data((x[None, some],), y[None, some], data.weights[:, some])
    fits = fitting.fit(form, objective, sought, keep=KEEP, seed=seed, heats=race.heats(form), ridges=True)
    judged = fits if sought.y.shape[1] == len(curve) else _judged(fits, curve, counts)
    if every is not None:
        fits = fitting.go_on(form, objective, every, fits.parameters(), iterations=LAST, tolerance=CLOSE)
    predicted, _ = form.evaluate((curve.x[None],), fits.parameters())
    facts = {
        "near_equal": diagnosis.near_equal(judged, -1),
        "converged": bool(fits.status[-1, 0] == solver.REACHED),
    }
    return _errors(objective, np.broadcast_to(predicted, (len(states), len(curve))), curve.y), facts


def _judged(fits: Fits, curve: Curve, counts: np.ndarray) -> Fits:
    """The fits to all points, ranked by what they cost at every one of them: within a block there is noise too."""
    theta = np.concatenate([fits.parameters(rank)[-1:] for rank in range(fits.theta.shape[1])])
    data = Data((curve.x[None],), curve.y[None], counts[None])
    costs = race.cost(fits.form, fits.objective, data, theta, np.zeros(len(theta), int))
    order = np.argsort(costs, kind="stable")
    return replace(fits, theta=fits.theta[-1:, order], cost=costs[None, order], status=fits.status[-1:, order])


def _errors(objective: Objective, predicted: np.ndarray, y: np.ndarray) -> np.ndarray:
    if not objective.logarithmic:
        return np.where(np.isfinite(predicted), predicted, 1e6) - y
    with np.errstate(all="ignore"):
        error = np.log(np.maximum(predicted / y, LEAST))
    return np.where(np.isfinite(error), error, -np.log(LEAST))
