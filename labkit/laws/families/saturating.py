"""Curves between a start and a floor: log-logistic, and exponentials."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, Twin, register

SPAN = Parameter("S", "span: how far the curve falls from its start E + S to its floor E")
LEAST = 1e-15  # in place of zero, which has no logarithm
ROUNDS, SETTLED = 30, 1e-15  # of Newton's method, from above where it cannot fail, and relative change at its end
TAIL = "exponent far beyond d"
_STRETCH = "stretch; 1 is the plain exponential"
STEEP = (0.1, 0.25, 0.5, 0.9, 1.5, 3.0)
_ALPHA = Parameter("alpha", TAIL, 0.01, 8.0, STEEP)
_BEND = Parameter("alpha", _STRETCH, 0.01, 8.0, STEEP)
_SLOPE = Parameter("s", "exponent at x = 1", 1e-9, 1e3, (0.5,), log=True)


def place(meaning: str) -> Parameter:
    return Parameter("d", meaning, -4.0, 4.0, (-1.0, -0.3, 0.2, 0.6, 1.0, 1.5), "x", log=True)


def _log_logistic(x, E, S, d, alpha):
    log = np.log(x) - np.log(d)
    u = 1 / (1 + np.exp(alpha * log))
    value = S * u
    slope = value * (u - 1)
    return E + value, (np.ones_like(u), u, slope * (-alpha / d), slope * log)


def _exponential(x, E, S, d):
    u = np.exp(-x / d)
    return E + S * u, (np.ones_like(u), u, S * u * x / d**2)


def _stretched(x, E, S, d, alpha):
    log = np.log(x) - np.log(d)
    power = np.exp(np.minimum(alpha * log, 300.0))
    u = np.exp(-power)
    value = S * u
    slope = -value * power
    return E + value, (np.ones_like(u), u, slope * (-alpha / d), slope * log)


LEVEL = Parameter("R", "what the form adds to the floor at x = 1")
SHARE = Parameter("u", "share of the span that is left at x = 1", LEAST, 1 - 1e-12, (0.5,))


def _log_logistic_twin(x, E, R, u, alpha):
    log = np.log(x)
    power = np.exp(alpha * log)
    grown = (1 - u) * power
    share = 1 / (u + grown)
    value = R * share
    slope = value * share
    return E + value, (np.ones_like(value), share, slope * (power - 1), slope * grown * -log)


def _left(d, alpha):
    return np.exp(-np.logaddexp(0, -alpha * np.log(d)))


def _log_logistic_into(theta):
    E, S, d, alpha = theta.T
    u = _left(d, alpha)
    return np.stack([E, S * u, u, alpha], 1)


def _log_logistic_back(coordinates, low, high):
    E, R, u, alpha = coordinates.T
    with np.errstate(over="ignore"):
        d = np.clip(np.exp((np.log(u) - np.log1p(-u)) / alpha), low[:, 2], high[:, 2])
    return np.stack([E, R / _left(d, alpha), d, alpha], 1)


def _stretched_twin(x, E, R, s, alpha):
    log = np.log(x)
    grown = np.expm1(alpha * log)
    fall = grown / alpha
    shape = np.exp(-s * fall)
    value = R * shape
    bend = (grown + 1) * log - fall
    return E + value, (np.ones_like(value), shape, -value * fall, value * bend * (-s / alpha))


def _stretched_into(theta):
    E, S, d, alpha = theta.T
    with np.errstate(over="ignore"):
        depth = np.exp(np.minimum(-alpha * np.log(d), 700.0))
    return np.stack([E, S * np.exp(-depth), alpha * depth, alpha], 1)


def _stretched_back(coordinates, low, high):
    E, R, s, alpha = coordinates.T
    # s = alpha d^-alpha: where that would take d below its bound, the least alpha that does not
    far = -np.log(low[:, 2])
    short = np.log(s / alpha) > alpha * far
    for _ in range(ROUNDS if short.any() else 0):
        ahead = np.maximum(alpha - (alpha * far + np.log(alpha / s)) / (far + 1 / alpha), 1e-6)
        moved = np.abs(ahead - alpha) > SETTLED * alpha
        alpha = np.where(short, ahead, alpha)
        if not (short & moved).any():
            break
    depth = s / alpha
    d = np.where(short, low[:, 2], np.clip(np.exp(-np.log(depth) / alpha), low[:, 2], high[:, 2]))
    return np.stack([E, R * np.exp(np.minimum(depth, 700.0)), d, alpha], 1)


UNITS = {"E": {"y": 1}, "S": {"y": 1}, "d": {"x": 1}}

register(
    Form(
        name="log_logistic",
        columns=("x",),
        parameters=(
            FLOOR,
            SPAN,
            place("x at which half of the span is gone"),
            _ALPHA,
        ),
        law=_log_logistic,
        latex=r"y = E + \frac{S}{1 + (x/d)^{\alpha}}",
        source="mmf4 of Mohr et al., 2022; Hill4 of Domhan et al., 2015; rectified law of Lin et al., 2024",
        note="the rectified law has B = S d^alpha and D_l = d^alpha; Hill3 and logpower3, of scores that start "
        "at zero, hold E + S at one",
        units=UNITS,
        inverse=lambda y, E, S, d, alpha: d * (S / (y - E) - 1) ** (1 / alpha),
        aliases=("mmf4", "hill", "Hill", "hill4", "Hill4", "rectified", "logpower", "logpower4"),
        twin=Twin(
            (FLOOR, LEVEL, SHARE, _ALPHA), _log_logistic_twin, _log_logistic_into, _log_logistic_back, ("S",), "u"
        ),
    )
)

register(
    Form(
        name="exponential",
        columns=("x",),
        parameters=(FLOOR, SPAN, place("x over which the span falls to 1/e")),
        law=_exponential,
        latex=r"y = E + S e^{-x/d}",
        source="exp3 and expd3 of Mohr et al., 2022",
        units=UNITS,
        inverse=lambda y, E, S, d: -d * np.log((y - E) / S),
        aliases=("exp3", "expd3"),
        note="falls faster than learning curves do far out",
    )
)

register(
    Form(
        name="stretched_exponential",
        columns=("x",),
        parameters=(
            FLOOR,
            SPAN,
            place("x at which the span has fallen to 1/e"),
            _BEND,
        ),
        law=_stretched,
        latex=r"y = E + S e^{-(x/d)^{\alpha}}",
        source="wbl4 of Mohr et al., 2022; exp4 and Janoschek of Domhan et al., 2015; janoschek4 of LCDB 1.1",
        units=UNITS,
        inverse=lambda y, E, S, d, alpha: d * (-np.log((y - E) / S)) ** (1 / alpha),
        aliases=("wbl4", "janoschek", "janoschek4", "exp4", "weibull"),
        twin=Twin((FLOOR, LEVEL, _SLOPE, _BEND), _stretched_twin, _stretched_into, _stretched_back, ("S",)),
    )
)
