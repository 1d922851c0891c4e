"""Checks of lesson 05: compute-optimal size."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.display.describe import about
from labkit.lessons.checks import NotYet, call, close, exercise


@exercise(
    "05.1",
    hints=[
        "A run costs six FLOPs for each parameter and token.",
        "Solve compute = 6 · params · tokens for the tokens.",
        "compute / (6 * params)",
    ],
    praise="right: twice the size leaves half the tokens. That is the whole dilemma.",
)
def tokens_for(answer: Any) -> None:
    """A function (compute, params) that returns the tokens which a budget leaves."""
    value = call(answer, 6e12, 1e5)
    if close(value, 6e12 / 1e5):
        raise NotYet("A token costs 6 FLOPs per parameter: two forward, four backward.")
    if close(value, 6e12 * 1e5 / 6) or close(value, 1e5 / 6e12):
        raise NotYet("A larger model leaves fewer tokens.")
    if not close(value, 1e7):
        raise NotYet("For 6e12 FLOPs and 1e5 parameters it is 1e7 tokens.")


@exercise(
    "05.2",
    hints=[
        "Put tokens = compute / (6 params) into A·params^−alpha + B·tokens^−beta and set the slope to zero.",
        "params^(alpha + beta) = (alpha·A / (beta·B)) · (compute / 6)^beta.",
        "G * (compute / 6) ** (beta / (alpha + beta))",
    ],
    praise="right: the exponent of the best size is beta / (alpha + beta), a half where both are alike.",
)
def best_params(answer: Any) -> None:
    """A function (compute, A, B, alpha, beta) that returns the best size by Chinchilla's law."""
    compute, A, B, alpha, beta = 6e20, 406.4, 410.7, 0.34, 0.28
    value = call(answer, compute, A, B, alpha, beta)
    sizes = np.geomspace(1e6, 1e13, 20_001)
    best = float(sizes[np.argmin(A * sizes**-alpha + B * (compute / 6 / sizes) ** -beta)])
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    if close(value, G * (compute / 6) ** (alpha / (alpha + beta)), 1e-3):
        raise NotYet("That exponent belongs to the tokens: the size grows with beta / (alpha + beta).")
    if close(value, G * compute ** (beta / (alpha + beta)), 1e-3):
        raise NotYet("The budget is compute / 6: six FLOPs per parameter and token.")
    if not close(value, best, 5e-3):
        raise NotYet(f"For 6×10²⁰ FLOPs and Chinchilla's constants the lowest loss is at {about(best)} parameters.")


@exercise(
    "05.3",
    hints=[
        "The floor can be foretold by nobody and missed by nobody: leave it out below.",
        "The distance of foretold and measured, over what the measured loss has above the floor.",
        "abs(foretold - measured) / (measured - floor)",
    ],
    praise="right: 2% of the loss may be 10% of all that training can still change.",
)
def reducible_miss(answer: Any) -> None:
    """A function (foretold, measured, floor): the miss as a share of the reducible loss."""
    value = call(answer, 2.04, 2.0, 1.6)
    if close(value, 0.02):
        raise NotYet("That is the share of the whole loss; take the floor away from what you divide by.")
    if close(value, 0.04 / 0.44):
        raise NotYet("Divide by what was measured above the floor, not by what was foretold.")
    if not close(value, 0.1):
        raise NotYet("Foretold 2.04, measured 2.00, floor 1.60: the miss is 0.04 of 0.40.")
    if not close(call(answer, 1.96, 2.0, 1.6), 0.1):
        raise NotYet("A miss to below counts as much as one to above.")


@exercise(
    "05.4",
    hints=[
        "One epoch is worth the unique tokens themselves; only the repeats fade.",
        "There are epochs − 1 repeats, worth unique · worth · (1 − e^(−repeats / worth)) together.",
        "unique + unique * worth * (1 - np.exp(-(epochs - 1) / worth))",
    ],
    praise="right: a few epochs are nearly as good as new text, and a hundred are not.",
)
def fresh_tokens(answer: Any) -> None:
    """A function (unique, epochs, worth) that returns how many fresh tokens the repeated ones are worth."""
    if not close(call(answer, 1e6, 1, 15.0), 1e6):
        raise NotYet("One epoch has no repeats: it is worth exactly the unique tokens.")
    value = call(answer, 1e6, 3, 1e9)
    if not close(value, 3e6, 1e-4):
        raise NotYet("If repeats never lost their worth, three epochs of a million would be worth three million.")
    value = call(answer, 1e6, 1000, 10.0)
    if not close(value, 11e6, 1e-3):
        raise NotYet("With a worth of 10, no number of repeats is worth more than 10 times the unique tokens.")
    if not close(call(answer, 100.0, 11, 10.0), 100 + 1000 * (1 - np.exp(-1))):
        raise NotYet("The repeats are epochs − 1.")


@exercise(
    "05.5",
    hints=[
        "Training costs 6 FLOPs per parameter and token; answering only goes forward.",
        "A forward pass costs 2 FLOPs per parameter and token served.",
        "6 * params * tokens + 2 * params * served",
    ],
    praise="right: a model that serves many tokens should be smaller and trained for longer.",
)
def whole_cost(answer: Any) -> None:
    """A function (params, tokens, served): FLOPs of training and serving."""
    if not close(call(answer, 10.0, 5.0, 0.0), 300.0):
        raise NotYet("Without serving it is 6 · params · tokens.")
    value = call(answer, 10.0, 5.0, 30.0)
    if close(value, 300 + 1800):
        raise NotYet("Serving needs no backward pass: 2 FLOPs per parameter and token, not 6.")
    if not close(value, 900.0):
        raise NotYet("10 parameters, 5 tokens, 30 served: 300 FLOPs to train and 600 to serve.")
