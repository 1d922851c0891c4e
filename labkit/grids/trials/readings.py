"""What the trials' tables say: floors, laws of streams, dispersions, slopes, and limits of means."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit import laws

STREAM_LAWS = ("log(streams)", "no streams", "params * streams")


def mean_with_limits(values, interval: float = 0.9) -> tuple[float, float, float]:
    """A mean and its limits by Student's t; one value has none that are finite.

    >>> mean, low, high = mean_with_limits([1.0, 2.0, 3.0])
    >>> round(mean, 3), round(low, 3), round(high, 3)
    (2.0, 0.314, 3.686)
    """
    from scipy.stats import t as student

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), -np.inf, np.inf
    reach = student.ppf((1 + interval) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - reach), float(values.mean() + reach)


def standard_error(limits: tuple[float, float, float], count: int, interval: float = 0.9) -> float:
    """The standard error behind the mean and limits of ``count`` values that ``mean_with_limits`` gave.

    >>> round(standard_error(mean_with_limits([1.0, 2.0, 3.0]), 3), 6) == round(1 / 3**0.5, 6)
    True
    """
    from scipy.stats import t as student

    return float((limits[2] - limits[1]) / 2 / student.ppf((1 + interval) / 2, count - 1))


def fitted_floors(runs: pd.DataFrame) -> pd.DataFrame:
    """A power law with a floor for each source and seed of ``entropy_floor``, the luck of the held-out text taken out.

    Returns temperature, seed, floor, alpha and entropy, and ``ratio``, floor over entropy.
    """
    rows = []
    for (temperature, seed), curve in runs.groupby(["temperature", "seed"]):
        law = laws.ScalingLaw("power_floor", "log_squared").fit(curve.examples, curve.loss - curve["shift"])
        entropy = float(curve.entropy.iloc[0])
        rows.append((temperature, seed, law.parameters_["E"], law.parameters_["alpha"], entropy))
    found = pd.DataFrame(rows, columns=["temperature", "seed", "floor", "alpha", "entropy"])
    return found.assign(ratio=found.floor / found.entropy)


def stream_laws(runs: pd.DataFrame, *, draws: int = 200, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """AIC of three laws of what streams are worth, and refits of k, where k log(streams) + 1 multiplies parameters.

    ``runs`` is a table of ``parallel_streams``. All three are power laws with a floor of one amount: of parameters
    times (k log(streams) + 1), of parameters alone, and of parameters times streams. Refits move each mean of a cell
    by the spread between seeds.
    """
    cells = runs.groupby(["params", "streams"], as_index=False).loss.mean()
    multiplied = laws.ScalingLaw("parallel_streams", "log_squared").fit(cells[["params", "streams"]], cells.loss)
    amounts = {"no streams": cells.params.astype(float), "params * streams": cells.params * cells.streams.astype(float)}
    plain = {}
    for name, amount in amounts.items():
        plain[name] = laws.ScalingLaw("power_floor", "log_squared").fit(amount, cells.loss).predict(amount)
    predicted = {"log(streams)": multiplied.predict(cells[["params", "streams"]]), **plain}
    rows = []
    for name in STREAM_LAWS:
        square = float((np.log(cells.loss / predicted[name]) ** 2).mean())
        count = 4 if name == "log(streams)" else 3
        rows.append((name, square**0.5, len(cells) * np.log(square) + 2 * (count + 1)))
    k = multiplied.bootstrap(draws, seed=seed)["k"].to_numpy()
    return pd.DataFrame(rows, columns=["law", "rms", "aic"]), k


def dispersion(runs: pd.DataFrame) -> pd.DataFrame:
    """Of each width: variance over mean of the facts known by segment, 1 for Poisson, and the p of chi-square.

    ``runs`` is a table of ``blocks``; seeds are pooled, each about its own mean. Returns width, known, index, p.

    >>> runs = pd.DataFrame({"width": 8, "seed": 0, "facts": 9, "known": [2, 0, 4, 2]})
    >>> dispersion(runs)[["index", "p"]].round(3).values.tolist()
    [[1.333, 0.261]]
    """
    from scipy.stats import chi2

    rows = []
    for width, part in runs.groupby("width"):
        means = part.groupby("seed").known.transform("mean")
        used = means > 0
        statistic = float(((part.known - means)[used] ** 2 / means[used]).sum())
        free = int(used.sum()) - part.seed[used].nunique()
        share = float(part.known.sum() / part.facts.sum())
        rows.append((width, share, statistic / max(free, 1), float(chi2.sf(statistic, free)) if free else 1.0))
    return pd.DataFrame(rows, columns=["width", "known", "index", "p"])


def slopes(runs: pd.DataFrame) -> pd.DataFrame:
    """Of each width and seed of ``frequencies``: the slope of the share known against log2 of how often it was told.

    >>> runs = pd.DataFrame({"width": 8, "seed": 0, "told": [1, 2, 4], "known": [0.1, 0.3, 0.5]})
    >>> slopes(runs).slope.round(6).tolist()
    [0.2]
    """
    rows = [
        (width, seed, float(np.polyfit(np.log2(part.told), part.known, 1)[0]))
        for (width, seed), part in runs.groupby(["width", "seed"])
    ]
    return pd.DataFrame(rows, columns=["width", "seed", "slope"])


def best_width(runs: pd.DataFrame, *, draws: int = 1000, seed: int = 0) -> tuple[pd.DataFrame, float]:
    """The width of lowest mean loss for each number of examples, and how sure it grows from the fewest to the most.

    ``runs`` is a table of ``sized``. The second is the share of resamplings of the seeds in which it does.
    """
    from labkit.seeds import generator

    table = runs.pivot_table(index=["examples", "width"], columns="seed", values="loss")
    best = table.mean(axis=1).unstack("width").idxmin(axis=1).rename("best width")
    values = table.unstack("width").to_numpy().reshape(len(best), table.shape[1], -1)  # examples, seeds, widths
    drawn = generator(seed, "best width").integers(table.shape[1], size=(draws, table.shape[1]))
    least, most = (np.nanmean(values[place][drawn], axis=1).argmin(axis=1) for place in (0, -1))
    return best.to_frame(), float((most > least).mean())
