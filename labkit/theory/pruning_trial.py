"""Tables about the pruned perceptron, theory and simulation alike: what a sweep runs and a chart draws."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labkit.seeds import generator
from labkit.theory import perceptron

if TYPE_CHECKING:
    import pandas as pd

_POOLS = (0.05, 2000.0)
"""Where a crossing is looked for, examples per dimension."""
_LOOKS = 30, 9, 9
"""Places at which a crossing is looked for, then again between the two that enclose it; then a line is drawn."""


def errors(
    pool_per_dimension: Sequence[float], fraction: Sequence[float], keep: Sequence[str], probe_angle: float = 0.0
) -> pd.DataFrame:
    """The exact test error for every pool, fraction and rule: one row each.

    Arguments are those of ``perceptron.test_error``, each a list but the angle. Columns: keep, pool_per_dimension,
    fraction, probe_angle, kept_per_dimension, error. Raises as ``test_error`` does.

    >>> errors([4.0], [0.5, 1.0], ["hardest"]).error.round(4).tolist()
    [0.1361, 0.1137]
    """
    import pandas as pd

    pools, fractions = (grid.ravel() for grid in np.meshgrid(pool_per_dimension, fraction, indexing="ij"))
    table = pd.DataFrame(
        {
            "pool_per_dimension": pools,
            "fraction": fractions,
            "probe_angle": float(probe_angle),
            "kept_per_dimension": pools * fractions,
        }
    )
    known = {rule: _errors(pools, fractions, rule, probe_angle) for rule in keep}
    return pd.concat([table.assign(keep=rule, error=error) for rule, error in known.items()], ignore_index=True)


def _errors(pools: np.ndarray, fractions: np.ndarray, keep: str, probe_angle: float) -> np.ndarray:
    if keep == "random":
        return np.array(_unpruned(tuple(pools * fractions)))
    return perceptron.test_error(pools, fractions, keep, probe_angle)


@functools.lru_cache(maxsize=32)
def _unpruned(kept: tuple[float, ...]) -> tuple[float, ...]:
    """Errors of random examples: of no probe's concern, so a map of the next angle asks for the same ones again."""
    return tuple(perceptron.test_error(list(kept)))


def best_rules(
    pool_per_dimension: Sequence[float], fraction: Sequence[float], probe_angle: float = 0.0
) -> pd.DataFrame:
    """Which of hardest, easiest and random has the lowest exact error, for every pool and fraction: one row each.

    Columns: pool_per_dimension, fraction, probe_angle, kept_per_dimension, best, and the three errors by name. A
    fraction of 1 keeps all whatever the rule, so it is refused with a ``ValueError``.

    >>> best_rules([1.0, 20.0], [0.5]).best.tolist()
    ['easiest', 'hardest']
    """
    if max(fraction) >= 1:
        raise ValueError("a fraction of 1 keeps everything, so no rule is best there; expected fractions below 1")
    table = errors(pool_per_dimension, fraction, list(perceptron.KEEPS), probe_angle)
    places = ["pool_per_dimension", "fraction", "probe_angle", "kept_per_dimension"]
    wide = table.pivot(index=places, columns="keep", values="error")[list(perceptron.KEEPS)]
    wide.insert(0, "best", wide.idxmin(axis=1))
    return wide.rename_axis(columns=None).reset_index()


def crossing(fraction: float, probe_angle: float = 0.0, first: str = "hardest", second: str = "easiest") -> float:
    """The pool per dimension from which on ``first`` has a lower exact error than ``second``; inf if never.

    Looked for between 0.05 and 2,000 examples per dimension, to four digits. Of several crossings it is the first at
    which the advantage changes to ``first``; 0 says that it has it from the start.

    >>> round(crossing(0.5), 2)
    5.05
    """
    low, high = _POOLS
    for looks in _LOOKS:
        pools = np.geomspace(low, high, looks)
        gap = np.log(_errors(pools, np.full(looks, fraction), first, probe_angle))
        gap -= np.log(_errors(pools, np.full(looks, fraction), second, probe_angle))
        if not (gap < 0).any():
            return float("inf")
        at = int(np.argmax(gap < 0))
        if at == 0:
            return 0.0
        low, high = pools[at - 1], pools[at]
    return _between(low, high, gap[at - 1], gap[at])


