"""Valleys: described, bottoms where they are, hollow marks only where asked for."""

import numpy as np
import pandas as pd
import pytest

from labkit import display


def made():
    sizes = np.geomspace(1e3, 1e5, 6)
    frames = [
        pd.DataFrame({"compute": c, "params": sizes, "loss": 2 + 0.1 * np.log(sizes / best) ** 2})
        for c, best in ((1e9, 5e3), (4e9, 1e4))
    ]
    cuts = pd.concat(frames, ignore_index=True)
    return cuts, cuts.assign(bottom=cuts.compute.map({1e9: 5e3, 4e9: 1e4}))


def names(chart):
    return [layer["name"].rpartition("_")[0] for layer in display.specification(chart)["layer"]]


def test_every_part_is_drawn_and_described():
    cuts, lines = made()
    chart = display.valleys(cuts, lines, corrected=pd.DataFrame({"compute": [1e9], "params": [6e3]}), preset="lesson")
    assert names(chart) == ["parabolas", "sizes", "bottoms", "corrected"]
    assert "2 budgets" in display.bundle(chart)["text/plain"]


def test_valleys_without_a_bottom_are_drawn_without_diamonds():
    cuts, lines = made()
    assert names(display.valleys(cuts, lines.assign(bottom=np.nan))) == ["parabolas", "sizes"]


def test_a_missing_column_is_named():
    cuts, lines = made()
    with pytest.raises(ValueError, match="no column 'bottom'"):
        display.valleys(cuts, lines.drop(columns="bottom"))
