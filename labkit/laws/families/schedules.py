"""Loss along a learning-rate schedule: annealing with momentum, and the multi-power law."""

from __future__ import annotations

import numpy as np

from labkit.laws.families.compute_optimal import positive
from labkit.laws.families.power import FLOOR
from labkit.laws.form import Form, Parameter, register

SUBJECT = "schedules"
DECAY = 0.999
PIECES = 160  # a schedule's drops are summed in at most this many pieces


def schedule_areas(rates, decay=DECAY) -> tuple[np.ndarray, np.ndarray]:
    """The columns of ``annealing`` from the learning rate of every step (steps,): its sum and its annealing area.

    The area accumulates the drops of the rate, each remembered with ``decay`` per step; the rise to the largest rate is
    warm-up and no part of it. Raises ``ValueError`` for rates that are negative or not finite, or a decay outside 0 to
    1. Source: Tissue et al., 2024.

    >>> s1, s2 = schedule_areas([1.0, 1.0, 0.5, 0.5], decay=0.5)
    >>> s1.tolist(), s2.tolist()
    ([1.0, 2.0, 2.5, 3.0], [0.0, 0.0, 0.5, 0.75])
    """
    from scipy.signal import lfilter  # a second to import, so not before it is needed

    rates = np.asarray(rates, float)
    if rates.ndim != 1 or not np.isfinite(rates).all() or (rates < 0).any():
        raise ValueError("rates must be one finite learning rate of zero or above per step")
    if not 0 <= decay < 1:
        raise ValueError(f"decay must be at least 0 and below 1, got {decay!r}")
    drops = -np.diff(rates, prepend=rates[:1])
    drops[: _peak(rates)] = 0.0
    return np.cumsum(rates), np.cumsum(lfilter([1.0], [1.0, -decay], drops))


def _peak(rates: np.ndarray) -> int:
    """The place after the first of the largest rates: what comes before is warm-up."""
    return int(np.argmax(rates)) + 1 if len(rates) else 0


def _annealing(s1, s2, E, A, C, alpha):
    log = np.log(s1)
    shape = np.exp(-alpha * log)
    value = A * shape
    drop = -s2 * np.ones_like(shape)
    return E + value + C * drop, (np.ones_like(shape), shape, drop, -value * log)


register(
    Form(
        name="annealing",
        columns=("s1", "s2"),
        parameters=(
            FLOOR,
            Parameter("A", "amplitude of the power law in the summed rate"),
            Parameter("C", "what a unit of annealing area removes"),
            Parameter("alpha", "exponent of the summed rate", 0.0, 8.0, (0.1, 0.3, 0.5, 0.8, 1.2)),
        ),
        law=_annealing,
        latex=r"L = E + A\, S_1^{-\alpha} - C\, S_2",
        source="Tissue et al., 2024",
        units={"E": {"y": 1}, "A": {"y": 1, "s1": "alpha"}, "C": {"y": 1, "s2": -1}},
        rescalable=("s1",),
        aliases=("momentum",),
        subject=SUBJECT,
        note="laws.schedule_areas makes the columns s1 and s2 from a schedule",
    )
)


