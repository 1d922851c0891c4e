"""From loss to what a model can do: exponential link, sigmoid, and pass rates by samples."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.compute_optimal import positive
from labkit.laws.form import Form, Parameter, register

SUBJECT = "downstream"


def _link(loss, E, K, g):
    shape = -np.exp(-g * loss)
    return E + K * shape, (np.ones_like(shape), shape, -K * shape * loss)


def _sigmoid(loss, b, a, k, L0):
    gap = k * (loss - L0)
    share = np.exp(-np.logaddexp(0, -gap))
    slope = a * share * (1 - share)
    return b + a * share, (np.ones_like(share), share, slope * (loss - L0), -slope * k)


def _pass_rate(samples, A, alpha):
    log = np.log(samples)
    need = A * np.exp(-alpha * log)
    value = np.exp(-need)
    return value, (-value * need / A, value * need * log)


register(
    Form(
        name="exponential_link",
        columns=("loss",),
        parameters=(
            Parameter("E", "error of a model that knows nothing"),
            Parameter("K", "amplitude of the fall of the error"),
            positive("g", "how fast the error falls with the loss", (0.3, 1.0, 3.0, 8.0)),
        ),
        law=_link,
        latex=r"\mathrm{Err} = E - K e^{-g L}",
        source="Gadre et al., 2024",
        units={"E": {"y": 1}, "K": {"y": 1}, "g": {"loss": -1}},
        inverse=lambda y, E, K, g: -np.log((E - y) / K) / g,
        subject=SUBJECT,
    )
)

register(
    Form(
        name="sigmoid_link",
        columns=("loss",),
        parameters=(
            Parameter("b", "error as the loss goes to zero"),
            Parameter("a", "rise of the error"),
            positive("k", "steepness", (2.0, 6.0, 20.0)),
            positive("L0", "loss at half of the rise", (0.7, 0.9, 1.1, 1.4)),
        ),
        law=_sigmoid,
        latex=r"\mathrm{Err} = b + \frac{a}{1 + e^{-k (L - L_0)}}",
        source="Bhagia et al., 2024",
        units={"b": {"y": 1}, "a": {"y": 1}, "k": {"loss": -1}, "L0": {"loss": 1}},
        aliases=("sigmoid",),
        inverse=lambda y, b, a, k, L0: L0 - np.log(a / (y - b) - 1) / k,
        subject=SUBJECT,
    )
)

register(
    Form(
        name="pass_rate",
        columns=("samples",),
        parameters=(
            positive("A", "minus ln of the pass rate with one sample", (0.1, 1.0, 4.0)),
            Parameter("alpha", "exponent", 0.0, 8.0, (0.1, 0.3, 0.8)),
        ),
        law=_pass_rate,
        latex=r"\ln c = -A k^{-\alpha}",
        source="Brown et al., 2024",
        units={"A": {"samples": "alpha"}},
        equivariant=False,
        inverse=lambda y, A, alpha: (A / -np.log(y)) ** (1 / alpha),
        aliases=("coverage",),
        subject=SUBJECT,
    )
)
