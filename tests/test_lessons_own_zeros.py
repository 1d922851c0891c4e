"""What a page about a reader's own file leaves out stands on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labkit import curve_files, places
from labkit.commands import own_report
from labkit.lessons import notebook_files

TEMPLATE = places.notebooks() / own_report.TEMPLATE
pytestmark = pytest.mark.skipif(not TEMPLATE.is_file(), reason="no notebooks here")


def said_of(path, capsys) -> str:
    """What the cell that reads the file prints."""
    (source,) = (
        "".join(cell["source"])
        for cell in notebook_files.read(TEMPLATE)["cells"]
        if "curve_files.read_curve" in "".join(cell["source"])
    )
    given = dict.fromkeys(("x", "y", "se", "bounds", "holdout", "at"))
    exec(source, {"points": str(path), **given, "np": np, "pd": pd, "curve_files": curve_files})
    return capsys.readouterr().out


@pytest.mark.parametrize(("last", "count"), [("0", 1), ("0.2", 0)])
def test_values_at_zero_that_a_page_leaves_out_are_counted(tmp_path, capsys, last, count):
    path = tmp_path / "mine.csv"
    path.write_text("examples,error\n10,0.5\n20,0.4\n40,0.3\n80,0.25\n160," + last + "\n")
    assert f"the panel leave out: {count}\n" in said_of(path, capsys)