def multi_power(schedules: list[np.ndarray]) -> Form:
    """The multi-power law for given schedules: columns ``schedule`` (index into the list) and ``step`` (from 1).

    Each schedule is the learning rate of every step (steps,), warm-up included: it counts in the sum, and its rises are
    no drops. Parameters E, A, alpha (power law in the summed rate), B, C, beta, gamma (what the drops of the rate add).
    Drops are summed in pieces, at most 160 per schedule. Raises ``ValueError`` for no or ill-formed schedules.
    Source: Luo et al., 2025.

    >>> form = multi_power([np.full(100, 3e-4)])
    >>> form.columns, form.names
    (('schedule', 'step'), ('E', 'A', 'B', 'alpha', 'C', 'beta', 'gamma'))
    """
    if not schedules:
        raise ValueError("multi_power needs at least one schedule: the learning rate of every step")
    tables = [_Pieces(np.asarray(rates, float)) for rates in schedules]
    cache: dict[bytes, tuple[np.ndarray, ...]] = {}

    def law(schedule, step, E, A, B, alpha, C, beta, gamma):
        key = np.asarray(schedule).tobytes() + np.asarray(step).tobytes()
        if key not in cache:
            cache.clear()
            cache[key] = _drops(tables, np.asarray(schedule), np.asarray(step))
        summed, drop, rate, since = cache[key]
        log = np.log(summed)
        shape = np.exp(-alpha * log)
        log_rate = np.log(rate)
        C, beta, gamma = C[..., None], beta[..., None], gamma[..., None]
        reach = C * np.exp(-gamma * log_rate) * since
        log_left = np.log1p(reach)
        left = np.exp(-beta * log_left)
        gone = -(drop * (1 - left)).sum(-1)
        by_reach = -drop * beta * left / (1 + reach) * reach
        value = A * shape
        partials = (
            np.ones_like(value),
            shape,
            gone,
            -value * log,
            B * (by_reach / C).sum(-1),
            -B * (drop * left * log_left).sum(-1),
            -B * (by_reach * log_rate).sum(-1),
        )
        return E + value + B * gone, partials

    return Form(
        name="multi_power",
        columns=("schedule", "step"),
        parameters=(
            FLOOR,
            Parameter("A", "amplitude of the power law in the summed rate"),
            Parameter("B", "what a drop of the rate by one unit can remove"),
            Parameter("alpha", "exponent of the summed rate", 0.0, 8.0, (0.2, 0.4, 0.6, 0.9)),
            positive("C", "how quickly a drop takes effect", (0.1, 1.0, 10.0)),
            Parameter("beta", "how the effect of a drop saturates", 0.01, 5.0, (0.2, 0.5, 0.9)),
            Parameter("gamma", "how that depends on the rate after the drop", -1.0, 4.0, (0.2, 0.6, 1.0)),
        ),
        law=law,
        latex=r"L = E + A S_1^{-\alpha} - B \sum_k (\eta_{k-1} - \eta_k)"
        r"\left(1 - (1 + C \eta_k^{-\gamma} S_k)^{-\beta}\right)",
        source="Luo et al., 2025",
        units={"E": {"y": 1}, "A": {"y": 1}, "B": {"y": 1}},
        rescalable=(),
        subject=SUBJECT,
        note="rates are counted in units of each list's largest rate",
    )


class _Pieces:
    """A schedule's running sum, and its drops gathered into few pieces."""

    def __init__(self, rates: np.ndarray) -> None:
        if rates.ndim != 1 or len(rates) == 0 or not np.isfinite(rates).all() or (rates < 0).any():
            raise ValueError("a schedule is one finite learning rate of zero or above per step")
        self.unit = rates.max()
        rates = rates / self.unit
        self.rates, self.summed = rates, np.cumsum(rates)
        first = _peak(rates)
        falls = np.flatnonzero(np.diff(rates[first - 1 :]) != 0) + first
        groups = np.array_split(falls, min(PIECES, len(falls))) if len(falls) else []
        self.steps = np.array([group[0] for group in groups], int)
        self.ends = np.array([group[-1] for group in groups], int)


def _drops(tables: list[_Pieces], schedule: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, ...]:
    """Summed rate (…, n) at each point; per piece (…, n, pieces) of its schedule: drop, rate after it, rate since."""
    shape = np.broadcast_shapes(schedule.shape, step.shape)
    schedule = np.broadcast_to(schedule, shape).astype(int)
    place = np.clip(np.broadcast_to(step, shape).astype(int) - 1, 0, None)
    width = max(1, *(len(table.steps) for table in tables))
    summed = np.empty(shape)
    drop, rate, since = np.zeros((*shape, width)), np.ones((*shape, width)), np.zeros((*shape, width))
    for number, table in enumerate(tables):
        here = schedule == number
        if not here.any():
            continue
        at = np.minimum(place[here], len(table.rates) - 1)
        summed[here] = table.summed[at]
        count = len(table.steps)
        if count == 0:
            continue
        # a piece that the point lies inside of counts with the part of it that is over
        end = np.minimum(table.ends[None], at[:, None])
        over = at[:, None] >= table.steps[None]
        middle = (table.steps[None] + end) // 2
        amounts = np.where(over, table.rates[table.steps - 1][None] - table.rates[end], 0.0)
        after = np.maximum(table.rates[middle], 1e-6)
        gone = np.where(over, table.summed[at][:, None] - table.summed[np.minimum(middle, at[:, None]) - 1], 0.0)
        block = np.zeros((3, len(at), width))
        block[1] = 1.0
        block[0, :, :count], block[1, :, :count], block[2, :, :count] = amounts, after, np.maximum(gone, 0.0)
        drop[here], rate[here], since[here] = block
    return summed / 1000.0, drop, rate, since / 1000.0
