"""Curves between a start and a floor: M4, log-logistic, and exponentials."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, register

NEWTON = 6  # reaches rounding from the asymptotes for every sharpness within the bounds
SPAN = Parameter("S", "span: how far the curve falls from its start E + S to its floor E")
_SHARPNESS = "how slowly the curve leaves its start; 1 is log-logistic, 0 a power law"
_TAIL = "exponent far beyond d"
_STRETCH = "stretch; 1 is the plain exponential"
_STEEP = (0.1, 0.25, 0.5, 0.9, 1.5, 3.0)


def _place(meaning: str) -> Parameter:
    return Parameter("d", meaning, -4.0, 4.0, (-1.0, -0.3, 0.2, 0.6, 1.0, 1.5), "x", log=True)


def _m4_share(t, a):
    """s with ln u - a ln(1 - u) = t for u = 1/(1 + exp(-s)): Newton's steps from the asymptotes s = t and s = t/a."""
    s = np.where(t < 0, t, t / a)
    for _ in range(NEWTON):
        least = np.exp(-np.abs(s))
        soft = np.log(1 + least)
        # ln u = min(s, 0) - soft, -ln(1 - u) = max(s, 0) + soft
        u = np.where(s > 0, 1.0, least) / (1 + least)
        s = s - (np.minimum(s, 0) - soft + a * (np.maximum(s, 0) + soft) - t) / (1 - u + a * u)
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


def _log_logistic(x, E, S, d, alpha):
    log = np.log(x / d)
    u = np.exp(-np.logaddexp(0, alpha * log))
    slope = -S * u * (1 - u)
    return E + S * u, (np.ones_like(u), u, -slope * alpha / d, slope * log)


def _exponential(x, E, S, d):
    u = np.exp(-x / d)
    return E + S * u, (np.ones_like(u), u, S * u * x / d**2)


def _stretched(x, E, S, d, alpha):
    log = np.log(x / d)
    power = np.exp(np.minimum(alpha * log, 300.0))
    u = np.exp(-power)
    slope = -S * u * power
    return E + S * u, (np.ones_like(u), u, -slope * alpha / d, slope * log)


_UNITS = {"E": {"y": 1}, "S": {"y": 1}, "d": {"x": 1}}

register(
    Form(
        name="m4",
        columns=("x",),
        parameters=(
            FLOOR,
            SPAN,
            Parameter(
                "a",
                _SHARPNESS,
                0.02,
                20.0,
                (0.1, 0.5, 1.0, 3.0),
                log=True,
            ),
            _place("place of the fall"),
            Parameter("c", _TAIL, 0.01, 8.0, _STEEP),
        ),
        law=_m4,
        latex=r"\frac{y - E}{(E + S - y)^{a}} = S^{1-a} (x/d)^{-c}",
        source="Alabdulmohsin et al., 2022 (M4; their epsilon_0 is E + S)",
        units=_UNITS,
        inverse=_m4_inverse,
        aliases=("M4",),
    )
)

register(
    Form(
        name="log_logistic",
        columns=("x",),
        parameters=(
            FLOOR,
            SPAN,
            _place("x at which half of the span is gone"),
            Parameter("alpha", _TAIL, 0.01, 8.0, _STEEP),
        ),
        law=_log_logistic,
        latex=r"y = E + \frac{S}{1 + (x/d)^{\alpha}}",
        source="mmf4 of Mohr et al., 2022; Hill4 of Domhan et al., 2015; rectified law of Lin et al., 2024",
        note="the rectified law has B = S d^alpha and D_l = d^alpha",
        units=_UNITS,
        inverse=lambda y, E, S, d, alpha: d * (S / (y - E) - 1) ** (1 / alpha),
        aliases=("mmf4", "hill", "hill4", "rectified", "logpower", "logpower4"),
    )
)

register(
    Form(
        name="exponential",
        columns=("x",),
        parameters=(FLOOR, SPAN, _place("x over which the span falls to 1/e")),
        law=_exponential,
        latex=r"y = E + S e^{-x/d}",
        source="exp3 of Mohr et al., 2022",
        units=_UNITS,
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
            _place("x at which the span has fallen to 1/e"),
            Parameter("alpha", _STRETCH, 0.01, 8.0, _STEEP),
        ),
        law=_stretched,
        latex=r"y = E + S e^{-(x/d)^{\alpha}}",
        source="wbl4 and janoschek4 of Mohr et al., 2022; exp4 of Domhan et al., 2015",
        units=_UNITS,
        inverse=lambda y, E, S, d, alpha: d * (-np.log((y - E) / S)) ** (1 / alpha),
        aliases=("wbl4", "janoschek", "janoschek4", "exp4", "weibull"),
    )
)
