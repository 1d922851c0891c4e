"""Values as JSON and back, without loss: what a point is called with and what it returned.

JSON has no NaN, no tuples and no column types, so these carry a tag. Nothing is pickled: a store can be read safely
whoever wrote it. Numpy scalars become Python's own numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(value: Any) -> Any:
    """A value as strict JSON; raises ``TypeError`` for what has no such form.

    >>> encode({"loss": float("inf"), "shape": (8, 8)})
    {'loss': {'$float': 'inf'}, 'shape': {'$tuple': [8, 8]}}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, list):
        return [encode(one) for one in value]
    if isinstance(value, tuple):
        return {"$tuple": [encode(one) for one in value]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {
            "$array": [encode(one) for one in value.ravel().tolist()],
            "dtype": value.dtype.str,
            "shape": list(value.shape),
        }
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is a {type(key).__name__}; the keys of a stored mapping are texts")
        if any(key.startswith("$") for key in value):
            return {"$mapping": [[key, encode(one)] for key, one in value.items()]}
        return {key: encode(one) for key, one in value.items()}
    raise TypeError(
        f"a {type(value).__name__} cannot be stored; use numbers, texts, lists, mappings or arrays of them "
        "(for a data set or a model, its name)"
    )


def decode(content: Any) -> Any:
    """The value that ``encode`` was given.

    >>> decode({"$tuple": [8, {"$float": "inf"}]})
    (8, inf)
    """
    if isinstance(content, list):
        return [decode(one) for one in content]
    if not isinstance(content, dict):
        return content
    if "$float" in content:
        return _ODD[content["$float"]]
    if "$tuple" in content:
        return tuple(decode(one) for one in content["$tuple"])
    if "$array" in content:
        flat = np.array([decode(one) for one in content["$array"]], dtype=content["dtype"])
        return flat.reshape(content["shape"])
    if "$mapping" in content:
        return {key: decode(one) for key, one in content["$mapping"]}
    return {key: decode(one) for key, one in content.items()}


def encode_result(result: Any) -> dict[str, Any]:
    """What a point returned: a mapping (one row), a frame (several rows) or a single value (column ``value``)."""
    if hasattr(result, "columns") and hasattr(result, "dtypes"):
        return {"frame": [_encode_column(name, result[name]) for name in _names(result)], "rows": len(result)}
    if isinstance(result, Mapping):
        return {"row": [[_name(key), encode(value)] for key, value in result.items()]}
    if result is None:
        raise TypeError("it returned None; return a number, a mapping (one row) or a frame (several rows)")
    return {"row": [["value", encode(result)]]}


def assemble(configurations: list[dict[str, Any]], results: list[dict[str, Any]]) -> pd.DataFrame:
    """One table from the stored results of all points, in their order.

    A column that a point returned takes the place of the configuration's column of that name.
    """
    import pandas as pd

    if all("row" in result for result in results):
        rows = [
            {**configuration, **{key: decode(value) for key, value in result["row"]}}
            for configuration, result in zip(configurations, results, strict=True)
        ]
        return pd.DataFrame(rows)
    frames = [_frame(*pair) for pair in zip(configurations, results, strict=True)]
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled or frames[:1], ignore_index=True)


def _frame(configuration: dict[str, Any], result: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    if "row" in result:
        return pd.DataFrame([{**configuration, **{key: decode(value) for key, value in result["row"]}}])
    rows = result["rows"]
    constants = {name: pd.Series([value] * rows) for name, value in configuration.items()}
    returned = {column["name"]: _decode_column(column) for column in result["frame"]}
    return pd.DataFrame({**constants, **returned}, index=range(rows))


def _names(frame: pd.DataFrame) -> list[str]:
    names = [_name(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise TypeError(f"the columns of a returned frame have different names, got {names}")
    return names


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the column {name!r} is a {type(name).__name__}; columns are named by texts")
    return str(name)


def _encode_column(name: str, column: pd.Series) -> dict[str, Any]:
    """A column with its type, so that it comes back as it was."""
    dtype = column.dtype
    about = {"name": name, "dtype": str(dtype)}
    kind = dtype.kind if isinstance(dtype, np.dtype) else None
    if str(dtype) == "category":
        categories = _encode_column("categories", dtype.categories.to_series())
        return {**about, "values": column.cat.codes.tolist(), "categories": categories, "ordered": bool(dtype.ordered)}
    if kind is not None and kind in "biu":
        return {**about, "values": column.tolist()}
    if kind == "f" and dtype.itemsize <= 8:
        return {**about, "values": [one if math.isfinite(one) else str(one) for one in column.tolist()]}
    if kind is not None and kind in "mM":
        return {**about, "values": column.to_numpy().view("int64").tolist()}
    if kind == "O":
        return {**about, "values": [encode(one) for one in column]}
    if str(dtype) in _NULLABLE:
        return {**about, "values": [None if missing else encode(one) for one, missing in _marked(column)]}
    raise TypeError(f"the column {name!r} has type {dtype}, which cannot be stored; convert it first")


def _decode_column(column: dict[str, Any]) -> pd.Series:
    import pandas as pd

    values, dtype = column["values"], column["dtype"]
    if dtype == "category":
        categories = _decode_column(column["categories"])
        return pd.Series(pd.Categorical.from_codes(values, categories=categories, ordered=column["ordered"]))
    if dtype.startswith("float"):
        return pd.Series([_ODD[one] if isinstance(one, str) else one for one in values], dtype=dtype)
    if dtype.startswith(("datetime64", "timedelta64")):
        return pd.Series(
            np.array(values, dtype="int64").view(dtype.replace("datetime64", "M8").replace("timedelta64", "m8"))
        )
    if dtype == "object":
        return pd.Series([decode(one) for one in values], dtype=object)
    if dtype in _NULLABLE:
        return pd.Series([None if one is None else decode(one) for one in values], dtype=dtype)
    return pd.Series(values, dtype=dtype)


_NULLABLE = {
    *("str", "string", "boolean", "Float32", "Float64"),
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
}


def _marked(column: pd.Series) -> Iterable[tuple[Any, bool]]:
    return zip(column, column.isna(), strict=True)
