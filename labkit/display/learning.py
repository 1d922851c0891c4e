"""Learning curves: how error falls with the number of examples, one curve per model, every seed visible."""

from __future__ import annotations

import numpy as np

from labkit.display.assemble import assemble, columns, level
from labkit.display.axes import drawable, span
from labkit.display.describe import change, count, listing, number, one_line, quantity, sentence, title_of, words_of
from labkit.display.series import Series, direct_labels, distinct_labels, series_of
from labkit.display.theme import FACET_HEIGHT, FACET_WIDTH, HEIGHT, WIDTH

_DIALS = ("dataset", "model", "width", "depth", "label_noise", "policy", "fraction", "score")


def learning_curves(
    frame,
    *,
    y: str = "test_error",
    x: str = "examples",
    series: str = "model",
    facet: str | None = None,
    interval: float = 0.9,
    log_y: bool = True,
    title: str | None = None,
    preset: str | None = None,
):
    """Learning curves on log–log axes: a point per seed, the mean as a line and its interval as a band.

    ``frame`` has one row per dataset, model, size and seed. ``y`` is the measured column, ``x`` the size column;
    ``series`` is the column told apart by colour, ``facet`` the column that gets a panel each (``dataset`` when
    there are several). The band is the Student-t interval of the mean over seeds. ``title`` defaults to the
    finding; ``preset`` is named in the subtitle. Values that a logarithm cannot show are counted there.

    Raises ``ValueError`` when a column is missing, when several rows share one series, size and seed (a dial that
    the chart does not tell apart), or when more than 12 series would be drawn.

    >>> import pandas
    >>> frame = pandas.DataFrame({"model": "mlp", "examples": [32, 32, 64, 64], "seed": [0, 1, 0, 1],
    ...                           "test_error": [0.4, 0.5, 0.2, 0.3]})
    >>> learning_curves(frame).description
    'Test error against training examples on logarithmic axes, mlp, 2 seeds: test error falls from 0.45 to 0.25 ...'
    """
    import altair as alt
    import pandas

    frame = columns(frame, x, y)
    level(interval)
    frame = frame if series in frame.columns else frame.assign(**{series: words_of(y)})
    facet = facet or (
        "dataset" if "dataset" in frame and series != "dataset" and frame["dataset"].nunique() > 1 else None
    )
    seeds = frame["seed"].nunique() if "seed" in frame else None
    kept, note = drawable(frame, [x, y] if log_y else [x], [] if log_y else [y])
    _refuse_mixtures(kept, x, series, facet)
    kinds, labels = series_of(kept[series], series.replace("_", " "), direct=facet is None)
    runs = _runs(kept, x, y, series, facet, labels)
    means = _means(runs, interval)
    means["dash"] = means["series"].map(kinds.codes)
    wide, high = (FACET_WIDTH, FACET_HEIGHT) if facet else (WIDTH, HEIGHT)
    across = span("x", title_of(x), runs["x"], log=True, length=wide, each=True)
    lowest = runs["y"].min() / 2 if log_y else -np.inf
    shown = np.concatenate([runs["y"], means["low"].clip(lower=lowest), means["high"]])
    up = span("y", title_of(y), shown, log=log_y, length=high)
    means["bottom"] = means["low"].clip(lower=up.low)
    layers = _layers(kinds, across, up, interval, zooms=facet is None)
    order = list(dict.fromkeys(runs["facet"]))
    if facet is None:
        ends = means.groupby("series", sort=False)["y"].last().to_dict()
        layers += direct_labels(kinds, ends, up, wide)
    finding = _finding(means, words_of(y), words_of(x), len(order))
    data = frame["dataset"].unique() if "dataset" in frame else []
    subtitle = [
        count(seeds, "seed") if seeds else "",
        f"band: {interval:.0%} interval of the mean" if means["low"].notna().any() else "no band: one seed",
        f"data: {listing(data)}" if len(data) and facet is None else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    described = sentence(
        f"{words_of(y).capitalize()} against {words_of(x)} on {'' if log_y else 'half-'}logarithmic axes",
        f"{count(len(order), 'panel')} ({listing(order)})" if facet else "",
        listing(kinds.names),
        count(seeds, "seed") if seeds else "",
        finding=finding,
    )
    return assemble(
        layers,
        title=title or finding,
        subtitle=subtitle,
        description=described,
        data=pandas.concat([runs, means], ignore_index=True),
        facet=alt.Facet("facet:N", title=None, sort=order) if facet else None,
        panels=len(order),
        zoom=None if facet else "means",
        width=wide,
        height=high,
    )


def _refuse_mixtures(frame, x: str, series: str, facet: str | None) -> None:
    key = [column for column in (facet, series, x, "seed") if column and column in frame]
    if "seed" not in frame or not frame.duplicated(key).any():
        return
    repeated = frame[frame.duplicated(key, keep=False)]
    mixed = [dial for dial in _DIALS if dial in frame and dial not in key and repeated[dial].nunique() > 1]
    hint = f"select one {mixed[0]}, or pass series={mixed[0]!r} or facet={mixed[0]!r}" if mixed else "aggregate them"
    raise ValueError(f"several rows share one {', '.join(key)}: their mean would mix different things; {hint}")


def _runs(frame, x, y, series, facet, labels):
    import pandas

    panels = distinct_labels(frame[facet], 40) if facet else {}
    runs = pandas.DataFrame(
        {
            "x": frame[x].to_numpy(dtype=float),
            "y": frame[y].to_numpy(dtype=float),
            "series": [labels[value] for value in frame[series]],
            "facet": [panels[value] for value in frame[facet]] if facet else "",
            "kind": "run",
        }
    )
    if "seed" in frame:
        runs["seed"] = [one_line(seed, 20) for seed in frame["seed"]]
    return runs


def _means(runs, interval: float):
    from scipy.special import stdtrit

    groups = runs.groupby(["facet", "series", "x"], sort=False)["y"]
    means = groups.agg(y="mean", spread="std", n="count").reset_index()
    several = means["n"] > 1
    reach = means["spread"] / np.sqrt(means["n"]) * stdtrit(means["n"].clip(lower=2) - 1, (1 + interval) / 2)
    means["low"] = (means["y"] - reach).where(several)
    means["high"] = (means["y"] + reach).where(several)
    means["kind"] = "mean"
    return means.drop(columns="spread").sort_values(["facet", "series", "x"]).reset_index(drop=True)


def _layers(kinds: Series, across, up, interval: float, *, zooms: bool) -> list:
    import altair as alt

    x = alt.X("x:Q", scale=across.scale(), axis=across.axis(zooms=zooms))
    y = alt.Y("y:Q", scale=up.scale(), axis=up.axis(zooms=zooms))
    tooltip = [
        *([alt.Tooltip("series:N", title=kinds.title)] if len(kinds.names) > 1 else []),
        alt.Tooltip("x:Q", title=across.title, format=","),
        alt.Tooltip("y:Q", title=up.title, format=".4~g"),
    ]
    seed = alt.Tooltip("seed:N", title="seed")
    limits = [alt.Tooltip(f"{end}:Q", title=f"{end} ({interval:.0%})", format=".4~g") for end in ("low", "high")]
    base = alt.Chart().encode(x=x, y=y, color=kinds.colour())
    means = base.transform_filter("datum.kind === 'mean'")
    return [
        base.transform_filter("datum.kind === 'mean' && isValid(datum.low)")
        .mark_area(opacity=0.18, clip=True)
        .encode(y=alt.Y("bottom:Q", scale=up.scale()), y2="high:Q")
        .properties(name="bands"),
        base.transform_filter("datum.kind === 'run'")
        .mark_point(size=16, opacity=0.75, clip=True)
        .encode(shape=kinds.shape(), tooltip=[*tooltip, seed])
        .properties(name="runs"),
        means.mark_line(clip=True).encode(strokeDash=kinds.dash(in_legend=False)).properties(name="means"),
        means.mark_point(size=45, clip=True)
        .encode(shape=kinds.shape(), tooltip=[*tooltip, *limits])
        .properties(name="mean_points"),
    ]


def _finding(means, y: str, x: str, panels: int) -> str:
    """What the curves say, true by construction: who is lowest at the largest size of several, as intervals tell."""
    curves = [curve for _, curve in means.groupby(["facet", "series"], sort=False)]
    long = [curve for curve in curves if len(curve) > 1]
    if panels > 1:
        falling = sum(curve["y"].iloc[-1] < curve["y"].iloc[0] for curve in long)
        return (
            f"{y.capitalize()} falls from the smallest to the largest size in {falling} of {count(len(long), 'curve')}"
        )
    if len(curves) == 1:
        first, last = curves[0].iloc[0], curves[0].iloc[-1]
        if first["x"] == last["x"]:
            return f"{y.capitalize()} is {number(last['y'])} at {quantity(x, last['x'])}"
        return f"{y.capitalize()} {change(first['y'], last['y'])} between {quantity(x, first['x'], last['x'])}"
    shared = means.groupby("x")["series"].nunique()
    largest = shared[shared > 1].index.max() if (shared > 1).any() else means["x"].max()
    ends = means[means["x"] == largest].sort_values("y")
    best, rest = ends.iloc[0], ends.iloc[1:]
    place = f"At {quantity(x, largest)}"
    close = rest[rest["low"] <= best["high"]]["series"]
    if len(rest) == 0:
        return f"{place} only {best['series']} was measured: {y} {number(best['y'])}"
    if len(close):
        names = listing([best["series"], *close])
        return f"{place} the intervals of {names} overlap; lowest {y} {number(best['y'])}"
    return f"{place} {best['series']} has the lowest {y}: {number(best['y'])}"
