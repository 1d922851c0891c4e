"""A form in coordinates in which its amplitude is what it adds where the points are."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from labkit.laws.form import Form, Twin


@functools.cache
def levelled(form: Form) -> Twin | None:
    """A form that has a twin, with what its endless amplitude adds at x = 1 in the amplitude's place.

    Far from its bend the amplitude of a form is an extrapolation that any change of an exponent throws far off; the
    level at x = 1, among the points, hardly moves. All other parameters, and all bounds, are those of the form. None
    for a form of several columns, of several parameters that grow without end, or with a bounded amplitude.
    """
    if len(form.columns) > 1 or len(form.twin.endless) != 1:
        return None
    at = form.names.index(form.twin.endless[0])
    amplitude = form.parameters[at]
    if not amplitude.linear or amplitude.low != 0 or amplitude.high < np.inf:
        return None
    bends = [not parameter.linear for parameter in form.parameters]

    def unit(values: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray | float]]:
        """What an amplitude of one adds at x = 1, and its partial derivatives."""
        values[at] = np.ones_like(values[at])
        _, partials = form.law(np.ones((1, 1)), *values)
        return partials[at], [partial if bend else 0.0 for partial, bend in zip(partials, bends, strict=True)]

    def law(x: np.ndarray, *values: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        share, bent = unit(list(values))
        factor = values[at] / share
        value, partials = form.law(x, *values[:at], factor, *values[at + 1 :])
        adds = partials[at]
        moved = [
            adds / share if i == at else partial - adds * (factor / share * bent[i]) if bends[i] else partial
            for i, partial in enumerate(partials)
        ]
        return value, tuple(moved)

    def shares(theta: np.ndarray) -> np.ndarray:
        return unit(list(theta.T[:, :, None]))[0][:, 0]

    def into(theta: np.ndarray) -> np.ndarray:
        moved = theta.copy()
        moved[:, at] *= shares(theta)
        return moved

    def back(coordinates: np.ndarray, _low: np.ndarray, _high: np.ndarray) -> np.ndarray:
        moved = coordinates.copy()
        moved[:, at] /= shares(coordinates)
        return moved

    return replace(form.twin, parameters=form.parameters, law=law, into=into, back=back, ends=None, limit="")
