"""`scaling`: error against kept size for each fraction, and whether the best fraction beats a power law."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from labkit.laws import ScalingLaw
from labkit.seeds import generator

_DRAWS = 400
_GRID = 24
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class PruningScaling:
    """The scaling law of pruning, measured. Exponents are those of power laws over the sizes that all fractions reach.

    Fields:
        laws: frame, a row per fraction: fraction, points, the parameters of its law, exponent, low, high.
        envelope: frame, a row per kept size: kept, error (of the best fraction), low, high, fraction (the best), plain
            (error of the largest fraction), power_law (fitted to the first part of the envelope).
        exponent, exponent_low, exponent_high: of the envelope.
        plain_exponent: of the largest fraction, which stands for no pruning.
        gain, gain_low, gain_high: the envelope's exponent less the plain one.
        steeper: True where the gain is above 0 for sure, False where it is not, None between.
        bend, bend_low, bend_high: by what factor the envelope ends below the power law through its first part, over
            the same for the largest fraction: above 1 it leaves power laws further behind than no pruning does.
        bends: True, False or None, likewise for a bend above 1.
        sentence: the same in words.
    """

    laws: pd.DataFrame = field(repr=False)
    envelope: pd.DataFrame = field(repr=False)
    exponent: float
    exponent_low: float
    exponent_high: float
    plain_exponent: float
    gain: float
    gain_low: float
    gain_high: float
    steeper: bool | None
    bend: float
    bend_low: float
    bend_high: float
    bends: bool | None
    sentence: str


@dataclass(frozen=True, eq=False)
class _Curves:
    """Errors of every seed, by fraction: ``kept`` ascending and ``errors`` (seeds, points) of each."""

    fractions: np.ndarray
    kept: list[np.ndarray]
    errors: list[np.ndarray]

    @property
    def seeds(self) -> int:
        return len(self.errors[0])

    def at(self, sizes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Errors (fractions, sizes) between the measured sizes, straight in log-log, as the mean of weighted seeds."""
        weights = weights / weights.sum()
        rows = [np.interp(np.log(sizes), np.log(kept), np.log(weights @ errors))
                for kept, errors in zip(self.kept, self.errors, strict=True)]  # fmt: skip
        return np.exp(np.array(rows))


