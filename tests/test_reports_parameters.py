"""Parameters arrive as the notebook annotates them, or are refused with the reason."""

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.reports import casting, parameters
from labkit.reports.outcome import Reason

_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def _same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or one == other
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@given(_values)
@settings(deadline=None, max_examples=200)
def test_any_value_survives_being_written_as_source_and_read_again(value):
    assert _same(casting.literal(casting.source(value)), value)


@given(_values)
@settings(deadline=None, max_examples=100)
def test_source_needs_nothing_but_builtins(value):
    assert _same(eval(casting.source(value), {"float": float, "__builtins__": {}}), value)


@given(st.integers() | st.booleans() | st.floats(allow_nan=False))
@settings(deadline=None, max_examples=100)
def test_a_value_written_as_text_is_the_value(value):
    kind = type(value).__name__
    assert _same(casting.cast(str(value), kind), value)


@given(st.text(max_size=20))
@settings(deadline=None, max_examples=300)
def test_no_text_breaks_the_caster(text):
    for annotation in ("int", "list[int]", "dict[str, int]", "tuple[int, float] | None", "Any"):
        with contextlib.suppress(casting.Mismatch):  # nothing else may come out
            casting.cast(text, annotation)


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("false", "bool", False),
        ("No", "bool", False),
        ("0", "bool", False),
        ("yes", "bool", True),
        ("1e-3", "float", 0.001),
        ("nan", "float", math.nan),
        ("-inf", "float", -math.inf),
        ("1_000", "int", 1000),
        ("1e5", "int", 100_000),
        ("3", "float", 3.0),
        ("[3,4]", "list[int]", [3, 4]),
        ("3,4", "list[int]", [3, 4]),
        ("3", "list[int]", [3]),
        ("[1e-3, nan]", "list[float]", [0.001, math.nan]),
        ("a,b", "list[str]", ["a", "b"]),
        ("['a', 'b']", "list[str]", ["a", "b"]),
        ("[[1], [2, 3]]", "list[list[int]]", [[1], [2, 3]]),
        ("(1, 0.5)", "tuple[int, float]", (1, 0.5)),
        ("1,2,3", "tuple[int, ...]", (1, 2, 3)),
        ('{"a": 1}', "dict[str, float]", {"a": 1.0}),
        ("none", "int | None", None),
        ("5", "int | None", 5),
        ("5", "Optional[int]", 5),
        ("None", "str | None", None),
        ("smoke", "str | None", "smoke"),
        ("5", "str", "5"),
        ("2.5", "int | float", 2.5),
        ("adam", "Literal['sgd', 'adam']", "adam"),
        ("2", "Literal[1, 2]", 2),
        ("true", "bool | list[int]", True),
    ],
)
def test_text_is_cast_by_the_annotation(text, annotation, expected):
    assert _same(casting.cast(text, annotation), expected)


@pytest.mark.parametrize(
    ("given_value", "annotation"),
    [
        ("oops", "int | None"),
        ("3.5", "int"),
        ("nan", "int"),
        ("1e400", "int"),
        ("maybe", "bool"),
        ("2", "bool"),
        ("a,b", "list[int]"),
        ("[1, 'x']", "list[int]"),
        ("1,2", "tuple[int, int, int]"),
        ("1", "dict[str, int]"),
        ("__import__('os')", "dict"),
        ("lion", "Literal['sgd', 'adam']"),
        (True, "int"),
        (2.0, "int"),
        (1, "bool"),
        (1, "str"),
        ("5", "None"),
        ({"a": "x"}, "dict[str, int]"),
        ([1], "int | str"),
        (1, "numpy.ndarray"),
    ],
)
def test_a_value_of_another_type_is_refused_and_named(given_value, annotation):
    with pytest.raises(casting.Mismatch) as caught:
        casting.cast(given_value, annotation)
    assert repr(given_value) in str(caught.value)
    assert annotation in str(caught.value)


@pytest.mark.parametrize(
    "annotation", ["int", "bool", "float | None", "list[int]", "tuple[int, ...]", "dict[str, int]", "Literal['a']"]
)
def test_the_example_of_a_refusal_is_taken(annotation):
    casting.cast(casting.example(annotation), annotation)


def _notebook(*sources):
    return {"cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": s} for s in sources]}


def test_parameters_have_name_annotation_default_and_help():
    declared = parameters.read(_notebook('"""Dials."""\nsizes: list[int] | None = [1, 2]  # how many\nrate = -0.5\n'))
    assert declared["sizes"] == parameters.Parameter("sizes", "list[int] | None", [1, 2], "how many")
    assert declared["rate"] == parameters.Parameter("rate", "float", -0.5, "")


def test_a_notebook_without_a_parameters_cell_declares_none():
    assert parameters.read({"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# Hello"}]}) == {}


@pytest.mark.parametrize(
    "sources", [("a: int = 1", "b: int = 2"), ("a: int = 1\nb = a + 1",), ("import os",), ("a: int",), ("a = (",)]
)
def test_a_parameters_cell_that_papermill_would_misread_is_refused(sources):
    with pytest.raises(parameters.ParameterError) as caught:
        parameters.read(_notebook(*sources))
    assert caught.value.reason is Reason.WRONG_TYPE


def test_an_unknown_parameter_gets_the_nearest_name():
    declared = parameters.read(_notebook("seeds: int = 3"))
    with pytest.raises(parameters.ParameterError, match="did you mean 'seeds'") as caught:
        parameters.resolve(declared, {"seed": "3"})
    assert (caught.value.reason, caught.value.exit_code) == (Reason.UNKNOWN_PARAMETER, 2)


def test_a_wrong_type_says_which_what_was_given_what_was_expected_and_an_example():
    declared = parameters.read(_notebook("seeds: int | None = None"))
    with pytest.raises(parameters.ParameterError) as caught:
        parameters.resolve(declared, {"seeds": "oops"})
    assert caught.value.reason is Reason.WRONG_TYPE
    for part in ("parameter seeds", "'oops'", "int | None", "seeds=3"):
        assert part in str(caught.value)
