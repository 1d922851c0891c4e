"""Mixtures of domains: continual pre-training with a ratio, and exponential mixing."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.compute_optimal import ALPHA, BETA, A, B, positive, rate
from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, register

SUBJECT = "mixtures"


def _dcpt(params, tokens, ratio, E, A, B, C, alpha, beta, eta, epsilon, gamma):
    log_n, log_d, log_r = np.log(params), np.log(tokens), np.log(ratio)
    n = np.exp(-alpha * log_n)
    d = np.exp(eta * log_r - beta * log_d)
    shifted = ratio + epsilon
    rare = np.exp(-gamma * np.log(shifted))
    value = E + A * n + B * d + C * rare
    partials = (
        np.ones_like(value),
        n,
        d,
        rare,
        -A * n * log_n,
        -B * d * log_d,
        B * d * log_r,
        -gamma * C * rare / shifted,
        -C * rare * np.log(shifted),
    )
    return value, partials


def _cross_domain(params, tokens, ratio, learnability, *parameters):
    *shared, F, mu = parameters
    value, partials = _dcpt(params, tokens, ratio, *shared)
    log_k = np.log(learnability)
    k = np.exp(-mu * log_k)
    return value + F * k, (*partials, k, -F * k * log_k)


def _critical_ratio(ratio, tokens, E, A, alpha, beta):
    log_r, log_d = np.log(ratio), np.log(tokens)
    shape = np.exp(-alpha * log_r - beta * log_d)
    value = A * shape
    return E + value, (np.ones_like(shape), shape, -value * log_r, -value * log_d)


def mixing(domains: int) -> Form:
    """The exponential mixing law for a number of domains: columns ratio_1 … ratio_(domains-1), the last is the rest.

    Raises ``ValueError`` for fewer than 2 domains. Source: Ye et al., 2024.

    >>> mixing(3).columns
    ('ratio_1', 'ratio_2')
    """
    if domains < 2:
        raise ValueError(f"a mixture has at least 2 domains, got {domains}")
    free = domains - 1

    def law(*arguments):
        ratios, (E, K, *effects) = arguments[:free], arguments[free:]
        shape = np.exp(np.clip(sum(t * r for t, r in zip(effects, ratios, strict=True)), -300, 300))
        value = K * shape
        return E + value, (np.ones_like(shape), shape, *(value * r for r in ratios))

    return Form(
        name=f"mixing_{domains}",
        columns=tuple(f"ratio_{i + 1}" for i in range(free)),
        parameters=(
            FLOOR,
            Parameter("K", "amplitude: what a mixture of the last domain alone adds to the floor"),
            *(
                Parameter(f"t_{i + 1}", f"effect of domain {i + 1} for the last", -50.0, 50.0, (-3.0, -0.5, 1.0))
                for i in range(free)
            ),
        ),
        law=law,
        latex=r"L = E + K \exp\left(\sum_j t_j r_j\right)",
        source="Ye et al., 2024",
        units={"E": {"y": 1}, "K": {"y": 1}},
        rescalable=(),
        aliases=("data_mixing",) if domains == 3 else (),
        subject=SUBJECT,
        note="ratios sum to one, so the last domain is left out; laws.mixing(k) makes it for k domains",
    )


_DCPT = (
    FLOOR,
    A,
    B,
    Parameter("C", "amplitude of what a small ratio of the domain costs"),
    ALPHA,
    BETA,
    rate("eta", "how the data term grows with the ratio", (0.1, 0.5, 1.0)),
    positive("epsilon", "ratio below which less makes no difference", (0.01, 0.1, 0.5)),
    rate("gamma", "exponent of the ratio", (0.2, 0.6, 1.5)),
)
_DCPT_UNITS = {
    "E": {"y": 1},
    "A": {"y": 1, "params": "alpha"},
    "B": {"y": 1, "tokens": "beta"},
    "C": {"y": 1},
}

register(
    Form(
        name="d_cpt",
        columns=("params", "tokens", "ratio"),
        parameters=_DCPT,
        law=_dcpt,
        latex=r"L = E + \frac{A}{N^{\alpha}} + \frac{B r^{\eta}}{D^{\beta}} + \frac{C}{(r + \epsilon)^{\gamma}}",
        source="Que et al., 2024",
        units=_DCPT_UNITS,
        rescalable=("params", "tokens"),
        aliases=("D-CPT",),
        subject=SUBJECT,
    )
)

register(
    Form(
        name="d_cpt_cross",
        columns=("params", "tokens", "ratio", "learnability"),
        parameters=(
            *_DCPT,
            Parameter("F", "amplitude of the learnability of the domain"),
            rate("mu", "exponent of the learnability", (0.3, 1.0)),
        ),
        law=_cross_domain,
        latex=r"L = E + \frac{A}{N^{\alpha}} + \frac{B r^{\eta}}{D^{\beta}} + \frac{C}{(r + \epsilon)^{\gamma}}"
        r" + \frac{F}{K^{\mu}}",
        source="Que et al., 2024 (cross-domain)",
        units={**_DCPT_UNITS, "F": {"y": 1, "learnability": "mu"}},
        rescalable=("params", "tokens", "learnability"),
        subject=SUBJECT,
    )
)

register(
    Form(
        name="critical_ratio",
        columns=("ratio", "tokens"),
        parameters=(
            FLOOR,
            Parameter("A", "amplitude"),
            rate("alpha", "exponent of the ratio"),
            rate("beta", "exponent of the data"),
        ),
        law=_critical_ratio,
        latex=r"L = E + A\, r^{-\alpha} D^{-\beta}",
        source="after Gu et al., 2024: loss as a power law in ratio and tokens, in our own form",
        units={"E": {"y": 1}, "A": {"y": 1, "ratio": "alpha", "tokens": "beta"}},
        aliases=("CMR", "cmr", "critical_mixture_ratio"),
        subject=SUBJECT,
        note="fit it to the general and the domain loss; the critical ratio is the largest at which the former falls",
    )
)

register(mixing(3))