def best_fractions(
    kept_per_dimension: Sequence[float],
    fractions: Sequence[float],
    probe_angle: float = 0.0,
    keep: str = "hardest",
) -> pd.DataFrame:
    """The exact error of every fraction at each number of kept examples, and the lowest of them.

    One row per kept number and fraction, and one per kept number whose ``series`` is "best". Columns:
    kept_per_dimension, fraction, probe_angle, error, series, at_edge (whether the smallest fraction is the best).

    >>> best = best_fractions([4.0], [0.05, 0.4, 1.0], probe_angle=20.0).query("series == 'best'")
    >>> best.fraction.tolist(), best.error.round(4).tolist()
    ([0.4], [0.0678])
    """
    import pandas as pd

    found = perceptron.envelope(list(kept_per_dimension), keep, probe_angle, list(fractions))
    kept, grid = found.kept_per_dimension, found.fractions
    every = pd.DataFrame(
        {
            "kept_per_dimension": np.repeat(kept, len(grid)),
            "fraction": np.tile(grid, len(kept)),
            "error": found.errors.ravel(),
            "series": np.tile([f"keep {share:g}" for share in grid], len(kept)),
            "at_edge": np.repeat(found.at_edge, len(grid)),
        }
    )
    best = pd.DataFrame(
        {"kept_per_dimension": kept, "fraction": found.fraction, "error": found.error, "at_edge": found.at_edge}
    )
    table = pd.concat([best.assign(series="best"), every], ignore_index=True)
    return table.assign(probe_angle=float(probe_angle))


def simulated(
    dimension: int,
    pool_per_dimension: float,
    fraction: float,
    keep: str,
    probe_angle: float,
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """Test errors of simulated perceptrons, one row per repeat: repeat, kept_per_dimension, error.

    Arguments and errors are those of ``perceptron.simulate``.

    >>> simulated(20, 4.0, 0.5, "easiest", 0.0, 3, 0).shape
    (3, 3)
    """
    import pandas as pd

    found = perceptron.simulate(dimension, pool_per_dimension, fraction, keep, probe_angle, repeats, seed)
    kept = round(fraction * round(pool_per_dimension * dimension)) / dimension
    return pd.DataFrame({"repeat": range(repeats), "kept_per_dimension": kept, "error": found})


def log_ratio(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """The natural logarithm of the ratio of two mean errors, and its standard error to first order.

    Arguments are the errors of repeats, at least two each. Raises ``ValueError`` for fewer.

    >>> value, se = log_ratio([0.2, 0.2], [0.1, 0.1])
    >>> round(value, 3), se
    (0.693, 0.0)
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if min(one.size, other.size) < 2:
        raise ValueError(f"a standard error needs at least two repeats each, got {one.size} and {other.size}")
    shares = [errors.std(ddof=1) / np.sqrt(errors.size) / errors.mean() for errors in (one, other)]
    return float(np.log(one.mean() / other.mean())), float(np.hypot(*shares))


def crossed(
    runs: pd.DataFrame, first: str = "hardest", second: str = "easiest", *, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Where the simulated errors of two rules cross, and its standard error, as pools per dimension.

    Arguments:
        runs: columns keep, pool_per_dimension, error; the same pools, and as many repeats, for either rule.
        first, second: the rules; the crossing is where ``first`` becomes the better one.
        draws: resamples of the repeats behind the standard error.
        seed: of the resamples.

    Between two pools the log ratio of the mean errors is taken as straight in the logarithm of the pool. A crossing
    that the pools do not enclose is nan, and draws without one do not enter the standard error.

    >>> import pandas
    >>> runs = pandas.DataFrame({"keep": ["hardest"] * 4 + ["easiest"] * 4, "pool_per_dimension": [2, 2, 8, 8] * 2,
    ...                          "error": [0.4, 0.4, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2]})
    >>> [round(one, 2) for one in crossed(runs)]
    [4.0, 0.0]
    """
    rules = [runs[runs.keep == rule] for rule in (first, second)]
    pools = np.array(sorted(rules[0].pool_per_dimension.unique()))
    errors = [np.array([rule[rule.pool_per_dimension == pool].error for pool in pools]) for rule in rules]
    rng = generator(seed, "crossed")
    found = [_crossing_of(pools, *(one.mean(axis=1) for one in errors))]
    for _ in range(draws):
        drawn = [one[:, rng.integers(one.shape[1], size=one.shape[1])] for one in errors]
        found.append(_crossing_of(pools, *(one.mean(axis=1) for one in drawn)))
    usable = np.array(found[1:])[np.isfinite(found[1:])]
    return found[0], float(usable.std()) if usable.size else float("nan")


def _crossing_of(pools: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    gap = np.log(first / second)
    for at in range(len(pools) - 1):
        if gap[at] >= 0 > gap[at + 1]:
            return _between(pools[at], pools[at + 1], gap[at], gap[at + 1])
    return float("nan")


def _between(low: float, high: float, above: float, below: float) -> float:
    """Where a line from above zero at ``low`` to below it at ``high`` meets zero, in the logarithm of the pool."""
    share = above / (above - below)
    return float(low ** (1 - share) * high**share)
