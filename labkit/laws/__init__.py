"""Fit, compare, forecast and plan with scaling laws.

>>> from labkit import laws
>>> law = laws.ScalingLaw("power").fit([1.0, 2.0, 4.0], [1.0, 0.5, 0.25])
>>> round(law.parameters_["alpha"], 6)
1.0
"""

from labkit.laws import families as _families  # noqa: F401  (registers the forms that ship)
from labkit.laws.comparison import compare
from labkit.laws.estimator import ScalingLaw
from labkit.laws.forecast import ForecastReport, forecast, forecast_many, forecast_report
from labkit.laws.form import FORMS, Form, Parameter, forms, get, register
from labkit.laws.planning import Plan, plan

__all__ = [
    "FORMS",
    "ForecastReport",
    "Form",
    "Parameter",
    "Plan",
    "ScalingLaw",
    "compare",
    "forecast",
    "forecast_many",
    "forecast_report",
    "forms",
    "get",
    "plan",
    "register",
]
