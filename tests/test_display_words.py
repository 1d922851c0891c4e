"""Axes, labels and sentences: properties that hold for whatever the data are."""

import math
import re
from itertools import pairwise

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.display.assemble import columns
from labkit.display.axes import drawable, span
from labkit.display.describe import filled, lines, number, one_line, sentence, short, title_of
from labkit.display.series import series_of, spread

LENGTH, GAP = 300, 15
positions = st.lists(st.floats(0, LENGTH), min_size=1, max_size=8).map(sorted)
values = st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=30)


@settings(deadline=None, max_examples=200)
@given(positions)
def test_labels_never_overlap_and_stay_inside_the_frame(wanted):
    placed = spread(wanted, GAP, LENGTH)
    assert len(placed) == len(wanted)
    assert all(later - earlier >= GAP - 1e-6 for earlier, later in pairwise(placed))
    assert placed[0] >= -1e-6
    assert placed[-1] <= LENGTH + 1e-6


@settings(deadline=None, max_examples=100)
@given(positions)
def test_labels_that_have_room_stay_where_they_belong(wanted):
    if all(later - earlier >= GAP for earlier, later in pairwise(wanted)):
        assert spread(wanted, GAP, LENGTH) == pytest.approx(wanted)


@settings(deadline=None, max_examples=100)
@given(values, st.booleans())
def test_an_axis_shows_every_value_it_was_given(shown, log):
    axis = span("x", "size", shown, log=log, length=460)
    assert axis.low < min(shown)
    assert max(shown) < axis.high
    assert all(0 <= axis.pixel(value) <= 460 for value in shown)


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(0, 40), min_size=2, max_size=10))
def test_powers_of_two_get_an_axis_of_powers_of_two(exponents):
    assert span("x", "", [2**e for e in exponents], log=True, length=460).base == 2
    assert span("x", "", [2**e for e in exponents] + [3], log=True, length=460).base == 10


@pytest.mark.parametrize("nothing", [[], [float("nan")], [0, -1], [float("inf")]])
def test_an_axis_without_values_says_so(nothing):
    with pytest.raises(ValueError, match="nothing to draw on the axis 'size'"):
        span("x", "size", nothing, log=True, length=460)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([1.0, 0.0, -1.0, float("nan"), float("inf"), None]), min_size=1, max_size=20))
def test_every_row_is_either_kept_or_counted(column):
    frame = pandas.DataFrame({"y": column}, dtype=float)
    if not (frame["y"].between(0, 10, inclusive="neither")).any():
        with pytest.raises(ValueError, match="nothing to draw in y"):
            drawable(frame, ["y"])
        return
    kept, note = drawable(frame, ["y"])
    counted = sum(map(int, re.findall(r"(\d+) (?:values? ≤ 0|missing)", note)))
    assert len(kept) + counted == len(frame)
    assert (kept["y"] > 0).all()


def test_more_series_than_can_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="13 series by 'model'"):
        series_of(range(13), "model")


def test_names_that_are_cut_to_the_same_label_stay_two_series():
    series, labels = series_of(["a" * 40 + "1", "a" * 40 + "2"], "model")
    assert len(set(series.names)) == 2
    assert len(set(labels.values())) == 2


@pytest.mark.parametrize("value", [0, 1, 1024, 0.0615, 1234.5, 3.2e-7, 9.9e12, -5, math.inf, -math.inf, math.nan, None])
def test_a_number_is_short_whatever_it_is(value):
    assert 0 < len(number(value)) <= 10


@given(st.floats(-1e30, 1e30), st.integers(2, 6))
@settings(deadline=None, max_examples=200)
def test_a_number_is_written_without_e_and_says_what_it_is(value, digits):
    written = number(value, digits)
    assert "e" not in written
    sign, front, power = re.fullmatch(r"(-?)(?:([\d,.]+?)×?)??(?:10([⁻⁰¹²³⁴-⁹]+))?", written).groups()
    power = (power or "⁰").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    read = float(f"{sign}{(front or '1').replace(',', '')}e{power}")
    assert read == pytest.approx(value, rel=0.6 * 10.0 ** (1 - digits), abs=0)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_any_text_becomes_one_printable_line(text):
    line = one_line(text, limit=50)
    assert len(line) <= 50
    assert not any(ord(character) < 32 for character in line)
    assert len(short(text)) <= 24
    assert all(len(one) <= 30 for one in lines(text, 30))
    assert "\n" not in sentence(text, finding=text)


def test_a_subtitle_breaks_only_between_its_parts():
    assert filled("5\u00a0seeds\u00a0· band:\u00a090%\u00a0interval\u00a0· data:\u00a0digits", 26) == [
        ["5 seeds", "band: 90% interval"][0],
        "band: 90% interval",
        "data: digits",
    ]


@pytest.mark.parametrize(
    ("column", "title"),
    [
        ("validation_loss", "validation loss (nats)"),
        ("test_accuracy", "test accuracy (fraction right)"),
        ("compute", "training compute (FLOPs)"),
        ("my.weird[col]", "my.weird[col]"),
    ],
)
def test_axis_titles_carry_units_where_the_name_tells_them(column, title):
    assert title_of(column) == title


def test_a_missing_column_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'examples'"):
        columns(pandas.DataFrame({"examples": [1]}), "exampels")
    with pytest.raises(TypeError, match="got list"):
        columns([1, 2], "examples")


def test_an_axis_of_a_few_sizes_that_stand_apart_labels_those_sizes():
    assert span("x", "share", [0.1, 0.2, 0.4, 0.8], log=True, length=LENGTH, each=True).ticks == (0.1, 0.2, 0.4, 0.8)
    assert span("x", "share", [0.1, 0.101, 0.8], log=True, length=LENGTH, each=True).ticks == ()
    assert span("x", "share", range(1, 60, 3), log=True, length=LENGTH, each=True).ticks == ()
    assert span("x", "share", [0.1, 0.8], log=True, length=LENGTH).ticks == ()


@pytest.mark.parametrize(("largest", "written_out"), [(1_048_576, True), (2**24, False)])
def test_numbers_of_one_axis_are_written_in_one_way(largest, written_out):
    label = span("x", "tokens", [32_768, largest], log=True, length=460).axis().labelExpr
    assert ("datum.value>=9999999" in label) == written_out


def test_names_too_long_to_stand_beside_lines_go_into_a_legend():
    assert series_of(["short", "names"], "model")[0].direct
    assert not series_of(["short", "a name as long as this"], "model")[0].direct
