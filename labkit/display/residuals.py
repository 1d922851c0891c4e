"""What a fitted law leaves over: measured against predicted, point by point."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labkit.display.assemble import assemble
from labkit.display.axes import drawable, span
from labkit.display.describe import count, listing, number, sentence, title_of, words_of
from labkit.display.series import direct_labels, series_of
from labkit.display.theme import WIDTH

_HEIGHT = 200


def residuals(
    law,
    x,
    y,
    *,
    names: tuple[str, str] = ("examples", "test_error"),
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """Measured over predicted, in per cent, against size: a fit that is good leaves no pattern.

    ``law`` has ``predict(X)``, or is a mapping of names to such laws; ``x`` and ``y`` are arrays of shape ``(n,)``.
    The title gives the largest residual and how often the sign changes from point to point (about half the time
    when only noise is left). Raises ``ValueError`` when shapes differ or nothing can be drawn.

    >>> class Halving:
    ...     def predict(self, X):
    ...         return 1 / X
    >>> residuals(Halving(), [1, 2, 4], [1.1, 0.51, 0.2]).to_dict()["title"]["text"]
    ['Largest residual 20%; the sign changes 1 time between 3 points']
    """
    import altair as alt
    import pandas

    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or not x.size:
        raise ValueError(f"x and y must be one-dimensional, equally long and not empty, got {x.shape} and {y.shape}")
    laws = law if isinstance(law, Mapping) else {getattr(law, "form", None) or "law": law}
    with np.errstate(divide="ignore", invalid="ignore"):
        left = {str(name): 100 * (y / np.asarray(one.predict(x), dtype=float) - 1) for name, one in laws.items()}
    kinds, labels = series_of(left, "law")
    frame = pandas.concat(
        [pandas.DataFrame({"series": labels[name], "x": x, "y": values}) for name, values in left.items()],
        ignore_index=True,
    )
    frame, note = drawable(frame, ["x"], ["y"])
    frame = frame.sort_values(["series", "x"], kind="stable").reset_index(drop=True)
    across = span("x", title_of(names[0]), frame["x"], log=True, length=WIDTH)
    shown = [0.0, *frame["y"], *([-0.1, 0.1] if frame["y"].abs().max() < 0.1 else [])]
    up = span("y", "measured over predicted (%)", shown, log=False, length=_HEIGHT, pad=0.08)
    base = alt.Chart(frame.assign(dash=frame["series"].map(kinds.codes))).encode(
        x=alt.X("x:Q", scale=across.scale(), axis=across.axis()),
        y=alt.Y("y:Q", scale=up.scale(), axis=up.axis(format="+,.6~r", tickCount=5)),
        color=kinds.colour(),
    )
    tooltip = [
        alt.Tooltip("series:N", title="law"),
        alt.Tooltip("x:Q", title=across.title, format=","),
        alt.Tooltip("y:Q", title=up.title, format="+.3~g"),
    ]
    zero = alt.Chart(pandas.DataFrame({"y": [0.0]}), name="zero").mark_rule(strokeDash=[4, 3]).encode(y="y:Q")
    lines = base.mark_line(strokeWidth=1, opacity=0.8, clip=True).encode(strokeDash=kinds.dash(in_legend=False))
    points = base.mark_point(size=50, clip=True).encode(shape=kinds.shape(), tooltip=tooltip)
    ends = frame.groupby("series", sort=False)["y"].last().to_dict()
    layers = [zero, lines.properties(name="steps"), points.properties(name="residuals")]
    layers += direct_labels(kinds, ends, up, WIDTH)
    finding = _finding(frame, kinds.names)
    described = sentence(
        f"Residuals of {words_of(names[1])} against {words_of(names[0])} for {listing(kinds.names)}", finding=finding
    )
    subtitle = [
        f"line: {kinds.names[0]}" if len(kinds.names) == 1 and kinds.names[0] != "law" else "",
        "above the dashed line: worse than the law says",
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    size = {"width": WIDTH, "height": _HEIGHT}
    return assemble(layers, title=title or finding, subtitle=subtitle, description=described, zoom="residuals", **size)


def _finding(frame, laws: tuple[str, ...]) -> str:
    largest = frame.groupby("series", sort=False)["y"].agg(lambda values: values.abs().max())
    if len(laws) > 1:
        best, worst = largest.idxmin(), largest.idxmax()
        return f"Largest residual from {_percent(largest[best])} ({best}) to {_percent(largest[worst])} ({worst})"
    signs = np.sign(frame["y"].to_numpy())
    changes = count(int((signs[1:] * signs[:-1] < 0).sum()), "time")
    return (
        f"Largest residual {_percent(largest.iloc[0])}; the sign changes {changes} between {count(len(frame), 'point')}"
    )


def _percent(value: float) -> str:
    return f"{number(float(f'{value:.2g}'))}%"
