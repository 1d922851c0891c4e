"""Fits that describe a curve about equally well and foretell different things."""

from __future__ import annotations

import numpy as np

from labkit.laws.curve import clean
from labkit.laws.estimator import ScalingLaw
from labkit.laws.form import get

FORMS = ("power", "power_floor", "log_logistic", "stretched_exponential", "m4", "broken_power")
ALIKE = 1.25


def alternatives(x, y, at, forms=None, *, alike: float = ALIKE, noise: float = 0.0, bounds=(0, None), seed: int = 0):
    """Every distinct minimum of every form, with what it foretells at ``at``.

    Arguments: ``x``, ``y`` (n,) the points; ``at`` one size; ``forms`` names of forms of one variable (those whose
    parameters the points do not outnumber are left out); ``alike`` how many times the smallest residual a fit may
    have and still count as about as good; ``noise`` how far a point may be off by chance (relative, RMS): no fit is
    better than that, whatever its residual; ``bounds`` the range of the metric.

    Returns a frame, best fit first: form, minimum (0 is the form's best), residual (RMS, in ln y, or in y where some y
    is not positive), forecast, alike. Raises ``ValueError`` for points that cannot be a curve.

    >>> x = np.geomspace(10, 1000, 8)
    >>> found = alternatives(x, 0.1 + x**-0.5, 1e5)
    >>> found["form"].iloc[0] in ("power_floor", "log_logistic", "stretched_exponential", "m4", "broken_power")
    True
    """
    import pandas as pd

    curve = clean(x, y, None, bounds)
    objective = "log_squared" if (curve.y > 0).all() else "squared"
    rows = []
    for name in forms or FORMS:
        form = get(name)
        if len(form.parameters) >= len(curve) or form.name == "last_value":
            continue
        law = ScalingLaw(form, objective, seed=seed).fit(curve.x, curve.y)
        for minimum, values in enumerate(law.optima_.to_dict("records")):
            theta = {parameter: values[parameter] for parameter in form.names}
            predicted = np.broadcast_to(form.value(np.append(curve.x, at), theta), len(curve) + 1)
            with np.errstate(all="ignore"):
                left = np.log(predicted[:-1] / curve.y) if objective == "log_squared" else predicted[:-1] - curve.y
            residual = float(np.sqrt((left**2).mean()))
            rows.append({"form": form.name, "minimum": minimum, "residual": residual, "forecast": predicted[-1]})
    if not rows:
        raise ValueError(f"{len(curve)} points are too few for any of the forms {', '.join(forms or FORMS)}")
    table = pd.DataFrame(rows)
    table = table[np.isfinite(table[["residual", "forecast"]]).all(axis=1)]
    table["alike"] = table["residual"] <= alike * max(table["residual"].min(), noise) + 1e-9
    return table.sort_values("residual", kind="stable", ignore_index=True)
