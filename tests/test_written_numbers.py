"""Numbers as people write them are read as they are meant, or refused where that is anyone's guess."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import curve_files, written_numbers

ROWS = [(100, 0.3508), (800, 0.1563), (1600, 0.125), (12800, 0.0885)]


def curve_from(tmp_path, text: str, name: str = "a.csv", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return curve_files.read_curve(path, **options)


@pytest.mark.parametrize(
    ("separator", "size", "error"),
    [
        (",", '"{:,}"', "{}"),
        (";", "{:,}", "{}"),
        (";", "{:.}", "{:,}"),
        ("\t", "{:.}", "{:,}"),
        (",", "{: }", "{}"),
        (",", "{:'}", "{}"),
        (";", "{}", "{:%,}"),
        (",", "{:k}", "{}"),
    ],
)
def test_every_way_to_write_the_same_points_reads_the_same(tmp_path, separator, size, error):
    def written(value, how):
        form = how.strip('"')[2:-1]
        if form == "k":
            return f"{value / 1000:g}k"
        if form == "%,":
            return f"{100 * value:.6g} %".replace(".", ",")
        if isinstance(value, float):
            return f"{value}".replace(".", form or ".")
        text = f"{value:,}".replace(",", form) if form else str(value)
        return f'"{text}"' if how.startswith('"') else text

    lines = [f"{written(x, size)}{separator}{written(y, error)}" for x, y in ROWS]
    curve = curve_from(tmp_path, "\n".join([f"examples{separator}error", *lines]))
    assert curve.x.tolist() == [x for x, _ in ROWS]
    assert curve.y.tolist() == pytest.approx([y for _, y in ROWS], abs=1e-12)


def test_thousands_that_could_be_decimals_are_remarked_on(tmp_path):
    curve = curve_from(tmp_path, "examples;error\n800;0,31\n1.600;0,26\n")
    assert curve.x.tolist() == [800, 1600]
    assert curve.attrs["notes"] == ("examples: '1.600' is read as 1600.",)


def test_points_are_decimal_where_no_comma_is(tmp_path):
    assert curve_from(tmp_path, "examples;loss\n100;2.351\n200;2.088\n").y.tolist() == [2.351, 2.088]


def test_a_value_that_could_be_two_numbers_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'2,351' in row 1, which could be 2351 or 2\.351: write it in digits"):
        curve_from(tmp_path, 'examples,loss\n100,"2,351"\n200,"2,088"\n')


@pytest.mark.parametrize("text", ["0.3 ± 0.01", "1,2,3", "0x10", "10;5", "1 60", "1,60", "k", "-1k"])
def test_what_is_no_number_is_named_with_its_row(text):
    with pytest.raises(ValueError, match="in row 2, which is not a number"):
        written_numbers.read(pd.Series(["5", text], name="n"), sizes=True)


def test_missing_values_stay_missing_and_infinities_infinite():
    values, remark = written_numbers.read(pd.Series(["1", None, "", "nan", "-inf"]))
    np.testing.assert_array_equal(values, [1, np.nan, np.nan, np.nan, -np.inf])
    assert remark == ""


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=5), st.sampled_from([",", " ", "'", "_", "\u202f"]))
def test_whole_sizes_survive_any_mark_between_thousands(sizes, mark):
    texts = [f"{size:,}".replace(",", mark) for size in sizes]
    assert written_numbers.read(pd.Series(texts, dtype=object), sizes=True)[0].tolist() == sizes
    assert [written_numbers.size(text) for text in texts] == sizes


def test_a_comma_that_is_no_thousands_mark_is_no_size():
    assert np.isnan(written_numbers.size("10,5"))
    assert np.isnan(written_numbers.size("1,0000"))


@pytest.mark.parametrize("content", ["3", '"a"', '{"a": 1}', "[1, 2]", "[[1, 2]]", "null"])
def test_json_that_is_no_table_is_refused_in_words(tmp_path, content):
    with pytest.raises(ValueError, match=r"a\.json cannot be read as json: expected a list of records"):
        curve_from(tmp_path, content, "a.json")


def test_json_may_begin_as_spreadsheets_begin_their_text(tmp_path):
    assert len(curve_from(tmp_path, '\ufeff[{"examples": 1, "error": 0.5}]', "a.json")) == 1


@pytest.mark.parametrize(("mark", "name"), [(" ", "' '"), ("|", r"'\|'")])
def test_a_separator_of_ones_own_is_named(tmp_path, mark, name):
    with pytest.raises(ValueError, match=f"is one column: put commas in place of {name}"):
        curve_from(tmp_path, f"examples{mark}error\n1{mark}0.5\n")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_a_word_is_said_to_be_empty(tmp_path, content):
    with pytest.raises(ValueError, match="it is empty: expected a header"):
        curve_from(tmp_path, content)


def test_a_named_index_is_a_column():
    table = pd.DataFrame({"error": [0.5, 0.4]}, index=pd.Index([10, 20], name="examples"))
    assert curve_files.curve_of(table).x.tolist() == [10, 20]
