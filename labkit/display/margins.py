"""Examples in the plane of a teacher and a probe, and which of them a kept fraction leaves."""

from __future__ import annotations

import math

import numpy as np

from labkit.display.assemble import assemble, columns
from labkit.display.axes import Axis
from labkit.display.describe import count, sentence
from labkit.display.theme import COLOURS, NEUTRAL

_SIDE, _REACH = 340, 3.2


def margins(
    points,
    *,
    angle: float = 0.0,
    fraction: float = 0.5,
    keep: str = "hardest",
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """Labelled examples around a teacher's boundary, with dials for the kept fraction and for which end is kept.

    Arguments:
        points: frame with the columns ``along`` (position along the probe), ``across`` (at right angles to it, in the
            plane of probe and teacher) and ``label`` (-1 or 1).
        angle: degrees between probe and teacher.
        fraction, keep: where the dials start; keep is "hardest" (small distance to the probe's boundary) or "easiest".
        title, preset, data: the headline (what is drawn unless told), and what the line below it says.

    The dials work in a page without a kernel. Raises ``ValueError`` for a missing column or a dial's start outside
    its range.

    >>> import pandas
    >>> points = pandas.DataFrame({"along": [0.1, -2.0], "across": [1.0, 0.5], "label": [1, -1]})
    >>> margins(points).description
    'Labelled examples around the boundary of a teacher, 2 examples, the probe 0° from the teacher, ...'
    """
    import altair as alt

    points = columns(points, "along", "across", "label")
    if not 0 < fraction <= 1 or keep not in ("hardest", "easiest"):
        raise ValueError(f"kept are the hardest or easiest of a fraction up to 1, got {keep!r} and {fraction!r}")
    distance = points["along"].abs()
    frame = points[["along", "across"]].rename(columns={"along": "x", "across": "y"}).round(4)
    frame["label"] = np.where(points["label"] > 0, "labelled +", "labelled −")
    frame["distance"], frame["rank"] = distance.round(4), (distance.rank(method="first") / len(points)).round(6)
    named = [
        alt.VariableParameter(
            name="fraction",
            value=fraction,
            bind=alt.BindRange(input="range", min=0.05, max=1, step=0.05, name="fraction kept "),
        ),
        alt.VariableParameter(
            name="keep",
            value=keep,
            bind=alt.BindRadioSelect(input="radio", options=["hardest", "easiest"], name="keep the "),
        ),
    ]
    kept = f"(keep == 'hardest' ? datum.rank <= fraction + 1e-9 : datum.rank > 1 - fraction + {0.5 / len(points):g})"
    across = Axis("x", "along the probe", -_REACH, _REACH, length=_SIDE)
    up = Axis("y", "at right angles to it", -_REACH, _REACH, length=_SIDE)
    scales = {
        "x": alt.X("x:Q", scale=across.scale(), axis=across.axis()),
        "y": alt.Y("y:Q", scale=up.scale(), axis=up.axis()),
    }
    tooltip = [alt.Tooltip("label:N"), alt.Tooltip("distance:Q", title="distance to the probe's boundary")]
    dots = alt.Chart(frame, name="examples").transform_calculate(kept=kept).mark_point(size=38, clip=True)
    dots = dots.encode(
        **scales,
        color=alt.Color(
            "label:N",
            scale=alt.Scale(domain=["labelled +", "labelled −"], range=list(COLOURS[:2])),
            legend=alt.Legend(title=None, orient="top", symbolOpacity=1),
        ),
        shape=alt.Shape(
            "label:N", scale=alt.Scale(domain=["labelled +", "labelled −"], range=["circle", "square"]), legend=None
        ),
        opacity=alt.condition("datum.kept", alt.value(1), alt.value(0.14)),
        tooltip=tooltip,
    )
    layers = [_boundary(angle, scales), *_cuts(frame, kept, scales), dots]
    what = "The teacher's boundary (solid), and the cut of the kept fraction (dashed)"
    subtitle = [
        f"probe {angle:g}° from the teacher",
        "full: kept, pale: dropped",
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
    ]
    described = sentence(
        "Labelled examples around the boundary of a teacher",
        count(len(frame), "example"),
        f"the probe {angle:g}° from the teacher",
        "with dials for the kept fraction and for which end is kept",
        finding=title or "",
    )
    return assemble(
        layers,
        title=title or what,
        subtitle=subtitle,
        description=described,
        width=_SIDE,
        height=_SIDE,
        params=named,
    )


def _boundary(angle: float, scales):
    import altair as alt
    import pandas

    turn = math.radians(angle)
    ends = [{"x": -side * 5 * math.sin(turn), "y": side * 5 * math.cos(turn)} for side in (-1, 1)]
    line = alt.Chart(pandas.DataFrame(ends), name="teacher").mark_line(color=NEUTRAL, strokeWidth=3, clip=True)
    return line.encode(**scales, order=alt.Order("y:Q"))


def _cuts(frame, kept: str, scales) -> list:
    """Dashed lines on both sides of the probe's boundary, at the distance that separates kept from dropped."""
    import altair as alt

    base = (
        alt.Chart(frame[["distance", "rank"]], name="cuts")
        .transform_filter(kept)
        .transform_aggregate(far="max(distance)", near="min(distance)")
        .transform_calculate(cut="keep == 'hardest' ? datum.far : datum.near")
    )
    sides = []
    for side in ("", "-"):
        rule = base.transform_calculate(x=f"{side}datum.cut").mark_rule(strokeDash=[6, 4], strokeWidth=1.5, clip=True)
        name = "cut_right" if not side else "cut_left"
        sides.append(rule.encode(x=scales["x"]).properties(name=name))
    return sides
