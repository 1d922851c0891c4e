"""Checks of dials that are shared between models."""

from __future__ import annotations


def whole(name: str, value: object, least: int = 1) -> None:
    """Refuse a dial that is not a whole number of at least ``least``.

    >>> whole("width", 0)
    Traceback (most recent call last):
    ValueError: width=0 is too small; expected a whole number of at least 1
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a whole number of at least {least}")
    if value < least:
        raise ValueError(f"{name}={value} is too small; expected a whole number of at least {least}")


def share(name: str, value: object) -> None:
    """Refuse a dial that is not a number from 0 to below 1.

    >>> share("dropout", 1.0)
    Traceback (most recent call last):
    ValueError: dropout=1.0 is outside its range; expected a number from 0 to below 1
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number from 0 to below 1")
    if not 0 <= value < 1:
        raise ValueError(f"{name}={value!r} is outside its range; expected a number from 0 to below 1")


def switch(name: str, value: object) -> None:
    """Refuse a dial that is neither True nor False.

    >>> switch("batch_norm", "yes")
    Traceback (most recent call last):
    TypeError: batch_norm='yes' is a str; expected True or False
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected True or False")
