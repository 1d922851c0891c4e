"""A dial over the values of a column: Vega shows the rows of one value at a time, also in a page without a kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labkit.display.describe import words_of

NAME = "dial"


def choice_dial(values: Sequence[float], column: str, value: float | None = None) -> tuple[object, str]:
    """A slider, or a list where the values are unevenly spaced, and the condition that its rows meet.

    ``value`` is where it starts: the middle one unless told. Rows carry the column under the name ``dial``. Raises
    ``ValueError`` for fewer than two values, values that are no finite numbers, or a start that is not one of them.

    >>> dial, condition = choice_dial([0.1, 0.2, 0.3], "fraction")
    >>> dial.bind.name, dial.value, condition
    ('fraction kept ', 0.2, 'abs(datum.dial - dial) < 0.001')
    """
    import altair as alt

    values = np.unique(np.asarray(list(values), dtype=float))
    if len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"a dial over {column!r} needs at least two finite numbers, got {values.tolist()}")
    start = float(values[len(values) // 2]) if value is None else float(value)
    if not np.isclose(values, start, rtol=0, atol=1e-9).any():
        raise ValueError(f"a dial over {column!r} cannot start at {start:g}; its values are {values.tolist()}")
    steps, name = np.diff(values), f"{words_of(column)} "
    least = float(steps.min())
    if np.allclose(steps, least, rtol=1e-6):
        step = float(f"{least:.6g}")
        bind = alt.BindRange(input="range", min=float(values[0]), max=float(values[-1]), step=step, name=name)
    else:
        bind = alt.BindRadioSelect(input="select", options=values.tolist(), name=name)
    # Sliders land a rounding error beside the value they mean.
    return alt.VariableParameter(name=NAME, value=start, bind=bind), f"abs(datum.{NAME} - {NAME}) < {least / 100:.3g}"
