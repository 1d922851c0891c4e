"""Fit and forecast: hold the largest sizes back, choose forms, and see what each would have foretold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.panels import fit_chart
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Choice, Control, Several, Slider, levels
from labkit.lessons.panels.fitted import FORECAST, Known, Told, told
from labkit.lessons.panels.points import errors_of, shipped, tidy, typical_miss
from labkit.registry import UnknownName, nearest

OFFERED = (FORECAST, "power", "power_floor", "log_logistic", "m4", "broken_power", "last_value")
_FIRST = (FORECAST, "power", "power_floor")
_LEAST = 3  # sizes a fit must see


@dataclass(frozen=True)
class Fit:
    """Fits to the smaller sizes and their forecasts of the held-out ones.

    ``table`` has a row per form: form, miss (the typical miss on the held-out points, nan without any), covered (how
    many of them lie inside the interval), held_out, needed (the size at which y reaches the target; inf if out of
    reach), soonest, latest (its interval). ``parameters`` are those of each fitted form. ``points`` has columns x, y,
    part (fitted or held out), and se where the points came with standard errors; ``lines`` form, x, y, low, high;
    ``residuals`` form, x, residual (measured / fitted − 1), part. ``skipped`` names the forms that have too many
    parameters for the sizes left.
    """

    curve: str
    holdout: int
    interval: float
    target: float
    names: tuple[str, str]
    table: pd.DataFrame
    parameters: dict[str, dict[str, float]]
    points: pd.DataFrame
    lines: pd.DataFrame
    residuals: pd.DataFrame
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        said = [self._held_out(), self._needed()]
        if "se" in self.points:
            said.append("Points are weighed by their standard errors.")
        if self.skipped:
            said.append(f"Too few sizes left for {', '.join(self.skipped)}.")
        return " ".join(part for part in said if part)

    def _held_out(self) -> str:
        if not self.holdout:
            return "Nothing held out: hold sizes back to see which of these forms forecasts."
        rows = [
            f"{row.form} by {row.miss:.1%} ({row.covered} of {row.held_out} inside)"
            for row in self.table.sort_values("miss", kind="stable").itertuples()
        ]
        if not rows:
            return ""
        inside = f"in brackets, how many lie inside the {self.interval:.0%} interval"
        return f"The held-out points are missed ({inside}): {'; '.join(rows)}."

    def _needed(self) -> str:
        rows = [f"{row.form} {_size(row.needed)}{_between(row)}" for row in self.table.itertuples()]
        x, y = self.names
        return f"{y} {self.target:.3g} takes this many {x}: {'; '.join(rows)}." if rows else ""


def _size(value: float) -> str:
    return "more than is in reach" if np.isinf(value) else f"{float(f'{value:.2g}'):,.0f}"


def _between(row: Any) -> str:
    if np.isinf(row.soonest) or (row.soonest == row.latest):
        return ""
    return f" ({_size(row.soonest)} to {'no limit' if np.isinf(row.latest) else _size(row.latest)})"


def fit_explorer(
    points: Any = None,
    *,
    x: str = "examples",
    y: str = "error",
    se: str | None = None,
    curve: str | None = None,
    holdout: int | None = None,
    forms: Sequence[str] | None = None,
    offered: Sequence[str] = OFFERED,
    interval: float = 0.9,
    target: float | None = None,
    bounds: tuple[float, float | None] = (0, None),
    seed: int = 0,
) -> Panel:
    """Fit forms to the smaller sizes, forecast the larger ones, compare with what was measured, and plan to a target.

    Arguments:
        points: frame with columns x and y (several rows per x are fine), or arrays (x, y) or (x, y, se); at least 4
            sizes. A dict of these by name offers a choice of curves; None offers the curves that ship with labkit.
        x, y: the columns; y is an error or a loss, above zero.
        se: the column of the standard errors of y, drawn as bars; every fit weighs the points by them. None: the
            column "se" of those points that have one.
        curve, holdout, forms, interval, target: where the controls start. ``holdout`` counts the largest sizes kept
            back (None: a third of them), ``interval`` is the share of new observations it should hold, ``target`` the
            value of y to plan for (None: half the lowest).
        offered: names of forms of one variable to choose from; "forecast" is the default predictor ``laws.forecast``.
        bounds: the range of y, (0, 1) for error rates.
        seed: of the resamples behind the intervals.

    ``panel.value`` is a ``Fit`` record. Raises ``ValueError`` for points that cannot be fitted or an unknown form.

    >>> sizes = np.array([10, 20, 40, 80, 160, 320])
    >>> panel = fit_explorer((sizes, 0.05 + sizes**-0.5), holdout=2, forms=["power_floor"], target=0.1)
    >>> record = panel.value
    >>> round(record.parameters["power_floor"]["alpha"], 3), record.table["held_out"].tolist()
    (0.5, [2])
    >>> round(record.table["needed"].iloc[0])
    400
    """
    given = points if points is not None else shipped()
    curves = given if isinstance(given, Mapping) else {"points": given}
    measured = {str(name): tidy(one, x, y, se=se or errors_of(one, x, y), sizes=4) for name, one in curves.items()}
    chosen = list(_FIRST if forms is None else forms)
    choices = list(dict.fromkeys(map(_known_form, [*offered, *chosen])))
    controls = _controls(measured, x, y, curve, holdout, chosen, choices, interval, target)
    first = next(iter(measured))

    def evaluate(settings: dict[str, Any]) -> Fit:
        name = settings.get("curve", first)
        return _evaluate(name, measured[name], (x, y), settings, bounds, seed)

    def draw(record: Fit) -> Any:
        return fit_chart.draw(record, choices, measured[record.curve])

    return Panel("Fit and forecast", controls, evaluate=evaluate, draw=draw, say=str)


def _known_form(name: str) -> str:
    """The form's own name; an alias has another."""
    from labkit import laws

    if name == FORECAST:
        return name
    if name not in laws.FORMS:
        raise UnknownName(f"unknown form {name!r}: {nearest(name, [FORECAST, *(form.name for form in laws.FORMS)])}")
    form = laws.get(name)
    if len(form.columns) != 1:
        raise ValueError(f"form {name!r} takes several columns, expected a form of one variable")
    return form.name


