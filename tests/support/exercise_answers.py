"""Answers to every exercise: the right one, and wrong ones with a part of the hint that each must get."""

import math
import statistics

import numpy as np
import pandas as pd


def exponent(x1, y1, x2, y2):
    return -math.log(y2 / y1) / math.log(x2 / x1)


def examples_needed(target, floor, amplitude, exponent):
    if target <= floor:
        return math.inf
    return (amplitude / (target - floor)) ** (1 / exponent)


def best_width(table):
    means = table.groupby(["examples", "width"]).validation_error.mean().unstack()
    return means.idxmin(axis=1)


def gain(n, floor, amplitude, exponent):
    return amplitude * n**-exponent * (1 - 2**-exponent)


def r_squared(measured, predicted):
    return 1 - np.sum((measured - predicted) ** 2) / np.sum((measured - np.mean(measured)) ** 2)


def exponent_above(floor, x, y):
    return -np.diff(np.log(y - floor))[0] / np.diff(np.log(x))[0]


def rms_log(a, b):
    return np.sqrt(np.mean(np.log(a / b) ** 2))


def share_inside(low, high, measured):
    return np.mean((low <= measured) & (measured <= high))


def needed(target, E, A, alpha):
    return ((target - E) / A) ** (-1 / alpha) if target > E else np.inf


def lowest(sizes, losses):
    a, b, _ = np.polyfit(np.log(sizes), losses, 2)
    return np.exp(-b / (2 * a))


def cut(fraction, keep):
    return statistics.NormalDist().inv_cdf(1 - ((1 - fraction) / 2 if keep == "hardest" else fraction / 2))


def overlap_of_the_sum(mean_distance, kept):
    return mean_distance * np.sqrt(kept) / np.sqrt(1 + mean_distance**2 * kept)


def crossing(pools, hard, easy):
    return np.exp(np.interp(0, -np.log(hard / easy), np.log(pools)))


def best_fraction(table):
    return table.set_index(["kept_per_dimension", "fraction"]).error.unstack().idxmin(axis=1)


def hardest_of(scores, fraction):
    return np.argsort(scores, kind="stable")[len(scores) - round(fraction * len(scores)) :]


def shared_out(sizes, budget):
    given = np.zeros(len(sizes), dtype=int)
    for done, place in enumerate(np.argsort(sizes, kind="stable")):
        given[place] = min(sizes[place], (budget - given.sum()) // (len(sizes) - done))
    return given


def paired_difference(errors, others):
    differences = errors - others
    return differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))


