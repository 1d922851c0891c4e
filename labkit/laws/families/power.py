"""Constants and power laws of one variable."""

from __future__ import annotations

import numpy as np

from labkit.laws.form import Form, Parameter, register

EXPONENTS = (0.03, 0.1, 0.2, 0.35, 0.6, 1.0, 1.7)
FLOOR = Parameter("E", "floor that no amount of x removes, in the unit of y")
EXPONENT = Parameter("alpha", "exponent: a tenfold x divides the reducible part by 10^alpha", 0.0, 8.0, EXPONENTS)


def _constant(x, E):
    one = np.ones(np.broadcast_shapes(np.shape(x), np.shape(E)))
    return E * one, (one,)


def _power(x, A, alpha):
    lx = np.log(x)
    shape = np.exp(-alpha * lx)
    value = A * shape
    return value, (shape, value * -lx)


def _power_floor(x, E, A, alpha):
    value, (shape, slope) = _power(x, A, alpha)
    return E + value, (np.ones_like(shape), shape, slope)


register(
    Form(
        name="last_value",
        columns=("x",),
        parameters=(Parameter("E", "the value at the largest x seen", -np.inf),),
        law=_constant,
        latex=r"y = y_{\mathrm{last}}",
        source="the baseline every forecast has to beat; Mohr et al., 2022 (last1)",
        units={"E": {"y": 1}},
        aliases=("last1", "last"),
        note="not fitted: the mean of y at the largest x",
    )
)

register(
    Form(
        name="power",
        columns=("x",),
        parameters=(Parameter("A", "amplitude: the value at x = 1"), EXPONENT),
        law=_power,
        latex=r"y = A x^{-\alpha}",
        source="Hestness et al., 2017; M1 of Alabdulmohsin et al., 2022",
        units={"A": {"y": 1, "x": "alpha"}},
        inverse=lambda y, A, alpha: (A / y) ** (1 / alpha),
        aliases=("pow2", "M1"),
    )
)

register(
    Form(
        name="power_floor",
        columns=("x",),
        parameters=(FLOOR, Parameter("A", "amplitude: what x = 1 adds to the floor"), EXPONENT),
        law=_power_floor,
        latex=r"y = E + A x^{-\alpha}",
        source="Henighan et al., 2020; pow3 of Mohr et al., 2022; M2 of Alabdulmohsin et al., 2022",
        units={"E": {"y": 1}, "A": {"y": 1, "x": "alpha"}},
        inverse=lambda y, E, A, alpha: (A / (y - E)) ** (1 / alpha),
        aliases=("pow3", "M2"),
    )
)
