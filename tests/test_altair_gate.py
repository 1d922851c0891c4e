"""The gate for raising the Altair pin.

Both charts below are ordinary in a workbook of multi-panel loss curves, and both were drawn wrongly by a release
newer than the pinned one: 6.2.1 silently drew one panel's line from the other panel's data (vega/altair #3981,
#4065), and 6.3.0 wrote a specification that validates and then fails in the browser with a duplicate signal
(vega/altair #4069). A release may be pinned when it passes this file; the third test holds what else the pin is for.
"""

import re

import altair as alt
import pandas
import vl_convert


def lines_drawn(chart) -> list[str]:
    svg = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version="5.20")
    return re.findall(r'aria-roledescription="line mark" d="([^"]+)"', svg)


def panel(values):
    data = pandas.DataFrame({"x": [1, 2, 3], "y": values})
    hover = alt.selection_point(name="hover", on="mouseover", nearest=True, fields=["x"], empty=False)
    line = alt.Chart().mark_line().encode(x="x:Q", y="y:Q")
    circles = line.mark_circle().encode(opacity=alt.condition(hover, alt.value(1), alt.value(0)))
    return line, circles, data, hover


def test_two_layered_panels_that_share_a_hover_draw_two_different_lines():
    panels = []
    for values in ([1, 2, 3], [3, 1, 2]):
        line, circles, data, hover = panel(values)
        panels.append(alt.layer(line, circles.add_params(hover), data=data))
    drawn = lines_drawn(alt.hconcat(*panels))
    assert len(drawn) == 2
    assert len(set(drawn)) == 2


def test_a_layer_with_a_parameter_inside_and_one_outside_draws_when_concatenated():
    line, circles, data, hover = panel([1, 2, 3])
    zoom = alt.selection_interval(name="zoom", bind="scales")
    layered = alt.layer(line, circles.add_params(hover), data=data).add_params(zoom)
    other = alt.Chart(data).mark_line().encode(x="x:Q", y="y:Q")
    assert len(lines_drawn(alt.hconcat(layered, other))) == 2


def test_the_mime_type_is_one_that_notebooks_may_hold_and_jupyterlab_draws():
    assert alt.SCHEMA_VERSION.startswith("v5.")
