"""Published laws with their constants, sources and checks, ready to predict with."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass, field

import numpy as np

from labkit import places
from labkit.laws import points
from labkit.laws.form import Form, get
from labkit.registry import UnknownName, nearest

FILE = "published_laws.toml"


@dataclass(frozen=True)
class Published:
    """A law somebody published: its form, parameters by name, source, units in words, and points to check it by."""

    name: str
    form: Form
    parameters: dict[str, float]
    source: str
    units: str
    note: str = field(default="", repr=False)
    checks: tuple[dict, ...] = field(default=(), repr=False)

    def predict(self, X) -> np.ndarray:
        """The law at points X, (n,), (n, k) or a frame with the form's columns."""
        return self.form.value(np.column_stack(points.columns(self.form, X)), self.parameters)


def published(name: str | None = None):
    """One published law by name, or a frame of all: name, form, parameters, source, units, note.

    Raises ``UnknownName`` with the nearest match.

    >>> law = published("muennighoff-2023")
    >>> round(float(law.predict([[6.34e9, 242e9, 25e9]])[0]), 6)
    2.225644
    """
    import pandas as pd

    known = _read()
    if name is None:
        return pd.DataFrame(
            [
                {
                    "name": law.name,
                    "form": law.form.name,
                    "parameters": law.parameters,
                    "source": law.source,
                    "units": law.units,
                    "note": law.note,
                }
                for law in known.values()
            ]
        )
    if name not in known:
        raise UnknownName(f"unknown published law {name!r}: {nearest(name, known)}")
    return known[name]


@functools.cache
def _read() -> dict[str, Published]:
    text = (places.data() / FILE).read_text(encoding="utf-8")
    laws = {}
    for name, entry in tomllib.loads(text).items():
        form = get(entry["form"])
        missing = set(form.names) ^ set(entry["parameters"])
        if missing:
            raise ValueError(f"{FILE}: {name} must give exactly {', '.join(form.names)}; differs in {sorted(missing)}")
        checks = tuple(entry.get("checks", ()))
        laws[name] = Published(
            name, form, dict(entry["parameters"]), entry["source"], entry["units"], entry.get("note", ""), checks
        )
    return laws
