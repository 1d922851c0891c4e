"""Steps and batch size: loss with a critical batch size that depends on the loss itself."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.compute_optimal import ALPHA, positive, rate
from labkit.laws.form import Form, register

ROUNDS = 60


def _steps_batch(params, steps, batch_size, A, C, alpha, beta, B_c, kappa):
    log_n, log_s = np.log(params), np.log(steps)
    first = A * np.exp(-alpha * log_n)
    bare = C * np.exp(-beta * log_s)
    # L - first - bare (1 + B_c L^-kappa / B)^beta is concave and rising: Newton from the left never overshoots
    loss = first + bare
    for _ in range(ROUNDS):
        excess = B_c / batch_size * np.exp(-kappa * np.log(loss))
        second = bare * np.exp(beta * np.log1p(excess))
        slope = 1 + second * beta * kappa * excess / (1 + excess) / loss
        change = (loss - first - second) / slope
        loss = loss - change
        if not np.any(np.abs(change) > 1e-14 * np.abs(loss)):
            break
    excess = B_c / batch_size * np.exp(-kappa * np.log(loss))
    second = bare * np.exp(beta * np.log1p(excess))
    share = second * beta * excess / (1 + excess)
    slope = 1 + share * kappa / loss
    partials = (
        first / A,
        second / C,
        -first * log_n,
        second * (np.log1p(excess) - log_s),
        share / B_c,
        -share * np.log(loss),
    )
    return loss, tuple(partial / slope for partial in partials)


register(
    Form(
        name="steps_batch",
        columns=("params", "steps", "batch_size"),
        parameters=(
            positive("A", "amplitude of the part that model size removes", (0.2, 0.6)),
            positive("C", "amplitude of the part that steps remove", (0.2, 0.6)),
            ALPHA,
            rate("beta", "exponent of the steps"),
            positive("B_c", "critical batch size at a loss of one unit", (0.1, 1.0, 10.0)),
            rate("kappa", "how the critical batch size grows as the loss falls", (1.0, 4.0)),
        ),
        law=_steps_batch,
        latex=r"L = \frac{A}{N^{\alpha}} + C\left(\frac{S}{1 + B_c L^{-\kappa}/B}\right)^{-\beta}",
        source="Kaplan et al., 2020; McCandlish et al., 2018 (critical batch size B_c L^-kappa)",
        units={
            "A": {"y": 1, "params": "alpha"},
            "C": {"y": 1, "steps": "beta"},
            "B_c": {"batch_size": 1, "y": "kappa"},
        },
        aliases=("critical_batch",),
        subject="steps and batch size",
    )
)
