"""Tables of a page: numbers to the right, and names of an index in the row of the columns."""

import math
import re

import pandas as pd
import pytest

from labkit.display.describe import about, number
from labkit.reports import tables


def test_columns_of_numbers_stand_right_and_text_left():
    rows = "<tr><th></th><th>name</th><th>value</th></tr><tr><th>0</th><td>a 1</td><td>-1.5e-3</td></tr>"
    aligned = tables.align(f"<table>{rows}<tr><th>1</th><td>b</td><td>NaN</td></tr></table>")
    assert aligned.count('class="number"') == 3
    assert "<td>a 1</td>" in aligned


def test_names_of_an_index_stand_in_the_row_of_the_columns():
    table = pd.DataFrame({"low": [1.5], "high": [2.5]}, index=pd.Index(["power"], name="form"))
    heads = re.findall(r"<tr.*?</tr>", tables.align(table.to_html()), re.DOTALL)
    assert re.findall(r"<th[^>]*>(.*?)</th>", heads[0]) == ["form", "low", "high"]
    assert len(heads) == 2


def test_names_of_columns_keep_their_own_row():
    named = pd.DataFrame([[1, 2]], index=pd.Index(["a"], name="way"), columns=pd.Index(["x", "y"], name="axis"))
    assert tables.align(named.to_html()).count("<tr") == 3


def test_a_label_that_spans_rows_does_not_move_the_columns():
    index = pd.MultiIndex.from_product([["narrow", "wide"], [1, 2]], names=["kind", "seed"])
    table = pd.DataFrame({"loss": [1.5, 2.5, 3.5, 4.5], "way": ["a", "b", "c", "d"]}, index=index)
    aligned = tables.align(table.to_html())
    for written in ("1.5", "2.5", "3.5", "4.5"):
        assert f'<td class="number">{written}</td>' in aligned
    for text in "abcd":
        assert f"<td>{text}</td>" in aligned


def _column(*cells):
    rows = "".join(f"<tr><td>a b</td><td>{cell}</td></tr>" for cell in cells)
    return tables.align(f"<table><tr><th>name</th><th>value</th></tr>{rows}</table>").count('class="number"') > 0


def test_an_infinite_a_starred_and_a_true_value_do_not_make_a_column_of_numbers_one_of_words():
    assert _column("1.09", "∞", "−∞", "unknown")
    assert _column("0.05*", "0.5")
    assert _column("0.5", "True", "")
    assert not _column("True", "False", "")
    assert not _column("left out", "590")


@pytest.mark.parametrize("value", [2.5e9, -2.5e9, 1e7, 3.2e-7, 1e-5, 0.25, 65_536, math.inf, math.nan])
def test_every_number_that_is_written_stands_right(value):
    assert _column(number(value), about(value), "1.5")
    assert not _column(number(value) + " letters")


def test_long_words_keep_their_room_and_labels_that_are_numbers_take_none():
    table = pd.DataFrame({"answer": ["out of reach (2,371 or more)", "yes"], "n": [1, 2]}, index=[12, 24])
    aligned = tables.align(table.to_html())
    assert '<td class="long">out of reach' in aligned
    assert "<td>yes</td>" in aligned
    assert '<th class="short">12</th>' in aligned
    assert '<th class="short">n' not in aligned
