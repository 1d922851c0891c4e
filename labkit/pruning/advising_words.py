"""Advice in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from labkit.pruning.advice import NoiseCheck
    from labkit.pruning.advising_pilot import Pilot


def noise_sentence(estimate: float, wrong: float, easy: bool, cleaned: bool) -> str:
    """What the noise check says.

    >>> noise_sentence(0.1, 0.12, False, True)
    'About 10.0% of the labels are doubted by models that have not seen them, and leaving these out helps: they are \
likely wrong.'
    """
    doubted = f"About {estimate:.1%} of the labels are doubted by models that have not seen them"
    if cleaned:
        end = ", and leaving these out helps: they are likely wrong."
    elif estimate >= 0.01:
        end = f" (their error is {wrong:.1%}), but leaving these out did not help for sure."
    else:
        end = ": no sign of wrong labels."
    if easy and cleaned:
        end += " Where easy examples beat random ones, these labels may be why, rather than scarcity."
    elif easy:
        end += " Easy examples beat random ones without doubted labels to explain it: noise in the inputs can do that."
    return doubted + end


def sentences(
    row: Mapping[str, Any], choices: pd.DataFrame, noise: NoiseCheck, break_even: float, name: str, pilot: Pilot
) -> tuple[str, ...]:
    """The advice, its price, the other fractions, the noise check, the cost, and what it rests on."""
    if row["fraction"] == 1:
        least = choices.loc[choices["full_high"].idxmin()]
        said = [
            f"Keep all of {name}: every fraction tried may cost more than one percentage point; the least, "
            f"{least['fraction']:.0%}, up to {_points(least['full_high'])}."
        ]
    elif row["policy"] == "random":
        said = [
            f"Keep {row['fraction']:.0%} at random: no rule is better for sure; the most promising is with probability "
            f"{_chance(1 - row['confidence'])}."
        ]
    else:
        said = [
            f"Keep {row['fraction']:.0%} by {row['rule']}: error {_points(-row['difference'])} below random "
            f"({_range(-row['high'], -row['low'])}), better with probability {_chance(row['confidence'])}."
        ]
    if row["fraction"] < 1:
        said.append(
            f"Against all examples the error changes by {_points(row['against_full'], sign=True)} "
            f"({_range(row['full_low'], row['full_high'], sign=True)})."
        )
    said += [
        f"At {other['fraction']:.0%}: {other['rule']}."
        for _, other in choices.iterrows()
        if other["fraction"] != row["fraction"]
    ]
    said.append(noise.sentence)
    if break_even and break_even != float("inf"):
        said.append(
            f"Scoring pays after {break_even:.0f} trainings with as many passes over what is kept as over everything."
        )
    cuts = pilot.folds * pilot.repeats
    said.append(f"This rests on {cuts} cuts of the training and validation examples; the test was not looked at.")
    return tuple(said)


def _chance(probability: float) -> str:
    """A probability in percent: one that was counted on resamples is never certain."""
    return "above 99%" if probability > 0.99 else "below 1%" if probability < 0.01 else f"{probability:.0%}"


def _points(value: float, sign: bool = False) -> str:
    """A difference of errors in percentage points."""
    return f"{100 * value:{'+' if sign else ''}.1f} points"


def _range(low: float, high: float, sign: bool = False) -> str:
    return f"{100 * low:{'+' if sign else ''}.1f} to {100 * high:{'+' if sign else ''}.1f}"
