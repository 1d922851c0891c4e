"""The compute-optimal frontier of a grid of runs, by three routes: envelope, isoFLOP valleys and a parametric law.

Runs are grouped by size and tokens; along each size the loss is interpolated between its budgets (monotone cubic in
logarithms), so that a grid need not have been laid out on lines of equal compute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from labkit import seeds
from labkit.laws.allocation import FLOPS_TRAINING, _best_sizes
from labkit.laws.estimator import ScalingLaw, level
from labkit.registry import UnknownName, nearest

ROUTES = ("envelope", "isoflop", "parametric")
COLUMNS = ("params", "tokens", "loss")
FINE = 1500  # compute levels on which the envelope is drawn
FEWEST_SIZES, FEWEST_BUDGETS = 4, 3


@dataclass(frozen=True, eq=False)
class Frontier:
    """How the best model size grows with compute: ``params = coefficient * compute**exponent``.

    Fields:
        route: envelope, isoflop or parametric.
        exponent, limits: of the size, with its interval; that of the tokens is one minus it.
        coefficient: parameters at one FLOP.
        table: one row per compute level (or, for the envelope, per size that is best somewhere): compute, params, low,
            high, tokens, loss and ``shift``, what the correction multiplied params by.
        draws: (draws, 2) log coefficient and exponent of each redrawn grid.
        interval: level of the limits.
    """

    route: str
    exponent: float
    limits: tuple[float, float]
    coefficient: float
    table: object = field(repr=False)
    draws: np.ndarray = field(repr=False)
    interval: float

    def at(self, compute: float) -> dict[str, float]:
        """The best size and tokens for ``compute`` FLOPs, with limits of each."""
        if not (np.isfinite(compute) and compute > 0):
            raise ValueError(f"compute is a number of FLOPs above zero, not {compute!r}")
        sizes = np.exp(self.draws @ np.array([1.0, np.log(compute)]))
        low, high = np.quantile(sizes, _tails(self.interval))
        best = self.coefficient * compute**self.exponent
        spread = {"params": best, "params_low": low, "params_high": high}
        data = {name.replace("params", "tokens"): compute / FLOPS_TRAINING / size for name, size in spread.items()}
        data["tokens_low"], data["tokens_high"] = data["tokens_high"], data["tokens_low"]
        return {name: float(value) for name, value in {**spread, **data}.items()}


def frontier(
    runs,
    route: str = "isoflop",
    *,
    form: str = "chinchilla",
    corrected: bool = True,
    levels: int = 12,
    interval: float = 0.9,
    draws: int = 400,
    seed: int = 0,
) -> Frontier:
    """Estimate how the compute-optimal size grows with compute, from finished runs on a grid of sizes and tokens.

    Arguments:
        runs: frame with columns params, tokens and loss, one row per run; seeds are rows with the same params and
            tokens. Every loss is the end of a run trained for its tokens. A run costs 6 * params * tokens FLOPs.
        route: "envelope" (which size is lowest at each compute: the middle of its stretch), "isoflop" (a parabola in
            log params across the sizes at equal compute) or "parametric" (the minimum of a fitted law).
        form: the law on params and tokens that is fitted, for the parametric route and the correction.
        corrected: take out the bias that a route has on the fitted law itself, where the answer is known. A parabola
            is symmetric and a valley is not; without this its coefficient is off by several per cent.
        levels: compute levels for isoflop and parametric.
        interval: level of the limits.
        draws: grids redrawn for the limits, each cell's mean moved by the noise between seeds (by the law's residuals
            where no cell has two runs).
        seed: of those draws.

    Raises ``ValueError`` for runs that are no grid (under 4 sizes with 3 budgets each) and where no valley is inside
    the grid. What the limits do not know: that the law or the interpolation is wrong. Sources: Hoffmann et al. 2022
    (the three routes).

    >>> import pandas as pd
    >>> n, d = (g.ravel() for g in np.meshgrid(np.geomspace(1e4, 1e6, 7), np.geomspace(1e5, 1e8, 7)))
    >>> runs = pd.DataFrame({"params": n, "tokens": d, "loss": 1 + 20 * n**-0.3 + 30 * d**-0.3})
    >>> round(frontier(runs).exponent, 3)
    0.5
    """
    if route not in ROUTES:
        raise UnknownName(f"unknown route {route!r}: {nearest(route, ROUTES)}")
    share = level(interval)
    if draws < 2:
        raise ValueError(f"limits need at least 2 draws, not {draws}")
    cells = _cells(runs)
    law = ScalingLaw(form, seed=seed).fit(runs[["params", "tokens"]], runs["loss"])
    fitted = law.predict(cells[["params", "tokens"]])
    if route == "parametric":
        at = _levels(cells, levels)
        thetas = np.vstack([law._theta, law.bootstrap(draws, seed=seed).to_numpy()])
        sizes, shift = _optima(law, thetas, at), np.zeros(len(at))
        at = np.broadcast_to(at, sizes.shape)
    else:
        random = seeds.generator(seed, "frontier", route)
        losses = np.log(cells["loss"].to_numpy())
        noise = _noise(runs, cells, losses - np.log(fitted), len(law.parameters_))
        moved = losses + noise * random.standard_normal((draws, len(cells)))
        trace = _envelope if route == "envelope" else _valleys
        at, sizes = trace(cells, np.vstack([losses, moved]), levels)
        shift = np.zeros(at.shape[1])
        if corrected:
            at_law, sizes_law = trace(cells, np.log(fitted)[None], levels)
            shift = _bias(law, at_law[0], sizes_law[0], at[0])
            sizes = sizes + shift
    return _summary(route, at, sizes, shift, law, share)


def _cells(runs):
    """One row per size and budget: the mean loss of its runs and how many they are, sorted."""
    import pandas as pd

    missing = [name for name in COLUMNS if name not in getattr(runs, "columns", ())]
    if not isinstance(runs, pd.DataFrame) or missing:
        raise ValueError(f"runs is a frame with the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
    values = runs[list(COLUMNS)].to_numpy(dtype=float)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError("params, tokens and loss of every run are finite and above zero; drop diverged runs first")
    grouped = runs.groupby(["params", "tokens"], sort=True)["loss"]
    cells = grouped.agg(loss="mean", runs="count").reset_index()
    budgets = cells.groupby("params").size()
    if len(budgets) < FEWEST_SIZES or budgets.min() < FEWEST_BUDGETS:
        raise ValueError(
            f"a frontier needs at least {FEWEST_SIZES} sizes with {FEWEST_BUDGETS} budgets of tokens each; "
            f"got {len(budgets)} sizes, with {', '.join(map(str, budgets))} budgets"
        )
    return cells


def _noise(runs, cells, residuals: np.ndarray, parameters: int) -> np.ndarray:
    """Standard error (cells,) of each cell's mean log loss."""
    spread = np.log(runs["loss"]).groupby([runs["params"], runs["tokens"]]).agg(["var", "count"])
    free = (spread["count"] - 1).clip(lower=0)
    if free.sum():
        variance = float((spread["var"].fillna(0) * free).sum() / free.sum())
    else:
        variance = float((residuals**2).sum() / max(len(cells) - parameters, 1))
    return np.sqrt(variance / cells["runs"].to_numpy())


