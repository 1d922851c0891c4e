"""What a model is made of: vocabulary, parallel streams, and the bits of its weights."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.compute_optimal import ALPHA, BETA, CHINCHILLA_UNITS, SIZES, A, B, chinchilla, positive, rate
from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, register

SUBJECT = "capacity and precision"


def _vocabulary(params, vocabulary_params, tokens, E, A, V, B, alpha, gamma, beta):
    value, (one, n, d, by_alpha, by_beta) = chinchilla(params, tokens, E, A, B, alpha, beta)
    log_v = np.log(vocabulary_params)
    v = np.exp(-gamma * log_v)
    return value + V * v, (one, n, v, d, by_alpha, -V * v * log_v, by_beta)


def _streams(params, streams, E, A, alpha, k):
    log_p = np.log(streams)
    gain = 1 + k * log_p
    log_n = np.log(params) + np.log(gain)
    shape = np.exp(-alpha * log_n)
    value = A * shape
    return E + value, (np.ones_like(shape), shape, -value * log_n, -alpha * value * log_p / gain)


def _quantised_after(params, tokens, bits, E, A, B, C, alpha, beta, gamma_D, gamma_N, g):
    value, partials = chinchilla(params, tokens, E, A, B, alpha, beta)
    one, n, d, by_alpha, by_beta = partials
    log_n, log_d = np.log(params), np.log(tokens)
    shape = np.exp(gamma_D * log_d - gamma_N * log_n - bits / g)
    added = C * shape
    extra = (added * log_d, -added * log_n, added * bits / g**2)
    return value + added, (one, n, d, shape, by_alpha, by_beta, *extra)


def _quantised_training(params, tokens, bits, E, A, B, alpha, beta, g):
    left = np.exp(-bits / g)
    value, partials = chinchilla(params * (1 - left), tokens, E, A, B, alpha, beta)
    by_g = alpha * A * partials[1] * left * bits / g**2 / (1 - left)
    return value, (*partials, by_g)


register(
    Form(
        name="vocabulary",
        columns=("params", "vocabulary_params", "tokens"),
        parameters=(
            Parameter("E", "floor; below zero for losses relative to a unigram model", -np.inf),
            A,
            Parameter("V", "amplitude of what a larger vocabulary removes"),
            B,
            ALPHA,
            rate("gamma", "exponent of the vocabulary's parameters"),
            BETA,
        ),
        law=_vocabulary,
        latex=r"L = E + \frac{A}{N_{nv}^{\alpha}} + \frac{V}{N_{v}^{\gamma}} + \frac{B}{D^{\beta}}",
        source="Tao et al., 2024 (N_nv without, N_v the vocabulary's parameters)",
        units={
            "E": {"y": 1},
            "A": {"y": 1, "params": "alpha"},
            "V": {"y": 1, "vocabulary_params": "gamma"},
            "B": {"y": 1, "tokens": "beta"},
        },
        subject=SUBJECT,
    )
)

register(
    Form(
        name="parallel_streams",
        columns=("params", "streams"),
        parameters=(
            FLOOR,
            Parameter("A", "amplitude"),
            rate("alpha", "exponent of model size"),
            Parameter("k", "what each e-fold of streams is worth, in model sizes", 0.0, 50.0, (0.05, 0.3, 1.0)),
        ),
        law=_streams,
        latex=r"L = E + \frac{A}{\left(N (1 + k \ln P)\right)^{\alpha}}",
        source="Chen et al., 2025",
        units={"E": {"y": 1}, "A": {"y": 1, "params": "alpha"}},
        rescalable=("params",),
        aliases=("parscale",),
        subject=SUBJECT,
    )
)

register(
    Form(
        name="quantised_after",
        columns=(*SIZES, "bits"),
        parameters=(
            FLOOR,
            A,
            B,
            Parameter("C", "amplitude of what rounding the trained weights costs"),
            ALPHA,
            BETA,
            rate("gamma_D", "how the cost grows with data", (0.2, 0.5)),
            rate("gamma_N", "how the cost falls with model size", (0.2, 0.5)),
            positive("g", "bits over which the cost falls to 1/e", (0.4, 0.8, 2.0)),
        ),
        law=_quantised_after,
        latex=r"L = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}} + C \frac{D^{\gamma_D}}{N^{\gamma_N}} e^{-P/g}",
        source="Kumar et al., 2024 (post-training quantisation)",
        units={
            **CHINCHILLA_UNITS,
            "C": {
                "y": 1,
                "params": "gamma_N",
                "tokens": lambda values: -values["gamma_D"],
            },
        },
        rescalable=SIZES,
        aliases=("ptq",),
        subject=SUBJECT,
    )
)

register(
    Form(
        name="quantised_training",
        columns=(*SIZES, "bits"),
        parameters=(
            FLOOR,
            A,
            B,
            ALPHA,
            BETA,
            positive("g", "bits over which the missing capacity falls to 1/e", (1.0, 2.5, 6.0)),
        ),
        law=_quantised_training,
        latex=r"L = E + \frac{A}{\left(N (1 - e^{-P/g})\right)^{\alpha}} + \frac{B}{D^{\beta}}",
        source="Kumar et al., 2024 (training at P bits)",
        units=CHINCHILLA_UNITS,
        rescalable=SIZES,
        aliases=("qat",),
        subject=SUBJECT,
    )
)
