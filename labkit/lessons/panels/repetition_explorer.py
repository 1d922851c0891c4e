"""What a further epoch over the same text brings: text and compute in, best size and number of epochs out."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit import grids
from labkit.display.describe import about
from labkit.grids.constrained import Constrained, data_constrained
from labkit.grids.priced import Overfitting, overfitting
from labkit.lessons.panels import repetition_explorer_chart
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Choice, Slider

TEXTS, COMPUTES = (16_384.0, 16_384.0 * 2**10), (1e9, 1e15)
REMEDIES = ("none", "dropout", "weight decay")
EFFECTIVE, PRICED = LAWS = ("effective data", "price of overfitting")
_EPOCHS = np.geomspace(0.5, 64, 29)
_SIZES = np.geomspace(1e3, 1e8, 151)
_FINE = np.geomspace(0.93, 1.07, 29)
_FLOPS = 6.0  # per parameter and token
_FURTHER = 1.5  # times the compute, for where more of it should go
_KNOWN = 8  # epochs up to which effective data are fitted: from there on some sizes turn up, which they cannot
_STOPS = np.geomspace(0.5, 512, 61)  # epochs to stop after, where spending all of the compute does harm
_NEXT = 1.001  # times the tokens, for what the next of them is worth


@dataclass(frozen=True, eq=False)
class Repetition:
    """What a text and a budget give when the text may be read again and again.

    ``best`` has params, epochs and loss with their limits (``_low``, ``_high``; epochs has none), ``used``, the share
    of the compute after which more of it would do harm, ``worth`` of the next letter of the old text in new ones, and
    ``to_epochs``, the share of further compute that should buy epochs and not size. ``ends`` has a row per size of the
    shipped grid: params, epochs that the budget affords it, loss. ``lines`` (params, epochs, loss, low, high) is the
    law of these sizes; ``valley`` (params, loss, low, high, fresh) the loss of every size within this budget, and were
    all text new. ``points`` (params, epochs, loss, remedy) are the runs of the grid on this much text, and ``turned``
    the epochs after which they got worse, by size, where they did.
    """

    text: float
    compute: float
    law: str
    remedy: str
    interval: float
    best: pd.Series
    ends: pd.DataFrame
    lines: pd.DataFrame
    valley: pd.DataFrame
    points: pd.DataFrame
    turned: pd.Series

    @property
    def warning(self) -> str:
        """What the grid saw and the law cannot say, or nothing."""
        if len(self.turned) and self.law == EFFECTIVE:
            size = self.turned.index[np.abs(np.log(self.turned.index / self.best.params)).argmin()]
            last = self.turned[size]
            if 0.5 < size / self.best.params < 2 and self.best.epochs > last:
                return f" Beware: runs of {size:,.0f} parameters got worse after {last:g} epochs here."
        return ""

    def __str__(self) -> str:
        one = self.best
        told = (
            f"{about(one.params)} parameters ({about(one.params_low)} to {about(one.params_high)}), "
            f"{about(one.epochs)} epochs, loss {one.loss:.3f} ({one.loss_low:.3f} to {one.loss_high:.3f})."
        )
        if one.used < 0.99:
            used = f"{one.used:.0%}" if one.used > 0.01 else "less than 1%"
            told += f" Stop there, with {used} of the compute: more of it does harm."
        elif one.epochs > 1:
            told += f" The next letter of the old text is worth {max(one.worth, 0):.2f} new ones"
            told += f"; of more compute, {one.to_epochs:.0%} to epochs, the rest to size."
        else:
            told += " The budget ends before the text does: nothing is read twice."
        if self.remedy != "none" and (self.points.remedy == "none").all():
            told += f" On this text {self.remedy} was not tried."
        return told + self.warning


def repetition_explorer(
    *,
    text: float = 65_536.0,
    compute: float = 1e11,
    law: str = PRICED,
    remedy: str = "none",
    own: Mapping[str, Constrained | Overfitting] | None = None,
    interval: float = 0.9,
    seed: int = 0,
) -> Panel:
    """Choose how much text there is and how much compute; see the loss against epochs, and the best size and epochs.

    Arguments:
        text: different letters, 16,384 to 16,777,216; the shipped grid has runs on the first four doublings.
        compute: FLOPs of training, 6 per parameter and token: 1e9 to 1e15.
        law: "effective data", which levels off, or "price of overfitting", which can turn up but says too much far from
            the grid.
        remedy: "none", "dropout" or "weight decay": whose runs to show beside those without, at the strength that was
            best of those tried.
        own: laws by their names above, of ``grids.data_constrained`` and ``grids.overfitting``; what is not given is
            fitted to the shipped runs, effective data to those of at most 8 epochs.
        interval: level of the limits, by the law's refits.
        seed: of the fit, where there is one.

    ``panel.value`` is a ``Repetition`` record. Raises ``ValueError`` for a start outside its control.

    >>> panel = repetition_explorer(text=131_072, compute=3e9)
    >>> bool(panel.value.best.epochs < 1)
    True
    """
    # A step of the first is a doubling, so that it meets the texts of the grid.
    controls = [
        Slider("text", "different letters", *TEXTS, text, step=float(np.log10(2)), log=True, note="letters of text"),
        Slider("compute", "compute in FLOPs", *COMPUTES, compute, step=0.05, log=True, note="budget in FLOPs"),
        Choice("law", "law", LAWS, law, note="law that is drawn: effective data, or price of overfitting"),
        Choice("remedy", "remedy", REMEDIES, remedy, note="remedy whose runs are shown: none, dropout or weight decay"),
    ]

    def evaluate(settings: dict[str, Any]) -> Repetition:
        fitted = (own or {}).get(settings["law"]) or _ours(settings["law"], seed)
        return _evaluate(fitted, interval, **settings)

    return Panel("What repetition is worth", controls, evaluate=evaluate, draw=repetition_explorer_chart.draw, say=str)


def _evaluate(
    fitted: Constrained | Overfitting, interval: float, text: float, compute: float, law: str, remedy: str
) -> Repetition:
    sizes = np.sort(_runs().params.unique())
    params, epochs = (grid.ravel() for grid in np.meshgrid(sizes, _EPOCHS, indexing="ij"))
    tokens, losses = _spent(fitted, _SIZES, text, compute)
    affordable = compute / _FLOPS / _SIZES
    asked = {
        "lines": _laid(params, epochs * text, text),
        "ends": _laid(sizes, compute / _FLOPS / sizes, text),
        "fresh": _laid(_SIZES, affordable, np.inf),
    }
    ends = np.cumsum([len(part) for part in asked.values()])[:-1]
    said = dict(zip(asked, np.split(fitted.predict(pd.concat(asked)), ends), strict=True))
    drawn = fitted.redrawn(pd.concat([asked["lines"], _laid(_SIZES, tokens, text)]))
    tails = [(1 - interval) / 2, (1 + interval) / 2]
    low, high = np.quantile(drawn, tails, axis=0)
    count = len(params)
    best, further = (_best(fitted, text, budget) for budget in (compute, compute * _FURTHER))
    sized = np.quantile(_SIZES[drawn[:, count:].argmin(1)], tails)
    around = [float(np.interp(np.log(best.params), np.log(_SIZES), side[count:])) for side in (low, high)]
    names = ("params_low", "params_high", "loss_low", "loss_high")
    more = dict(zip(names, [*sized, *around], strict=True)) | {"worth": _worth(fitted, best, text)}
    more["to_epochs"] = float(np.clip(np.log(further.epochs / best.epochs) / np.log(_FURTHER), 0, 1))
    lines = {"params": params, "epochs": epochs, "loss": said["lines"], "low": low[:count], "high": high[:count]}
    valley = {"params": _SIZES, "loss": losses, "low": low[count:], "high": high[count:], "fresh": said["fresh"]}
    ends = {"params": sizes, "epochs": asked["ends"].tokens / text, "loss": said["ends"]}
    frames = (pd.DataFrame(frame) for frame in (ends, lines, valley))
    points = _points(text, remedy)
    best = pd.concat([best, pd.Series(more)])
    return Repetition(text, compute, law, remedy, interval, best, *frames, points, _turned(text))


def _laid(params: np.ndarray, tokens: np.ndarray, text: float) -> pd.DataFrame:
    return pd.DataFrame({"params": params, "tokens": tokens, "unique_tokens": np.minimum(tokens, text)})


def _worth(fitted: Constrained | Overfitting, best: pd.Series, text: float) -> float:
    """What the next letter of the old text is worth in new ones: by what it lowers the loss, over what those would."""
    if isinstance(fitted, Constrained):
        return float(np.exp(-max(best.epochs - 1, 0) / fitted.worth))
    tokens = best.epochs * text * np.array([1.0, _NEXT])
    old, new = (fitted.predict(_laid(np.full(2, best.params), tokens, most)) for most in (text, np.inf))
    return float((old[1] - old[0]) / (new[1] - new[0]))


def _best(fitted: Constrained | Overfitting, text: float, compute: float) -> pd.Series:
    """The size of lowest loss: among coarse sizes first, then among fine ones around it."""
    size = 1.0
    for factors in (_SIZES, _FINE):
        sizes = size * factors
        tokens, losses = _spent(fitted, sizes, text, compute)
        place = losses.argmin()
        size = float(sizes[place])
    used = tokens[place] * _FLOPS * size / compute
    return pd.Series({"params": size, "epochs": tokens[place] / text, "loss": losses[place], "used": used})


def _spent(
    fitted: Constrained | Overfitting, sizes: np.ndarray, text: float, compute: float
) -> tuple[np.ndarray, np.ndarray]:
    """The tokens after which to stop each size, at most those that the budget affords it, and the loss there."""
    affordable = compute / _FLOPS / sizes
    if isinstance(fitted, Constrained):  # it never turns up
        return affordable, fitted.predict(_laid(sizes, affordable, text))
    tokens = np.minimum(_STOPS * text, affordable[:, None])
    losses = fitted.predict(_laid(np.repeat(sizes, len(_STOPS)), tokens.ravel(), text)).reshape(tokens.shape)
    place = np.arange(len(sizes)), losses.argmin(axis=1)
    return tokens[place], losses[place]


@functools.lru_cache(maxsize=64)
def _points(text: float, remedy: str) -> pd.DataFrame:
    """Runs on about this much text without a remedy, and with one at the best strength for each size and epochs."""
    runs = _runs()
    here = runs[np.isclose(runs.unique_tokens, text, rtol=0.01) & (runs.remedy.isin(["none", remedy]))]
    means = here.groupby(["remedy", "params", "epochs", "strength"], as_index=False).loss.mean()
    best = means.loc[means.groupby(["remedy", "params", "epochs"]).loss.idxmin()].drop(columns="loss")
    return here.merge(best)[["params", "epochs", "loss", "remedy"]]


@functools.lru_cache(maxsize=16)
def _turned(text: float) -> pd.Series:
    """By size, the epochs of lowest mean loss without remedy, where more epochs were tried and were worse."""
    points = _points(text, "none")
    means = points.groupby(["params", "epochs"], as_index=False).loss.mean()
    lowest = means.loc[means.groupby("params").loss.idxmin()].set_index("params").epochs
    return lowest[lowest < means.groupby("params").epochs.max()]


@functools.cache
def _runs() -> pd.DataFrame:
    """The shipped runs of the sizes in the repetition grid, each with the kind and strength of its remedy."""
    plain, treated = (grids.load(name) for name in ("repetition", "remedies"))
    treated = treated[treated.width.isin(plain.width.unique()) & (treated.tokens > treated.unique_tokens)]
    runs = pd.concat([plain, treated[(treated.dropout > 0) | (treated.weight_decay > 0)]], ignore_index=True)
    remedy = np.where(runs.dropout > 0, "dropout", np.where(runs.weight_decay > 0, "weight decay", "none"))
    return runs.assign(params=runs.params_with_embeddings, remedy=remedy, strength=runs.dropout + runs.weight_decay)


@functools.cache
def _ours(law: str, seed: int) -> Constrained | Overfitting:
    both = (grids.load(name) for name in ("repetition", "compute_optimal"))
    repeated, fresh = (runs.assign(params=runs.params_with_embeddings) for runs in both)
    if law == PRICED:
        return overfitting(repeated, fresh, seed=seed)
    return data_constrained(repeated, fresh, most=_KNOWN, base="chinchilla_general", seed=seed)
