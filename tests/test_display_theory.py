"""Maps, computed curves and the plane of teacher and probe: marks are counted as Vega draws them, at every dial."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from labkit import display


def drawn(chart, **dials):
    """The picture with the dials turned."""
    import vl_convert

    specification = display.specification(chart)
    for param in specification.get("params", []):
        param["value"] = dials.pop(param["name"], param.get("value")) if "bind" in param else param.get("value")
        if param["value"] is None:
            del param["value"]
    assert not dials
    return ElementTree.fromstring(vl_convert.vegalite_to_svg(specification, vl_version="5.20", allowed_base_urls=[]))


def groups(picture, name):
    named = re.compile(rf"\b{name}_[0-9a-f]{{8}}_marks\b")
    return [one for one in picture.iter() if named.search(one.get("class", ""))]


def marks(picture, name):
    [group] = groups(picture, name) or [None]
    return [] if group is None else [one for one in group.iter() if one.tag.endswith(("path", "text"))]


def lines(angles=(0.0, 10.0, 20.0)):
    pools = np.geomspace(1, 100, 9)
    rows = [
        (angle, keep, pool, factor * (1 + angle / 10) / pool)
        for angle in angles
        for keep, factor in (("hard", 1.0), ("easy", 0.5))
        for pool in pools
    ]
    return pd.DataFrame(rows, columns=["angle", "keep", "pool", "error"])


def dots():
    return lines()[lambda frame: frame.pool.isin([1.0, 10.0])].assign(se=0.01)


def cells(angles=(0.0,)):
    pools, shares = np.geomspace(1, 100, 7), np.linspace(0.1, 0.9, 5)
    frame = pd.DataFrame([(a, p, s) for a in angles for p in pools for s in shares], columns=["angle", "pool", "share"])
    frame["error"] = 1 / (frame.pool * frame.share)
    return frame.assign(best=np.where(frame.pool * frame.share > 2 + frame.angle, "hard", "easy"))


# ---- curves --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0.0, 10.0, 20.0])
def test_the_dial_shows_the_curves_and_points_of_one_value(angle):
    chart = display.curves(lines(), x="pool", y="error", series="keep", points=dots(), dial="angle")
    picture = drawn(chart, dial=angle)
    assert len(marks(picture, "points")) == 4
    paths = [one for one in picture.iter() if "stroke-dasharray" in one.attrib and one.get("d", "").count("L") == 8]
    assert len(paths) == 2


def test_lines_move_against_fixed_axes():
    chart = display.curves(lines(), x="pool", y="error", series="keep", dial="angle")
    labels = [
        [one.text for one in drawn(chart, dial=angle).iter() if one.tag.endswith("text") and one.text]
        for angle in (0.0, 20.0)
    ]
    assert labels[0] == labels[1]


def test_a_curve_without_a_dial_is_named_beside_its_line():
    chart = display.curves(lines([0.0]), x="pool", y="error", series="keep")
    assert "params" in chart.to_dict()
    words = [one.text for one in drawn(chart).iter() if one.tag.endswith("text")]
    assert {"hard", "easy"} <= set(words)


def test_points_of_a_series_without_a_curve_are_refused():
    stray = dots().assign(keep="middle")
    with pytest.raises(ValueError, match="points of middle have no curve"):
        display.curves(lines(), x="pool", y="error", series="keep", points=stray)


def test_a_missing_column_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="no column 'pol': did you mean 'pool'"):
        display.curves(lines(), x="pol", y="error", series="keep")
    with pytest.raises(ValueError, match="no column 'angel': did you mean 'angle'"):
        display.curves(lines(), x="pool", y="error", series="keep", dial="angel")


# ---- the dial --------------------------------------------------------------------------------------------------------


def bound(values, **options):
    chart = display.curves(lines(values), x="pool", y="error", series="keep", dial="angle", **options)
    [dial] = [param for param in chart.to_dict()["params"] if param["name"] == "dial"]
    return dial


def test_evenly_spaced_values_get_a_slider_and_others_a_list():
    slider, listed = bound([0.0, 10.0, 20.0]), bound([0.0, 5.0, 20.0])
    assert (slider["bind"]["input"], slider["bind"]["step"], slider["value"]) == ("range", 10.0, 10.0)
    assert (listed["bind"]["input"], listed["bind"]["options"]) == ("select", [0.0, 5.0, 20.0])


def test_a_dial_starts_where_it_is_told():
    assert bound([0.0, 10.0, 20.0], dial_value=20.0)["value"] == 20.0
    with pytest.raises(ValueError, match=r"cannot start at 15; its values are \[0.0, 10.0, 20.0\]"):
        bound([0.0, 10.0, 20.0], dial_value=15.0)


def test_a_dial_needs_something_to_choose():
    with pytest.raises(ValueError, match="at least two finite numbers"):
        bound([0.0])


# ---- maps ------------------------------------------------------------------------------------------------------------


def test_a_map_draws_every_cell_and_names_every_region():
    picture = drawn(display.heat(cells(), x="pool", y="share", value="best"))
    assert len(marks(picture, "cells")) == 35
    assert sorted(one.text for one in marks(picture, "names")) == ["easy", "hard"]


def test_the_dial_of_a_map_shows_one_value():
    chart = display.heat(cells([0.0, 5.0]), x="pool", y="share", value="best", dial="angle", dial_value=0.0)
    colours = [[one.get("fill") for one in marks(drawn(chart, dial=angle), "cells")] for angle in (0.0, 5.0)]
    assert [len(one) for one in colours] == [35, 35]
    easy = [one.count("#0072B2") for one in colours]
    assert easy[0] < easy[1]


def test_cells_meet_and_fill_the_picture():
    picture = drawn(display.heat(cells(), x="pool", y="share", value="best"))
    numbers = [list(map(float, re.findall(r"-?[\d.]+", one.get("d"))[:4])) for one in marks(picture, "cells")]
    assert sum(width * height for _, _, width, height in numbers) == pytest.approx(460 * 300, rel=0.01)


def test_the_order_of_names_decides_their_colours():
    one = display.heat(cells(), x="pool", y="share", value="best", order=("hard", "easy", "random"))
    colours = {mark.get("fill") for mark in marks(drawn(one), "cells")}
    assert colours == {"#0072B2", "#D55E00"}
    hard = (cells().best == "hard").sum()
    assert [mark.get("fill") for mark in marks(drawn(one), "cells")].count("#0072B2") == hard


def test_numbers_get_a_scale_of_colours():
    chart = display.heat(cells(), x="pool", y="share", value="error", log_value=True, more=("error",))
    assert len({mark.get("fill") for mark in marks(drawn(chart), "cells")}) > 15
    assert chart.description.startswith("Error by pool and share, 35 cells")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda frame: pd.concat([frame, frame[:1]]), "given twice"),
        (lambda frame: frame.assign(pool=frame.pool - 1), "positive numbers in 'pool'"),
        (lambda frame: frame.assign(share=np.nan), "finite numbers in 'share'"),
        (lambda frame: frame[:0], "no rows"),
    ],
)
def test_cells_that_make_no_map_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        display.heat(change(cells()), x="pool", y="share", value="best")


# ---- the plane of teacher and probe -------------------------------------------------------------------------------


def plane(n=40):
    rng = np.random.default_rng(5)
    along, across = rng.standard_normal((2, n))
    return pd.DataFrame({"along": along, "across": across, "label": np.sign(along)})


@pytest.mark.parametrize("keep", ["hardest", "easiest"])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_the_dials_keep_the_right_examples(keep, fraction):
    points = plane()
    picture = drawn(display.margins(points, angle=20), fraction=fraction, keep=keep)
    full = [one for one in marks(picture, "examples") if float(one.get("opacity", 1)) == 1]
    assert len(full) == round(fraction * len(points))


@pytest.mark.parametrize("keep", ["hardest", "easiest"])
def test_the_cut_stands_between_kept_and_dropped(keep):
    points = plane()
    picture = drawn(display.margins(points), fraction=0.5, keep=keep)
    distance = np.sort(points.along.abs())
    at = distance[19] if keep == "hardest" else distance[20]
    [rule] = [one for one in groups(picture, "cut_right")[0].iter() if one.tag.endswith("line")]
    place = float(re.search(r"translate\(([\d.]+)", rule.get("transform"))[1])
    assert place == pytest.approx(340 * (at + 3.2) / 6.4, abs=0.7)


@pytest.mark.parametrize(("options", "match"), [({"fraction": 0}, "hardest or easiest"), ({"keep": "hard"}, "'hard'")])
def test_dials_that_start_nowhere_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        display.margins(plane(), **options)
