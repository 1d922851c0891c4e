"""ScalingLaw: one form fitted to points, as a scikit-learn estimator."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from labkit import seeds
from labkit.laws import diagnosis, fitting, points, race, resampling, solver
from labkit.laws.form import Form, get
from labkit.laws.misfit import Data
from labkit.laws.objectives import Objective
from labkit.laws.warned import warn

DRAWS = 400  # bootstrap refits behind an interval of predict
BLOCK = 10_000  # predictions whose draws are held at once


class ScalingLaw(RegressorMixin, BaseEstimator):
    """Fit one scaling law to points and predict from it.

    ``form`` is a name or alias of ``laws.forms()`` or a ``laws.Form``. ``objective`` is "squared", "log_squared",
    "huber_log" (r²/2 inside ``delta``, delta·(|r| − delta/2) outside, summed; r = ln prediction − ln y) or "asymmetric"
    (the same with over-predictions counted ten times, for laws that are a lower envelope). ``delta`` is in log units.
    ``seed`` fixes sampled starts and the draws behind intervals.

    After ``fit``: ``parameters_`` (dict by name, in your units), ``objective_`` (the minimum reached), ``reason_`` (why
    the fit stopped and what to try), ``converged_``, ``at_bound_`` (parameter names), ``condition_`` (how nearly two
    parameters say the same) and ``optima_`` (frame of the distinct minima found, best first).

    Raises ``ValueError`` for unknown names and for points that cannot be fitted. ``last_value`` is not fitted.

    >>> x = np.array([1.0, 10, 100, 1000])
    >>> law = ScalingLaw("power_floor").fit(x, 0.1 + 2 * x**-0.5)
    >>> {name: round(value, 6) for name, value in law.parameters_.items()}
    {'E': 0.1, 'A': 2.0, 'alpha': 0.5}
    """

    def __init__(self, form="power_floor", objective="huber_log", delta=1e-3, seed=0):
        self.form = form
        self.objective = objective
        self.delta = delta
        self.seed = seed

    def fit(self, X, y, sample_weight=None):
        """Fit to X, (n,), (n, k) or a frame with the form's columns, and y (n,); weights (n,) default to one each."""
        if isinstance(self.seed, bool) or not isinstance(self.seed, Integral):
            raise ValueError(f"seed must be a whole number, so that a fit can be made again; got {self.seed!r}")
        form, objective = get(self.form), Objective(self.objective, self.delta)
        columns = points.columns(form, X)
        count = len(columns[0])
        if count == 0:
            raise ValueError("no points to fit; X is empty")
        constant = form.name == "last_value"
        needs_positive = self.objective if objective.logarithmic and not constant else None
        y = points.target(y, count, positive=needs_positive)
        weights = points.weights(sample_weight, count)
        self.n_features_in_ = len(form.columns)
        self._form, self._objective = form, objective
        # the order of the points is nobody's business: sums of floats depend on it in the last digit
        order = np.lexsort((y, *columns))
        self._data = Data(tuple(c[order][None] for c in columns), y[order][None], weights[order][None])
        self._draws = None
        if constant:
            self._fit_constant()
        else:
            self._fits = fitting.fit(form, objective, self._data, seed=self.seed, heats=race.heats(form), ridges=True)
            self._theta = self._fits.parameters()[0]
            if not np.isfinite(self._fits.cost[0, 0]):
                raise ValueError(
                    f"form {form.name!r} is not defined at these points from any start; try another form or objective"
                )
            self.objective_ = float(self._fits.cost[0, 0] * self._unit())
            self.converged_ = bool(self._fits.status[0, 0] == solver.REACHED)
            self.at_bound_ = diagnosis.at_bound(self._fits)
        self.parameters_ = dict(zip(form.names, map(float, self._theta), strict=True))
        return self

    def _unit(self) -> float:
        if self._objective.logarithmic:
            return 1.0
        with np.errstate(over="ignore"):
            return float(self._fits.scaled.y_factor[0] ** 2)

    def _fit_constant(self) -> None:
        x, y, weights = self._data.columns[0][0], self._data.y[0], self._data.weights[0]
        end = x == x[weights > 0].max()
        last = np.average(y[end], weights=weights[end])
        self._theta, self._fits = np.array([last]), None
        with np.errstate(over="ignore"):
            self.objective_ = float((weights * (y - last) ** 2).sum())
        self.converged_, self.at_bound_ = True, []

    @property
    def condition_(self) -> float:
        """How nearly two parameters say the same: the condition number of the curvature at the fit."""
        check_is_fitted(self, "parameters_")
        return 1.0 if self._fits is None else diagnosis.condition(self._fits)

    @property
    def reason_(self) -> str:
        """Why the fit stopped and what to try."""
        check_is_fitted(self, "parameters_")
        return "not fitted: the mean of y at the largest x" if self._fits is None else diagnosis.reason(self._fits)

    @property
    def optima_(self):
        """The distinct minima found, best first: objective, how many starts came there, parameters."""
        import pandas as pd

        check_is_fitted(self, "parameters_")
        if self._fits is None:
            return pd.DataFrame([{"objective": self.objective_, "starts": 1, **self.parameters_}])
        return pd.DataFrame(diagnosis.optima(self._fits, self._unit()))

    def predict(self, X, interval=None, *, seed=None):
        """Predictions (n,); with ``interval`` (say 0.9) the tuple (prediction, low, high) for a new observation.

        The interval joins parameter uncertainty (pair bootstrap) and observation noise (residuals, whose size is itself
        uncertain with few points to spare), given this form: it does not know that the form may be wrong.
        ``laws.forecast`` does. Warns (``UserWarning``) where the points do not outnumber the parameters: such a fit is
        exact, and the interval has no width that means anything.
        """
        check_is_fitted(self, "parameters_")
        columns = points.columns(self._form, X)
        prediction = self._evaluate(columns, self._theta[None])[0]
        if interval is None:
            return prediction
        share, seed = level(interval), self.seed if seed is None else seed
        parts = [
            self._interval(tuple(column[i : i + BLOCK] for column in columns), prediction[i : i + BLOCK], share, seed)
            for i in range(0, max(len(prediction), 1), BLOCK)
        ]
        low, high = (np.concatenate(ends) for ends in zip(*parts, strict=True))
        return prediction, low, high

    def _evaluate(self, columns, theta) -> np.ndarray:
        value, _ = self._form.evaluate(tuple(column[None] for column in columns), theta)
        return np.broadcast_to(value, (len(theta), len(columns[0])))

    def _interval(self, columns, prediction, share, seed):
        generator = seeds.generator(seed, "law interval")
        fitted = self._evaluate(tuple(column[0] for column in self._data.columns), self._theta[None])[0]
        # a point of weight zero is not fitted, so it says nothing about the noise
        used = self._data.weights[0] > 0
        y, fitted = self._data.y[0][used], fitted[used]
        if self._fits is None:  # that the curve fell before is no noise; what it did from size to size may come again
            y = y[np.argsort(self._data.columns[0][0][used], kind="stable")]
            y, fitted = (y[1:], y[:-1]) if len(y) > 1 else (y, y)
            centre = np.tile(prediction, (DRAWS, 1))
        else:
            centre = self._evaluate(columns, self._drawn(seed))
        count, free = len(y), len(self._theta)
        noises = (len(centre), 1)  # the same at all points: an interval does not depend on which others are asked for
        # the noise's variance is count times that of the residuals over a chi-square of what the parameters leave free
        inflation = np.sqrt(count / generator.chisquare(max(count - free, 1), noises))
        with np.errstate(all="ignore"):
            if self._objective.logarithmic:
                draws = centre * np.exp(inflation * generator.choice(np.log(y) - np.log(fitted), noises))
            else:
                draws = centre + inflation * generator.choice(y - fitted, noises)
        draws = np.where(np.isfinite(draws), draws, prediction)
        low, high = np.quantile(draws, [(1 - share) / 2, (1 + share) / 2], axis=0)
        return np.minimum(low, prediction), np.maximum(high, prediction)

    def _drawn(self, seed) -> np.ndarray:
        """Parameters of the refits that intervals rest on, made once for each seed."""
        if self._draws is None:
            self._draws = {}
        if seed not in self._draws:
            self._draws[seed] = self._bootstrap(DRAWS, seed, "pairs")
        return self._draws[seed]

    def bootstrap(self, n, seed=0, kind="pairs"):
        """Refit to ``n`` resamples; a frame with one column per parameter and one row per resample.

        ``kind`` is "pairs" (points drawn with replacement) or "residuals" (residuals drawn onto the fitted curve).
        Warns (``UserWarning``) where the points do not outnumber the parameters, as the spread then says nothing.
        """
        import pandas as pd

        check_is_fitted(self, "parameters_")
        if int(n) != n or n < 1:
            raise ValueError(f"n must be a whole number of resamples above zero, got {n!r}")
        if kind not in ("pairs", "residuals"):
            raise ValueError(f"kind must be 'pairs' or 'residuals', got {kind!r}")
        return pd.DataFrame(self._bootstrap(int(n), seed, kind), columns=list(self._form.names))

    def _bootstrap(self, n: int, seed: int, kind: str) -> np.ndarray:
        count, free = diagnosis.distinct(self._data), len(self._theta)
        if count <= free and self._fits is not None:
            warn(
                f"{count} distinct points and {free} parameters: the spread of refits says nothing about the error; "
                "use a form with fewer parameters, or laws.forecast"
            )
        generator = seeds.generator(seed, "law bootstrap", kind)
        fitted = self._evaluate(tuple(c[0] for c in self._data.columns), self._theta[None])[0]
        return resampling.refits(
            self._form, self._objective, self._data, self._fits, fitted, n=n, generator=generator, kind=kind
        )

    def profile(self, name, values=None):
        """The objective with one parameter held and the others refitted, over a range of its values.

        ``values`` (k,) are in your units, by default 31 places within four bootstrap standard errors. Returns a frame:
        the parameter, objective, and likely (whether a likelihood-ratio test at 90% keeps the value, noise estimated
        from the fit; rough for robust objectives). A profile that stays likely at its end says that the points do not
        determine the parameter. Raises ``UnknownName`` for another parameter.

        >>> x = np.geomspace(1, 1e4, 20)
        >>> y = (0.1 + x**-0.5) * np.where(np.arange(20) % 2, 1.01, 0.99)
        >>> likely = ScalingLaw("power_floor", "log_squared").fit(x, y).profile("alpha")["likely"]
        >>> bool(likely.iloc[15]), bool(likely.iloc[0])
        (True, False)
        """
        check_is_fitted(self, "parameters_")
        return resampling.profile(self, name, values)


def level(interval) -> float:
    """The nominal share an interval should hold, checked."""
    if isinstance(interval, bool) or not isinstance(interval, (int, float, np.floating)) or not 0 < interval < 1:
        raise ValueError(f"interval is the share of new observations it should hold, between 0 and 1; got {interval!r}")
    return float(interval)


__all__ = ["Form", "ScalingLaw", "level"]
