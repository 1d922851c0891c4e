"""The rules of data/claims.toml on repeated text as functions: whether a claim holds (None: inconclusive), and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.grids.trials.readings import mean_with_limits
from labkit.grids.trials.verdicts import Limits, Verdict

_SURE, _UNSURE = 0.95, 0.05
_BOUNDED, _ENDLESS = 100.0, 1000.0  # R_D is searched up to 10,000, where no decay is seen
PUBLISHED_WORTH = 15.4
PUBLISHED_FASTER = (1.9, 3.3)
PUBLISHED_TEXT = 5.17


def as_good_as_fresh(gaps: pd.DataFrame, *, epochs: float = 4, interval: float = 0.9) -> Verdict:
    """Whether the gap to fresh text is at most what seeds differ by; ``gaps`` of ``grids.gaps``."""
    mean, low, high = mean_with_limits(gaps[gaps.epochs == epochs].ratio, interval)
    told = f"gap to fresh text at {epochs:g} epochs: {mean:.1f} ({low:.1f} to {high:.1f}) standard deviations of seeds"
    return _sign(high - 1, low - 1), told


def effective_data_foretells(errors: pd.DataFrame) -> Verdict:
    """Whether effective data foretells better than both others; ``errors`` of ``grids.hidden_epochs``."""
    table = errors.set_index("law")
    others = table.loc[["all tokens as fresh", "last epoch"]]
    holds = True if (others.lead_low > 0).all() else False if (others.lead_high < 0).any() else None
    told = ", ".join(f"{name} {table.rms[name]:.3f}" for name in ("effective data", *others.index))
    return holds, f"misses of ln loss: {told}"


def worth_as_published(limits: Limits) -> Verdict:
    """Whether R_D is bounded and holds the published one; value, low and high.

    >>> worth_as_published((10.0, 5.0, 20.0))
    (True, 'R_D 10.0 (5.0 to 20.0)')
    >>> worth_as_published((5.0, 4.0, 9999.0))
    (None, 'R_D 5.0 (4.0 or more: some resamplings see no decay at all)')
    """
    value, low, high = limits
    holds = None if high >= _BOUNDED else low <= PUBLISHED_WORTH <= high
    if low >= _ENDLESS:
        return holds, "R_D has no bound: no resampling sees any decay"
    told = "no decay seen" if value >= _ENDLESS else f"{value:.1f}"
    end = f" to {high:.1f}" if high < _ENDLESS else " or more: some resamplings see no decay at all"
    return holds, f"R_D {told} ({low:.1f}{end})"


def epochs_first(draws: pd.DataFrame) -> Verdict:
    """Whether R_N is below R_D; ``draws`` of ``grids.data_constrained``."""
    share = float((draws.excess < draws.worth).mean())
    return _share(
        share
    ), f"R_N below R_D in {share:.0%} of the refits; medians {draws.excess.median():.0f} and {draws.worth.median():.0f}"


def degrades(slopes: pd.DataFrame) -> Verdict:
    """Whether the gap grows with size and falls with text; ``slopes`` of ``grids.gap_slopes``."""
    size, text = (slopes[slopes.of == name].iloc[0] for name in ("params", "unique_tokens"))
    wrong = size.high < 0 or text.low > 0
    holds = True if size.low > 0 and text.high < 0 else False if wrong else None
    return holds, f"gap per doubling: {size.slope:+z.3f} nats of parameters, {text.slope:+z.3f} of unique tokens"


def turns_sooner(turning: pd.DataFrame, sooner: float) -> Verdict:
    """Whether the largest model turns up sooner; the two that ``grids.turning`` returns."""
    first, last = turning.iloc[0], turning.iloc[-1]
    told = f"lowest loss at {last.epochs:g} epochs for the largest and {first.epochs:g} for the smallest"
    return _share(sooner), f"{told}; sooner in {sooner:.0%} of the resamplings"


def dropout_recovers(recovered: pd.DataFrame) -> Verdict:
    """Whether dropout recovers more than half of the gap, and more than decay; ``recovered`` of ``grids.recovered``.

    >>> rows = {"of": ["dropout", "dropout minus weight decay"], "share": [0.8, 0.2], "low": [0.7, 0.1]}
    >>> dropout_recovers(pd.DataFrame(rows | {"high": [0.9, 0.3]}))[0]
    True
    """
    if recovered.empty:
        return None, "no size lost more than two standard deviations of seeds"
    table = recovered.set_index("of")[["share", "low", "high"]]
    share, ahead = table.loc["dropout"], table.loc["dropout minus weight decay"]
    good, bad = share.low > 0.5 and ahead.low > 0, share.high < 0.5 or ahead.high < 0
    told = f"share of the gap recovered by dropout {_limits(share)}, minus that of decay {_limits(ahead)}"
    return (True if good else False if bad else None), told


def stronger_when_larger(best: pd.DataFrame) -> Verdict:
    """Whether the best share of dropout grows with size; ``best`` of ``grids.best_strengths``."""
    share = float((best.iloc[1:, -1] > best.iloc[1:, 0]).mean())
    return _share(share), "best share of dropout by width: " + ", ".join(f"{w}: {s:g}" for w, s in best.iloc[0].items())


def parameters_overfit(difference: Limits) -> Verdict:
    """Whether the gap with own weights is above that with shared ones; the difference in nats, with limits."""
    return _sign(-difference[1], -difference[2]), f"gap with own weights minus with shared: {_limits(difference)} nats"


def one_epoch_is_faster(speedups: pd.DataFrame, rise: Limits) -> Verdict:
    """Whether fresh text is faster at 8 epochs and more, increasingly; of ``grids.speedups`` and ``speedup_rise``."""
    many = speedups[speedups.epochs >= 8]
    wrong = (many.high < 1).any() or rise[2] < 1
    holds = True if (many.low > 1).all() and rise[1] > 1 else False if wrong else None
    told = ", ".join(f"{row.speedup:.1f} at {row.epochs:g}" for row in speedups.itertuples())
    return holds, f"times as fast by epochs replaced: {told}; at 16 over at 4: {_limits(rise)}"


def ten_epochs(row: pd.Series) -> Verdict:
    """Whether ten epochs cost 1.9 to 3.3 times as much; the row of ``grids.speedups(..., epochs=(10,))``."""
    least, most = PUBLISHED_FASTER
    inside, outside = least <= row.low and row.high <= most, row.high < least or row.low > most
    told = f"times as fast as ten epochs: {row.speedup:.2f} ({row.low:.2f} to {row.high:.2f})"
    return (True if inside else False if outside else None), told


def remedies_slow(slowed: pd.DataFrame) -> Verdict:
    """Whether both remedies cost something at one epoch; ``slowed`` of ``grids.slowed``."""
    holds = True if (slowed.low > 0).all() else False if (slowed.high < 0).any() else None
    return holds, "cost at one epoch: " + ", ".join(f"{r.remedy} {r.cost:+z.3f} nats" for r in slowed.itertuples())


def power_law_in_steps(misses: Limits) -> Verdict:
    """Whether a power law with a floor foretells longer runs within 2%; mean miss over sizes with limits.

    >>> power_law_in_steps((0.01, 0.005, 0.015))[0]
    True
    """
    return _sign(misses[2] - 0.02, misses[1] - 0.02), f"mean miss of the two longest budgets {misses[0]:.1%}"


def tuned_falls(usual: pd.DataFrame, tuned: pd.DataFrame) -> Verdict:
    """Whether the usual decay turns up with size and the tuned does not; both of ``grids.steps_in_size``."""
    turn = usual.set_index("step").loc["largest minus best smaller"]
    table = tuned.set_index("step")
    steps, whole = table[~table.index.str.startswith("largest")], table.loc["largest minus smallest"]
    wrong = (steps.low > 0).any() or turn.high < 0
    good = turn.low > 0 and (steps.change < 0).all() and whole.high < 0
    told = f"largest minus best smaller, usual decay {turn.change:+z.3f}; tuned, by step "
    return (True if good else False if wrong else None), told + ", ".join(f"{c:+z.3f}" for c in steps.change)


def decay_ten_times(best: pd.DataFrame) -> Verdict:
    """Whether the two largest sizes want ten times the usual 0.1 or more; ``best`` of ``grids.best_strengths``."""
    share = float((best.iloc[1:, -2:] >= 1.0).all(axis=1).mean())
    return _share(share), "best decay by width: " + ", ".join(f"{w}: {s:g}" for w, s in best.iloc[0].items())


def ensembles_go_lower(asymptotes: pd.DataFrame) -> Verdict:
    """Whether the lowest ensemble asymptote is below that of one endless model; of ``trials.asymptotes``."""
    single = asymptotes[np.isinf(asymptotes.params)].iloc[0]
    joint = asymptotes[~np.isinf(asymptotes.params)].sort_values("value").iloc[0]
    below = joint.high < single.low and joint.left_out_high < single.left_out_low
    told = "; ".join(f"{row['name']} {_limits(row[['value', 'low', 'high']])}" for row in (joint, single))
    return (True if below else False if joint.low > single.high else None), told


def five_times_the_text(ratio: Limits) -> Verdict:
    """Whether ensembles are worth 5.17 times the text; the ratio with limits, inf where no run of the grid has so much.

    >>> five_times_the_text((5.0, 4.0, 6.0))[0], five_times_the_text((9.0, 8.0, np.inf))[0]
    (True, None)
    """
    holds = None if np.isinf(ratio[2]) else bool(ratio[1] <= PUBLISHED_TEXT <= ratio[2])
    return holds, f"text that the usual recipe needs, over that used: {ratio[0]:.1f} ({ratio[1]:.1f} to {ratio[2]:.1f})"


def close_text_helps(gains: pd.DataFrame) -> Verdict:
    """Whether the closest language helps, and more than the most distant; of ``trials.auxiliary_gains``."""
    close, fall = gains.iloc[0], gains[gains.distance.isna()].iloc[0]
    holds = True if close.low > 0 and fall.low > 0 else False if close.high < 0 or fall.high < 0 else None
    told = ", ".join(f"{row.gain:+z.3f} at distance {row.distance:g}" for row in gains.dropna().itertuples())
    return holds, f"nats gained on the target: {told}"


def distant_text_does_not(gains: pd.DataFrame) -> Verdict:
    """Whether the most distant language gains at most half of what the closest does; of ``trials.auxiliary_gains``."""
    known = gains.dropna()
    close, far = known.iloc[0], known.iloc[-1]
    half = close.gain / 2
    told = f"gain at the largest distance {_limits(far[['gain', 'low', 'high']])}, at the smallest {close.gain:.3f}"
    return _sign(far.high - half, far.low - half), told


def quality_helps(difference: Limits) -> Verdict:
    """Whether noise in the auxiliary text hurts the target; loss with noise minus without, with limits."""
    return _sign(-difference[1], -difference[2]), f"target loss with noise minus without: {_limits(difference)} nats"


def size_stops_paying(falls: pd.DataFrame) -> Verdict:
    """Whether the auxiliary loss still falls with size and the target's hardly; of ``trials.falls_with_size``."""
    table = falls.set_index("of")
    other, rest = table.loc["auxiliary"], table.loc["target minus a third of auxiliary"]
    holds = True if other.low > 0 and rest.high < 0 else False if other.high < 0 or rest.low > 0 else None
    return (
        holds,
        f"fall from the middle width to the largest: target {table.fall['target']:.3f}, auxiliary {other.fall:.3f}",
    )


def selection_helps(difference: Limits) -> Verdict:
    """Whether relevant text is better than all alike; target loss with all alike minus with the relevant half."""
    return _sign(-difference[1], -difference[2]), f"target loss, all alike minus relevant: {_limits(difference)} nats"


def _sign(worst: float, best: float) -> bool | None:
    """True where even the upper end of what should be small is not above 0, False where the lower end is."""
    return True if worst <= 0 else False if best > 0 else None


def _share(share: float) -> bool | None:
    return True if share >= _SURE else False if share <= _UNSURE else None


def _limits(values) -> str:
    value, low, high = values
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
