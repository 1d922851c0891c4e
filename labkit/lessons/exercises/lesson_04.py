"""Checks of lesson 04: pruning in practice."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.lessons.checks import NotYet, call, close, exercise


@exercise(
    "04.1",
    hints=[
        "Write the label as a row of zeros with a one in its place; what is the distance of the probabilities to it?",
        "Take one off the probability of the label, then the Euclidean length of what you have.",
        "error = probabilities.copy(); error[label] -= 1; np.linalg.norm(error)",
    ],
    praise="right: 0 for a sure and right answer, the square root of 2 for a sure and wrong one.",
)
def el2n(answer: Any) -> None:
    """A function (probabilities, label) that returns the EL2N score of one example."""
    for probabilities, label in (([0.7, 0.2, 0.1], 0), ([0.7, 0.2, 0.1], 2), ([0.0, 1.0], 0), ([0.0, 1.0], 1)):
        given = np.array(probabilities)
        value = float(call(answer, given.copy(), label))
        error = given - np.eye(len(given))[label]
        if close(value, float(error @ error)) and not close(value, float(np.linalg.norm(error))):
            raise NotYet(
                "That is the squared length; the ranks are the same for one model, but not for a mean of many."
            )
        if close(value, float(np.abs(error).sum())) and not close(value, float(np.linalg.norm(error))):
            raise NotYet("That is the sum of the absolute errors; the L2 in the name asks for the Euclidean length.")
        if not close(value, float(np.linalg.norm(error))):
            raise NotYet(f"Not so for the probabilities {probabilities} and the label {label}.")


@exercise(
    "04.2",
    hints=[
        "How many are to be kept? A threshold can let in too many where scores are tied.",
        "Sort the places by score, and take the last round(fraction * n) of them.",
        "np.argsort(scores, kind='stable')[len(scores) - round(fraction * len(scores)):]",
    ],
    praise="right: always the budget, ties or not, and nothing where nothing is to be kept.",
)
def budget(answer: Any) -> None:
    """A function (scores, fraction): the places of exactly round(fraction * n) examples with the largest scores."""
    cases = [([0.3, 0.9, 0.1, 0.5, 0.7], 0.4), ([1.0] * 10, 0.3), ([2.0, 1.0, 2.0, 2.0], 0.5), ([0.1, 0.2], 0.0)]
    for scores, fraction in cases:
        kept = np.asarray(call(answer, np.array(scores), fraction), dtype=int).ravel()
        wanted = round(fraction * len(scores))
        if len(set(kept.tolist())) != len(kept):
            raise NotYet(f"For the scores {scores} an example is kept twice.")
        if len(kept) != wanted:
            raise NotYet(
                f"For the scores {scores} and the fraction {fraction}, {wanted} are to be kept, not {len(kept)}."
            )
        if wanted and np.sort(np.array(scores)[kept]).tolist() != sorted(scores)[len(scores) - wanted :]:
            raise NotYet(f"For the scores {scores} these are not the largest.")


@exercise(
    "04.3",
    hints=[
        "Serve the smallest stratum first. What would be its equal share, and how many can it give?",
        "Its share is the budget that is left, divided by the strata that are left; it gives at most all it has.",
        "for done, place in enumerate(np.argsort(sizes)): "
        "quota[place] = min(sizes[place], budget // (len(sizes) - done)); budget -= quota[place]",
    ],
    praise="right: what a small stratum cannot give goes to the larger ones, and the budget is met.",
)
def quotas(answer: Any) -> None:
    """A function (sizes, budget) that returns how many examples each stratum gives, the smallest served first."""
    cases = [([2, 10, 30], 12), ([5, 5, 5], 9), ([100, 1, 4], 20), ([3, 3], 6)]
    for sizes, budget in cases:
        value = np.asarray(call(answer, np.array(sizes), budget), dtype=float).ravel()
        expected, left = np.zeros(len(sizes)), budget
        for done, place in enumerate(np.argsort(sizes, kind="stable")):
            expected[place] = min(sizes[place], left // (len(sizes) - done))
            left -= int(expected[place])
        if value.shape != expected.shape:
            raise NotYet(f"Expected one number for each of the {len(sizes)} strata of sizes {sizes}.")
        if (value > np.array(sizes)).any():
            raise NotYet(f"For sizes {sizes} and a budget of {budget} a stratum gives more than it has.")
        if value.sum() != min(budget, sum(sizes)):
            raise NotYet(f"For sizes {sizes} your strata give {value.sum():g} together; the budget is {budget}.")
        if not np.allclose(value, expected):
            raise NotYet(f"For sizes {sizes} and a budget of {budget} the small strata should give all they can.")


@exercise(
    "04.4",
    hints=[
        "Suspect as many examples as there are wrong labels. Which ones?",
        "Take the places of the largest scores, as many as there are wrong labels, and count the hits among them.",
        "flipped[np.argsort(scores)[-flipped.sum():]].mean()",
    ],
    praise="right: at the true count, precision and recall are one number.",
)
def precision(answer: Any) -> None:
    """A function (scores, flipped): the share of wrong labels among the highest scores, as many as there are wrong."""
    scores = np.array([0.1, 0.9, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4])
    for wrong, expected in (([1, 2, 0], 2 / 3), ([1], 1.0), ([3, 5], 0.0), ([1, 2, 4, 7], 3 / 4)):
        flipped = np.zeros(8, dtype=bool)
        flipped[wrong] = True
        value = float(call(answer, scores.copy(), flipped.copy()))
        if not close(value, expected):
            raise NotYet(
                f"With wrong labels at {wrong} and the scores {scores.tolist()} it is {expected:.3g}, not {value:.3g}."
            )


@exercise(
    "04.5",
    hints=[
        "Both methods were run with the same seeds. What differs within a seed?",
        "Subtract seed by seed first; then take the mean, and its standard error, of the differences.",
        "d = np.asarray(errors) - np.asarray(others); d.mean(), d.std(ddof=1) / np.sqrt(len(d))",
    ],
    praise="right: what the seeds have in common cancels, so fewer are needed.",
)
def paired(answer: Any) -> None:
    """A function (errors, others) of the same seeds: the mean difference and its standard error."""
    errors, others = np.array([0.10, 0.20, 0.30, 0.40]), np.array([0.12, 0.21, 0.33, 0.42])
    value = call(answer, errors.copy(), others.copy())
    if not hasattr(value, "__len__") or len(value) != 2:
        raise NotYet("Return two numbers: the mean difference and its standard error.")
    mean, error = float(value[0]), float(value[1])
    differences = errors - others
    expected = float(differences.std(ddof=1) / 2)
    if close(mean, -float(differences.mean())):
        raise NotYet("The sign is turned: errors minus others, so that below 0 means better.")
    if not close(mean, float(differences.mean())):
        raise NotYet("The mean is not that of the differences.")
    unpaired = float(np.sqrt(errors.var(ddof=1) / 4 + others.var(ddof=1) / 4))
    if close(error, unpaired):
        raise NotYet("That is the standard error for methods run with different seeds; here the seeds are shared.")
    if close(error, float(differences.std() / 2)):
        raise NotYet("Nearly: divide by n - 1 in the variance (ddof=1).")
    if not close(error, expected):
        raise NotYet(f"The standard error of the differences {differences.round(2).tolist()} is {expected:.4g}.")
