"""Broken power laws: the exponent changes smoothly at one or two places."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, register

_FIRST = (0.02, 0.15, 0.4, 1.0)


def _broken(x, E, A, c0, *breaks):
    log = np.log(x)
    exponent = -c0 * log
    soft = []
    for d, c, f in zip(breaks[0::3], breaks[1::3], breaks[2::3], strict=True):
        gap = (log - np.log(d)) / f
        least = np.exp(-np.abs(gap))
        ramp = np.maximum(gap, 0) + np.log(1 + least)  # ln(1 + e^gap)
        soft.append((gap, ramp, np.where(gap > 0, 1.0, least) / (1 + least)))
        exponent = exponent - c * f * ramp
    shape = np.exp(exponent)
    value = A * shape
    partials = [np.ones_like(shape), shape, -value * log]
    for (gap, ramp, share), d, c, f in zip(soft, breaks[0::3], breaks[1::3], breaks[2::3], strict=True):
        partials += [value * c * share / d, -value * f * ramp, value * c * (share * gap - ramp)]
    return E + value, tuple(partials)


def _break(number: str, places: tuple[float, ...], changes: tuple[float, ...]) -> tuple[Parameter, ...]:
    return (
        Parameter(f"d{number}", "place of the break", -0.5, 2.0, places, "x", log=True),
        Parameter(f"c{number}", "change of the exponent there", -8.0, 8.0, changes),
        Parameter(f"f{number}", "softness of the break in ln x", 0.05, 5.0, (0.2, 0.8), log=True),
    )


def _units(breaks: int) -> dict:
    return {"E": {"y": 1}, "A": {"y": 1, "x": "c0"}, **{f"d{i + 1}": {"x": 1} for i in range(breaks)}}


_SOURCE = "Caballero et al., 2022 (broken neural scaling law)"
_AMPLITUDE = (FLOOR, Parameter("A", "amplitude before the breaks"))

register(
    Form(
        name="broken_power",
        columns=("x",),
        parameters=(
            *_AMPLITUDE,
            Parameter("c0", "exponent before the break", -4.0, 8.0, _FIRST),
            *_break("1", (0.1, 0.35, 0.6, 0.85), (-0.4, -0.1, 0.1, 0.4, 1.0)),
        ),
        law=_broken,
        latex=r"y = E + A x^{-c_0} \left(1 + (x/d_1)^{1/f_1}\right)^{-c_1 f_1}",
        source=_SOURCE,
        units=_units(1),
        aliases=("BNSL", "BNSL-1", "bnsl", "bnsl1"),
    )
)

register(
    Form(
        name="broken_power_2",
        columns=("x",),
        parameters=(
            *_AMPLITUDE,
            Parameter("c0", "exponent before the breaks", -4.0, 8.0, _FIRST),
            *_break("1", (0.1, 0.3, 0.5), (-0.4, 0.1, 0.6)),
            *_break("2", (0.6, 0.8, 0.95), (-0.4, 0.1, 0.6)),
        ),
        law=_broken,
        latex=r"y = E + A x^{-c_0} \prod_{i=1}^{2} \left(1 + (x/d_i)^{1/f_i}\right)^{-c_i f_i}",
        source=_SOURCE,
        units=_units(2),
        aliases=("BNSL-2", "bnsl2"),
        note="needs some thirty points or more",
    )
)
