"""Loss as a function of model size and data: Kaplan, Chinchilla and their relatives."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, register

SUBJECT = "size and data"
SIZES = ("params", "tokens")
RATES = (0.1, 0.25, 0.4, 0.65, 1.0)
AMPLITUDES = (0.1, 0.5, 2.0)


def rate(name: str, meaning: str, starts: tuple[float, ...] = RATES) -> Parameter:
    """An exponent that is searched for."""
    return Parameter(name, meaning, 0.0, 8.0, starts)


def positive(name: str, meaning: str, starts: tuple[float, ...] = AMPLITUDES) -> Parameter:
    """A positive quantity that enters nonlinearly; its bounds are in the scaled units of the solver."""
    return Parameter(name, meaning, 1e-12, 1e12, starts, log=True)


A = Parameter("A", "amplitude of the part that model size removes")
B = Parameter("B", "amplitude of the part that data remove")
ALPHA, BETA = rate("alpha", "exponent of model size"), rate("beta", "exponent of data")
CHINCHILLA_UNITS = {"E": {"y": 1}, "A": {"y": 1, "params": "alpha"}, "B": {"y": 1, "tokens": "beta"}}


def chinchilla(params, tokens, E, A, B, alpha, beta):
    """E + A N^-alpha + B D^-beta and its partials."""
    log_n, log_d = np.log(params), np.log(tokens)
    n, d = np.exp(-alpha * log_n), np.exp(-beta * log_d)
    first, second = A * n, B * d
    value = E + first + second
    return value, (np.ones_like(value), n, d, -first * log_n, -second * log_d)


def _tied(params, tokens, E, A, B, alpha):
    value, (one, n, d, by_alpha, by_beta) = chinchilla(params, tokens, E, A, B, alpha, alpha)
    return value, (one, n, d, by_alpha + by_beta)


def _generalised(params, tokens, E, A, B, alpha, beta, gamma):
    inner, (_, n, d, by_alpha, by_beta) = chinchilla(params, tokens, 0.0 * E, A, B, alpha, beta)
    value = np.exp(gamma * np.log(inner))
    slope = gamma * value / inner
    return E + value, (
        np.ones_like(value),
        slope * n,
        slope * d,
        slope * by_alpha,
        slope * by_beta,
        value * np.log(inner),
    )


def _kaplan(params, tokens, N_c, D_c, alpha_N, alpha_D):
    log_n = np.log(N_c / params)
    ratio = alpha_N / alpha_D
    n, d = np.exp(ratio * log_n), D_c / tokens
    inner = n + d
    log_inner = np.log(inner)
    value = np.exp(alpha_D * log_inner)
    slope = alpha_D * value / inner
    by_ratio = slope * n * log_n
    return value, (
        slope * n * ratio / N_c,
        slope / tokens,
        by_ratio / alpha_D,
        value * log_inner - by_ratio * ratio / alpha_D,
    )


def _kaplan_floor(params, tokens, E, N_c, D_c, alpha_N, alpha_D):
    value, partials = _kaplan(params, tokens, N_c, D_c, alpha_N, alpha_D)
    return E + value, (np.ones_like(value), *partials)


def _product(encoder, decoder, E, A, alpha, beta):
    log_e, log_d = np.log(encoder), np.log(decoder)
    shape = np.exp(-alpha * log_e - beta * log_d)
    value = A * shape
    return E + value, (np.ones_like(shape), shape, -value * log_e, -value * log_d)


_KAPLAN = (
    positive("N_c", "model size at which model size alone gives a loss of one unit", (1e-3, 0.1, 1.0, 10.0)),
    positive("D_c", "data at which data alone give a loss of one unit", (1e-3, 0.1, 1.0, 10.0)),
    Parameter("alpha_N", "exponent of model size", 1e-3, 8.0, (0.08, 0.2, 0.5)),
    Parameter("alpha_D", "exponent of data", 1e-3, 8.0, (0.1, 0.3, 0.8)),
)
_KAPLAN_UNITS = {
    "N_c": {"params": 1, "y": lambda values: 1 / values["alpha_N"]},
    "D_c": {"tokens": 1, "y": lambda values: 1 / values["alpha_D"]},
}

register(
    Form(
        name="chinchilla",
        columns=SIZES,
        parameters=(FLOOR, A, B, ALPHA, BETA),
        law=chinchilla,
        latex=r"L = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}",
        source="Hoffmann et al., 2022",
        units=CHINCHILLA_UNITS,
        aliases=("hoffmann",),
        subject=SUBJECT,
    )
)

register(
    Form(
        name="average_params",
        columns=("average_params", "tokens"),
        parameters=(FLOOR, A, B, ALPHA, BETA),
        law=chinchilla,
        latex=r"L = E + \frac{A}{\bar N^{\alpha}} + \frac{B}{D^{\beta}}",
        source="Jin et al., 2025 (size averaged over training, for models that shrink or grow while they train)",
        units={"E": {"y": 1}, "A": {"y": 1, "average_params": "alpha"}, "B": {"y": 1, "tokens": "beta"}},
        subject=SUBJECT,
        note="the average over steps of the number of parameters",
    )
)

register(
    Form(
        name="chinchilla_tied",
        columns=SIZES,
        parameters=(FLOOR, A, B, rate("alpha", "exponent of model size and of data")),
        law=_tied,
        latex=r"L = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\alpha}}",
        source="Gadre et al., 2024 (with M = D/N and C = 6ND: E + (a M^h + b M^-h) C^-h, h = alpha/2)",
        units={"E": {"y": 1}, "A": {"y": 1, "params": "alpha"}, "B": {"y": 1, "tokens": "alpha"}},
        aliases=("overtraining", "over_training", "gadre"),
        subject=SUBJECT,
    )
)

register(
    Form(
        name="chinchilla_general",
        columns=SIZES,
        parameters=(
            FLOOR,
            positive("A", A.meaning),
            positive("B", B.meaning),
            ALPHA,
            BETA,
            Parameter("gamma", "outer exponent; 1 is Chinchilla", 0.05, 5.0, (0.5, 1.0, 1.6)),
        ),
        law=_generalised,
        latex=r"L = E + \left(\frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}\right)^{\gamma}",
        source="Busbridge et al., 2025",
        units={
            "E": {"y": 1},
            "A": {"params": "alpha", "y": lambda values: 1 / values["gamma"]},
            "B": {"tokens": "beta", "y": lambda values: 1 / values["gamma"]},
        },
        subject=SUBJECT,
    )
)

register(
    Form(
        name="kaplan",
        columns=SIZES,
        parameters=_KAPLAN,
        law=_kaplan,
        latex=r"L = \left[\left(\frac{N_c}{N}\right)^{\alpha_N/\alpha_D} + \frac{D_c}{D}\right]^{\alpha_D}",
        source="Kaplan et al., 2020",
        units=_KAPLAN_UNITS,
        subject=SUBJECT,
    )
)

register(
    Form(
        name="kaplan_floor",
        columns=SIZES,
        parameters=(FLOOR, *_KAPLAN),
        law=_kaplan_floor,
        latex=r"L = E + \left[\left(\frac{N_c}{N}\right)^{\alpha_N/\alpha_D} + \frac{D_c}{D}\right]^{\alpha_D}",
        source="Kaplan et al., 2020, with a floor as in Brandfonbrener et al., 2024",
        units={"E": {"y": 1}, **_KAPLAN_UNITS},
        subject=SUBJECT,
    )
)

register(
    Form(
        name="product",
        columns=("encoder_params", "decoder_params"),
        parameters=(
            FLOOR,
            Parameter("A", "amplitude"),
            rate("alpha", "exponent of the first size"),
            rate("beta", "exponent of the second size"),
        ),
        law=_product,
        latex=r"L = E + A\, N_e^{-\alpha} N_d^{-\beta}",
        source="Ghorbani et al., 2021 (encoder and decoder); Zhang et al., 2024 (size and fine-tuning data)",
        units={"E": {"y": 1}, "A": {"y": 1, "encoder_params": "alpha", "decoder_params": "beta"}},
        aliases=("encoder_decoder", "multiplicative"),
        subject=SUBJECT,
    )
)