def scaling(
    frame: pd.DataFrame,
    *,
    error: str = "test_error",
    form: str = "power",
    known: float = 0.6,
    interval: float = 0.9,
    seed: int = 0,
) -> PruningScaling:
    """Fit a law to each fraction, and hold the best of all fractions to a single power law.

    The envelope is the lowest error at each kept size over all fractions, at sizes that every fraction reaches. Which
    fraction is best is chosen on one half of the seeds and its error read on the other, so that luck is not taken for
    gain. Two questions are answered: whether the envelope falls more steeply than without pruning, and whether it
    bends away from power laws: one is fitted to its first part and continued to its end.

    Arguments:
        frame: of ``scaling_points``, or any with columns fraction, kept, the error, and seed where there are several.
        error: its column.
        form: of ``laws.forms()``, fitted to each fraction; those with more parameters than sizes are refused.
        known: share of the envelope, along log kept, that the power law is fitted to; 0.3 to 0.9.
        interval: level of all intervals, by resampling the seeds; with one seed they have no width.
        seed: of the resampling.

    Raises ``ValueError`` for missing columns, errors of 0 and below, fewer than 2 fractions or than 3 sizes of one,
    seeds that differ between points, and fractions without sizes in common.
    It says nothing about fractions that were not tried: the envelope is that of the grid.

    >>> sizes = np.geomspace(10, 1000, 8)
    >>> parts = [pd.DataFrame({"fraction": f, "kept": sizes, "test_error": sizes**-0.5}) for f in (1.0, 0.5)]
    >>> found = scaling(pd.concat(parts))
    >>> round(found.exponent, 3), round(found.gain, 3), found.steeper, round(found.bend, 3)
    (0.5, 0.0, False, 1.0)
    """
    if not 0.3 <= known <= 0.9:
        raise ValueError(f"known={known!r}; expected a share of the envelope from 0.3 to 0.9")
    if not 0 < interval < 1:
        raise ValueError(f"interval={interval!r}; expected a level between 0 and 1, such as 0.9")
    curves = _read(frame, error)
    low, high = max(k[0] for k in curves.kept), min(k[-1] for k in curves.kept)
    if not high > low:
        raise ValueError(
            "no kept size is reached by all fractions: give larger and smaller pools, or fractions that differ less"
        )
    sizes = np.geomspace(low, high, _GRID)
    first = np.log(sizes / low) <= known * np.log(high / low) + 1e-12
    draws = generator(seed, "pruning scaling").integers(curves.seeds, size=(_DRAWS, curves.seeds))
    weights = np.stack([np.bincount(draw, minlength=curves.seeds) for draw in draws]).astype(float)
    even = np.ones(curves.seeds)
    error_of, best = _envelope(curves, sizes, even)
    plain = curves.at(sizes, even)[-1]
    own, bare = _shape(sizes, error_of[None], first), _shape(sizes, plain[None], first)
    resampled = np.stack([_envelope(curves, sizes, drawn)[0] for drawn in weights])
    own_draws = _shape(sizes, resampled, first)
    bare_draws = _shape(sizes, np.stack([curves.at(sizes, drawn)[-1] for drawn in weights]), first)
    ends = [(1 - interval) / 2, (1 + interval) / 2]
    wider = _wider(curves.seeds, interval)
    # Widened in the logarithm, so that no bound falls to 0.
    bottom, top = error_of * (np.quantile(resampled, ends, axis=0) / error_of) ** wider
    envelope = pd.DataFrame(
        {
            "kept": sizes,
            "error": error_of,
            "low": np.minimum(bottom, error_of),
            "high": np.maximum(top, error_of),
            "fraction": curves.fractions[best],
            "plain": plain,
            "power_law": own.line[0],
        }
    )
    exponent = _Estimate.of(own.exponent, own_draws.exponent, ends, wider)
    gain = _Estimate.of(own.exponent - bare.exponent, own_draws.exponent - bare_draws.exponent, ends, wider)
    bend = _Estimate.of(own.lead / bare.lead, own_draws.lead / bare_draws.lead, ends, wider)
    return PruningScaling(
        laws=pd.DataFrame([_law(curves, place, form, weights, ends, wider, seed) for place in range(len(curves.kept))]),
        envelope=envelope,
        exponent=exponent.value,
        exponent_low=exponent.low,
        exponent_high=exponent.high,
        plain_exponent=float(bare.exponent[0]),
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
        steeper=gain.above(0),
        bend=bend.value,
        bend_low=bend.low,
        bend_high=bend.high,
        bends=bend.above(1),
        sentence=_sentence(exponent, float(bare.exponent[0]), gain, bend, interval),
    )


def _wider(seeds: int, interval: float) -> float:
    """By how much intervals from resampling a few seeds are too narrow: Student's t over the normal's quantile."""
    if seeds < 2:
        return 1.0
    end = (1 + interval) / 2
    return float(student.ppf(end, seeds - 1) / norm.ppf(end) * np.sqrt(seeds / (seeds - 1)))


