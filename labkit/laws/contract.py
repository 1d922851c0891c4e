"""What every form must satisfy, ours and a reader's own: one suite, each failure a plain sentence."""

from __future__ import annotations

import numpy as np

from labkit import seeds
from labkit.laws import starts
from labkit.laws.estimator import ScalingLaw
from labkit.laws.form import Form
from labkit.laws.misfit import Data

CASES = 5
STEP = 1e-6
POINTS = 120
NOISE = 0.003
REFITS = 150
DETERMINED = 1e5  # condition up to which the parameters themselves are recovered, and not the curve alone
OUTSIDE = 6.0  # standard errors beyond which a prediction was not recovered


def check(form: Form, seed: int = 0) -> None:
    """Raise ``AssertionError`` with a plain sentence unless the form keeps its promises.

    Checked: that everything is named, shapes, gradient against finite differences, bounds, declared units, inverse, the
    twin if there is one, and that noisy samples of a known law give back its curve, and its parameters where the points
    determine them, within the fit's own bootstrap errors.

    >>> from labkit import laws
    >>> check(laws.get("power_floor"))
    """
    _named(form)
    rng = seeds.generator(seed, "contract", form.name)
    cases = [case for case in (_case(form, rng) for _ in range(8 * CASES)) if case is not None][:CASES]
    assert len(cases) == CASES, f"{form.name}: undefined for most parameters near its starts"
    for columns, theta in cases:
        _shapes(form, columns, theta)
        _gradient(form, columns, theta)
        _units(form, columns, theta, rng)
        _inverse(form, columns, theta)
        _twin(form, columns, theta)
    if form.name != "last_value":
        _recovery(form, cases[0], rng)


def _named(form: Form) -> None:
    for what in ("name", "latex", "source", "subject"):
        assert getattr(form, what).strip(), f"{form.name}: no {what} is given"
    known = set(form.columns)
    assert set(form.rescalable) <= known, f"{form.name}: rescalable names columns it does not have ({form.rescalable})"
    for parameter in form.parameters:
        assert parameter.meaning.strip(), f"{form.name}: {parameter.name} has no meaning given"
        assert parameter.low < parameter.high, f"{form.name}: the bounds of {parameter.name} leave nothing"
        inside = all(parameter.low <= start <= parameter.high for start in parameter.starts or ())
        assert inside, f"{form.name}: a start of {parameter.name} lies outside its bounds"


def _case(form: Form, rng) -> tuple[tuple[np.ndarray, ...], np.ndarray] | None:
    """Points and parameters where the form is finite, from its starts."""
    columns = tuple(np.exp(rng.uniform(-1.5, 1.5, POINTS)) for _ in form.columns)
    columns = tuple(
        column if name in form.rescalable else 1 + 2 * column / (1 + column)
        for name, column in zip(form.columns, columns, strict=True)
    )
    theta = np.empty(len(form.parameters))
    for i, parameter in enumerate(form.parameters):
        if parameter.linear:
            theta[i] = rng.uniform(0.3, 1.0)
        else:
            low, high = min(parameter.starts), max(parameter.starts)
            theta[i] = low + (high - low) * rng.uniform(0.3, 0.7)
            if parameter.log and parameter.along is None:
                theta[i] = np.exp(np.log(low) + np.log(high / low) * rng.uniform(0.3, 0.7))
            if parameter.along is not None:
                theta[i] = np.exp(-1.5 + 3 * theta[i])
    value, _ = form.evaluate(tuple(column[None] for column in columns), theta[None])
    return (columns, theta) if np.isfinite(value).all() else None


def _value(form: Form, columns, theta) -> np.ndarray:
    value, _ = form.evaluate(tuple(column[None] for column in columns), np.asarray(theta)[None])
    return np.broadcast_to(value, (1, len(columns[0])))[0]


def _shapes(form: Form, columns, theta) -> None:
    value, partials = form.evaluate(tuple(column[None] for column in columns), np.stack([theta, theta]))
    count = (2, len(columns[0]))
    assert len(partials) == len(form.parameters), f"{form.name}: {len(partials)} partials for {len(theta)} parameters"
    assert np.broadcast_shapes(np.shape(value), count) == count, f"{form.name}: the value has shape {np.shape(value)}"
    for name, partial in zip(form.names, partials, strict=True):
        shape = np.shape(partial)
        assert np.broadcast_shapes(shape, count) == count, f"{form.name}: the partial by {name} has shape {shape}"


def _gradient(form: Form, columns, theta) -> None:
    _, partials = form.evaluate(tuple(column[None] for column in columns), theta[None])
    for i, name in enumerate(form.names):
        step = STEP * max(abs(theta[i]), 1e-3)
        up, down = theta.copy(), theta.copy()
        up[i] += step
        down[i] -= step
        numeric = (_value(form, columns, up) - _value(form, columns, down)) / (2 * step)
        size = np.abs(numeric).max() + 1e-6
        wrong = np.abs(np.broadcast_to(partials[i], (1, len(columns[0])))[0] - numeric).max() / size
        assert wrong < 1e-4, f"{form.name}: the partial by {name} is off by {wrong:.1e} of its size"
        if form.parameters[i].linear:
            apart = _value(form, columns, up) + _value(form, columns, down) - 2 * _value(form, columns, theta)
            assert np.abs(apart).max() < 1e-8 * size, f"{form.name}: {name} has no starts but is not linear"


