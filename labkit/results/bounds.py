"""How far a statistical record may lie from its baseline, and what such a test can see.

A run's own standard error comes from a handful of seeds, and with two degrees of freedom the Student quantile at one
in a million is hundreds of standard errors: a test that cannot fail. So a baseline is accepted from at least 20 whole
reruns with other seeds. Their spread is the spread of one run, whatever the record is made of, and a new run is
compared with their mean as one more draw: Welch's test where both samples share their spread.

With 20 reruns the bound is 7.2 times the spread between reruns. A shift of twice the bound is missed once in two
million runs, one and a half bounds are seen in 99.9% of runs, one bound in half of them, half a bound in 0.1%. Where
a record averages n seeds, the spread between reruns is the spread between seeds divided by the root of n, so a shift
of two spreads between seeds is seen in half of the runs from n = 14 on, in 99.9% from n = 30. False alarms are
one in a million per record and run for normal spread; a record with heavy tails needs a practical bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LEVEL = 1e-6  # false alarms per record and run
REPEATS = 20  # reruns behind a statistical baseline, at least
SE_GROWTH = 3.0
NUMERIC = 1e-6  # how far apart, relatively, two computations of one number lie on the same versions and platform


def reach(repeats: int, level: float = LEVEL) -> float:
    """The bound in units of the spread between reruns: two-sided Student prediction interval for one more run.

    >>> round(reach(20), 2), round(reach(1000), 2)
    (7.24, 4.92)
    """
    from scipy import special

    return float(special.stdtrit(repeats - 1, 1 - level / 2)) * math.sqrt(1 + 1 / repeats)


def power(shift: float, repeats: int = REPEATS, level: float = LEVEL) -> float:
    """The chance that one run reports a shift, given in units of the bound.

    ``repeats`` are the reruns behind the baseline (20), ``level`` the false alarms per record and run (1e-6). Exact for
    normal spread: the distance from the mean of the reruns, divided by their spread, is Student's, shifted.

    >>> [round(power(bounds), 4) for bounds in (0, 0.5, 1, 1.5, 2)]
    [0.0, 0.0011, 0.5, 0.9989, 1.0]
    """
    from scipy import special

    quantile = float(special.stdtrit(repeats - 1, 1 - level / 2))
    above = special.stdtr(repeats - 1, (abs(shift) - 1) * quantile)
    below = special.stdtr(repeats - 1, (-abs(shift) - 1) * quantile)
    return float(above + below)


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) of the reruns' values."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def se_limit(errors: Sequence[float], level: float = LEVEL) -> float:
    """The largest standard error that is still no growth: threefold, or what the reruns show to be chance.

    A standard error from three seeds triples by chance once in ten thousand runs, so a fixed factor of three would be a
    false alarm every few weeks. The reruns' own standard errors say how much they vary; their two-thirds power is close
    to normal (Wilson and Hilferty, 1931, for the square's third), which gives the one-sided prediction limit.

    >>> round(se_limit([0.01] * 20), 6)
    0.03
    """
    from scipy import special

    typical = math.sqrt(math.fsum(error**2 for error in errors) / len(errors))
    mean, spread = mean_and_spread([error ** (2 / 3) for error in errors])
    quantile = float(special.stdtrit(len(errors) - 1, 1 - level)) * math.sqrt(1 + 1 / len(errors))
    return max(SE_GROWTH * typical, (mean + quantile * spread) ** 1.5)
