"""``labkit fit`` and ``labkit forecast``: laws for a reader's own curve, from a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from labkit.commands.curve_options import ChartFile, Level, Size, file_options

FAR_BELOW = 0.02  # of the lowest y, below which a target is asked about: 0.05 for values in percent
# Simulated fits of two to four parameters to so many points: 63 to 78 of 100 intervals at 90% held the truth.
_ONE_TO_SPARE = (
    "with one point more than parameters the limits are too narrow: of those at 90% about 70% hold the truth. "
    "Measure more sizes, or ask labkit forecast, whose interval is calibrated."
)


def _read(file, x, y, se, where, as_json):
    from labkit import curve_files

    curve = curve_files.read_curve(file, x, y, se, where=where)
    if not as_json:
        for note in curve.attrs["notes"]:
            click.echo(f"Note: {note}", err=True)
    return curve


def _page(file, curve, where, out, as_json, found, **parameters) -> int:
    """Write the page about the file, say where it lies, and return the exit code."""
    from labkit.commands import own_report

    columns = {"x": curve.attrs["x_name"], "y": curve.attrs["y_name"]}
    outcome = own_report.write(file, {**columns, **parameters}, out, where)
    found["report"] = str(outcome.page) if outcome.page else None
    if not as_json:
        click.echo(f"\nReport: {outcome.page}" if outcome.exit_code == 0 else outcome.sentence)
    return outcome.exit_code


def _worth_a_page(file, curve, bounds=(0, float("inf"))) -> None:
    from labkit import curve_files
    from labkit.commands import own_report

    own_report.refuse_short(file, len(curve_files.by_size(curve, bounds)))


def _finite(value: float) -> float | None:
    """JSON has no infinity and no NaN: what cannot be reached, or is not known, is null."""
    return float(value) if abs(value) < float("inf") else None


@click.command(
    epilog="""\b
Examples:
  labkit fit errors.csv
  labkit fit runs/large --y validation/loss
  labkit fit errors.csv --x examples --y error --form power --json
  labkit fit models.csv --where model=large
  labkit fit errors.csv --report"""
)
@file_options
@click.option("--form", default="power_floor", show_default=True, help="One of labkit list forms.")
@click.option(
    "--objective", default="log_squared", show_default=True, help="squared, log_squared, huber_log, asymmetric."
)
def fit(file, x, y, se, where, interval, seed, as_json, page, out, form, objective):
    """Fit one law to the points in FILE and print its parameters with their intervals.

    FILE is a table with a header (CSV, TSV, JSON, JSON lines, Parquet), a training log, a chart exported from Weights &
    Biases, the folder of a TensorBoard run, or - for what is piped in.
    """
    from labkit import curve_files, laws

    curve = _read(file, x, y, se, where, as_json)
    law = laws.ScalingLaw(form, objective=objective, seed=seed)
    chosen = laws.get(form)
    if len(chosen.columns) > 1:
        columns = ", ".join(map(repr, chosen.columns))
        raise ValueError(
            f"labkit fit takes laws of one variable; {form} has {', '.join(chosen.columns)}: in Python it is "
            f"laws.ScalingLaw({form!r}).fit(table[[{columns}]], table[{curve.attrs['y_name']!r}])"
        )
    needed, sizes = len(chosen.parameters) + 1, curve.x.nunique()
    if sizes < needed:
        # A law through every point has no residual, so its interval would have no width and mean nothing.
        click.echo(f"No fit: {form} needs at least {needed} different sizes, {file.name} has {sizes}.", err=True)
        sys.exit(6)
    if curve.y.nunique() == 1 and chosen.name != "last_value":
        click.echo(
            f"No fit: all values of {curve.attrs['y_name']} are alike, so any {form} through them would do.", err=True
        )
        sys.exit(6)
    if page:
        _worth_a_page(file, curve)
    low = int((curve.y <= 0).sum())
    if low and objective != "squared":
        raise ValueError(
            f"{low} of {_points(len(curve))} of {curve.attrs['y_name']} {'are' if low > 1 else 'is'} at zero or below, "
            f"where {objective} has no logarithm: fit with --objective squared, or leave such rows out"
        )
    weights = curve_files.weights(curve, objective)
    law.fit(curve.x, curve.y, weights)
    if _says_nothing(law, curve, weights):
        click.echo(
            f"No fit: {form} describes {curve.attrs['y_name']} no better than its mean does. "
            "Try another --form: see labkit list forms.",
            err=True,
        )
        sys.exit(6)
    draws = law.bootstrap(1000, seed=seed)
    low, high = draws.quantile((1 - interval) / 2), draws.quantile((1 + interval) / 2)
    notes = list(curve.attrs["notes"])
    if len(curve) == needed:
        notes.append(_ONE_TO_SPARE)
    if as_json:
        found = {"form": form, "x": curve.attrs["x_name"], "y": curve.attrs["y_name"], "points": len(curve)}
        found |= {"interval": interval, "notes": notes}
        limits = {k: {"value": v, "low": low[k], "high": high[k]} for k, v in law.parameters_.items()}
        found["parameters"] = {k: {name: _finite(v) for name, v in values.items()} for k, values in limits.items()}
        found |= {"objective": law.objective_, "converged": bool(law.converged_), "reason": law.reason_}
    else:
        found = {}
        click.echo(f"{form} on {_points(len(curve))} of {file.name}: {law.reason_}\n")
        click.echo(f"{'parameter':<12}{'value':>12}{'low':>12}{'high':>12}   ({_level(interval)} interval)")
        for name, value in law.parameters_.items():
            click.echo(f"{name:<12}{value:>12.4g}{low[name]:>12.4g}{high[name]:>12.4g}")
        if len(curve) == needed:
            click.echo(f"Note: {_ONE_TO_SPARE}")
    failed = _page(file, curve, where, out, as_json, found, se=se, interval=interval, forms=_with(form)) if page else 0
    if as_json:
        click.echo(json.dumps(found, indent=2))
    sys.exit(failed or (0 if law.converged_ else 6))


def _says_nothing(law, curve, weights) -> bool:
    """Whether least squares fit no better than a constant would, as to values that rise or that no form takes."""
    import numpy as np

    from labkit import laws

    if law.objective not in ("squared", "log_squared") or laws.get(law.form).name == "last_value":
        return False
    take = np.log if law.objective == "log_squared" else np.asarray
    y, fitted = take(curve.y.to_numpy()), take(law.predict(curve.x))
    constant = np.average(y, weights=weights)
    left, all_of_it = (np.average((y - value) ** 2, weights=weights) for value in (fitted, constant))
    return bool(left >= (1 - 1e-9) * all_of_it)


def _with(form: str) -> list[str]:
    """The forms that a report compares by default, and the one asked for."""
    from labkit import laws
    from labkit.laws import alternatives

    return list(dict.fromkeys([*alternatives.FORMS, laws.get(form).name]))


@click.command(
    epilog="""\b