def best_params(compute, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    return G * (compute / 6) ** (beta / (alpha + beta))


def ensemble_loss(logits, target):
    mean = logits.mean(axis=0)
    return np.log(np.exp(mean).sum()) - mean[target]


RIGHT = {
    "00.1": 10,
    "00.2": exponent,
    "00.3": 16,
    "00.4": examples_needed,
    "01.1": lambda sizes, errors: -np.diff(np.log(errors)) / np.diff(np.log(sizes)),
    "01.2": lambda errors: np.std(errors, ddof=1) / np.sqrt(len(errors)),
    "01.3": best_width,
    "01.4": gain,
    "02.1": r_squared,
    "02.2": exponent_above,
    "02.3": lambda predicted, last, measured: 1 - rms_log(predicted, measured) / rms_log(last, measured),
    "02.4": share_inside,
    "02.5": needed,
    "02.6": lowest,
    "03.1": lambda overlap: np.arccos(overlap) / np.pi,
    "03.2": cut,
    "03.3": overlap_of_the_sum,
    "03.4": crossing,
    "03.5": best_fraction,
    "04.1": lambda probabilities, label: np.linalg.norm(probabilities - np.eye(len(probabilities))[label]),
    "04.2": hardest_of,
    "04.3": shared_out,
    "04.4": lambda scores, flipped: flipped[np.argsort(scores)[-flipped.sum() :]].mean(),
    "04.5": paired_difference,
    "05.1": lambda compute, params: compute / (6 * params),
    "05.2": best_params,
    "05.3": lambda foretold, measured, floor: abs(foretold - measured) / (measured - floor),
    "05.4": lambda unique, epochs, worth: unique + unique * worth * (1 - np.exp(-(epochs - 1) / worth)),
    "05.5": lambda params, tokens, served: 6 * params * tokens + 2 * params * served,
    "06.1": lambda table: table.groupby("epochs").loss.mean().idxmin(),
    "06.2": lambda loss, E, B, beta: ((loss - E) / B) ** (-1 / beta),
    "06.3": lambda epochs, R: np.exp(-(epochs - 1) / R),
    "06.4": lambda wanted, unique, R: (
        1 - R * np.log(1 - (wanted / unique - 1) / R) if wanted < unique * (1 + R) else np.inf
    ),
    "06.5": ensemble_loss,
    "90.1": lambda table: table.groupby("examples").error.agg(["mean", "sem"]),
    "90.2": lambda error, share: (1 - error) / (error * share**2),
    "90.3": lambda steps, bins: np.geomspace(np.min(steps), np.max(steps), bins + 1),
    "90.4": lambda scoring, training, fraction: scoring / ((1 - fraction) * training),
}
WRONG = {
    "00.1": [0.1, 50, 7, "ten", None, True],
    "00.2": [lambda *a: -exponent(*a), lambda *a: 0.5, 0.5, lambda: 1, lambda *a: "steep"],
    "00.3": [2, 4, 8.0, [16]],
    "00.4": [
        lambda target, floor, amplitude, exponent: (amplitude / target) ** (1 / exponent),
        lambda target, floor, amplitude, exponent: (amplitude / (target - floor)) ** (1 / exponent),
        lambda *a: 1e9,
    ],
    "01.1": [
        lambda sizes, errors: np.diff(np.log(errors)) / np.diff(np.log(sizes)),
        lambda sizes, errors: 0.5,
        lambda sizes, errors: -np.diff(errors),
    ],
    "01.2": [
        lambda errors: np.std(errors, ddof=1),
        lambda errors: np.std(errors) / np.sqrt(len(errors)),
        lambda errors: 0.0,
    ],
    "01.3": [
        lambda table: table.groupby(["examples", "width"]).test_error.mean().unstack().idxmin(axis=1),
        lambda table: table.groupby(["examples", "width"]).validation_error.min().unstack().idxmin(axis=1),
        lambda table: {64: 128},
        lambda table: pd.Series({64: 9, 512: 9}),
    ],
    "01.4": [lambda *a: -gain(*a), lambda n, floor, amplitude, exponent: amplitude * n**-exponent, lambda *a: "a lot"],
    "02.1": [
        lambda measured, predicted: r_squared(predicted, measured),
        lambda measured, predicted: np.corrcoef(measured, predicted)[0, 1] ** 2,
        lambda measured, predicted: max(0.0, r_squared(measured, predicted)),
        lambda measured, predicted: np.mean((measured - predicted) ** 2),
    ],
    "02.2": [
        lambda floor, x, y: exponent_above(0, x, y),
        lambda floor, x, y: -exponent_above(floor, x, y),
        lambda floor, x, y: exponent_above(floor, x, y) * np.ones(2),
        lambda floor, x, y: exponent_above(-floor, x, y),
    ],
    "02.3": [
        lambda predicted, last, measured: rms_log(predicted, measured) / rms_log(last, measured),
        lambda predicted, last, measured: max(0.0, RIGHT["02.3"](predicted, last, measured)),
        lambda predicted, last, measured: 1 - np.abs(predicted - measured).mean() / np.abs(last - measured).mean(),
    ],
    "02.4": [
        lambda low, high, measured: np.mean((low < measured) & (measured < high)),
        lambda low, high, measured: share_inside(low, high, measured) * 4 / 3,
        lambda low, high, measured: 0.9,
    ],
    "02.5": [
        lambda target, E, A, alpha: (target / A) ** (-1 / alpha),
        lambda target, E, A, alpha: ((target - E) / A) ** (-1 / alpha),
        lambda target, E, A, alpha: needed(target, E, A, alpha) if target > E else 1e9,
    ],
    "02.6": [
        lambda sizes, losses: np.log(lowest(sizes, losses)),
        lambda sizes, losses: sizes[np.argmin(losses)],
        lambda sizes, losses: lowest(sizes, losses) ** 2,
    ],
    "03.1": [
        np.arccos,
        lambda overlap: np.degrees(np.arccos(overlap)),
        lambda overlap: np.arccos(overlap) / (2 * np.pi),
        lambda overlap: (1 - overlap) / 2,
    ],
    "03.2": [
        lambda fraction, keep: -cut(fraction, keep),
        lambda fraction, keep: abs(statistics.NormalDist().inv_cdf(fraction)),
        lambda fraction, keep: cut(fraction, "hardest"),
    ],
    "03.3": [
        lambda mean_distance, kept: mean_distance * np.sqrt(kept),
        lambda mean_distance, kept: overlap_of_the_sum(mean_distance, kept**2),
    ],
    "03.4": [
        lambda pools, hard, easy: np.log(crossing(pools, hard, easy)),
        lambda pools, hard, easy: pools[np.argmax(hard < easy)],
        lambda pools, hard, easy: np.interp(0, easy - hard, pools),
        lambda pools, hard, easy: pools[hard < easy],
    ],
    "03.5": [
        lambda table: table.groupby("kept_per_dimension").error.min(),
        lambda table: table.groupby("fraction").error.min(),
        lambda table: {1: 0.1, 4: 0.1},
    ],
    "04.1": [
        lambda probabilities, label: np.sum((probabilities - np.eye(len(probabilities))[label]) ** 2),
        lambda probabilities, label: np.abs(probabilities - np.eye(len(probabilities))[label]).sum(),
        lambda probabilities, label: 1 - probabilities[label],
    ],
    "04.2": [
        lambda scores, fraction: np.flatnonzero(scores >= np.quantile(scores, 1 - fraction)),
        lambda scores, fraction: np.argsort(scores)[: round(fraction * len(scores))],
        lambda scores, fraction: np.argsort(scores)[-round(fraction * len(scores)) :],
        lambda scores, fraction: np.zeros(round(fraction * len(scores)), dtype=int),
    ],
    "04.3": [
        lambda sizes, budget: np.full(len(sizes), budget // len(sizes)),
        lambda sizes, budget: np.minimum(sizes, budget // len(sizes)),
        lambda sizes, budget: np.round(budget * sizes / sizes.sum()),
        lambda sizes, budget: budget,
    ],
    "04.4": [
        lambda scores, flipped: flipped[np.argsort(scores)[: flipped.sum()]].mean(),
        lambda scores, flipped: flipped[scores > 0.5].mean(),
        lambda scores, flipped: flipped.mean(),
    ],
    "04.5": [
        lambda errors, others: (np.mean(others - errors), 0.0),
        lambda errors, others: (np.mean(errors - others), np.std(errors - others) / 2),
        lambda errors, others: (np.mean(errors - others), np.sqrt(errors.var(ddof=1) / 4 + others.var(ddof=1) / 4)),
        lambda errors, others: np.mean(errors - others),
    ],
    "05.1": [
        lambda compute, params: compute / params,
        lambda compute, params: compute * params / 6,
        lambda compute, params: params / compute,
        6e7,
    ],
    "05.2": [
        lambda compute, A, B, alpha, beta: best_params(compute, A, B, beta, alpha),
        lambda compute, A, B, alpha, beta: best_params(6 * compute, A, B, alpha, beta),
        lambda compute, A, B, alpha, beta: compute**0.5,
    ],
    "05.3": [
        lambda foretold, measured, floor: abs(foretold - measured) / measured,
        lambda foretold, measured, floor: abs(foretold - measured) / (foretold - floor),
        lambda foretold, measured, floor: (foretold - measured) / (measured - floor),
    ],
    "05.4": [
        lambda unique, epochs, worth: unique * epochs,
        lambda unique, epochs, worth: unique * worth * (1 - np.exp(-(epochs - 1) / worth)),
        lambda unique, epochs, worth: unique + unique * worth * (1 - np.exp(-epochs / worth)),
    ],
    "05.5": [
        lambda params, tokens, served: 6 * params * (tokens + served),
        lambda params, tokens, served: 2 * params * tokens + 6 * params * served,
        lambda params, tokens, served: 6 * params * tokens,
    ],
    "06.1": [
        lambda table: table.epochs[table.loss.idxmin()],
        lambda table: table.groupby("epochs").train_loss.mean().idxmin(),
        lambda table: table.groupby("epochs").loss.mean(),
        lambda table: 4,
    ],
    "06.2": [
        lambda loss, E, B, beta: (loss / B) ** (-1 / beta),
        lambda loss, E, B, beta: ((loss - E) / B) ** (1 / beta),
        lambda loss, E, B, beta: 1e6,
        lambda loss, E, B, beta: E + B * loss**-beta,
    ],
    "06.3": [
        lambda epochs, R: np.exp(-epochs / R),
        lambda epochs, R: (1 + R * (1 - np.exp(-(epochs - 1) / R))) / epochs,
        lambda epochs, R: 1 / epochs,
        lambda epochs, R: np.exp(-(epochs - 1) / 10) if epochs > 1 else 1.0 + 1e-3,
    ],
    "06.4": [
        lambda wanted, unique, R: wanted / unique,
        lambda wanted, unique, R: -R * np.log(1 - (wanted / unique - 1) / R),
        lambda wanted, unique, R: 1 - R * np.log(max(1 - (wanted / unique - 1) / R, 1e-9)),
    ],
    "06.5": [
        lambda logits, target: np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[:, target]),
        lambda logits, target: -ensemble_loss(logits, target),
        lambda logits, target: logits.mean(axis=0)[target],
    ],
    "90.1": [
        lambda table: table.groupby("examples").error.agg(["mean", "std"]),
        lambda table: table.groupby("examples").error.agg(["sem", "mean"]),
        lambda table: table.groupby("fold").error.agg(["mean", "sem"]),
        lambda table: table.error.mean(),
    ],
    "90.2": [
        lambda error, share: error * (1 - error) / share**2,
        lambda error, share: (1 - error) / (error * share),
        lambda error, share: 1 / share**2,
    ],
    "90.3": [
        lambda steps, bins: np.geomspace(np.min(steps), np.max(steps), bins),
        lambda steps, bins: np.linspace(np.min(steps), np.max(steps), bins + 1),
        lambda steps, bins: np.geomspace(1, np.max(steps), bins + 2),
        lambda steps, bins: np.geomspace(steps[0], steps[-1], bins + 1),
    ],
    "90.4": [
        lambda scoring, training, fraction: scoring / (fraction * training),
        lambda scoring, training, fraction: scoring / training,
        lambda scoring, training, fraction: (1 - fraction) * training / scoring,
    ],
}
