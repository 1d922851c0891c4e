"""The smallest panel: one slider, one number, one chart."""

import altair as alt
import pandas as pd

from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Slider


def chart_of(value):
    frame = pd.DataFrame({"x": [1, 2], "y": [1.0, value]})
    return alt.Chart(frame).mark_line().encode(x="x", y="y").properties(description=f"Value {value}.")


def simple(evaluate=lambda settings: settings["size"] * 2, draw=chart_of):
    return Panel("Simple", [Slider("size", "size", 0, 9, 1, step=1)], evaluate=evaluate, draw=draw, say=str)
