"""IsoFLOP valleys: loss against size at equal compute, with the parabola through each and where its bottom lies."""

from __future__ import annotations

from labkit.display.assemble import assemble, columns
from labkit.display.axes import drawable, span
from labkit.display.describe import about, count, sentence
from labkit.display.series import series_of
from labkit.display.theme import HEIGHT, WIDTH


def valleys(cuts, parabolas, *, corrected=None, title: str | None = None, preset=None, data=None):
    """Points for the sizes at each budget, the parabola through them, and its lowest point.

    Arguments:
        cuts: frame with compute, params and loss, a row per budget and size.
        parabolas: frame with compute, params, loss and ``bottom``, the size at the lowest point or missing; those
            without one are drawn as well.
        corrected: frame with compute and params: where the bottoms lie once the bias of a parabola is taken out;
            hollow beside the full points. None draws none.
        title, preset, data: the headline (what is drawn unless told), and what the line below it says.

    Raises ``ValueError`` for a missing column, more than 12 budgets, and when nothing can be drawn.

    >>> import pandas
    >>> cuts = pandas.DataFrame({"compute": 1e9, "params": [1.0, 2.0, 4.0], "loss": [2.0, 1.0, 2.0]})
    >>> valleys(cuts, cuts.assign(bottom=2.0)).description
    'Loss against parameters at equal compute, 1 budget, 3 cuts, 1 lowest point inside.'
    """
    import altair as alt
    import numpy as np

    cuts, note = drawable(columns(cuts, "compute", "params", "loss"), ["params", "loss", "compute"])
    lines, _ = drawable(columns(parabolas, "compute", "params", "loss", "bottom"), ["params", "loss", "compute"])
    named = {value: f"{about(value)} FLOPs" for value in sorted(cuts["compute"].unique())}
    kinds, labels = series_of(list(named.values()), "compute", direct=False)
    across = span("x", "parameters", cuts["params"], log=True, length=WIDTH)
    up = span("y", "loss (nats)", cuts["loss"], log=False, length=HEIGHT)

    def shaped(frame):
        drawn = frame.rename(columns={"params": "x", "loss": "y"})
        drawn["series"] = drawn["compute"].map(named).map(labels)
        return drawn.assign(dash=drawn["series"].map(kinds.codes))[["x", "y", "series", "dash"]]

    place = {
        "x": alt.X("x:Q", scale=across.scale(), axis=across.axis()),
        "y": alt.Y("y:Q", scale=up.scale(), axis=up.axis()),
        "color": kinds.colour(),
    }
    tips = ["series:N", alt.Tooltip("x:Q", title="parameters", format=",.4~r"), alt.Tooltip("y:Q", format=".4~g")]
    layers = [
        alt.Chart(shaped(lines), name="parabolas")
        .mark_line(clip=True)
        .encode(**place, strokeDash=kinds.dash(in_legend=False)),
        alt.Chart(shaped(cuts), name="sizes").mark_point(size=40, clip=True).encode(**place, tooltip=tips),
    ]
    bottoms = lines.dropna(subset="bottom").drop_duplicates("compute")
    heights = {c: float(np.interp(np.log(b), np.log(g["params"]), g["loss"])) for (c, b), g in
               lines.dropna(subset="bottom").groupby(["compute", "bottom"])}  # fmt: skip
    if len(bottoms):
        lowest = bottoms.assign(params=bottoms["bottom"], loss=bottoms["compute"].map(heights))
        mark = alt.Chart(shaped(lowest), name="bottoms").mark_point(size=130, shape="diamond", clip=True)
        layers.append(mark.encode(**place, tooltip=tips))
    if corrected is not None and len(bottoms):
        moved = columns(corrected, "compute", "params")
        moved = moved.assign(loss=moved["compute"].map(heights)).dropna(subset="loss")
        hollow = {"size": 130, "shape": "diamond", "filled": False, "strokeWidth": 2, "clip": True}
        layers.append(alt.Chart(shaped(moved), name="corrected").mark_point(**hollow).encode(**place, tooltip=tips))
    what = "Loss against parameters at equal compute"
    subtitle = [
        "lines: parabolas",
        "diamonds: their lowest points" if len(bottoms) else "",
        "hollow: bias taken out" if corrected is not None and len(bottoms) else "",
        f"data: {data}" if data else "",
        f"preset {preset}" if preset else "",
        note,
    ]
    described = sentence(
        what,
        count(len(named), "budget"),
        count(len(cuts), "cut"),
        f"{count(len(bottoms), 'lowest point')} inside",
        finding=title or "",
    )
    return assemble(
        layers, title=title or what, subtitle=subtitle, description=described, width=WIDTH, height=HEIGHT, zoom="sizes"
    )
