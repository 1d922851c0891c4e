"""Numbers as they come in, checked: the errors name the argument, what it was and what it should be."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def numbers(name: str, value: Any, low: float = -np.inf, high: float = np.inf, *, open_low: bool = False) -> np.ndarray:
    """An array of finite floats within [low, high], or (low, high] where ``open_low``.

    Raises ``TypeError`` for what is no number and ``ValueError`` for what is out of range.

    >>> numbers("fraction", [0.5, 1], 0, 1, open_low=True)
    array([0.5, 1. ])
    >>> numbers("fraction", 1.5, 0, 1)
    Traceback (most recent call last):
    ValueError: fraction is 1.5; expected numbers from 0 to 1
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "iuf":
            raise TypeError
        array = array.astype(float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {value!r}; expected a number or an array of numbers") from None
    wrong = ~np.isfinite(array) | (array < low) | (array > high)
    if open_low:
        wrong |= array == low
    if wrong.any():
        first = array.ravel()[np.flatnonzero(wrong)[0]]
        raise ValueError(f"{name} is {first:.6g}; expected {_range(low, high, open_low)}")
    return array


def count(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``.

    Raises ``TypeError`` for what is no whole number and ``ValueError`` for one that is too small.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        whole = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; expected a whole number") from None
    if whole < least:
        raise ValueError(f"{name} is {whole}; expected at least {least}")
    return whole


def broadcast(**arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The arrays at their common shape.

    Raises ``ValueError`` with every name and shape when they have none.
    """
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"these shapes do not broadcast: {shapes}") from None


def _range(low: float, high: float, open_low: bool) -> str:
    if np.isinf(low) and np.isinf(high):
        return "finite numbers"
    if np.isinf(high):
        return f"finite numbers {'above' if open_low else 'of at least'} {low:g}"
    return f"numbers {'above' if open_low else 'from'} {low:g} {'and up ' if open_low else ''}to {high:g}"
