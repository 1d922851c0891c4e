"""Numbers as people and spreadsheets write them: 10,000 and 1 600 and 1.600,5 and 10k and 35 %."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

_MULTIPLES = {"k": 1e3, "m": 1e6, "b": 1e9}
_MULTIPLE = re.compile(r"([\d.]+)\s*([kmb])", re.IGNORECASE)
_BETWEEN = " \u00a0\u2009\u202f'\u2019_"  # spaces of several widths, and what else is never a decimal mark
_SPACED = re.compile(rf"[1-9]\d{{0,2}}([{_BETWEEN}])\d{{3}}(?:\1\d{{3}})*")
_BY_COMMAS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_BY_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:e[+-]?\d+)?", re.IGNORECASE)
_DECIMAL_POINT = re.compile(r"\d+\.\d+")
_NUMBER = re.compile(r"\d[\d.,]*\d")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}:\d{2}")
_MISSING = ("", "nan")


def has_decimal_commas(text: str) -> bool:
    """Whether decimals follow a comma in the rows of a table that commas do not separate.

    >>> has_decimal_commas("1.600;0,31"), has_decimal_commas("1,600;0.31"), has_decimal_commas("1.600;0.31")
    (True, False, False)
    """
    numbers = set(_NUMBER.findall(text))
    by_points = {number for number in numbers if _BY_POINTS.fullmatch(number)}
    if any(_DECIMAL_POINT.fullmatch(number) for number in numbers - by_points):
        return False
    return any(number.count(",") == 1 for number in numbers)


def size(text: str) -> float:
    """A size as people write it; NaN for what is none.

    >>> [size(text) for text in ("10,000", "1e4", "10k", "2 M", "10,5", "many")]
    [10000.0, 10000.0, 10000.0, 2000000.0, nan, nan]
    """
    text = text.strip()
    if _BY_COMMAS.fullmatch(text) or _SPACED.fullmatch(text):
        return _without(text, f",{_BETWEEN}")
    multiple = _MULTIPLE.fullmatch(text)
    try:
        return float(multiple[1]) * _MULTIPLES[multiple[2].lower()] if multiple else float(text)
    except ValueError:
        return float("nan")


def is_percent(cells: pd.Series) -> bool:
    """Whether every value of a column ends in a percent sign.

    >>> is_percent(pd.Series(["5%", None, "7.5 %"])), is_percent(pd.Series([5, 7.5]))
    (True, False)
    """
    if pd.api.types.is_numeric_dtype(cells):
        return False
    said = cells.dropna().astype(str).str.strip()
    return bool(len(said) and said.str.endswith("%").all())


def read(cells: pd.Series, *, decimal_comma: bool = False, sizes: bool = False) -> tuple[np.ndarray, str]:
    """A column as floats (n,), NaN where a value is missing, and a remark on thousands that were told from decimals.

    Arguments:
        cells: numbers, or text; percents become shares where all values are percents.
        decimal_comma: whether decimals of the file follow a comma, so that a point may stand between thousands.
        sizes: whether they are sizes: a comma may stand between thousands, and 10k is 10,000.

    Raises ``ValueError`` naming the first value that is no number, or that could be two.

    >>> read(pd.Series(["800", "1,600"], name="n"), sizes=True)
    (array([ 800., 1600.]), "n: '1,600' is read as 1600.")
    >>> read(pd.Series(["1.600,5", "26,5"]), decimal_comma=True)[0].tolist()
    [1600.5, 26.5]
    """
    if pd.api.types.is_numeric_dtype(cells):
        return cells.to_numpy(dtype=float, na_value=np.nan), ""
    percent = is_percent(cells)
    texts = cells.where(cells.notna(), "").astype(str).str.strip()
    texts = texts.str.rstrip(f"% {_BETWEEN}") if percent else texts
    values = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float, copy=True)
    remark = ""
    for place, text in enumerate(texts):
        if np.isfinite(values[place]) and not (decimal_comma and _BY_POINTS.fullmatch(text)):
            continue
        value = _special(text, decimal_comma, sizes)
        if value is None:
            if text.lower() in _MISSING or np.isinf(values[place]):
                continue
            raise ValueError(_refusal(cells, place, text))
        values[place] = value
        if not remark and not (decimal_comma and _DECIMAL_COMMA.fullmatch(text)):
            remark = f"{cells.name}: {text!r} is read as {value:.15g}."
    return values / (100 if percent else 1), remark


def _special(text: str, decimal_comma: bool, sizes: bool) -> float | None:
    """A number in a spelling of its own; None where there is none, or which one is anyone's guess."""
    if decimal_comma:
        if _BY_POINTS.fullmatch(text) or _DECIMAL_COMMA.fullmatch(text):
            return float(text.replace(".", "").replace(",", "."))
    elif (text.count(",") > 1 or "." in text) and _BY_COMMAS.fullmatch(text):
        return _without(text, ",")
    if _SPACED.fullmatch(text):
        return _without(text, _BETWEEN)
    number = size(text) if sizes else float("nan")
    return None if np.isnan(number) else number


def _without(text: str, marks: str) -> float:
    return float(text.translate(dict.fromkeys(map(ord, marks))))


def _refusal(cells: pd.Series, place: int, text: str) -> str:
    said = f"column {cells.name!r} holds {cells.iloc[place]!r} in row {place + 1}, which "
    if _BY_COMMAS.fullmatch(text):
        whole = text.replace(",", "")
        return said + f"could be {whole} or {text.replace(',', '.')}: write it in digits, with a point for decimals"
    if "±" in text or "+-" in text or "+/-" in text:
        return said + "is not a number but two: put what follows the ± in a column of its own, and name that with --se"
    if _DATE.match(text):
        return said + "is not a number but a date: give sizes, steps or tokens, not when they were measured"
    if not any(character.isdigit() for character in text):
        return said + "is not a number: leave such a row out, or the cell empty"
    return said + "is not a number"
