"""The dial for a target: what Vega computes from it is the place where the curve reaches it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from labkit import display


def curve(points=40):
    x = np.geomspace(100, 1e5, points)
    return pd.DataFrame({"x": x, "y": 0.02 + 3 * x**-0.4})


def said(chart, target):
    """What the chart says for a target, as Vega computed it."""
    specification = chart.to_dict()
    [dial] = [param for param in specification["params"] if param["name"] == "target"]
    dial["value"] = target
    import vl_convert

    drawing = vl_convert.vegalite_to_svg(specification, vl_version="5.20", allowed_base_urls=[])
    return re.search(r"needs [^<]*", drawing)[0]


@pytest.mark.parametrize("target", [0.4, 0.158, 0.07])
def test_the_chart_says_how_much_a_target_needs(target):
    chart = display.forecast(pd.DataFrame({"x": [100, 1000], "y": [0.5, 0.2]}), curve(), dial=True)
    needed = float(said(chart, target).split()[1].replace(",", ""))
    assert needed == pytest.approx(((target - 0.02) / 3) ** -2.5, rel=0.005)


def test_the_slider_covers_the_curve_and_starts_on_one_of_its_steps():
    chart = display.forecast(pd.DataFrame({"x": [100, 1000], "y": [0.5, 0.2]}), curve(), dial=True)
    [dial] = [param for param in chart.to_dict()["params"] if param["name"] == "target"]
    bind = dial["bind"]
    assert curve().y.min() <= bind["min"] < dial["value"] < bind["max"] <= curve().y.max() + 1e-12
    steps = (dial["value"] - bind["min"]) / bind["step"]
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert bind["name"].strip() == "target test error"


def test_a_dial_on_several_curves_is_refused():
    two = pd.concat([curve().assign(series="a"), curve().assign(series="b")])
    with pytest.raises(ValueError, match="a dial reads one curve, not 2: a and b"):
        display.forecast(pd.DataFrame({"x": [100], "y": [0.5]}), two, dial=True)
