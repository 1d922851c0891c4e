"""Common ways of fitting that go wrong without a word: kept here so that a lesson can show what they cost.

Use none of them for results of your own; `ScalingLaw` and `forecast` do the same jobs with care.
"""

from __future__ import annotations

import warnings

import numpy as np

from labkit import seeds
from labkit.laws.estimator import ScalingLaw
from labkit.laws.form import Form, get
from labkit.laws.misfit import Data, cost
from labkit.laws.objectives import Objective

WORST = 1e12  # in place of infinity, which has no slope
SPREAD = 1.0  # standard deviation of the logarithm of a starting value


def from_starts(form, x, y, at, *, starts: int = 50, seed: int = 0):
    """What a general least-squares routine finds from several starts: the first is all ones, as a default would be.

    ``form`` is a form of one variable, ``x`` and ``y`` (n,) the points, ``at`` a size to forecast. The other starts
    are log-normal about one. Returns a frame, one row per start: ``cost`` (sum of squares over the smallest that
    `ScalingLaw` finds; nan where the routine gave up), ``forecast`` (at ``at``) and ``ended``.

    >>> x = np.array([1.0, 2, 4, 8, 16])
    >>> bool(from_starts("power", x, 2 * x**-0.5, 100.0, starts=3)["forecast"].round(3).eq(0.2).all())
    True
    """
    import pandas as pd

    form, x, y = get(form), np.asarray(x, float), np.asarray(y, float)
    best = ScalingLaw(form, "squared").fit(x, y)
    best_cost = max(best.objective_, 1e-300)
    draws = np.exp(SPREAD * seeds.generator(seed, "careless starts").standard_normal((starts, len(form.names))))
    draws[0] = 1.0
    rows = []
    for start in draws:
        theta, ended = _least_squares(form, x, y, start)
        value = np.nan if theta is None else _value(form, np.array([at], float), theta)[0]
        found = np.nan if theta is None else ((_value(form, x, theta) - y) ** 2).sum() / best_cost
        rows.append({"cost": found, "forecast": value, "ended": ended})
    return pd.DataFrame(rows)


def _least_squares(form: Form, x, y, start) -> tuple[np.ndarray | None, str]:
    from scipy.optimize import curve_fit

    # a parameter that is a place on the data's range has no bounds of its own
    low = [0.0 if one.along else one.low for one in form.parameters]
    high = [np.inf if one.along else one.high for one in form.parameters]
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            theta, _ = curve_fit(
                lambda x, *theta: _value(form, x, np.array(theta)),
                x,
                y,
                p0=np.clip(start, low, high),
                bounds=(low, high),
            )
    except (RuntimeError, ValueError) as error:
        return None, str(error).split(".")[0]
    return theta, "success"


def _value(form: Form, x, theta) -> np.ndarray:
    return np.asarray(form.value(x, dict(zip(form.names, theta, strict=True))), float)


def early_stops(X, y, *, form="chinchilla", starts: int = 20, seed: int = 0):
    """Where L-BFGS-B with default tolerances stops on the mean Huber loss of ln y, from random starts.

    ``X`` (n, k) and ``y`` (n,) are the points. Linear parameters are searched in logarithms. Returns a frame, one row
    per start: ``success`` (what the routine says), ``cost`` (the loss over the smallest that `ScalingLaw` finds) and
    the parameters.
    """
    import pandas as pd
    from scipy.optimize import minimize

    form, X, y = get(form), np.asarray(X, float), np.asarray(y, float)
    objective = Objective("huber_log", 1e-3)
    best = ScalingLaw(form, seed=seed).fit(X, y).objective_
    data = Data(tuple(column[None] for column in X.T), y[None], np.ones((1, len(y))))
    linear = np.array([one.linear for one in form.parameters])
    generator = seeds.generator(seed, "early stops")

    def loss(free: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            theta = np.where(linear, np.exp(np.minimum(free, 700)), free)
            value = float(cost(form, objective, data, theta[None])[0]) / len(y)
        return min(value, WORST) if np.isfinite(value) else WORST

    rows = []
    for _ in range(starts):
        start = np.where(linear, generator.uniform(-2, 10, len(linear)), generator.uniform(0, 1, len(linear)))
        found = minimize(loss, start, method="L-BFGS-B")
        theta = np.where(linear, np.exp(found.x), found.x)
        values = dict(zip(form.names, theta, strict=True))
        rows.append({"success": bool(found.success), "cost": found.fun * len(y) / best, **values})
    return pd.DataFrame(rows)


def parabola_optima(law, budgets, *, spread: float = 10.0, shift: float = 1.0, points: int = 9):
    """The best model size by a parabola through isoFLOP runs without noise, beside the true one.

    ``law`` is a published or fitted law on (params, tokens) with the parameters of "chinchilla"; at each of the
    ``budgets`` (FLOPs, 6 per parameter and token) ``points`` sizes lie evenly in ln N between 1/``spread`` and
    ``spread`` times ``shift`` times the true best. Returns a frame: compute, params (the vertex), true_params, ratio.

    >>> from labkit import laws
    >>> table = parabola_optima(laws.published("hoffmann-2022"), [1e20], spread=1.5)
    >>> bool(abs(table["ratio"].iloc[0] - 1) < 0.02)
    True
    """
    import pandas as pd

    values = law.parameters if hasattr(law, "parameters") else law.parameters_
    budgets = np.asarray(budgets, float)
    a, b = values["alpha"], values["beta"]
    true = (a * values["A"] / (b * values["B"])) ** (1 / (a + b)) * (budgets / 6) ** (b / (a + b))
    steps = np.linspace(-np.log(spread), np.log(spread), points) + np.log(shift)
    params = true[:, None] * np.exp(steps)
    tokens = budgets[:, None] / (6 * params)
    form = get("chinchilla")
    loss = form.value(np.column_stack([params.ravel(), tokens.ravel()]), values).reshape(params.shape)
    fits = np.polynomial.polynomial.polyfit(steps, loss.T, 2)
    vertex = true * np.exp(-fits[1] / (2 * fits[2]))
    return pd.DataFrame({"compute": budgets, "params": vertex, "true_params": true, "ratio": vertex / true})
