"""Fit and forecast: hold the largest sizes back, choose a form, and see what would have been foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.panels import charts
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Choice, Slider
from labkit.lessons.panels.points import tidy, typical_miss

_FIRST_FORMS = ("power_floor", "power", "last_value")
_FORECAST = "forecast"
_INTERVALS = {"50 %": 0.5, "80 %": 0.8, "90 %": 0.9, "95 %": 0.95}


@dataclass(frozen=True)
class Fit:
    """A fit to the smaller sizes and its forecast of the held-out ones.

    ``form`` is the form's name, or "forecast" for the default predictor, which has no parameters of its own.
    ``points`` has columns x, y, part (fitted or held out) and residual (measured / fitted − 1); ``line`` has x,
    prediction under the name of y, low and high. ``miss`` is the typical miss on the held-out points (None
    without any), ``covered`` how many of them lie inside the interval.
    """

    form: str
    holdout: int
    interval: float
    parameters: dict[str, float]
    reason: str
    points: pd.DataFrame
    line: pd.DataFrame
    miss: float | None
    covered: int
    held_out: int

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} = {value:.3g}" for name, value in self.parameters.items())
        what = f"{self.form}: {numbers}" if numbers else "The default forecast"
        if self.miss is None:
            return f"{what}. Nothing held out: hold sizes back to see whether this forecasts."
        return (
            f"{what}. The held-out points are missed by {self.miss:.1%}; "
            f"{self.covered} of {self.held_out} lie inside the {self.interval:.0%} interval."
        )


def fit_explorer(
    points: Any,
    *,
    x: str = "examples",
    y: str = "error",
    forms: Sequence[str] | None = None,
    form: str = "power_floor",
    holdout: int | None = None,
    interval: float = 0.9,
    seed: int = 0,
) -> Panel:
    """Fit a form to the smaller sizes, forecast the larger ones, and compare with what was measured there.

    Arguments:
        points: frame with columns x and y (several rows per x are fine), or a pair of arrays; at least 4 sizes.
        x, y: the columns; y is an error or a loss, above zero.
        forms: names of forms of one variable to choose from; None offers a few. "forecast", the default predictor
            ``laws.forecast``, is always among the choices.
        form, holdout, interval: where the controls start; ``holdout`` counts the largest sizes kept back
            (None: a third of them), ``interval`` is the share of new observations it should hold.
        seed: of the resamples behind the interval.

    ``panel.value`` is a ``Fit`` record. Raises ``ValueError`` for points that cannot be fitted or an unknown form.

    >>> x = np.array([10, 20, 40, 80, 160, 320])
    >>> panel = fit_explorer((x, 0.05 + x**-0.5), holdout=2)
    >>> record = panel.value
    >>> round(record.parameters["alpha"], 3), record.held_out, record.covered
    (0.5, 2, 1)
    """
    from labkit import laws

    measured = tidy(points, x, y, sizes=4)
    names = list(forms) if forms is not None else [name for name in _FIRST_FORMS if name in laws.FORMS]
    names = list(dict.fromkeys([*names, _FORECAST, form]))
    for name in names:
        if name != _FORECAST and len(laws.get(name).columns) != 1:
            raise ValueError(f"form {name!r} takes several columns, expected a form of one variable")
    sizes = np.unique(measured[x])
    most = len(sizes) - 3
    controls = [
        Slider(
            "holdout",
            "largest sizes held out",
            0,
            most,
            min(len(sizes) // 3, most) if holdout is None else holdout,
            step=1,
            note="how many of the largest sizes are kept back from the fit",
        ),
        Choice("form", "form", names, form, note="form of the law"),
        Choice(
            "interval", "interval", _levels(interval), interval, note="share of new points the interval should hold"
        ),
    ]

    def evaluate(settings: dict[str, Any]) -> Fit:
        return forecast(measured, x, y, seed=seed, **settings)

    def draw(record: Fit) -> Any:
        missed = "nothing held out" if record.miss is None else f"held-out points missed by {record.miss:.1%}"
        return charts.fit(record, x, y, f"{record.form} on {len(sizes) - record.holdout} sizes: {missed}")

    return Panel("Fit and forecast", controls, evaluate=evaluate, draw=draw, say=str)


def forecast(measured: pd.DataFrame, x: str, y: str, *, form: str, holdout: int, interval: float, seed: int) -> Fit:
    """Fit the form to all but the largest ``holdout`` sizes and compare what it foretells with the rest."""
    from labkit import laws

    sizes = np.unique(measured[x])
    edge = sizes[len(sizes) - holdout - 1]
    fitted = (measured[x] <= edge).to_numpy()
    known = measured[x].to_numpy()[fitted], measured[y].to_numpy()[fitted]
    grid = np.geomspace(sizes[0], sizes[-1] * 4, 80)
    everywhere = np.concatenate([grid, sizes])
    if form == _FORECAST:
        prediction, low, high = laws.forecast(*known, everywhere, interval=interval, seed=seed)
        parameters, reason = {}, "the default predictor"
    else:
        law = laws.ScalingLaw(form, objective="log_squared", seed=seed).fit(*known)
        prediction, low, high = law.predict(everywhere, interval=interval)
        parameters, reason = dict(law.parameters_), law.reason_
    line = pd.DataFrame({x: grid, y: prediction[: len(grid)], "low": low[: len(grid)], "high": high[: len(grid)]})
    at = np.searchsorted(sizes, measured[x].to_numpy()) + len(grid)
    foretold, errors = prediction[at], measured[y].to_numpy()
    inside = (low[at] <= errors) & (errors <= high[at])
    part = np.where(fitted, "fitted", "held out")
    return Fit(
        form=form,
        holdout=holdout,
        interval=interval,
        parameters=parameters,
        reason=reason,
        points=measured.assign(part=part, residual=errors / foretold - 1),
        line=line,
        miss=None if fitted.all() else typical_miss(foretold[~fitted], errors[~fitted]),
        covered=int(inside[~fitted].sum()),
        held_out=int((~fitted).sum()),
    )


def _levels(interval: float) -> dict[str, float]:
    """The usual levels and the one asked for."""
    if isinstance(interval, bool) or not isinstance(interval, float) or not 0 < interval < 1:
        raise ValueError(f"interval is the share of new observations it should hold, between 0 and 1; got {interval!r}")
    return dict(sorted({**_INTERVALS, f"{100 * interval:g} %": interval}.items(), key=lambda item: item[1]))