Examples:
  labkit forecast errors.csv
  labkit forecast scores.csv --x samples --y 1-accuracy --at 10k --bounds 0 1
  labkit forecast log.jsonl --x step --y eval_loss --at 1e5
  labkit forecast runs/large --y validation/loss --at 1e5
  labkit forecast errors.csv --x examples --y error --at 1e5 --at 1e6 --target 0.05 --bounds 0 1
  labkit forecast errors.csv --at 1e6 --chart forecast.svg --json
  grep -v warm-up log.csv | labkit forecast -
  labkit forecast errors.csv --target 0.05 --bounds 0 1 --report"""
)
@file_options
@click.option(
    "--at", multiple=True, type=Size(), help="A size to forecast; repeatable. Default: 2 and 10 × the largest x."
)
@click.option("--target", type=Level(), help="An error or loss to reach, such as 0.05 or 5%: how much would it take?")
@click.option("--bounds", nargs=2, type=float, default=(0, float("inf")), help="Range of y: 0 1 for error rates.")
@click.option("--chart", type=ChartFile(), help="Draw the curve and its forecast to this .svg or Vega-Lite .json file.")
def forecast(file, x, y, se, where, interval, seed, as_json, page, out, at, target, bounds, chart):
    """Forecast the curve in FILE at larger sizes, with an interval for a new observation.

    FILE is a table with a header (CSV, TSV, JSON, JSON lines, Parquet), a training log, a chart exported from Weights &
    Biases, the folder of a TensorBoard run, or - for what is piped in. One row per measurement; rows of one size are
    repeats. Lower is better: give errors or losses.
    """
    import numpy as np

    from labkit import laws

    curve = _read(file, x, y, se, where, as_json)
    known = curve[curve.y.between(*bounds)]
    if known.empty:
        _refuse_bounds(curve, bounds)
    asked = list(at) or None  # of the page, which has a default of its own
    if not at and target is None:
        at = (2 * float(known.x.max()), 10 * float(known.x.max()))
    if page:
        _worth_a_page(file, curve, bounds)
    names = curve.attrs
    errors = curve.se if "se" in curve else None
    options = {"interval": interval, "se": errors, "bounds": bounds, "seed": seed}
    found: dict = {"x": names["x_name"], "y": names["y_name"], "points": len(curve), "interval": interval}
    found["notes"] = list(names["notes"])
    if at:
        report = laws.forecast_report(curve.x, curve.y, np.array(at), **options)
        found["forecast"] = report.table.rename(columns={"x": "at"}).to_dict("records")
        found["warnings"] = list(report.warnings)
        found["last_value"] = float(known.y[known.x == known.x.max()].mean())
    if target is not None:
        points = (curve.x, curve.y) if errors is None else (curve.x, curve.y, errors)
        plan = laws.plan(points, target=target, interval=interval, bounds=bounds, seed=seed)
        amounts = {name: _finite(value) for name, value in (("needed", plan.x), ("low", plan.low), ("high", plan.high))}
        found["plan"] = {
            "target": target,
            "reached": plan.reached,
            **amounts,
            "unreachable": plan.unreachable,
            "horizon": plan.horizon,
        }
        lowest, highest = known.y.min(), known.y.max()
        if target > highest or 0 < target < FAR_BELOW * lowest:
            where = "above every" if target > highest else "far below every"
            aside = f"the target {target:g} is {where} {names['y_name']}: was it meant in another unit?"
            found["warnings"] = [*found.get("warnings", ()), aside]
    if chart is not None:
        _draw(curve, chart, max(at, default=known.x.max() * 10), options)
        found["chart"] = str(chart)
    if not as_json:
        click.echo(_words(found))
    failed = 0
    if page:
        given = {"se": se, "interval": interval, "bounds": list(bounds), "target": target, "at": asked}
        failed = _page(file, curve, where, out, as_json, found, **given)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    sys.exit(failed or (6 if target is not None and found["plan"]["needed"] is None else 0))


def _refuse_bounds(curve, bounds) -> None:
    low, high = bounds
    y, lowest, highest = curve.attrs["y_name"], curve.y.min(), curve.y.max()
    others = {
        (0, float("inf")): "where they may be negative, give --bounds -inf inf",
        (0, 1): "where they are percents, give --bounds 0 100",
    }
    advice = others.get((low, high), "give the range that they can take")
    raise ValueError(
        f"no {y} lies within the bounds {low:g} and {high:g}: they go from {lowest:g} to {highest:g}; {advice}"
    )


def _level(interval: float) -> str:
    """A level in percent, without rounding 99.9 to 100."""
    return f"{100 * interval:.6g}%"


def _points(count: int) -> str:
    return f"{count} point{'s' if count != 1 else ''}"


def _amount(value: float) -> str:
    """A size in plain figures: 21,800 and not 2.18e+04."""
    return f"{float(f'{value:.3g}'):,.0f}" if 100 <= value < 1e12 else f"{value:.3g}"


def _words(found: dict) -> str:
    x, y = found["x"], found["y"]
    lines = [f"{_points(found['points'])} of {y} against {x}."]
    if "forecast" in found:
        wide = max(16, len(x))
        lines += ["", f"{x:>{wide}}{'forecast':>12}{'low':>12}{'high':>12}   ({_level(found['interval'])} interval)"]
        for row in found["forecast"]:
            values = "".join(f"{row[name]:>12.4g}" for name in ("prediction", "low", "high"))
            lines.append(f"{_amount(row['at']):>{wide}}{values}")
        lines.append(f"{'last value':>{wide}}{found['last_value']:>12.4g}")
    lines += [f"Note: {warning}" for warning in found.get("warnings", ())]
    if "plan" in found:
        lines += ["", _plan(found["plan"], x, y, found["interval"])]
    if "chart" in found:
        lines += ["", f"Chart: {found['chart']}"]
    return "\n".join(lines)


def _chance(value: float) -> str:
    """A chance in percent; what is nearly sure is not called sure."""
    return "over 99%" if value > 0.99 else "under 1%" if value < 0.01 else f"{value:.0%}"


def _plan(plan: dict, x: str, y: str, interval: float) -> str:
    if plan["reached"]:
        return f"{y} {plan['target']:g}: the last point is there already, at {_amount(plan['needed'])} {x}."
    within = (
        f"{_chance(plan['unreachable'])} that it takes more than {_amount(plan['horizon'])} {x}, or is never reached"
    )
    if plan["needed"] is None:
        soonest = f"; at the soonest {_amount(plan['low'])}" if plan["low"] is not None else ""
        return f"{y} {plan['target']:g}: out of reach, most likely{soonest}. The chance is {within}."
    high = _amount(plan["high"]) if plan["high"] is not None else "no limit in reach"
    limits = f"between {_amount(plan['low'])} and {high} ({_level(interval)} interval)"
    amount = f"about {_amount(plan['needed'])} {x}, {limits}"
    return f"{y} {plan['target']:g}: {amount}. The chance is {within}."


def _draw(curve, path: Path, end: float, options: dict) -> None:
    import numpy as np
    import pandas as pd

    from labkit import display, laws

    grid = np.geomspace(curve.x.min(), end, 80)
    middle, low, high = laws.forecast(curve.x, curve.y, grid, **options)
    line = pd.DataFrame({"x": grid, "y": middle, "low": low, "high": high})
    names = curve.attrs["x_name"], curve.attrs["y_name"]
    chart = display.forecast(curve[["x", "y"]], line, interval=options["interval"], names=names)
    vega = path.suffix.lower() == ".json"
    path.write_text(json.dumps(display.specification(chart)) if vega else display.svg(chart), encoding="utf-8")
