"""Data seen more than once: effective data and parameters, and utility that halves with every few passes."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.compute_optimal import ALPHA, BETA, A, B, positive, rate
from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, register

SUBJECT = "repeated data"
PASSES = 2000


def _effective(unique, total, reach):
    """unique + unique·reach·(1 - exp(-R/reach)), R = total/unique - 1, with partials by unique and by reach."""
    repeats = total / unique - 1
    left = np.exp(-repeats / reach)
    value = unique + unique * reach * (1 - left)
    by_unique = 1 + reach * (1 - left) - left * total / unique
    by_reach = unique * (1 - left - left * repeats / reach)
    return value, by_unique, by_reach


def _data_constrained(params, tokens, unique_tokens, E, A, B, alpha, beta, R_N, R_D):
    unique_d = np.minimum(tokens, unique_tokens)
    log_best = (np.log(alpha * A / (beta * B)) + beta * np.log(unique_d)) / alpha
    best = np.exp(np.minimum(log_best, 700.0))
    held = best < params
    unique_n = np.where(held, best, params)
    n, by_unique_n, by_reach_n = _effective(unique_n, params, R_N)
    d, _, by_reach_d = _effective(unique_d, tokens, R_D)
    first, second = A * np.exp(-alpha * np.log(n)), B * np.exp(-beta * np.log(d))
    slope_n, slope_d = -alpha * first / n, -beta * second / d
    through = np.where(held, slope_n * by_unique_n * best, 0.0)
    value = E + first + second
    partials = (
        np.ones_like(value),
        first / A + through / (alpha * A),
        second / B - through / (alpha * B),
        -first * np.log(n) + through * (1 / alpha - log_best) / alpha,
        -second * np.log(d) + through * (np.log(unique_d) - 1 / beta) / alpha,
        slope_n * by_reach_n,
        slope_d * by_reach_d,
    )
    return value, partials


def _half_life(tokens, unique_tokens, E, A, alpha, tau):
    first = np.minimum(tokens, unique_tokens)
    gained = np.log(first) + 0.0 * tau
    lost = np.zeros_like(gained)
    passes = int(min(PASSES, np.ceil(np.max(tokens / unique_tokens))))
    for j in range(2, passes + 1):
        before = np.minimum(tokens, (j - 1) * unique_tokens)
        step = np.log(np.minimum(tokens, j * unique_tokens) / before)
        utility = np.exp2(-(j - 1) / tau)
        gained = gained + utility * step
        lost = lost + utility * step * (j - 1) * np.log(2) / tau**2
    shape = np.exp(-alpha * gained)
    value = A * shape
    return E + value, (np.ones_like(shape), shape, -value * gained, -value * alpha * lost)


register(
    Form(
        name="data_constrained",
        columns=("params", "tokens", "unique_tokens"),
        parameters=(
            FLOOR,
            positive("A", A.meaning),
            positive("B", B.meaning),
            Parameter("alpha", ALPHA.meaning, 1e-3, 8.0, (0.2, 0.4, 0.8)),
            Parameter("beta", BETA.meaning, 1e-3, 8.0, (0.2, 0.4, 0.8)),
            positive("R_N", "how many times excess parameters are worth using again", (2.0, 6.0, 30.0)),
            positive("R_D", "how many passes over the data are worth making", (4.0, 15.0, 60.0)),
        ),
        law=_data_constrained,
        latex=r"L = E + \frac{A}{N'^{\alpha}} + \frac{B}{D'^{\beta}},\quad D' = U_D + U_D R_D^*(1 - e^{-R_D/R_D^*})",
        source="Muennighoff et al., 2023",
        units={
            "E": {"y": 1},
            "A": {"y": 1, "params": "alpha"},
            "B": {"y": 1, "tokens": "beta"},
        },
        rescalable=("params",),
        aliases=("muennighoff",),
        subject=SUBJECT,
        note="U_N = min(N, the best size for U_D unique tokens); tokens and unique tokens share one unit",
    )
)

register(
    Form(
        name="half_life",
        columns=("tokens", "unique_tokens"),
        parameters=(
            FLOOR,
            Parameter("A", "amplitude"),
            rate("alpha", "exponent of the first pass"),
            positive("tau", "passes after which the utility of data has halved", (1.0, 3.0, 10.0)),
        ),
        law=_half_life,
        latex=r"L = E + A\, U^{-\alpha} \prod_{j \ge 2} \left(x_j/x_{j-1}\right)^{-\alpha 2^{-(j-1)/\tau}}",
        source="Goyal et al., 2024 (data filtering; x_j is what pass j has seen)",
        units={"E": {"y": 1}, "A": {"y": 1}},
        rescalable=(),
        aliases=("data_filtering",),
        subject=SUBJECT,
        note=f"up to {PASSES} passes",
    )
)