def _curves(cells, losses: np.ndarray):
    """Of each size: log params, the log compute of its ends, and log loss (rows,) as a function of log compute."""
    from scipy.interpolate import PchipInterpolator

    curves = []
    for params, rows in cells.groupby("params", sort=True):
        at = np.log(FLOPS_TRAINING * params * rows["tokens"].to_numpy())
        curves.append((np.log(params), at[0], at[-1], PchipInterpolator(at, losses[:, rows.index], axis=1)))
    return curves


def _levels(cells, count: int) -> np.ndarray:
    """Log compute at which at least four sizes have runs on both sides, evenly spread."""
    spans = np.log(FLOPS_TRAINING * cells["params"] * cells["tokens"]).groupby(cells["params"]).agg(["min", "max"])
    fine = np.linspace(spans["min"].min(), spans["max"].max(), FINE)
    covering = ((spans[["min"]].to_numpy() <= fine) & (fine <= spans[["max"]].to_numpy())).sum(0)
    kept = fine[covering >= FEWEST_SIZES]
    if not len(kept):
        raise ValueError("at no compute do four sizes have runs: give sizes whose budgets overlap")
    return np.linspace(kept[0], kept[-1], count)


def _valleys(cells, losses: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Log compute and log size (rows, levels) of the bottom of the parabola at each compute; NaN where it is not inside
    the sizes that have runs there.
    """
    curves = _curves(cells, losses)
    at = _levels(cells, levels)
    bottoms = np.full((len(losses), levels), np.nan)
    for place, compute in enumerate(at):
        here = [(size, curve) for size, low, high, curve in curves if low - 1e-9 <= compute <= high + 1e-9]
        sizes = np.array([size for size, _ in here])
        values = np.exp(np.stack([curve(compute) for _, curve in here], axis=1))
        bend, slope, _ = np.linalg.lstsq(np.vander(sizes - sizes.mean(), 3), values.T, rcond=None)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            bottom = sizes.mean() - slope / (2 * bend)
        inside = (bend > 0) & (bottom > sizes[0]) & (bottom < sizes[-1])
        bottoms[:, place] = np.where(inside, bottom, np.nan)
    return np.broadcast_to(at, bottoms.shape), bottoms


def _envelope(cells, losses: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Log compute (rows, sizes) at the middle of the stretch on which each size is lowest, and its log size; NaN where
    a stretch does not end at a crossing with another size on both sides.
    """
    curves = _curves(cells, losses)
    fine = np.linspace(min(low for _, low, _, _ in curves), max(high for _, _, high, _ in curves), FINE)
    covered = np.array([(low <= fine) & (fine <= high) for _, low, high, _ in curves])
    heights = np.full((len(curves), len(losses), FINE), np.inf)
    for place, (_, _, _, curve) in enumerate(curves):
        heights[place][:, covered[place]] = curve(fine[covered[place]])
    best = heights.argmin(0)  # (rows, FINE)
    rows = np.arange(len(losses))
    middles = np.full((len(losses), len(curves)), np.nan)
    for place in range(len(curves)):
        mine = best == place
        first, last = mine.argmax(1), FINE - 1 - mine[:, ::-1].argmax(1)
        before, after = np.maximum(first - 1, 0), np.minimum(last + 1, FINE - 1)
        # A crossing: both this size and its neighbour have runs on both sides of the switch.
        left, right = best[rows, before], best[rows, after]
        crossed = covered[place, before] & covered[left, first] & covered[place, after] & covered[right, last]
        whole = mine.any(1) & (left != place) & (right != place) & crossed
        middle = (mine * fine).sum(1) / np.maximum(mine.sum(1), 1)
        middles[:, place] = np.where(whole, middle, np.nan)
    sizes = np.array([size for size, *_ in curves])
    return middles, np.where(np.isnan(middles), np.nan, sizes)


def _optima(law: ScalingLaw, thetas: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Log size (laws, levels) that a law says is best at each log compute."""
    return np.log(_best_sizes(law._form, thetas, np.exp(at), 0.0))


def _bias(law: ScalingLaw, at: np.ndarray, sizes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What to add to a route's log sizes at ``wanted`` log compute: how far below the law it is on the law itself."""
    known = np.isfinite(sizes) & np.isfinite(at)
    if known.sum() < 2:
        raise ValueError("the fitted law has no valley inside the grid, so no bias can be taken out; corrected=False")
    gap = _optima(law, law._theta[None], at[known])[0] - sizes[known]
    return np.interp(wanted, at[known], gap)  # the two traces need not have found optima at the same compute


def _summary(route, at, sizes, shift, law: ScalingLaw, share: float) -> Frontier:
    import pandas as pd

    known = np.isfinite(sizes[0])
    if known.sum() < 2:
        raise ValueError(
            f"the {route} route finds {known.sum()} optima inside the grid and needs 2: the best lie at its edge, "
            "so add larger sizes (or smaller ones), or longer runs"
        )
    lines = np.array([_line(*row) for row in zip(at, sizes, strict=True)])
    draws = lines[1:][np.isfinite(lines[1:]).all(1)]
    compute = np.exp(at[0][known])
    params = np.exp(sizes[0][known])
    low, high = np.quantile(np.exp(draws @ np.vstack([np.ones(known.sum()), at[0][known]])), _tails(share), axis=0)
    tokens = compute / FLOPS_TRAINING / params
    table = pd.DataFrame({"compute": compute, "params": params, "low": low, "high": high, "tokens": tokens})
    table["loss"] = law.predict(table[["params", "tokens"]])
    table["shift"] = np.exp(shift[known])
    limits = tuple(map(float, np.quantile(draws[:, 1], _tails(share))))
    return Frontier(route, float(lines[0, 1]), limits, float(np.exp(lines[0, 0])), table, draws, share)


def _line(at: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Intercept and slope through the finite points; NaN below two."""
    known = np.isfinite(sizes) & np.isfinite(at)
    if known.sum() < 2:
        return np.nan, np.nan
    slope, intercept = np.polyfit(at[known], sizes[known], 1)
    return intercept, slope


def _tails(share: float) -> list[float]:
    return [(1 - share) / 2, (1 + share) / 2]
