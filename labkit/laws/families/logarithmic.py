"""Logarithmic baselines: fine between the points, unbounded or arbitrary beyond them."""

from __future__ import annotations

import numpy as np

from labkit.laws.form import Form, Parameter, register

_WARNING = "a baseline: never use it far beyond the points"


def _logarithm(x, a, b):
    log = np.log(x) * np.ones_like(a)
    return a - b * log, (np.ones_like(log), -log)


def _inverse_logarithm(x, E, A):
    shape = np.ones_like(A) / np.log1p(x)
    return E + A * shape, (np.ones_like(shape), shape)


register(
    Form(
        name="logarithm",
        columns=("x",),
        parameters=(Parameter("a", "value at x = 1", -np.inf), Parameter("b", "fall per unit of ln x", -np.inf)),
        law=_logarithm,
        latex=r"y = a - b \ln x",
        source="log2 of Mohr et al., 2022",
        units={"a": {"y": 1}, "b": {"y": 1}},
        rescalable=(),
        inverse=lambda y, a, b: np.exp((a - y) / b),
        aliases=("log2", "logx_linear"),
        note=f"{_WARNING}; it falls below every floor",
    )
)

register(
    Form(
        name="inverse_logarithm",
        columns=("x",),
        parameters=(Parameter("E", "floor"), Parameter("A", "amplitude")),
        law=_inverse_logarithm,
        latex=r"y = E + \frac{A}{\ln(1 + x)}",
        source="ilog2 of Domhan et al., 2015, as in their code; that of Mohr et al., 2022 has ln x",
        units={"E": {"y": 1}, "A": {"y": 1}},
        rescalable=(),
        inverse=lambda y, E, A: np.expm1(A / (y - E)),
        aliases=("ilog2",),
        note=f"{_WARNING}; with ln(1 + x) the value at x = 1 is finite, with ln x it is not",
    )
)
