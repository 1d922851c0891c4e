"""The registry of models: build one by name from its dials, add your own."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import pandas as pd

from labkit.models.model import Model
from labkit.registry import Registry, UnknownName, nearest

_registry: Registry[type[Model]] = Registry("model")
Kind = TypeVar("Kind", bound=type[Model])


def register(entry: Kind, *, replace: bool = False) -> Kind:
    """Add a model class and return it, so this also works as a decorator.

    Raises ``TypeError`` for what is no frozen dataclass below `Model` with defaults for every dial, and
    ``ValueError`` when the name is taken and ``replace`` is not given.

    >>> from labkit import models
    >>> models.register(models.MLP)
    Traceback (most recent call last):
    ValueError: a model named 'mlp' exists already; pass replace=True to replace it
    """
    if not (isinstance(entry, type) and issubclass(entry, Model)):
        raise TypeError(f"{entry!r} is not a model; expected a subclass of labkit.models.Model")
    if not entry.__dict__.get("__dataclass_params__", None) or not entry.__dataclass_params__.frozen:
        raise TypeError(f"{entry.__name__} is not a frozen dataclass; put @dataclass(frozen=True) above it")
    bare = [
        f.name
        for f in dataclasses.fields(entry)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if bare:
        raise TypeError(f"dials of {entry.__name__} without a default: {', '.join(bare)}; give each one")
    return _registry.register(entry, replace=replace)


def build(name: str, **dials: Any) -> Model:
    """A specification by name.

    Arguments:
        name: one of ``available()``.
        dials: its dials; those left out take their defaults.

    Raises ``UnknownName`` for an unknown name or dial, with the nearest match, and ``TypeError`` or ``ValueError``
    for a dial outside its range.

    >>> from labkit import models
    >>> models.build("mlp", width=64)
    MLP(width=64, depth=1, dropout=0.0, batch_norm=False, ghost=None, mup=None)
    """
    kind = _registry[name]
    known = [field.name for field in dataclasses.fields(kind)]
    for dial in dials:
        if dial not in known:
            raise UnknownName(f"model {kind.name!r} has no dial {dial!r}: {nearest(dial, known)}")
    return kind(**dials)


def available() -> pd.DataFrame:
    """What can be built: a frame with name, purpose, kinds of data, dials and whether the fit is closed form.

    >>> from labkit import models
    >>> "mlp" in set(models.available()["name"])
    True
    """
    rows = [
        {
            "name": kind.name,
            "purpose": kind.purpose,
            "data": ", ".join(kind.kinds),
            "dials": ", ".join(f"{field.name}={field.default!r}" for field in dataclasses.fields(kind)),
            "closed_form": kind.closed_form,
        }
        for kind in _registry
    ]
    return pd.DataFrame(rows, columns=["name", "purpose", "data", "dials", "closed_form"])
