"""Cells of the lesson on fits, where a preset leaves them little to go by."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from labkit import places
from labkit.lessons import notebook_files

NOTEBOOK = places.notebooks() / "02_fit_and_forecast.ipynb"
pytestmark = pytest.mark.skipif(not NOTEBOOK.is_file(), reason="no notebooks here")


def source(cell_id: str) -> str:
    (found,) = ("".join(cell["source"]) for cell in notebook_files.read(NOTEBOOK)["cells"] if cell["id"] == cell_id)
    return found


@pytest.mark.parametrize(("hidden", "has_one"), [([0.2], False), ([0.2, 0.15], True)])
def test_one_hidden_size_has_no_r2_and_divides_by_nothing(hidden, has_one):
    known = pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": [0.8, 0.5, 0.3]})
    ahead = pd.DataFrame({"x": 8.0 * 2.0 ** np.arange(len(hidden)), "y": hidden})
    given = {"line": SimpleNamespace(predict=lambda x: 0.8 * x.to_numpy() ** -0.7), "known": known, "hidden": ahead}
    names = given | {"np": np, "pd": pd, "told_by_line": 0.8 * known.x.to_numpy() ** -0.7}
    exec(source("r2-table"), names)
    assert np.isfinite(names["scores"]["R² at the hidden sizes"]) == has_one
    assert np.isfinite(names["scores"]["R² of y"])
