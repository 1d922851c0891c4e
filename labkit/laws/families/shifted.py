"""Power laws with a shift: a plateau before the power law sets in, or a floor written as a shift of 1/x."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labkit.laws.families.power import EXPONENTS, FLOOR
from labkit.laws.form import Form, Parameter, Twin, register

_ALPHA = Parameter("alpha", "exponent far beyond the shift", 0.0, 8.0, EXPONENTS)


def _shifted(x, E, A, d, alpha):
    log = np.log(x + d)
    shape = np.exp(-alpha * log)
    value = A * shape
    return E + value, (np.ones_like(shape), shape, -alpha * value / (x + d), -value * log)


def _reciprocal(x, A, g, alpha):
    base = 1 / x + g
    log = np.log(base)
    shape = np.exp(alpha * log)
    value = A * shape
    return value, (shape, alpha * value / base, value * log)


_LEVEL = Parameter("R", "what the form adds to the floor at x = 1")
_SHARE = Parameter("u", "1 / (1 + d), or 1 / (1 + g)", 0.0, 1.0, (0.5,), log=True)
_STEEPNESS = replace(_ALPHA, log=True)


def _shifted_twin(x, E, R, u, alpha):
    away = x - 1
    base = 1 + u * away
    log = np.log(base)
    shape = np.exp(-alpha * log)
    value = R * shape
    return E + value, (np.ones_like(shape), shape, value * away / base * -alpha, -value * log)


def _shifted_into(theta):
    E, A, d, alpha = theta.T
    return np.stack([E, A * np.exp(-alpha * np.log1p(d)), 1 / (1 + d), alpha], 1)


def _shifted_back(coordinates, low, high):
    E, R, u, alpha = coordinates.T
    d = np.clip(1 / u - 1, low[:, 2], high[:, 2])
    return np.stack([E, R * np.exp(alpha * np.log1p(d)), d, alpha], 1)


def _reciprocal_twin(x, R, u, alpha):
    base = 1 - u + u / x
    log = np.log(base)
    shape = np.exp(alpha * log)
    value = R * shape
    return value, (shape, value * (1 / x - 1) / base * alpha, value * log)


def _reciprocal_into(theta):
    A, g, alpha = theta.T
    return np.stack([A * np.exp(alpha * np.log1p(g)), 1 / (1 + g), alpha], 1)


def _reciprocal_back(coordinates, low, high):
    R, u, alpha = coordinates.T
    g = np.clip(1 / u - 1, low[:, 1], high[:, 1])
    return np.stack([R * np.exp(-alpha * np.log1p(g)), g, alpha], 1)


def _ends(low, high):
    """The bounds of u, the last but one, in place of those of the shift."""
    low, high = low.copy(), high.copy()
    low[:, -2], high[:, -2] = 1 / (1 + high[:, -2]), 1 / (1 + low[:, -2])
    return low, high


register(
    Form(
        name="shifted_power",
        columns=("x",),
        parameters=(
            FLOOR,
            Parameter("A", "amplitude"),
            Parameter("d", "shift: below this x the curve is flat", -3.0, 2.0, (-1.0, 0.1, 0.4, 0.8), "x", log=True),
            _ALPHA,
        ),
        law=_shifted,
        latex=r"y = E + A (x + d)^{-\alpha}",
        source="pow4 of Mohr et al., 2022; Domhan et al., 2015",
        units={"E": {"y": 1}, "A": {"y": 1, "x": "alpha"}, "d": {"x": 1}},
        inverse=lambda y, E, A, d, alpha: (A / (y - E)) ** (1 / alpha) - d,
        aliases=("pow4",),
        twin=Twin((FLOOR, _LEVEL, _SHARE, _STEEPNESS), _shifted_twin, _shifted_into, _shifted_back, ("A",), ends=_ends),
    )
)

register(
    Form(
        name="reciprocal_shift",
        columns=("x",),
        parameters=(
            Parameter("A", "amplitude"),
            Parameter(
                "g", "shift of 1/x: beyond 1/g the curve is flat", 1e-12, 1e12, (1e-4, 1e-2, 0.1, 0.5, 3.0), log=True
            ),
            Parameter("alpha", "exponent while x is far below 1/g", 0.0, 8.0, EXPONENTS),
        ),
        law=_reciprocal,
        latex=r"y = A \left(\frac{1}{x} + g\right)^{\alpha}",
        source="Bansal et al., 2022; M3 of Alabdulmohsin et al., 2022",
        units={"A": {"y": 1, "x": "alpha"}, "g": {"x": -1}},
        inverse=lambda y, A, g, alpha: 1 / ((y / A) ** (1 / alpha) - g),
        aliases=("M3",),
        twin=Twin(
            (_LEVEL, _SHARE, _STEEPNESS), _reciprocal_twin, _reciprocal_into, _reciprocal_back, ("A",), ends=_ends
        ),
    )
)
