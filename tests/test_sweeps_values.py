"""Values and tables go through the store without loss."""

import datetime
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.sweeps.values import assemble, decode, encode, encode_result

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(["$float", "$tuple", "$mapping"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def through_json(content):
    return json.loads(json.dumps(content, allow_nan=False))


def alike(one, other):
    """Equal in value and type, NaN like NaN and zeros by their sign."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    return one == other


@settings(deadline=None, max_examples=200)
@given(value=values)
def test_a_value_comes_back_as_it_was(value):
    assert alike(decode(through_json(encode(value))), value)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32", "float64"])
def test_arrays_keep_type_and_shape(dtype):
    array = np.array([[0, 1], [1, 0], [1, 1]], dtype=dtype)
    back = decode(through_json(encode(array)))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_numpy_scalars_become_pythons_own_numbers_without_rounding():
    assert alike(decode(encode(np.float32(0.1))), float(np.float32(0.1)))
    assert alike(decode(encode(np.int64(7))), 7)
    assert alike(decode(encode(np.bool_(True))), True)


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, b"x", {1: 2}, datetime.date(2020, 1, 1), np.array([object()])])
def test_what_has_no_json_form_is_refused_in_words(value):
    with pytest.raises(TypeError, match=r"cannot be stored|are texts"):
        encode(value)


def table_of(*results):
    return assemble(
        [{"point": place} for place in range(len(results))], [through_json(encode_result(one)) for one in results]
    )


columns = {
    "small": pd.Series([1, 2, 255], dtype="uint8"),
    "single": pd.Series([0.1, math.nan, -math.inf], dtype="float32"),
    "double": pd.Series([0.1, math.nan, math.inf]),
    "flag": pd.Series([True, False, True]),
    "name": pd.Series(["a", "ü", None], dtype="str"),
    "mixed": pd.Series([[1, 2], None, "x"], dtype=object),
    "missing": pd.Series([1, None, 3], dtype="Int64"),
    "kind": pd.Series(pd.Categorical(["b", None, "b"], categories=["b", "a"], ordered=True)),
    "day": pd.Series(pd.to_datetime(["2020-01-01T00:00:00", None, "2021-05-05T12:00:00.000001"], format="ISO8601")),
    "lag": pd.Series(pd.to_timedelta([1, None, 3], unit="s")),
}


@pytest.mark.parametrize("order", [list(columns), list(reversed(columns))])
def test_a_frame_keeps_its_columns_their_order_and_types(order):
    frame = pd.DataFrame({name: columns[name] for name in order})
    expected = pd.DataFrame({"point": [0, 0, 0], **{name: columns[name] for name in order}})
    pd.testing.assert_frame_equal(table_of(frame), expected)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_numeric_frame_comes_back_exactly(data):
    dtype = data.draw(st.sampled_from(["int64", "float64", "float32", "bool"]))
    element = {
        "int64": st.integers(-(2**63), 2**63 - 1),
        "float64": st.floats(),
        "float32": st.floats(width=32),
        "bool": st.booleans(),
    }
    column = pd.Series(data.draw(st.lists(element[dtype], min_size=1, max_size=8)), dtype=dtype)
    back = table_of(pd.DataFrame({"it": column}))["it"]
    pd.testing.assert_series_equal(back, column, check_exact=True, check_names=False)


def test_rows_values_and_frames_stand_in_one_table():
    table = table_of({"loss": 1.5}, 2.5, pd.DataFrame({"loss": [3.5, 4.5]}))
    assert table["point"].tolist() == [0, 1, 2, 2]
    assert table["loss"].tolist()[0::2] == [1.5, 3.5]
    assert table["value"].tolist()[1] == 2.5


def test_empty_frames_add_no_rows():
    empty = pd.DataFrame({"loss": pd.Series([], dtype="float32")})
    full = pd.DataFrame({"loss": pd.Series([1, 2], dtype="float32")})
    assert table_of(empty, full)["point"].tolist() == [1, 1]
    assert table_of(empty, full)["loss"].dtype == "float32"
    assert list(table_of(empty).columns) == ["point", "loss"]


def test_a_returned_column_takes_the_place_of_the_grids():
    table = assemble(
        [{"examples": [8, 16], "seed": 0}], [encode_result(pd.DataFrame({"examples": [8, 16], "e": [1.0, 2.0]}))]
    )
    assert table.to_dict("list") == {"examples": [8, 16], "seed": [0, 0], "e": [1.0, 2.0]}


@pytest.mark.parametrize(
    "result",
    [
        None,
        {1: 2},
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({3: [1]}),
        pd.DataFrame({"when": pd.to_datetime(["2020-01-01"]).tz_localize("UTC")}),
        pd.DataFrame({"it": [object()]}),
    ],
)
def test_results_without_a_form_are_refused(result):
    with pytest.raises(TypeError):
        encode_result(result)
