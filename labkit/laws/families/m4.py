"""M4: between a start and a floor, with a dial from a power law to a log-logistic curve and beyond."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.power import FLOOR
from labkit.laws.families.saturating import LEVEL, SHARE, SPAN, STEEP, TAIL, UNITS, place
from labkit.laws.form import Form, Parameter, Twin, register

HALLEY = 4  # steps that reach rounding from the asymptotes for every sharpness within the bounds
_SHARPNESS = Parameter(
    "a",
    "how slowly the curve leaves its start; 1 is log-logistic, 0 a power law",
    0.02,
    20.0,
    (0.1, 0.5, 1.0, 3.0),
    log=True,
)
_EXPONENT = Parameter("c", TAIL, 0.01, 8.0, STEEP)


def _m4_share(t, a):
    """s with ln u - a ln(1 - u) = t for u = 1/(1 + exp(-s)): Halley's steps from the asymptotes s = t and s = t/a."""
    s, k = np.where(t < 0, t, t / a), a - 1
    for _ in range(HALLEY):
        rest = np.logaddexp(0, s)  # -ln(1 - u); ln u is s less that
        u = np.exp(s - rest)
        bent = k * u
        slope = 1 + bent
        step = (s + k * rest - t) / slope
        s = s - step / (1 - 0.5 * step * bent * (1 - u) / slope)
    return s


def _m4(x, E, S, a, d, c):
    log = np.log(x / d)
    s = _m4_share(-c * log, a)
    rest = np.logaddexp(0, s)
    u = np.exp(s - rest)
    slope = S * u * (1 - u) / (1 - u + a * u)
    return E + S * u, (np.ones_like(u), u, -slope * rest, slope * c / d, -slope * log)


def _m4_inverse(y, E, S, a, d, c):
    u = (y - E) / S
    return d * (u / (1 - u) ** a) ** (-1 / c)


def _twin(x, E, R, a, u, c):
    log, rest_here = np.log(x), -np.log1p(-u)
    s = _m4_share(np.log(u) + a * rest_here - c * log, a)
    rest = np.logaddexp(0, s)
    shape = np.exp(a * (rest_here - rest) - c * log)
    value = R * shape
    # 1 + a exp(s) and 1 + exp(s), divided by the larger of 1 and exp(s): the share left far below d rounds to one
    least, large = np.exp(-np.abs(s)), s > 0
    inner = np.where(large, least + a, 1 + a * least)
    slope = value * np.where(large, least, 1.0) / inner
    by_share = a * (slope / (1 - u) - value * shape * (1 + least) / inner)
    return E + value, (np.ones_like(value), shape, slope * (rest_here - rest), by_share, -slope * log)


def _left(a, d, c):
    s = _m4_share(c * np.log(d), a)
    return np.exp(s - np.logaddexp(0, s))


def _into(theta):
    E, S, a, d, c = theta.T
    u = _left(a, d, c)
    return np.stack([E, S * u, a, u, c], 1)


def _back(coordinates, low, high):
    E, R, a, u, c = coordinates.T
    with np.errstate(over="ignore"):
        d = np.clip(np.exp((np.log(u) - a * np.log1p(-u)) / c), low[:, 3], high[:, 3])
    return np.stack([E, R / _left(a, d, c), a, d, c], 1)


register(
    Form(
        name="m4",
        columns=("x",),
        parameters=(
            FLOOR,
            SPAN,
            _SHARPNESS,
            place("place of the fall"),
            _EXPONENT,
        ),
        law=_m4,
        latex=r"\frac{y - E}{(E + S - y)^{a}} = S^{1-a} (x/d)^{-c}",
        source="Alabdulmohsin et al., 2022 (M4; their epsilon_0 is E + S)",
        units=UNITS,
        inverse=_m4_inverse,
        aliases=("M4",),
        twin=Twin((FLOOR, LEVEL, _SHARPNESS, SHARE, _EXPONENT), _twin, _into, _back, ("S",), limit="u"),
    )
)