def _controls(measured, x, y, curve, holdout, chosen, choices, interval, target) -> list[Control]:
    sizes = {name: points[x].nunique() for name, points in measured.items()}
    most = max(sizes.values()) - _LEAST
    start = next(iter(measured)) if curve is None else curve
    if start not in measured:
        raise ValueError(f"no curve {start!r}: {nearest(start, measured)}")
    lowest = min(points[y].min() for points in measured.values())
    highest = max(points[y].max() for points in measured.values())
    ahead = float(f"{measured[start][y].min() / 2:.2g}") if target is None else float(target)
    held = min(sizes[start] // 3, sizes[start] - _LEAST) if holdout is None else holdout
    note = "how many of the largest sizes are kept back from the fit"
    controls: list[Control] = [
        Slider("holdout", "largest sizes held out", 0, most, held, step=1, note=note),
        Several("forms", "forms", choices, list(map(_known_form, chosen)), note="forms of the law to fit and compare"),
        Choice("interval", "interval", levels(interval), interval, note="share of new points the interval should hold"),
        Slider(
            "target",
            f"target for {y}",
            min(lowest / 100, ahead),
            max(highest, ahead),
            ahead,
            step=0.02,
            log=True,
            note=f"the {y} to plan for",
        ),
    ]
    if len(measured) > 1:
        controls.insert(0, Choice("curve", "curve", list(measured), start, note="name of the measured curve"))
    return controls


def _evaluate(name: str, points: pd.DataFrame, names: tuple[str, str], settings, bounds, seed: int) -> Fit:
    x, y = names
    sizes = np.unique(points[x])
    holdout = min(settings["holdout"], len(sizes) - _LEAST)
    edge = sizes[len(sizes) - holdout - 1]
    fitted = (points[x] <= edge).to_numpy()
    given = points.to_numpy().T[:, fitted]  # x, y and, where there are any, standard errors
    known = Known(*given[:2], tuple(bounds), seed, *given[2:])
    grid = fit_chart.grid(sizes)
    level, target = settings["interval"], settings["target"]
    found = {form: told(known, form, np.concatenate([grid, sizes]), level, target) for form in settings["forms"]}
    skipped = tuple(form for form, one in found.items() if one is None)
    found = {form: one for form, one in found.items() if one is not None}
    part = np.where(fitted, "fitted", "held out")
    at = np.searchsorted(sizes, points[x].to_numpy()) + len(grid)
    errors = points[y].to_numpy()
    lines = [
        pd.DataFrame({"form": form, "x": grid, **{key: values[: len(grid)] for key, values in one.curves().items()}})
        for form, one in found.items()
    ]
    residuals = [
        pd.DataFrame({"form": form, "x": points[x], "residual": errors / one.prediction[at] - 1, "part": part})
        for form, one in found.items()
    ]
    rows = [_row(form, one, at[~fitted], errors[~fitted]) for form, one in found.items()]
    columns = ["form", "miss", "covered", "held_out", "needed", "soonest", "latest"]
    return Fit(
        curve=name,
        holdout=holdout,
        interval=level,
        target=target,
        names=names,
        table=pd.DataFrame(rows, columns=columns),
        parameters={form: one.parameters for form, one in found.items()},
        points=points.rename(columns={x: "x", y: "y"}).assign(part=part),
        lines=pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=["form", "x", "y", "low", "high"]),
        residuals=pd.concat(residuals, ignore_index=True)
        if residuals
        else pd.DataFrame(columns=["form", "x", "residual", "part"]),
        skipped=skipped,
    )


def _row(form: str, one: Told, at: np.ndarray, errors: np.ndarray) -> dict[str, Any]:
    foretold = one.prediction[at]
    inside = (one.low[at] <= errors) & (errors <= one.high[at])
    usable = len(errors) and (foretold > 0).all()
    return {
        "form": form,
        "miss": typical_miss(foretold, errors) if usable else np.nan,
        "covered": int(inside.sum()),
        "held_out": len(errors),
        "needed": one.needed,
        "soonest": one.soonest,
        "latest": one.latest,
    }
