"""Checks of lesson 06: what repetition is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labkit.lessons.checks import NotYet, call, close, exercise, number


@exercise(
    "06.1",
    hints=[
        "Epochs are chosen on held-out text, and a single seed may be lucky.",
        "Average the held-out loss over the seeds for each number of epochs; then take the lowest.",
        "table.groupby('epochs').loss.mean().idxmin()",
    ],
    praise="right: the training loss would have said: for ever.",
)
def epochs_to_stop_at(answer: Any) -> None:
    """A function of a table (epochs, seed, train_loss, loss): the epochs of the lowest mean held-out loss."""
    epochs = [1, 2, 4, 8]
    rows = {"train_loss": [3.0, 2.5, 2.0, 1.5, 3.1, 2.6, 2.1, 1.6], "loss": [3.1, 2.8, 2.6, 3.0, 3.2, 2.9, 2.7, 2.4]}
    table = pd.DataFrame({"epochs": epochs * 2, "seed": [0] * 4 + [1] * 4, **rows})
    value = call(answer, table)
    if isinstance(value, (pd.Series, pd.DataFrame, np.ndarray, list, tuple)):
        raise NotYet("Asked is one number of epochs.")
    if not close(value, 4, 1e-9):
        said = {8: "One lucky seed, or the training loss, says 8; the mean over seeds does not."}
        raise NotYet(said.get(int(number(value)), "Look for the epochs at which the mean held-out loss is lowest."))
    shuffled = table.assign(loss=table.loss + np.where(table.epochs == 4, 0.5, 0.0))
    if not close(call(answer, shuffled.iloc[::-1].reset_index(drop=True)), 8, 1e-9):
        raise NotYet("In another table, whose rows stand in another order, the answer is wrong.")


@exercise(
    "06.2",
    hints=[
        "A loss of E + B·D^−beta was measured. Which D gives that loss?",
        "Take the floor away, divide by B, and undo the power −beta.",
        "((loss - E) / B) ** (-1 / beta)",
    ],
    praise="right: a loss is a number of fresh tokens in disguise.",
)
def fresh_tokens_of(answer: Any) -> None:
    """A function (loss, E, B, beta) that returns how many fresh tokens would have given the loss."""
    value = call(answer, 2.5, 1.5, 1000.0, 0.5)
    if close(value, (2.5 / 1000) ** -2):
        raise NotYet("The floor E is there whatever the tokens: take it away first.")
    if close(value, 1e-6):
        raise NotYet("More tokens give a lower loss: the exponent is −1 / beta.")
    if not close(value, 1e6):
        raise NotYet("With E 1.5, B 1000 and beta 0.5, a loss of 2.5 is worth a million fresh tokens.")
    if not close(call(answer, 3.0, 1.0, 8.0, 1 / 3), 64.0):
        raise NotYet("With E 1, B 8 and beta 1/3, a loss of 3 is worth 64 fresh tokens.")


@exercise(
    "06.3",
    hints=[
        "The worth of the next token is the slope of U + U·R·(1 − e^(−(epochs − 1)/R)) against the tokens read.",
        "The tokens read are U · epochs. The derivative of the exponential brings a factor −1/R, which cancels the R.",
        "np.exp(-(epochs - 1) / R)",
    ],
    praise="right: R is the number of repeats after which a token is worth 1/e of a new one, about a third.",
)
def worth_of_the_next(answer: Any) -> None:
    """A function (epochs, R): what one more repeated token is worth, in new ones."""
    if not close(call(answer, 1.0, 15.0), 1.0, 1e-6):
        raise NotYet("After one epoch nothing has been repeated yet: the next token is worth 1.")
    value = call(answer, 4.0, 10.0)
    if close(value, (1 + 10 * (1 - np.exp(-0.3))) / 4, 1e-3):
        raise NotYet("That is the mean worth of all tokens read. Asked is the worth of the next one.")
    if close(value, np.exp(-0.4), 1e-3):
        raise NotYet("Count the repeats: there is one fewer than there are epochs.")
    if not close(value, np.exp(-0.3), 1e-3):
        raise NotYet("With R = 10 the next token after 4 epochs is worth 0.74 of a new one.")


@exercise(
    "06.4",
    hints=[
        "Set U + U·R·(1 − e^(−(epochs − 1)/R)) equal to the tokens wanted and solve for the epochs.",
        "The left side never exceeds U·(1 + R). What to answer when more is wanted?",
        "1 - R * np.log(1 - (wanted / unique - 1) / R) if wanted < unique * (1 + R) else np.inf",
    ],
    praise="right: there is a wall. No number of epochs gets past 1 + R times the text.",
)
def epochs_needed(answer: Any) -> None:
    """A function (wanted, unique, R): epochs after which the text is worth so many fresh tokens."""
    if not close(call(answer, 100.0, 100.0, 15.0), 1.0, 1e-6):
        raise NotYet("As many as there are takes one epoch.")
    value = call(answer, 300.0, 100.0, 10.0)
    if close(value, 3.0, 1e-3):
        raise NotYet("A repeated token is worth less than a new one, so it takes more than 3 epochs.")
    if close(value, -10 * np.log(0.8), 1e-3):
        raise NotYet("Those are the repeats; the first reading counts as an epoch too.")
    if not close(value, 1 - 10 * np.log(0.8), 1e-3):
        raise NotYet("Three times the text with R = 10: it takes 3.23 epochs.")
    if not np.isinf(number(call(answer, 1200.0, 100.0, 10.0))):
        raise NotYet("Twelve times the text is more than 1 + R times it. How many epochs make that?")


@exercise(
    "06.5",
    hints=[
        "First the members agree on one set of logits; then it is scored like those of a single model.",
        "Average over the members, then take the logarithm of the sum of exponentials, minus the right letter's logit.",
        "mean = logits.mean(axis=0), and then np.log(np.exp(mean).sum()) - mean[target]",
    ],
    praise="right: it is never above the mean loss of the members, for the loss is convex in the logits.",
)
def ensemble_loss(answer: Any) -> None:
    """A function (logits (members, letters), target): the loss of the averaged logits."""
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 1.0], [1.0, 0.0, 1.0]])
    value = call(answer, logits, 0)
    mean = logits.mean(axis=0)
    right = float(np.log(np.exp(mean).sum()) - mean[0])
    if close(value, float((np.log(np.exp(logits).sum(axis=1)) - logits[:, 0]).mean()), 1e-4):
        raise NotYet("That is the mean of the members' losses. Let them agree first, and score once.")
    if close(value, -right, 1e-4):
        raise NotYet("A loss is above zero: minus the logarithm of the probability.")
    if not close(value, right, 1e-4):
        raise NotYet(f"For logits (2, 0, 1), (0, 3, 1) and (1, 0, 1) and the first letter it is {right:.4f}.")
    if not close(call(answer, logits[:1], 1), float(np.log(np.exp(logits[0]).sum())), 1e-4):
        raise NotYet("A single member is an ensemble too.")
