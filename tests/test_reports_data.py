"""The numbers behind a chart can be taken from its page."""

from __future__ import annotations

import html
import io
import re
from urllib.parse import unquote

import pandas as pd

from labkit.reports.outputs import _data_table


def saved(rows):
    table = _data_table({"data": {"values": rows}})
    [address] = re.findall(r'<a download="data.csv" href="([^"]*)">', table)
    kind, _, text = html.unescape(address).partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    return unquote(text)


def test_every_row_behind_a_chart_can_be_saved_and_read_back_exactly():
    rows = [{"series": f"a “quoted”, {i} %\n#é", "x": i, "y": 1 / (i + 1)} for i in range(250)]
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(saved(rows))), pd.DataFrame(rows), check_exact=True)


def test_rows_that_lack_a_column_leave_it_empty():
    read = pd.read_csv(io.StringIO(saved([{"x": 1}, {"y": 2}])))
    assert read.isna().to_numpy().tolist() == [[False, True], [True, False]]


def test_text_that_a_spreadsheet_would_run_is_quoted_and_markup_stays_text():
    text = saved([{"name": '=1+1"><script>alert(1)</script>', "y": -1.5}])
    assert text.splitlines()[1].startswith("\"'=1+1")
    assert pd.read_csv(io.StringIO(text)).y.tolist() == [-1.5]
    assert "<script" not in _data_table({"data": {"values": [{"name": "<script>", "y": 1}]}})