def _units(form: Form, columns, theta, rng) -> None:
    factors = {name: float(np.exp(rng.uniform(-1, 1))) for name in form.rescalable}
    if form.equivariant:
        factors["y"] = float(np.exp(rng.uniform(-1, 1)))
    for name, factor in factors.items():
        scaled = tuple(c * factor if n == name else c for n, c in zip(form.columns, columns, strict=True))
        moved = form.rescale(theta[None], {name: factor})[0]
        expected = _value(form, columns, theta) * (factor if name == "y" else 1.0)
        off = np.abs(_value(form, scaled, moved) / expected - 1).max()
        assert off < 1e-8, f"{form.name}: units of {name} are declared wrongly (the value changes by {off:.1e})"


def _inverse(form: Form, columns, theta) -> None:
    if form.inverse is None:
        return
    assert len(columns) == 1, f"{form.name}: an inverse needs a single column"
    y = _value(form, columns, theta)
    with np.errstate(all="ignore"):
        back = _value(form, (np.asarray(form.inverse(y, *theta), float),), theta)
    well = np.isfinite(back)
    assert well.mean() > 0.5, f"{form.name}: the inverse is undefined for most values the form takes"
    off = np.abs(back[well] / y[well] - 1).max()
    assert off < 1e-5, f"{form.name}: law(inverse(y)) differs from y by {off:.1e}"


def _twin(form: Form, columns, theta) -> None:
    if form.twin is None:
        return
    data = Data(tuple(column[None] for column in columns), np.ones((1, POINTS)), np.ones((1, POINTS)))
    low, high = starts.bounds(form, data)
    ends = form.twin.bounds(low, high)
    there = form.twin.into(theta[None])
    assert ((there >= ends[0]) & (there <= ends[1])).all(), f"{form.name}: its twin's coordinates leave their bounds"
    y, (value, partials) = _value(form, columns, theta), form.twin.evaluate(data.columns, there)
    off = np.abs(value[0] / y - 1).max()
    assert off < 1e-8, f"{form.name}: its twin differs from it by {off:.1e}"
    off = np.abs(_value(form, columns, form.twin.back(there, low, high)[0]) / y - 1).max()
    assert off < 1e-8, f"{form.name}: to its twin and back it differs by {off:.1e}"
    for i, parameter in enumerate(form.twin.parameters):
        step = np.zeros_like(there)
        step[0, i] = STEP * max(abs(there[0, i]), 1e-3)
        up, down = (form.twin.evaluate(data.columns, there + sign * step)[0] for sign in (1, -1))
        numeric = (up - down) / (2 * step[0, i])
        wrong = np.abs(partials[i] - numeric).max() / (np.abs(numeric).max() + 1e-6)
        assert wrong < 1e-4, (
            f"{form.name}: the partial of its twin by {parameter.name} is off by {wrong:.1e} of its size"
        )


def _recovery(form: Form, case, rng) -> None:
    columns, theta = case
    truth = _value(form, columns, theta)
    y = truth * np.exp(NOISE * rng.standard_normal(len(truth)))
    X = columns[0] if len(columns) == 1 else np.column_stack(columns)
    objective = "log_squared" if (y > 0).all() else "squared"
    law = ScalingLaw(form, objective).fit(X, y)
    for name, parameter in zip(form.names, form.parameters, strict=True):
        if parameter.along is None and not parameter.log:
            found = law.parameters_[name]
            inside = parameter.low <= found <= parameter.high
            assert inside, f"{form.name}: the fit put {name} = {found:g} outside its bounds"
    draws = law.bootstrap(REFITS, seed=0).to_numpy()
    curves, _ = form.evaluate(tuple(column[None] for column in columns), draws)
    spread = np.broadcast_to(curves, (len(draws), len(truth))).std(0) + 0.05 * NOISE * np.abs(truth)
    off = (np.abs(law.predict(X) - truth) / spread).max()
    assert off < OUTSIDE, f"{form.name}: the fitted curve is {off:.1f} of its own standard errors from the truth"
    if law.condition_ > DETERMINED or law.at_bound_:
        return
    for i, name in enumerate(form.names):
        low, middle, high = np.quantile(draws[:, i], [0.16, 0.5, 0.84])
        reach = max(high - low, 1e-6 * abs(theta[i])) / 2
        off = abs(middle - theta[i]) / reach
        assert off < OUTSIDE, f"{form.name}: {name} is {off:.1f} of its own standard errors from the truth"
