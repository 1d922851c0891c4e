"""The table of what a lesson found: rounded to look at, in full to compute with."""

from __future__ import annotations

import pytest

from labkit import results
from labkit.lessons.found import Found, _written


@pytest.fixture
def found():
    results.start("lesson")
    results.record("exponent", 0.3141592653589793, se=0.0123456, n=5, kind="statistical")
    results.record("examples", 12_345_678, kind="exact", unit="examples")
    results.record("ranking", {"random": 0.213456789, "el2n": 0.1}, se=0.01, kind="ordinal")
    return Found(results.table())


def test_what_is_shown_has_blanks_for_what_is_not_there_and_no_empty_column(found):
    for shown in (repr(found), found._repr_html_()):
        assert "None" not in shown
        assert "nan" not in shown.lower()
        assert "fingerprint" not in shown
        for text in ("0.314", "0.012", "12,345,678", "el2n, random", "examples", "statistical"):
            assert text in shown
        assert "0.3141" not in shown


def test_what_is_computed_from_it_is_in_full(found):
    assert found["value"].iloc[0] == 0.3141592653589793
    small = found.set_index("name")[["value"]]
    assert type(small).__name__ == "DataFrame"
    assert found.shape == (3, 7)


def test_all_rows_and_whole_names_are_shown_and_markup_in_them_is_text():
    results.start("lesson")
    names = [f"<b>{place}</b> of many records, each of which has a name of its own that is long" for place in range(99)]
    for name in names:
        results.record(name, 1, kind="exact", fingerprint="abc" * 20)
    found = Found(results.table())
    for name in names:
        assert name in repr(found)
        assert name.replace("<", "&lt;").replace(">", "&gt;") in found._repr_html_()
    assert "abcabc" not in repr(found)


def test_a_table_without_records_is_shown_as_one():
    results.start("lesson")
    assert "name" in repr(Found(results.table()))


@pytest.mark.parametrize(
    ("value", "se", "shown"),
    [
        (123456.7, 3200.0, "123,500"),
        (0.0614956, 0.00123, "0.0615"),
        (-0.000001, 0.01, "0.000"),
        (3.2149e-7, 1.2e-9, "3.215×10⁻⁷"),
        (2.5049e9, None, "2.5×10⁹"),
        (1.23456, None, "1.23"),
        (1.0, 0.0, "1"),
        (1.23456, float("nan"), "1.23"),
        (True, None, "True"),
        ("a text", 0.1, "a text"),
    ],
)
def test_numbers_are_as_exact_as_their_standard_errors(value, se, shown):
    assert _written(value, se) == shown