@dataclass(frozen=True)
class _Estimate:
    """A value with its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: np.ndarray, draws: np.ndarray, ends: list[float], wider: float) -> _Estimate:
        middle = float(value[0])
        low, high = (middle + wider * (float(end) - middle) for end in np.quantile(draws, ends))
        return cls(middle, min(low, middle), max(high, middle))

    def above(self, bound: float) -> bool | None:
        """True, False, or None where the interval does not tell; rounding is no difference."""
        if self.low > bound + _ROUNDING:
            return True
        return False if self.high <= bound + _ROUNDING else None


@dataclass(frozen=True)
class _Shape:
    """Of curves (m, sizes): exponents (m,), the power law through the first part, and how far its end lies above."""

    exponent: np.ndarray
    line: np.ndarray
    lead: np.ndarray


def _shape(sizes: np.ndarray, errors: np.ndarray, first: np.ndarray) -> _Shape:
    x = np.log(sizes)
    slope, height = np.polyfit(x[first], np.log(errors[:, first]).T, 1)
    line = np.exp(height[:, None] + slope[:, None] * x)
    return _Shape(-np.polyfit(x, np.log(errors).T, 1)[0], line, line[:, -1] / errors[:, -1])


def _read(frame: pd.DataFrame, error: str) -> _Curves:
    missing = [name for name in ("fraction", "kept", error) if name not in frame]
    if missing:
        raise ValueError(f"the frame has no column {', '.join(missing)}; see pruning.scaling_points")
    frame = frame if "seed" in frame else frame.assign(seed=0)
    if not (np.isfinite(frame[error]) & (frame[error] > 0)).all():
        raise ValueError(f"column {error!r} has values that are not above 0, which have no logarithm; take a loss")
    fractions = np.sort(frame["fraction"].unique())
    if len(fractions) < 2:
        raise ValueError(f"the only fraction is {fractions.tolist()}; expected at least 2, such as 1 and 0.5")
    kept, errors = [], []
    for fraction in fractions:
        table = frame[frame["fraction"] == fraction].pivot_table(index="seed", columns="kept", values=error)
        if table.isna().any(axis=None) or len(table) != frame["seed"].nunique():
            raise ValueError(f"fraction {fraction:g} has not every seed at every kept size")
        if table.shape[1] < 3:
            raise ValueError(f"fraction {fraction:g} has {table.shape[1]} kept sizes; expected at least 3")
        kept.append(table.columns.to_numpy(dtype=float))
        errors.append(table.to_numpy())
    return _Curves(fractions, kept, errors)


def _envelope(curves: _Curves, sizes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Error of the best fraction at every size, and which it is: chosen on one half of the seeds, read on the other."""
    whole = curves.at(sizes, weights)
    if curves.seeds < 2:
        return whole.min(0), whole.argmin(0)
    half = np.arange(curves.seeds) % 2 == 0
    found = []
    for side in (half, ~half):
        chosen, judged = np.where(side, weights, 0), np.where(side, 0, weights)
        # A resample may leave one half empty.
        chosen, judged = (part if part.any() else weights for part in (chosen, judged))
        best = curves.at(sizes, chosen).argmin(0)
        found.append(np.log(curves.at(sizes, judged)[best, np.arange(len(sizes))]))
    return np.exp(np.mean(found, 0)), whole.argmin(0)


def _law(
    curves: _Curves, place: int, form: str, weights: np.ndarray, ends: list[float], wider: float, seed: int
) -> dict[str, float]:
    kept, errors = curves.kept[place], curves.errors[place]
    law = ScalingLaw(form, objective="log_squared", seed=seed)
    law.fit(np.tile(kept, len(errors)), errors.ravel())
    means = np.log(weights @ errors / weights.sum(1, keepdims=True))
    slopes = -np.polyfit(np.log(kept), means.T, 1)[0]
    exponent = _Estimate.of(-np.polyfit(np.log(kept), np.log(errors.mean(0)), 1)[:1], slopes, ends, wider)
    about = {"fraction": curves.fractions[place], "points": len(kept), **law.parameters_}
    return {**about, "exponent": exponent.value, "low": exponent.low, "high": exponent.high}


def _sentence(exponent: _Estimate, plain: float, gain: _Estimate, bend: _Estimate, interval: float) -> str:
    unsure = "neither surely more nor surely less steeply than"
    steeper = {True: "more steeply than", False: "no more steeply than", None: unsure}
    bends = {True: "bends below", False: "does not bend below", None: "may or may not bend below"}
    return (
        f"The best fraction falls {steeper[gain.above(0)]} no pruning: exponent {exponent.value:.2f} against "
        f"{plain:.2f}, a gain of {gain.low:.2f} to {gain.high:.2f} ({interval:.0%} interval by "
        f"resampling the seeds). It {bends[bend.above(1)]} the power law of its smaller sizes: factor "
        f"{bend.value:.2f}, {bend.low:.2f} to {bend.high:.2f}."
    )
